//! What the exporters that send over the network have in common.
//!
//! Position: under [`otlp`](super::otlp) and [`zipkin`](super::zipkin): where requests go, when they
//! are tried again, how they are compressed and encrypted, and the HTTP client.
//!
//! Invariants:
//! - no attempt begins, and no wait ends, after the deadline of an export;
//! - an own certificate authority replaces the public ones, it is not added to them.

#[cfg(feature = "_network")]
mod compression;
#[cfg(feature = "_network")]
mod connect;
#[cfg(feature = "_network")]
mod endpoint;
mod option;
#[cfg(feature = "_post")]
mod post;
#[cfg(feature = "_network")]
mod retry;
#[cfg(test)]
#[cfg(feature = "_post")]
#[cfg_attr(
    not(all(feature = "otlp-http", feature = "otlp-grpc")),
    allow(dead_code, reason = "each exporter's tests need a part of it")
)]
pub(super) mod server;
#[cfg(feature = "_network")]
mod tls;
#[cfg(feature = "_otlp")]
#[cfg(test)]
pub(super) mod tunnel;

pub use self::option::{Compression, OtlpProtocol, TlsFiles};
#[cfg(feature = "_network")]
pub use self::{endpoint::EndpointConfig, retry::RetryPolicy};

#[cfg(all(feature = "gzip", feature = "otlp-grpc"))]
pub(super) use self::compression::gzip;
#[cfg(feature = "_post")]
pub(super) use self::post::Post;
#[cfg(feature = "_otlp_sdk")]
pub(crate) use self::post::agent as http_agent;
#[cfg(feature = "_fuzzing")]
pub(crate) use self::retry::retry_after;
#[cfg(feature = "otlp-grpc")]
pub(super) use self::{
    connect::{UNKNOWN_HOST, without_address, without_connection},
    endpoint::USER_AGENT,
    tls::{refusal as tls_refusal, refusal_in_words as tls_refusal_in_words},
};
