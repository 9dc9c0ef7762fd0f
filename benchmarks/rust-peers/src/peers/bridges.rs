//! Our recorder under the APIs of others: `tracing`, and `opentelemetry` in the build with `bridges`.
#[cfg(feature = "bridges")]
use continuum_observability::interop::opentelemetry_0_33::{ContinuumTracer, ContinuumTracerProvider, install};
use continuum_observability::interop::tracing::ContinuumLayer;
#[cfg(feature = "bridges")]
use opentelemetry::trace::TracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::continuum::Continuum;
#[cfg(feature = "bridges")]
use super::otel;
use super::{Mode, Peer, tracing as api};

/// The `tracing` API on our layer; beside `tracing-otel`.
pub struct ContinuumTracing(Continuum);

impl Peer for ContinuumTracing {
    fn init(mode: Mode) -> Self {
        let peer = Self(Continuum::init(mode));
        if mode != Mode::Disabled {
            let registry = tracing_subscriber::registry().with(LevelFilter::INFO);
            tracing::subscriber::set_global_default(registry.with(ContinuumLayer::new("bench"))).unwrap();
        }
        peer
    }
    fn trace(&self, i: u64) {
        api::trace(i)
    }
    fn trace100(&self, i: u64) {
        api::trace100(i)
    }
    fn async100(&self, i: u64) {
        api::async100(i)
    }
    fn flush(&self) {
        self.0.flush()
    }
}

/// The `opentelemetry` API on our provider; beside `otel`.
#[cfg(feature = "bridges")]
pub struct ContinuumApi {
    native: Continuum,
    tracer: ContinuumTracer,
}

#[cfg(feature = "bridges")]
impl Peer for ContinuumApi {
    fn init(mode: Mode) -> Self {
        let native = Continuum::init(mode);
        install().unwrap();
        Self { native, tracer: ContinuumTracerProvider::new().tracer("bench") }
    }
    fn trace(&self, i: u64) {
        otel::trace(&self.tracer, i)
    }
    fn trace100(&self, i: u64) {
        otel::trace100(&self.tracer, i)
    }
    fn async100(&self, i: u64) {
        otel::async100(&self.tracer, i)
    }
    fn flush(&self) {
        self.native.flush()
    }
}

/// Our own API while the `opentelemetry` bridge is installed: each scope is mirrored.
#[cfg(feature = "bridges")]
pub struct ContinuumBridged(Continuum);

#[cfg(feature = "bridges")]
impl Peer for ContinuumBridged {
    fn init(mode: Mode) -> Self {
        let peer = Self(Continuum::init(mode));
        install().unwrap();
        peer
    }
    fn trace(&self, i: u64) {
        self.0.trace(i)
    }
    fn trace100(&self, i: u64) {
        self.0.trace100(i)
    }
    fn async100(&self, i: u64) {
        self.0.async100(i)
    }
    fn flush(&self) {
        self.0.flush()
    }
}
