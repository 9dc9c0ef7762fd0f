//! Log records that know their trace, through real loggers and subscribers. A process of its own: the
//! bridge of the `opentelemetry` API is installed for all of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod correlation;
mod lines;
mod records;
