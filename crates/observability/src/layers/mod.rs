//! Ready-made spans for the layers of a memory system, named after the tracing guide.
//!
//! Position: on top of `span`; thin tables over one mechanism, the private `LayerSpan`.
//!
//! Every helper can be used in these forms:
//!
//! | form | for | records the outcome |
//! |---|---|---|
//! | `run(async \|span\| ...)` | async code that returns a `Result` | yes |
//! | `run_future(future)` | a future that returns a `Result`, also one to be spawned | yes |
//! | `run_sync(\|span\| ...)` | synchronous code that returns a `Result` | yes |
//! | `in_scope(\|span\| ...)` | a closure that returns anything | no |
//! | `start_as_current()` | a guard | no |
//! | `start()` | a span of one's own, such as for `FutureExt::in_span` or a stream | no |
//!
//! To record the outcome means: an `Err` becomes one exception event and the error status, and passes
//! on unchanged ([`Failure`](crate::Failure) says what of it is recorded); anything else sets the status OK. A panic and a cancellation are recorded by all.
//!
//! They are also for libraries that tell nobody what they do, called as usual inside of the span. Some have
//! features of their own, in which that is done already:
//!
//! | library | feature | in place of the call |
//! |---|---|---|
//! | `rusqlite` | `rusqlite_0_41` | `connection.traced().execute(sql, params)` |
//! | `redis` | `redis_1` | `connection.traced()`, with all the methods of `AsyncCommands` |
//! | `async-nats` | `async_nats_0_51` | `client.traced().publish(subject, payload)`, `message.traced().process().run(…)` |
//! | `reqwest` | `reqwest_0_13` | `request.send_traced()` |
//!
//! What libraries tell `tracing` is recorded by the feature `tracing`; `examples/ecosystem` has both.
//!
//! The names of their attributes follow [`Conventions`](crate::semconv::Conventions).

#[cfg(feature = "tower_service_0_3")]
pub mod api;
pub mod cache;
pub mod client;
mod custom;
pub mod database;
pub mod federation;
pub(crate) mod http;
pub mod memory;
pub mod messaging;
pub(crate) mod report;
mod span;
mod spare;

pub use custom::ErrorSeverity;
