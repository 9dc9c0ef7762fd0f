//! Spans: how they are started, described and ended.
//!
//! Position: what users touch; on top of `recorder` and `context`.
//!
//! [`Tracer`] starts a [`Span`] through a [`SpanBuilder`]; [`SpanRef`] is what everybody who may
//! describe a span holds; a span in progress is a [`body`], encoded by [`encode`].

mod body;
mod buffer;
mod builder;
mod counted;
#[cfg(feature = "tracing")]
mod draft;
mod encode;
mod exception;
mod failure;
mod guard;
mod handle;
mod hooks;
mod id_generator;
mod keys;
mod kind;
mod last_exception;
mod members;
mod opening;
pub(crate) mod redaction;
mod scope;
mod short;
mod start;
#[cfg(feature = "macros")]
pub(crate) mod traced;
mod tracer;
pub(crate) mod url;
mod value;
mod view;
mod words;

pub use builder::SpanBuilder;
pub use failure::Failure;
pub use guard::SpanGuard;
pub use handle::Span;
pub use hooks::{SpanEnd, SpanStart};
pub use id_generator::IdGenerator;
pub use kind::{SpanKind, SpanLimits, Status};
pub use tracer::{Tracer, get_tracer};
pub use value::Value;
pub use view::SpanRef;

pub(crate) use body::Template;
#[cfg(feature = "tower_service_0_3")]
pub(crate) use exception::Exception;
#[cfg(feature = "log_0_4")]
pub(crate) use exception::guarded_text;
#[cfg(feature = "tracing")]
pub(crate) use {
    body::{Encoded, KeySet, KnownKey},
    short::Short,
};
pub(crate) use {
    body::{SpanBody, SpanTime},
    encode::{Writer, attribute_len, field_len, put_message, put_message_of, truncated},
    hooks::{ActiveHooks, Hooks},
    opening::Opening,
    scope::InstrumentationScope,
    start::{Link, Start},
};
