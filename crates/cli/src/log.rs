//! Log lines of the service, each with the trace in which it was written.
//!
//! Position: `tracing` macros → **here** → standard error.
//!
//! Invariants: a line is one event; what users said, and keys, are in no line.

use std::io;

use clap::ValueEnum;
use continuum_observability::logs::TraceFormat;
use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::{MakeWriter, format};

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Writes events from now on, unless something in this process already does.
pub(crate) fn init(form: LogFormat) {
    // A second server in one process logs where the first one does.
    tracing::subscriber::set_global_default(lines(form, io::stderr)).unwrap_or_default();
}

fn lines<W>(form: LogFormat, to: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_writer(to)
        .with_max_level(Level::INFO)
        // Standard error may be closed: a line is lost then, the program goes on.
        .log_internal_errors(false);
    let plain = format().with_target(false).with_ansi(false);
    match form {
        LogFormat::Text => Box::new(lines.event_format(TraceFormat::text_of(plain)).finish()),
        LogFormat::Json => {
            let object = plain.json().flatten_event(true);
            Box::new(
                lines
                    .json()
                    .event_format(TraceFormat::json_of(object))
                    .finish(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use continuum_observability::{get_span_id, get_trace_id, get_tracer, testing::TestRecorder};
    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged inside a span, and the ids of the span.
    fn logged(form: LogFormat) -> (String, String, String) {
        let written = Written::default();
        let writer = written.clone();
        let recorder = TestRecorder::new();
        let subscriber = lines(form, move || writer.clone());
        let (trace_id, span_id) = tracing::subscriber::with_default(subscriber, || {
            recorder.run(|| {
                get_tracer("test").in_scope("request", |_| {
                    tracing::warn!(status = 503, route = "/a \"b\"\n", "not now");
                    tracing::debug!("not wanted");
                    (get_trace_id().unwrap(), get_span_id().unwrap())
                })
            })
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        (text, trace_id.to_string(), span_id.to_string())
    }

    #[test]
    fn a_line_of_text_ends_with_its_trace() {
        let (line, trace_id, span_id) = logged(LogFormat::Text);
        let (_time, rest) = line.split_once(' ').unwrap();
        assert_eq!(
            rest,
            format!(
                " WARN not now status=503 route=\"/a \\\"b\\\"\\n\" trace_id={trace_id} \
                 span_id={span_id} trace_flags=03\n"
            )
        );
    }

    #[test]
    fn a_line_of_json_is_one_object_with_its_trace() {
        let (line, trace_id, span_id) = logged(LogFormat::Json);
        assert_eq!(line.lines().count(), 1);
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["level"], "WARN");
        assert_eq!(object["message"], "not now");
        assert_eq!(object["status"], 503);
        assert_eq!(object["route"], "/a \"b\"\n");
        assert_eq!(object["trace_id"], trace_id);
        assert_eq!(object["span_id"], span_id);
        assert_eq!(object["trace_flags"], "03");
        assert!(object["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
