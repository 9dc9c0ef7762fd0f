//! OTLP with protobuf bodies, over HTTP or gRPC: bytes pass through as they were recorded.
//!
//! Position: [`EncodedRequest`](super::EncodedRequest) → **this** → a collector.
//!
//! Source: OTLP specification 1.x.

mod answer;
#[cfg(feature = "otlp-grpc")]
mod grpc;
#[cfg(feature = "otlp-http")]
mod http;

#[cfg(test)]
#[cfg(all(feature = "otlp-http", feature = "otlp-grpc"))]
mod tls_tests;

#[cfg(feature = "otlp-grpc")]
pub use self::grpc::OtlpGrpcExporter;
#[cfg(feature = "otlp-http")]
pub use self::http::OtlpHttpExporter;
#[cfg(feature = "_fuzzing")]
pub(crate) use self::{
    answer::{partial_success, rpc_retry_delay, rpc_status_message},
    grpc::{after_connect, rpc_error, rpc_message},
};
