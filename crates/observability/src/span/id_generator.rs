//! [`IdGenerator`]: ids of the user's making, in place of random ones.
//!
//! Position: asked by `Start` where a recorder was given one.
//!
//! Source: OpenTelemetry specification, Trace SDK, "Id Generators".

use crate::context::{SpanId, TraceId};
use std::fmt::Debug;

/// Makes the ids of traces and spans.
///
/// An id of all zeros, and that of a generator that panics, is replaced by a random one.
///
/// ```
/// use continuum_observability::{IdGenerator, SpanId, Telemetry, TraceId, get_tracer};
/// use continuum_observability::testing::TestRecorder;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Debug, Default)]
/// struct Counting(AtomicU64);
///
/// impl IdGenerator for Counting {
///     fn new_trace_id(&self) -> TraceId {
///         TraceId::from(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
///     }
///
///     fn new_span_id(&self) -> SpanId {
///         SpanId::from(self.0.fetch_add(1, Ordering::Relaxed) + 1)
///     }
/// }
///
/// let recorder = TestRecorder::of(Telemetry::builder().id_generator(Counting::default()));
/// recorder.run(|| get_tracer("docs").in_scope("first", |span| {
///     assert_eq!(span.span_context().trace_id(), TraceId::from(1_u128));
///     assert_eq!(span.span_context().span_id(), SpanId::from(2_u64));
/// }));
/// ```
pub trait IdGenerator: Debug + Send + Sync {
    /// The id of a new trace. Called on the traced thread: be quick.
    fn new_trace_id(&self) -> TraceId;

    /// The id of a new span. Called on the traced thread: be quick.
    fn new_span_id(&self) -> SpanId;

    /// Whether the last 7 bytes of each trace id are random, so that samplers may rely on them.
    fn is_random(&self) -> bool {
        false
    }
}
