//! Head sampling: whether a span is recorded, decided when it starts.
//!
//! Position: what users choose from; [`SamplerSwitch`] is what a recorder asks for every span.
//!
//! Source: OpenTelemetry specification, Trace SDK, "Sampling"; ratio by the 56 random bits of the
//! trace id, "`TraceState`: Probability Sampling".

mod adaptive;
mod always_record;
mod composable;
mod flight_recorder;
pub(crate) mod ot_member;
mod rate_limited;
pub(crate) mod ratio;
mod switch;
mod tail;

pub use {
    composable::{Composable, ComposableSampler, Decided, SamplingIntent, SamplingRule},
    flight_recorder::FlightRecorder,
    tail::TailPolicy,
};

pub(crate) use switch::SamplerSwitch;

use crate::{
    context::{SpanContext, TraceId, TraceState},
    span::{SpanKind, Value},
};
use adaptive::Adaptive;
use always_record::AlwaysRecord;
use composable::composite::Composite;
use rate_limited::RateLimited;
use std::{borrow::Cow, fmt::Debug, ops::RangeInclusive, sync::Arc};

/// What a sampler knows of the span that is about to start.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SamplingParameters<'a> {
    /// The parent's identity; `None` for a root span.
    pub parent: Option<&'a SpanContext>,
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The name given at the start.
    pub name: &'a str,
    /// The kind given at the start.
    pub kind: SpanKind,
    /// The attributes given at the start.
    pub attributes: &'a [(&'a str, Value<'a>)],
    /// The links given at the start, with their attributes.
    pub links: &'a [(SpanContext, Vec<(&'a str, Value<'a>)>)],
}

impl<'a> SamplingParameters<'a> {
    /// Of a root with nothing but a name; for whoever asks a sampler himself, as its tests do.
    pub fn new(trace_id: TraceId, name: &'a str) -> Self {
        Self {
            parent: None,
            trace_id,
            name,
            kind: SpanKind::Internal,
            attributes: &[],
            links: &[],
        }
    }
}

/// What a sampler decides.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SamplingResult<'a> {
    /// Whether the span takes attributes and events at all.
    pub is_recording: bool,
    /// Whether the span is exported and children elsewhere are asked to do the same.
    pub is_sampled: bool,
    /// Attributes to add to the span.
    pub attributes: Vec<(Cow<'a, str>, Value<'a>)>,
    /// A `tracestate` in place of the parent's.
    pub trace_state: Option<TraceState>,
}

impl SamplingResult<'_> {
    /// Records and exports the span, or does neither.
    #[inline]
    pub fn from_decision(sampled: bool) -> Self {
        Self {
            is_recording: sampled,
            is_sampled: sampled,
            ..Self::default()
        }
    }
}

/// A sampler of one's own.
pub trait ShouldSample: Debug + Send + Sync {
    /// Decides about one span. Called on the traced thread: be quick.
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static>;

    /// A text that says what it does, such as `RateLimited{100}`.
    fn description(&self) -> String;
}

/// The built-in samplers.
///
/// ```
/// use continuum_observability::Sampler;
///
/// let sampler = Sampler::parent_based(Sampler::TraceIdRatio(0.25));
/// assert_eq!(sampler.description(), "ParentBased{root:TraceIdRatioBased{0.25}}");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Sampler {
    /// Every span.
    AlwaysOn,
    /// No span.
    AlwaysOff,
    /// The given share of traces, 0.0 to 1.0, the same ones in every process.
    TraceIdRatio(f64),
    /// As the parent was decided; for roots, as the sampler inside says.
    ParentBased(Box<Self>),
    /// One of your own.
    Custom(Arc<dyn ShouldSample>),
}

impl Default for Sampler {
    fn default() -> Self {
        Self::parent_based(Self::AlwaysOn)
    }
}

impl Sampler {
    /// Follows the parent's decision, and `root`'s where there is no parent.
    pub fn parent_based(root: Self) -> Self {
        Self::ParentBased(Box::new(root))
    }

    /// Keeps so many spans a second, and those of one second at once after a pause.
    ///
    /// For so many *traces* a second, ask it for roots only:
    ///
    /// ```
    /// use continuum_observability::{Sampler, SpanLimits, get_tracer, testing::TestRecorder};
    ///
    /// let sampler = Sampler::parent_based(Sampler::rate_limited(100));
    /// let recorder = TestRecorder::with(sampler, SpanLimits::default());
    /// recorder.run(|| {
    ///     let tracer = get_tracer("docs");
    ///     tracer.in_scope("request", |_| tracer.in_scope("recall", |_| ()));
    /// });
    /// assert_eq!(recorder.tree(), "request\n  recall\n");
    /// ```
    pub fn rate_limited(per_second: u32) -> Self {
        Self::Custom(Arc::new(RateLimited::new(per_second)))
    }

    /// Keeps about so many traces a minute, with a ratio between the given ones that follows the
    /// traffic within seconds; the highest at first.
    ///
    /// Usually asked for roots only: `Sampler::parent_based(Sampler::adaptive(1_000, 0.01..=1.0))`.
    /// The lowest ratio holds even if it makes more than the target.
    pub fn adaptive(target_per_minute: u32, ratios: RangeInclusive<f64>) -> Self {
        Self::Custom(Arc::new(Adaptive::new(target_per_minute, ratios)))
    }

    /// Decides as composable samplers want, and writes the share by which a span was kept into
    /// `tracestate`: `th` of the specification, which other processes and backends understand.
    ///
    /// See [`Composable`] for an example.
    pub fn composite(delegate: Composable) -> Self {
        Self::Custom(Arc::new(Composite(delegate)))
    }

    /// The given share of traces like [`Sampler::TraceIdRatio`], with explicit randomness in place of
    /// that of the trace id where there is some, and with the share in `tracestate`.
    pub fn probability(ratio: f64) -> Self {
        Self::composite(Composable::Probability(ratio))
    }

    /// Samples as `root` says and records everything, so that hooks see what is not sampled too.
    ///
    /// ```
    /// use continuum_observability::{Sampler, Telemetry, get_tracer, testing::TestRecorder};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// static ENDED: AtomicU32 = AtomicU32::new(0);
    /// let builder = Telemetry::builder()
    ///     .sampler(Sampler::always_record(Sampler::AlwaysOff))
    ///     .on_end(|_, _| drop(ENDED.fetch_add(1, Ordering::Relaxed)));
    /// let recorder = TestRecorder::of(builder);
    /// recorder.run(|| get_tracer("docs").in_scope("request", |_| ()));
    /// assert_eq!((ENDED.load(Ordering::Relaxed), recorder.tree().as_str()), (1, ""));
    /// ```
    pub fn always_record(root: Self) -> Self {
        Self::Custom(Arc::new(AlwaysRecord::new(root)))
    }

    /// The rejection threshold by which it samples roots, where it goes by their ids and does not write
    /// the threshold into `tracestate` itself.
    pub(crate) fn root_threshold(&self) -> Option<u64> {
        match self {
            Self::AlwaysOn => Some(0),
            Self::TraceIdRatio(ratio) => Some(ratio::threshold(*ratio)),
            Self::ParentBased(root) => root.root_threshold(),
            Self::AlwaysOff | Self::Custom(_) => None,
        }
    }

    /// The name of the sampler as the specification writes it.
    pub fn description(&self) -> String {
        match self {
            Self::AlwaysOn => "AlwaysOnSampler".to_owned(),
            Self::AlwaysOff => "AlwaysOffSampler".to_owned(),
            Self::TraceIdRatio(ratio) => format!("TraceIdRatioBased{{{ratio}}}"),
            Self::ParentBased(root) => format!("ParentBased{{root:{}}}", root.description()),
            Self::Custom(sampler) => sampler.description(),
        }
    }
}
