//! Head sampling: whether a span is recorded, decided when it starts.
//!
//! Position: asked by `SpanBuilder` for every span.
//!
//! Source: OpenTelemetry specification, Trace SDK, "Sampling"; ratio by the 56 random bits of the
//! trace id, "`TraceState`: Probability Sampling".

use crate::{
    context::{SpanContext, TraceId, TraceState},
    span::{SpanKind, Value},
};
use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

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
    pub attributes: Vec<(&'a str, Value<'a>)>,
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

    #[inline]
    pub(crate) fn should_sample(
        &self,
        parameters: &SamplingParameters<'_>,
    ) -> SamplingResult<'static> {
        match self {
            Self::AlwaysOn => SamplingResult::from_decision(true),
            Self::AlwaysOff => SamplingResult::from_decision(false),
            Self::TraceIdRatio(ratio) => {
                SamplingResult::from_decision(ratio_samples(*ratio, parameters.trace_id))
            }
            Self::ParentBased(root) => match parameters.parent {
                Some(parent) => SamplingResult::from_decision(parent.is_sampled()),
                None => root.should_sample(parameters),
            },
            Self::Custom(sampler) => guarded(&**sampler, parameters),
        }
    }

    /// What [`Sampler::should_sample`] decides, without the way there that only samplers of the
    /// user's need; `None`: ask them.
    #[inline]
    pub(crate) fn decide(&self, parent: Option<&SpanContext>, trace_id: TraceId) -> Option<bool> {
        let root = match (self, parent) {
            (Self::ParentBased(_), Some(parent)) => return Some(parent.is_sampled()),
            (Self::ParentBased(root), None) => root,
            _ => self,
        };
        match root {
            Self::AlwaysOn => Some(true),
            Self::AlwaysOff => Some(false),
            Self::TraceIdRatio(ratio) => Some(ratio_samples(*ratio, trace_id)),
            Self::ParentBased(_) | Self::Custom(_) => None,
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

/// Asks a sampler of the user's; one that panics drops the span.
fn guarded(
    sampler: &dyn ShouldSample,
    parameters: &SamplingParameters<'_>,
) -> SamplingResult<'static> {
    let ask = AssertUnwindSafe(|| sampler.should_sample(parameters));
    catch_unwind(ask).unwrap_or_else(|_| SamplingResult::from_decision(false))
}

/// Keeps the traces whose 56 random bits are at or above the rejection threshold.
fn ratio_samples(ratio: f64, trace_id: TraceId) -> bool {
    const SPACE: f64 = (1u64 << 56) as f64;
    let [_, _, _, _, _, _, _, _, low @ ..] = trace_id.to_bytes();
    let randomness = u64::from_be_bytes(low) & ((1 << 56) - 1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the product lies between 0 and 2^56"
    )]
    let threshold = ((1.0 - ratio.clamp(0.0, 1.0)) * SPACE) as u64;
    ratio > 0.0 && randomness >= threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_keeps_its_share_and_the_extremes() {
        let ids =
            (0..10_000u128).map(|i| TraceId::from(i.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c)));
        let kept = ids.filter(|id| ratio_samples(0.25, *id)).count();
        assert!((2_300..2_700).contains(&kept), "{kept}");
        assert!(!ratio_samples(0.0, TraceId::from(u128::MAX)));
        assert!(ratio_samples(1.0, TraceId::from(1u128)));
    }

    #[derive(Debug)]
    struct Panicking;

    impl ShouldSample for Panicking {
        fn should_sample(&self, _: &SamplingParameters<'_>) -> SamplingResult<'static> {
            std::panic::resume_unwind(Box::new("the sampler's own failure"))
        }

        fn description(&self) -> String {
            "Panicking".to_owned()
        }
    }

    #[test]
    fn a_sampler_that_panics_drops_the_span_and_nothing_else() {
        let sampler = Sampler::Custom(Arc::new(Panicking));
        let recorder = crate::testing::TestRecorder::with(sampler, crate::SpanLimits::default());
        recorder.run(|| {
            crate::get_tracer("sampling").in_scope("work", |span| span.add_event("e", &[]));
        });
        let stats = recorder.stats();
        assert_eq!((stats.started, stats.sampled_out), (1, 1));
    }

    #[test]
    fn a_higher_ratio_keeps_what_a_lower_one_keeps() {
        for i in 0..1_000u128 {
            let id = TraceId::from(i.wrapping_mul(0x2545_f491_4f6c_dd1d_1234_5678));
            assert!(!ratio_samples(0.1, id) || ratio_samples(0.5, id));
        }
    }
}
