//! The current context: which span, which baggage, which recorder.
//!
//! Position: read by every span start; carried over by futures, guards and the spawn helpers. Above
//! `recorder`, which knows nothing of it.

mod baggage;
mod counterpart;
mod current;
mod future;
mod guard;
mod ids;
mod span_context;
#[cfg(feature = "tokio")]
mod spawn;
mod stack;
mod stream;
mod thread;
mod trace_state;

pub(crate) use baggage::Members as BaggageMembers;
pub use baggage::*;
pub use current::{
    Context, get_baggage, get_current_span, get_span_id, get_trace_id, set_baggage, with_context,
    with_telemetry_disabled,
};
pub use future::{FutureExt, InContext};
pub use guard::{ContextGuard, thread_scope};
pub use ids::*;
pub use span_context::*;
#[cfg(feature = "tokio")]
pub use spawn::{JoinSetExt, spawn, spawn_blocking, spawn_local};
pub use stream::{InContextStream, SinkExt, StreamExt};
pub use thread::in_current_context;
pub use trace_state::*;

pub(crate) use current::{LocalRoot, Undecided};
#[cfg(feature = "tracing")]
pub(crate) use stack::pop_changed;
pub(crate) use stack::{
    Position, leave_forgotten, no_scope_is_open, pop, push, push_filled, push_inert, with_top,
};
#[cfg(feature = "opentelemetry_0_33")]
pub(crate) use stack::{leave_foreign, push_foreign};
