//! The records of the `log` crate, as a logger gets them.

use continuum_observability::{
    DiagnosticLevel, ExporterConfig, Telemetry, get_tracer, logs::TracedLog, testing::TestRecorder,
};
use log::{
    Level, LevelFilter, Log, Metadata, Record,
    kv::{Error, Key, Value, VisitSource},
};
use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
};

/// A logger that keeps what it gets, and wants nothing of the target `quiet`.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

struct Pairs(String);

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        Ok(write!(self.0, " [{key}={value}]")?)
    }
}

impl Log for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != "quiet"
    }

    fn log(&self, record: &Record<'_>) {
        let mut pairs = Pairs(String::new());
        record.key_values().visit(&mut pairs).unwrap();
        let line = format!("{} {}{}", record.level(), record.args(), pairs.0);
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

impl Kept {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Logs as the macros do, to a logger that is not the program's.
fn say(logger: &dyn Log, level: Level, target: &str, message: fmt::Arguments<'_>) {
    let pairs = [("own", 1)];
    let mut record = Record::builder();
    record.level(level).target(target).key_values(&pairs);
    logger.log(&record.args(message).build());
}

/// What a logger gets of one record.
pub(crate) fn one() -> String {
    let kept = Kept::default();
    let logger = TracedLog::new(kept.clone());
    say(&logger, Level::Info, "test", format_args!("said"));
    kept.take().concat()
}

#[test]
fn the_ids_follow_the_message_or_the_fields() {
    let kept = Kept::default();
    let recorder = TestRecorder::new();
    let mut expected = Vec::new();
    recorder.run(|| {
        let message = TracedLog::new(kept.clone());
        let fields = TracedLog::new(kept.clone()).with_fields(true);
        say(&message, Level::Info, "app", format_args!("alone"));
        say(&fields, Level::Info, "app", format_args!("alone"));
        expected.extend(["INFO alone [own=1]".to_owned(), "INFO alone [own=1]".to_owned()]);
        get_tracer("test").in_scope("recall", |span| {
            span.tenant_id("acme");
            let span = span.span_context();
            let (trace, id) = (span.trace_id(), span.span_id());
            say(&message, Level::Info, "app", format_args!("{} found", 7));
            say(&fields, Level::Info, "app", format_args!("{} found", 7));
            expected.push(format!(
                "INFO 7 found trace_id={trace} span_id={id} trace_flags=03 tenant_id=\"acme\" [own=1]"
            ));
            expected.push(format!(
                "INFO 7 found [own=1] [trace_id={trace}] [span_id={id}] [trace_flags=03] [tenant_id=acme]"
            ));
        });
    });
    assert_eq!(kept.take(), expected);
}

#[test]
fn what_warns_is_an_event_of_the_current_span() {
    let logger = TracedLog::new(Kept::default());
    let recorder = TestRecorder::new();
    recorder.run(|| {
        get_tracer("test").in_scope("recall", |_| {
            say(&logger, Level::Error, "app", format_args!("one"));
            say(&logger, Level::Warn, "app", format_args!("two"));
            say(&logger, Level::Info, "app", format_args!("three"));
            say(&logger, Level::Warn, "quiet", format_args!("four"));
            let none = logger.clone().with_events(LevelFilter::Off);
            say(&none, Level::Error, "app", format_args!("five"));
            let all = logger.clone().with_events(LevelFilter::Trace);
            say(&all, Level::Trace, "app", format_args!("six"));
        });
    });
    assert_eq!(
        recorder.tree(),
        "recall\n  · log.error log.message=one log.logger=app\n  \
         · log.warn log.message=two log.logger=app\n  \
         · log.trace log.message=six log.logger=app\n"
    );
}

/// A logger that logs while it logs.
struct Chatty(Kept);

impl Log for Chatty {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.log(record);
        if record.target() == "app" {
            log::warn!(target: "chatty", "written");
        }
    }

    fn flush(&self) {}
}

#[test]
fn nothing_goes_round_in_circles() {
    let kept = Kept::default();
    log::set_logger(Box::leak(Box::new(TracedLog::new(Chatty(kept.clone()))))).unwrap();
    log::set_max_level(LevelFilter::Trace);
    // The SDK's own messages go to the logger, whose records would be events of the span.
    let spans = continuum_observability::InMemoryExporter::new(100);
    let exporter = spans.clone();
    let telemetry = Telemetry::builder()
        .exporter_with("memory", move || Box::new(exporter.clone()))
        .exporter(ExporterConfig::None)
        .diagnostics(|level, message| {
            if level <= DiagnosticLevel::Warn {
                log::warn!(target: "app", "{message}");
            }
        })
        .on_end(|_, _| panic!("a hook"))
        .init()
        .unwrap();
    let trace_id = get_tracer("test").in_scope("recall", |span| {
        log::warn!(target: "app", "not now");
        span.span_context().trace_id()
    });
    telemetry
        .shutdown(std::time::Duration::from_secs(10))
        .unwrap();
    let span = spans.take().remove(0);
    let events: Vec<_> = span
        .events
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(
        events,
        ["log.warn"],
        "neither what is nested nor what the SDK says"
    );
    let lines = kept.take();
    let with_ids = format!("WARN not now trace_id={trace_id} ");
    assert!(lines[0].starts_with(&with_ids), "{lines:?}");
    assert_eq!(lines[1], "WARN written");
    assert!(
        lines[2].starts_with("WARN a hook, filter or id generator panicked"),
        "{lines:?}"
    );
}

#[test]
fn the_text_of_a_message_may_panic_in_the_event() {
    struct Hostile;
    impl fmt::Display for Hostile {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("the text of a message");
        }
    }
    /// Writes nothing, so that only the event makes the text.
    struct Silent;
    impl Log for Silent {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn log(&self, _: &Record<'_>) {}
        fn flush(&self) {}
    }
    let recorder = TestRecorder::new();
    recorder.run(|| {
        get_tracer("test").in_scope("recall", |_| {
            let logger = TracedLog::new(Silent);
            say(&logger, Level::Warn, "app", format_args!("{Hostile}"));
        });
    });
    assert_eq!(
        recorder.tree(),
        "recall\n  · log.warn log.message= log.logger=app\n"
    );
}
