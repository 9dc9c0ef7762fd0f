//! What is printed when.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::trace::v1::Span;

use super::{super::sample, pending::MAX_SPANS, *};

const REMOTE_PARENT: u32 = 0x301;

/// A stream that can be looked at.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    /// What was printed since the last call.
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Console {
    exporter: ConsoleExporter,
    screen: Screen,
}

impl Console {
    fn new() -> Self {
        let screen = Screen::default();
        let exporter = ConsoleExporter::new(Box::new(screen.clone()), TreeStyle::snapshot());
        Self { exporter, screen }
    }

    /// Exports one batch and returns what it printed.
    fn print(&mut self, spans: impl IntoIterator<Item = Span>) -> String {
        let bytes = sample::request(spans);
        self.exporter
            .export(&EncodedRequest::new(&bytes, 1), Instant::now())
            .unwrap();
        self.screen.take()
    }

    fn shutdown(&mut self) -> String {
        self.exporter.shutdown(Instant::now());
        self.screen.take()
    }
}

#[test]
fn a_trace_is_printed_when_its_root_ends() {
    let mut console = Console::new();
    assert_eq!(console.print([sample::span("grandchild", 3, Some(2))]), "");
    assert_eq!(console.print([sample::span("child", 2, Some(1))]), "");
    let printed = console.print([sample::span("root", 1, None)]);
    assert_eq!(printed, "root\n└─ child\n   └─ grandchild\n");
    assert_eq!(console.shutdown(), "");
}

#[test]
fn a_child_may_follow_its_root_in_the_same_batch() {
    let spans = [
        sample::span("root", 1, None),
        sample::span("child", 2, Some(1)),
    ];
    assert_eq!(Console::new().print(spans), "root\n└─ child\n");
}

#[test]
fn a_remote_parent_makes_a_local_root() {
    let mut console = Console::new();
    let server = |name| Span {
        flags: REMOTE_PARENT,
        ..sample::span(name, 2, Some(1))
    };
    assert_eq!(console.print([server("server")]), "server\n");
    assert_eq!(console.print([sample::span("client", 1, None)]), "client\n");
}

#[test]
fn a_server_in_the_same_process_leaves_the_client_waiting() {
    let mut console = Console::new();
    let server = Span {
        flags: REMOTE_PARENT,
        ..sample::span("server", 3, Some(2))
    };
    let printed = console.print([sample::span("query", 4, Some(3)), server]);
    assert_eq!(printed, "server\n└─ query\n");
    assert_eq!(console.print([sample::span("request", 2, Some(1))]), "");
    assert_eq!(
        console.print([sample::span("client", 1, None)]),
        "client\n└─ request\n"
    );
}

#[test]
fn a_span_that_outlives_its_root_is_printed_on_its_own() {
    let mut console = Console::new();
    assert_eq!(console.print([sample::span("root", 1, None)]), "root\n");
    assert_eq!(
        console.print([
            sample::span("part", 3, Some(2)),
            sample::span("late", 2, Some(1))
        ]),
        "ended after their root, trace abababababababababababababababab:\nlate\n└─ part\n"
    );
}

#[test]
fn what_still_waits_at_shutdown_is_printed_as_incomplete() {
    let mut console = Console::new();
    console.print([sample::span("child", 2, Some(1))]);
    assert_eq!(
        console.shutdown(),
        "incomplete, the root has not ended, trace abababababababababababababababab:\nchild\n"
    );
}

#[test]
fn the_oldest_trace_goes_when_too_many_spans_wait() {
    let mut console = Console::new();
    let in_trace = |trace: u8| Span {
        trace_id: vec![trace; 16],
        ..sample::span("c", 2, Some(1))
    };
    assert_eq!(console.print([in_trace(1)]), "");
    assert_eq!(
        console.print(std::iter::repeat_n(in_trace(2), MAX_SPANS - 1)),
        ""
    );
    let printed = console.print([in_trace(3)]);
    let trace = "01".repeat(16);
    assert_eq!(
        printed,
        format!("incomplete, the root has not ended, trace {trace}:\nc\n")
    );
    assert_eq!(
        console
            .shutdown()
            .lines()
            .filter(|line| *line == "c")
            .count(),
        MAX_SPANS
    );
}

#[test]
fn the_oldest_trace_goes_when_too_many_bytes_wait() {
    let mut console = Console::new();
    let large = |trace: u8| Span {
        trace_id: vec![trace; 16],
        name: "n".repeat(pending::MAX_BYTES / 2),
        ..sample::span("", 2, Some(1))
    };
    assert_eq!(console.print([large(1)]), "");
    let printed = console.print([large(2)]);
    assert!(printed.starts_with("incomplete") && printed.contains(&"01".repeat(16)));
    assert!(!printed.contains(&"02".repeat(16)));
}

#[test]
fn a_closed_stream_is_an_error_that_names_it() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut exporter = ConsoleExporter::new(Box::new(Closed), TreeStyle::snapshot());
    let bytes = sample::request([sample::span("root", 1, None)]);
    let error = exporter
        .export(&EncodedRequest::new(&bytes, 1), Instant::now())
        .unwrap_err();
    assert!(error.to_string().ends_with("[console]"), "{error}");
}

#[test]
fn colour_needs_a_terminal_that_wants_it() {
    assert!(color_is_wanted(true, None, None));
    assert!(color_is_wanted(true, Some(""), Some("xterm")));
    assert!(!color_is_wanted(false, None, Some("xterm")));
    assert!(!color_is_wanted(true, Some("1"), Some("xterm")));
    assert!(!color_is_wanted(true, None, Some("dumb")));
}
