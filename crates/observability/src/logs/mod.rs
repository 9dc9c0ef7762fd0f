//! The current trace on every log record, in text and in JSON.
//!
//! Position: beside `interop`; reads the current context, so that native spans, those of `tracing` and
//! those of the `opentelemetry` API are all found. [`TraceFormat`] is for the log lines of `tracing`,
//! [`TracedLog`] for the `log` crate.
//!
//! Invariants:
//! - outside of a span, and with `OTEL_LOG_CORRELATION=false`, a record stays as it is;
//! - ids are there for spans that are sampled out too, since a log line is often all that is left.
//!
//! Source: OpenTelemetry specification, "Trace Context in non-OTLP Log Formats".

#[cfg(feature = "tracing")]
mod format;
mod ids;
#[cfg(feature = "log_0_4")]
mod log_0_4;

#[cfg(feature = "tracing")]
pub use format::TraceFormat;
#[cfg(feature = "log_0_4")]
pub use log_0_4::TracedLog;
