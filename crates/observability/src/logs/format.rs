//! [`TraceFormat`]: log lines of `tracing_subscriber` that end with their trace.
//!
//! Position: the event format of a `fmt` layer, around one that writes everything else.
//!
//! Invariant: what the format inside writes stays as it is, without colours, up to its last brace or the
//! end of its line.

use super::ids::Ids;
use crate::{export::push_string, interop};
use std::fmt;
use tracing_core::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Writer},
    },
    registry::LookupSpan,
};

/// How the ids are added to what a format writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Json,
}

/// Adds the current trace to each log line of `tracing_subscriber`: `trace_id`, `span_id`,
/// `trace_flags`, and `tenant_id` where the span or the baggage has one.
///
/// The ids are those of the span that is current when the event happens, whoever made it. Those of a parent that
/// is given to the event itself are known where the default subscriber of the process has a
/// [`ContinuumLayer`](crate::interop::tracing::ContinuumLayer), and no thread has one of its own.
///
/// Colours of the format inside are lost; `with_ansi(false)` keeps them out of the fields of spans too,
/// which another part of the subscriber writes.
///
/// ```
/// use continuum_observability::{get_tracer, logs::TraceFormat, testing::TestRecorder};
///
/// let lines = tracing_subscriber::fmt().with_ansi(false).event_format(TraceFormat::text()).finish();
/// tracing::subscriber::with_default(lines, || {
///     TestRecorder::new().run(|| {
///         // 2026-01-31T12:00:00.000000Z  INFO app: recalled concepts=7 trace_id=0af76… span_id=b7ad6… trace_flags=03
///         get_tracer("docs").in_scope("recall", |_| tracing::info!(concepts = 7, "recalled"));
///     });
/// });
/// ```
///
/// In JSON, with the feature `json` of `tracing_subscriber`, they are fields of the object:
///
/// ```
/// # use continuum_observability::logs::TraceFormat;
/// use tracing_subscriber::fmt::format;
///
/// let lines = tracing_subscriber::fmt()
///     .json()
///     .event_format(TraceFormat::json_of(format().json().flatten_event(true)))
///     .finish();
/// ```
#[derive(Debug, Clone)]
pub struct TraceFormat<F> {
    inner: F,
    shape: Shape,
}

impl TraceFormat<Format> {
    /// The usual lines of text, without colours.
    pub fn text() -> Self {
        Self::text_of(tracing_subscriber::fmt::format().with_ansi(false))
    }
}

impl<F> TraceFormat<F> {
    /// The lines of text of another format, without colours, which end with the ids.
    pub fn text_of(inner: F) -> Self {
        let shape = Shape::Text;
        Self { inner, shape }
    }

    /// The JSON objects of another format, one an event, with the ids as their last fields.
    pub fn json_of(inner: F) -> Self {
        let shape = Shape::Json;
        Self { inner, shape }
    }
}

impl<S, N, F> FormatEvent<S, N> for TraceFormat<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(ids) = ids(event) else {
            return self.inner.format_event(context, out, event);
        };
        let mut line = String::new();
        self.inner
            .format_event(context, Writer::new(&mut line), event)?;
        match self.shape {
            Shape::Text => writeln!(out, "{} {ids}", line.trim_end()),
            Shape::Json => match line.trim_end().strip_suffix('}') {
                Some(open) => writeln!(out, "{open}{}}}", members(open, &ids)),
                None => out.write_str(&line),
            },
        }
    }
}

/// Those of the span that the event belongs to.
fn ids(event: &Event<'_>) -> Option<Ids> {
    match event.parent() {
        Some(parent) => match interop::tracing::context_of(parent) {
            Some(context) => Ids::of(&context),
            None => Ids::current(),
        },
        None if event.is_root() => None,
        None => Ids::current(),
    }
}

/// The ids as further members of the object that begins with `open`.
fn members(open: &str, ids: &Ids) -> String {
    let comma = if open.trim_end().ends_with('{') {
        ""
    } else {
        ","
    };
    let (trace_id, span_id, flags) = (ids.trace_id, ids.span_id, ids.flags.to_u8());
    let mut members = format!(
        r#"{comma}"trace_id":"{trace_id}","span_id":"{span_id}","trace_flags":"{flags:02x}""#
    );
    if let Some(tenant) = &ids.tenant {
        members.push_str(r#","tenant_id":"#);
        push_string(&mut members, tenant);
    }
    members
}
