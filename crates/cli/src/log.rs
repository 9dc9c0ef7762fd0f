//! Log lines of the service, each with the trace in which it was written.
//!
//! Position: `tracing` macros → **here** → standard error.
//!
//! Invariants: a line is one event; what users said, and keys, are in no line.

use std::{collections::BTreeMap, fmt, io};

use clap::ValueEnum;
use continuum_observability::{get_span_id, get_trace_id};
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Writes events from now on, unless something in this process already does.
pub(crate) fn init(format: LogFormat) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(Level::INFO)
        // Standard error may be closed: a line is lost then, the program goes on.
        .log_internal_errors(false)
        .event_format(format)
        .finish();
    // A second server in one process logs where the first one does.
    tracing::subscriber::set_global_default(subscriber).unwrap_or_default();
}

impl<S, N> FormatEvent<S, N> for LogFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let level = *event.metadata().level();
        match self {
            Self::Text => line.write_text(&mut out, &time, level),
            Self::Json => line.write_json(&mut out, time, level),
        }
    }
}

/// What an event says.
#[derive(Default)]
struct Line {
    message: String,
    fields: BTreeMap<&'static str, Value>,
}

impl Line {
    fn write_text(&self, out: &mut dyn fmt::Write, time: &str, level: Level) -> fmt::Result {
        write!(out, "{time} {level:<5} {}", self.message)?;
        for (name, value) in self.fields() {
            match value {
                Value::String(text) => write!(out, " {name}={text:?}")?,
                other => write!(out, " {name}={other}")?,
            }
        }
        writeln!(out)
    }

    fn write_json(self, out: &mut dyn fmt::Write, time: String, level: Level) -> fmt::Result {
        let mut object: Map<String, Value> = self
            .fields()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        object.insert("timestamp".to_owned(), time.into());
        object.insert("level".to_owned(), level.as_str().into());
        object.insert("message".to_owned(), self.message.into());
        writeln!(out, "{}", Value::Object(object))
    }

    /// The fields of the event, then the trace.
    fn fields(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let trace_id = get_trace_id().map(|id| ("trace_id", id.to_string().into()));
        let span_id = get_span_id().map(|id| ("span_id", id.to_string().into()));
        let own = self
            .fields
            .iter()
            .map(|(name, value)| (*name, value.clone()));
        own.chain(trace_id).chain(span_id)
    }

    fn set(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name(), value);
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.set(field, text.into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use continuum_observability::{get_tracer, testing::TestRecorder};

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
    fn logged(format: LogFormat) -> (String, String, String) {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .event_format(format)
            .finish();
        let recorder = TestRecorder::new();
        let (trace_id, span_id) = tracing::subscriber::with_default(subscriber, || {
            recorder.run(|| {
                get_tracer("test").in_scope("request", |_| {
                    tracing::warn!(status = 503, route = "/a \"b\"\n", "not now");
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
                "WARN  not now route=\"/a \\\"b\\\"\\n\" status=503 trace_id=\"{trace_id}\" span_id=\"{span_id}\"\n"
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
        assert!(object["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
