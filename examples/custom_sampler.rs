//! A sampler of one's own: all traces of premium tenants, a tenth of the others, any one on demand.
//!
//! `cargo run --example custom_sampler` answers ten questions of each tenant and prints the traces of
//! the premium one, about one of the free one, and the one that somebody wants to see:
//!
//! ```text
//! answer_question      tenant.tier=premium
//! └─ generate
//! …
//! answer_question      tenant.tier=free
//! └─ generate
//! ```
//!
//! What to look at: a sampler sees what is known when a span starts, so that the tier is an attribute
//! of the builder. It is asked about roots only, for all below follow them, in other services too. A
//! whole process is switched for a while by `telemetry.force_sampling(duration)`.

use std::sync::Arc;

use anyhow::Result;
use continuum_observability::{
    Context, Sampler, SamplingParameters, SamplingResult, ShouldSample, Telemetry,
    TelemetryBuilder, TraceId, Value, get_tracer, with_context,
};

const TIER: &str = "tenant.tier";

/// Keeps premium tenants, and of all others a share.
#[derive(Debug)]
struct ByTier {
    share_of_others: f64,
}

impl ShouldSample for ByTier {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        let premium = parameters
            .attributes
            .contains(&(TIER, Value::from("premium")));
        let kept = premium || is_in_share(self.share_of_others, parameters.trace_id);
        SamplingResult::from_decision(kept)
    }

    fn description(&self) -> String {
        format!("ByTier{{{}}}", self.share_of_others)
    }
}

/// Whether a trace belongs to the share: the same answer in every process, with nothing to remember.
fn is_in_share(share: f64, trace_id: TraceId) -> bool {
    let [.., a, b, c, d] = trace_id.to_bytes(); // The end of a trace id is random.
    f64::from(u32::from_be_bytes([a, b, c, d])) < share * 2_f64.powi(32)
}

fn main() -> Result<()> {
    let _telemetry = telemetry(0.1).init()?;
    for _ in 0..10 {
        answer("premium");
        answer("free");
    }
    answer_forced("free");
    Ok(())
}

fn telemetry(share_of_others: f64) -> TelemetryBuilder {
    let by_tier = Sampler::Custom(Arc::new(ByTier { share_of_others }));
    Telemetry::builder().sampler(Sampler::parent_based(by_tier))
}

fn answer(tier: &str) {
    let tracer = get_tracer("assistant");
    let span = tracer.span_builder("answer_question").attribute(TIER, tier);
    span.in_scope(|_| tracer.in_scope("generate", |_| ()));
}

/// For a request that somebody wants to see.
fn answer_forced(tier: &str) {
    let context = Context::current().with_forced_sampling();
    with_context(&context, || answer(tier));
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    fn tree(share_of_others: f64, work: impl FnOnce()) -> String {
        let recorder = TestRecorder::of(telemetry(share_of_others));
        recorder.run(work);
        assert_no_findings(&recorder);
        recorder.tree()
    }

    #[test]
    fn premium_tenants_are_always_kept_with_all_that_is_below() {
        let both = || ["premium", "free"].into_iter().for_each(answer);
        let premium = "answer_question tenant.tier=premium\n  generate\n";
        let free = "answer_question tenant.tier=free\n  generate\n";
        assert_eq!(tree(0.0, both), premium);
        assert_eq!(tree(1.0, both), format!("{premium}{free}"));
    }

    #[test]
    fn a_trace_that_somebody_wants_to_see_is_kept_whatever_the_sampler_says() {
        let forced = || answer_forced("free");
        assert_eq!(
            tree(0.0, forced),
            "answer_question tenant.tier=free\n  generate\n"
        );
    }

    #[test]
    fn the_share_is_decided_by_the_random_end_of_the_trace_id() {
        let mut id = [0; 16];
        assert!(is_in_share(0.1, TraceId::from_bytes(id)));
        id[12] = 0x80; // Half of what there is.
        assert!(!is_in_share(0.5, TraceId::from_bytes(id)));
        assert!(is_in_share(0.51, TraceId::from_bytes(id)));
    }
}
