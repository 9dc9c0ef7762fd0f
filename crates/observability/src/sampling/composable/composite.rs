//! The decision: what a composable sampler wants, compared with the randomness of the trace.
//!
//! Position: a [`ShouldSample`] behind `Sampler::composite`; the one who reads and writes `ot`.
//!
//! Source: OpenTelemetry specification, Trace SDK, "`CompositeSampler`"; "`TraceState`: Probability
//! Sampling", "Decision algorithm", "General requirements".

use super::{Composable, SamplingIntent};
use crate::{
    context::{SpanContext, TraceId, TraceState},
    recorder::thread::random_trace_id,
    sampling::{SamplingParameters, SamplingResult, ShouldSample, ot_member, ratio::random_bits},
};

/// Decides as a composable sampler wants.
#[derive(Debug)]
pub(in crate::sampling) struct Composite(pub(in crate::sampling) Composable);

impl ShouldSample for Composite {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        let SamplingIntent {
            threshold,
            adjusted_count_reliable,
            attributes,
            trace_state,
        } = self.0.intent(parameters);
        let of_parent = parameters.parent.map(SpanContext::trace_state);
        let inherited = of_parent.unwrap_or(&TraceState::EMPTY);
        // The member of the trace stays, whatever state the sampler brings.
        let own = trace_state.map(|own| ot_member::with_member_of(&own, inherited));
        let before = own.as_ref().unwrap_or(inherited);
        let randomness = if adjusted_count_reliable {
            randomness(of_parent, parameters.trace_id)
        } else {
            random_bits(random_trace_id())
        };
        let kept = threshold.filter(|threshold| randomness >= *threshold);
        let text = kept
            .filter(|_| adjusted_count_reliable)
            .map(ot_member::threshold_text);
        let is_changed = text.is_some() || before.get(ot_member::MEMBER).is_some();
        let result = SamplingResult::from_decision(kept.is_some());
        SamplingResult {
            attributes: if kept.is_some() {
                attributes
            } else {
                Vec::new()
            },
            trace_state: is_changed
                .then(|| ot_member::with_threshold(before, text.as_deref()))
                .or(own),
            ..result
        }
    }

    fn description(&self) -> String {
        format!("CompositeSampler{{{}}}", self.0.description())
    }
}

/// "Randomness Value (`R`)": that of `tracestate`, else that of the trace id.
fn randomness(state: Option<&TraceState>, trace_id: TraceId) -> u64 {
    let explicit = state.and_then(ot_member::randomness);
    explicit.unwrap_or_else(|| random_bits(trace_id))
}

/// "`ComposableParentThreshold`": the parent's threshold, if it is there and agrees with the flag;
/// else the flag.
pub(super) fn intent_of_parent(parent: &SpanContext) -> SamplingIntent {
    let state = parent.trace_state();
    let randomness = randomness(Some(state), parent.trace_id());
    let agrees = |threshold: &u64| (randomness >= *threshold) == parent.is_sampled();
    match ot_member::threshold(state).filter(agrees) {
        Some(threshold) => SamplingIntent {
            threshold: Some(threshold),
            adjusted_count_reliable: true,
            ..SamplingIntent::default()
        },
        None => SamplingIntent::from_decision(parent.is_sampled()),
    }
}
