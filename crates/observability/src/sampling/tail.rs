//! What is decided about a trace when its local root has ended, not when it starts.
//!
//! Position: given to the builder, or made from `OTEL_SAMPLING_RATE`; the export thread acts on it.
//!
//! `docs/sampling.md` says what it costs and what other processes see of it.

use crate::span::Value;
use std::time::Duration;

/// Memory for the spans of traces that are not decided.
const DEFAULT_MAX_WAITING_BYTES: usize = 4 << 20;
/// How long a trace stays undecided; the default of other tail samplers.
const DEFAULT_MAX_WAIT: Duration = Duration::from_secs(30);

/// Which traces of this process are kept, decided when their local root has ended.
///
/// A trace is kept if anything speaks for it, else if its id is within the ratio, which is the same in
/// every process. Traces that began elsewhere follow the decision made there. Spans that end after
/// their local root follow its decision.
///
/// ```
/// use continuum_observability::{
///     Status, TailPolicy, Telemetry, get_tracer, testing::TestRecorder,
/// };
///
/// let policy = TailPolicy::new(0.0).keep_if_attribute("tenant.tier", "gold");
/// let recorder = TestRecorder::of(Telemetry::builder().tail(policy));
/// recorder.run(|| {
///     let tracer = get_tracer("docs");
///     tracer.in_scope("usual", |_| ());
///     tracer.in_scope("important", |span| span.set_attribute("tenant.tier", "gold"));
///     tracer.in_scope("broken", |_| {
///         tracer.in_scope("query", |span| span.set_status(Status::error("timeout")));
///     });
/// });
/// assert_eq!(
///     recorder.tree(),
///     "important tenant.tier=gold\nbroken\n  query ERROR(timeout)\n",
/// );
/// assert_eq!(recorder.stats().sampled_out_at_tail, 1);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a policy does nothing until it is given to the builder"]
pub struct TailPolicy {
    pub(crate) ratio: f64,
    pub(crate) keep_errors: bool,
    pub(crate) slower_than: Option<Duration>,
    pub(crate) slower_than_percentile: Option<f64>,
    pub(crate) attributes: Vec<(String, Value<'static>)>,
    pub(crate) max_waiting_bytes: usize,
    pub(crate) max_wait: Duration,
}

impl TailPolicy {
    /// Keeps traces in which a span has failed, and of the others the given share, 0.0 to 1.0.
    pub fn new(ratio: f64) -> Self {
        Self {
            ratio,
            keep_errors: true,
            slower_than: None,
            slower_than_percentile: None,
            attributes: Vec::new(),
            max_waiting_bytes: DEFAULT_MAX_WAITING_BYTES,
            max_wait: DEFAULT_MAX_WAIT,
        }
    }

    /// Whether a span with an error status keeps its trace; it does unless told otherwise.
    pub fn keep_errors(mut self, enabled: bool) -> Self {
        self.keep_errors = enabled;
        self
    }

    /// Keeps traces whose local root took longer than this.
    pub fn keep_slower_than(mut self, duration: Duration) -> Self {
        self.slower_than = Some(duration);
        self
    }

    /// Keeps traces whose local root took longer than this percentage of the latest ones, such as
    /// 99.0 for the slowest hundredth.
    ///
    /// Durations are compared with an error of at most an eighth, and not before 100 are known.
    pub fn keep_slower_than_percentile(mut self, percentile: f64) -> Self {
        self.slower_than_percentile = Some(percentile);
        self
    }

    /// Keeps traces in which a span has this attribute with this value, of the same type. Called
    /// again, it adds a further one; any of them is enough.
    pub fn keep_if_attribute(
        mut self,
        key: impl Into<String>,
        value: impl Into<Value<'static>>,
    ) -> Self {
        self.attributes.push((key.into(), value.into()));
        self
    }

    /// Bounds the memory for spans of traces that are not decided, besides the memory for spans that
    /// wait for the exporter; 4 MiB by default.
    ///
    /// Beyond it the oldest traces are decided by what is known of them, and counted in
    /// [`Stats::decided_early`](crate::Stats::decided_early).
    pub fn max_waiting_bytes(mut self, bytes: usize) -> Self {
        self.max_waiting_bytes = bytes;
        self
    }

    /// Bounds the time for which a trace stays undecided, 30 seconds by default. Then it is decided by
    /// what is known of it, and counted like one for which there is no memory.
    pub fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = time;
        self
    }
}
