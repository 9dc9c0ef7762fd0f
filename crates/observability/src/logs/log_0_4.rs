//! [`TracedLog`]: the `log` crate, release 0.4, with the current trace on its records.
//!
//! Position: around the logger of the program.
//!
//! Invariants:
//! - records that the logger inside does not want cost what asking it costs, and leave no event;
//! - nothing of it calls itself: what a logger logs while it logs is passed on as it is, and where
//!   telemetry is disabled, as it is for the SDK's own messages, no event is added.

use super::ids::Ids;
use crate::{Context, Value, context::get_current_span, span::guarded_text};
use log::{
    Level, LevelFilter, Log, Metadata, Record,
    kv::{Error, Key, Source, VisitSource},
};
use std::cell::Cell;

thread_local! {
    static IS_LOGGING: Cell<bool> = const { Cell::new(false) };
}

/// Puts the current trace on each record of a logger, and adds what warns to the current span as an
/// event.
///
/// The ids follow the message: `trace_id=… span_id=… trace_flags=…`, and `tenant_id` where the span or
/// the baggage has one; [`with_fields`](Self::with_fields) has them as key-values. The event is named
/// `log.warn` or `log.error`, and has the message as `log.message` and the target as `log.logger`.
///
/// ```
/// use continuum_observability::{get_tracer, logs::TracedLog, testing::TestRecorder};
/// # struct Logger;
/// # impl log::Log for Logger {
/// #     fn enabled(&self, _: &log::Metadata<'_>) -> bool { true }
/// #     fn log(&self, record: &log::Record<'_>) {
/// #         assert!(record.args().to_string().starts_with("not now trace_id="));
/// #     }
/// #     fn flush(&self) {}
/// # }
/// # let logger = Logger;
///
/// // In place of `env_logger::init()`: `let logger = env_logger::Builder::from_default_env().build()`.
/// log::set_logger(Box::leak(Box::new(TracedLog::new(logger))))?;
/// log::set_max_level(log::LevelFilter::Info);
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| get_tracer("docs").in_scope("recall", |_| log::warn!(target: "app", "not now")));
/// assert_eq!(recorder.tree(), "recall\n  · log.warn log.message=not now log.logger=app\n");
/// # Ok::<(), log::SetLoggerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TracedLog<L> {
    inner: L,
    has_fields: bool,
    events: LevelFilter,
}

impl<L: Log> TracedLog<L> {
    /// Wraps the logger of the program.
    pub fn new(inner: L) -> Self {
        Self {
            inner,
            has_fields: false,
            events: LevelFilter::Warn,
        }
    }

    /// Whether the ids are key-values of the record in place of the end of its message, for loggers
    /// that write those.
    #[must_use]
    pub fn with_fields(mut self, wanted: bool) -> Self {
        self.has_fields = wanted;
        self
    }

    /// Up to which level records become events of the current span; `Warn` unless this says otherwise,
    /// and `Off` for none.
    ///
    /// Where `tracing` itself writes its events to `log`, its layer records them already.
    #[must_use]
    pub fn with_events(mut self, level: LevelFilter) -> Self {
        self.events = level;
        self
    }

    fn add(&self, record: &Record<'_>) {
        if record.level() <= self.events {
            add_event(record);
        }
        let Some(ids) = Ids::current() else {
            return self.inner.log(record);
        };
        if self.has_fields {
            let fields = Fields {
                own: record.key_values(),
                ids: &ids,
                flags: format!("{:02x}", ids.flags.to_u8()),
            };
            self.inner
                .log(&record.to_builder().key_values(&fields).build());
        } else {
            let mut with_ids = record.to_builder();
            let message = record.args();
            self.inner
                .log(&with_ids.args(format_args!("{message} {ids}")).build());
        }
    }
}

impl<L: Log> Log for TracedLog<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.inner.enabled(record.metadata()) {
            return;
        }
        let Some(_first) = Logging::begin() else {
            return self.inner.log(record);
        };
        self.add(record);
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// While it lives, what this thread logs is logged by a logger.
struct Logging;

impl Logging {
    fn begin() -> Option<Self> {
        (!IS_LOGGING.replace(true)).then_some(Self)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        IS_LOGGING.set(false);
    }
}

#[cold]
fn add_event(record: &Record<'_>) {
    let span = get_current_span();
    if Context::current().suppressed || !span.is_recording() {
        return;
    }
    let attributes = [
        ("log.message", Value::from(guarded_text(record.args()))),
        ("log.logger", record.target().into()),
    ];
    span.add_event(event_name(record.level()), &attributes);
}

fn event_name(level: Level) -> &'static str {
    match level {
        Level::Error => "log.error",
        Level::Warn => "log.warn",
        Level::Info => "log.info",
        Level::Debug => "log.debug",
        Level::Trace => "log.trace",
    }
}

/// The key-values of a record, and the ids after them.
struct Fields<'a> {
    own: &'a dyn Source,
    ids: &'a Ids,
    flags: String,
}

impl Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        self.own.visit(visitor)?;
        let ids = self.ids;
        visitor.visit_pair(
            Key::from_str("trace_id"),
            log::kv::Value::from_display(&ids.trace_id),
        )?;
        visitor.visit_pair(
            Key::from_str("span_id"),
            log::kv::Value::from_display(&ids.span_id),
        )?;
        visitor.visit_pair(Key::from_str("trace_flags"), self.flags.as_str().into())?;
        match &ids.tenant {
            Some(tenant) => visitor.visit_pair(Key::from_str("tenant_id"), tenant.as_str().into()),
            None => Ok(()),
        }
    }
}
