//! The specification's words about composable samplers, sentence by sentence.

use super::*;
use crate::{
    SpanContext, SpanId, SpanLimits, Status, TailPolicy, Telemetry, TraceFlags, TraceId,
    get_tracer,
    sampling::{SamplingResult, ShouldSample, ot_member},
    span::SpanKind,
    testing::TestRecorder,
    with_context,
};
use composite::Composite;
use proptest::prelude::*;

/// A trace whose randomness is this.
fn trace(randomness: u64) -> TraceId {
    TraceId::from(0xabcd_u128 << 64 | u128::from(0xff << 56 | randomness))
}

const HALF: u64 = 1 << 55;

fn parent(randomness: u64, sampled: bool, state: &str) -> SpanContext {
    let flags = TraceFlags::NONE.with_sampled(sampled);
    let state = state.parse().unwrap();
    SpanContext::new(trace(randomness), SpanId::from(9_u64), flags, true, state)
}

fn parameters(trace_id: TraceId, parent: Option<&SpanContext>) -> SamplingParameters<'_> {
    SamplingParameters {
        parent,
        trace_id,
        name: "GET /orders",
        kind: SpanKind::Server,
        attributes: &[],
        links: &[],
    }
}

fn decide(
    sampler: &Composable,
    randomness: u64,
    parent: Option<&SpanContext>,
) -> SamplingResult<'static> {
    Composite(sampler.clone()).should_sample(&parameters(trace(randomness), parent))
}

/// Whether it is sampled, and the `tracestate` that it has then.
fn outcome(sampler: &Composable, randomness: u64, parent: Option<&SpanContext>) -> (bool, String) {
    let result = decide(sampler, randomness, parent);
    let inherited = parent.map(|parent| parent.trace_state().clone());
    let state = result.trace_state.or(inherited).unwrap_or_default();
    (result.is_sampled, state.header().to_owned())
}

/// Wants what it is told.
#[derive(Debug)]
struct Wants(SamplingIntent);

impl ComposableSampler for Wants {
    fn sampling_intent(&self, _: &SamplingParameters<'_>) -> SamplingIntent {
        self.0.clone()
    }

    fn description(&self) -> String {
        "Wants".to_owned()
    }
}

fn wants(intent: SamplingIntent) -> Composable {
    Composable::Custom(Arc::new(Wants(intent)))
}

#[test]
fn the_threshold_is_compared_with_the_randomness_of_the_trace_and_written_if_it_is_kept() {
    let quarter = Composable::Probability(0.25);
    let threshold = 3 << 54;
    let rows = [
        (Composable::AlwaysOn, 0, (true, "ot=th:0")),
        (Composable::AlwaysOff, u64::MAX >> 8, (false, "")),
        (Composable::Probability(0.0), u64::MAX >> 8, (false, "")),
        (Composable::Probability(1.0), 0, (true, "ot=th:0")),
        (quarter.clone(), threshold, (true, "ot=th:c")),
        (quarter.clone(), threshold - 1, (false, "")),
    ];
    for (sampler, randomness, (sampled, state)) in rows {
        let expected = (sampled, state.to_owned());
        let description = sampler.description();
        assert_eq!(
            outcome(&sampler, randomness, None),
            expected,
            "{description}"
        );
    }
}

#[test]
fn explicit_randomness_comes_before_that_of_the_trace_id_and_is_never_changed() {
    let half = Composable::Probability(0.5);
    for (rv, sampled) in [("80000000000000", true), ("7fffffffffffff", false)] {
        for of_id in [0, u64::MAX >> 8] {
            let caller = parent(of_id, false, &format!("vendor=1,ot=rv:{rv}"));
            let (is_sampled, state) = outcome(&half, of_id, Some(&caller));
            assert_eq!(is_sampled, sampled);
            let read: TraceState = state.parse().unwrap();
            assert_eq!(
                ot_member::randomness(&read),
                u64::from_str_radix(rv, 16).ok()
            );
            assert_eq!(ot_member::threshold(&read), sampled.then_some(HALF));
            assert_eq!(read.get("vendor"), Some("1"));
        }
    }
}

#[test]
fn a_negative_decision_and_one_without_a_share_erase_the_threshold() {
    let caller = parent(HALF, true, "ot=th:4;rv:80000000000000,vendor=1");
    let erased = "ot=rv:80000000000000,vendor=1".to_owned();
    let unreliable = wants(SamplingIntent::from_decision(true));
    assert_eq!(
        outcome(&Composable::AlwaysOff, HALF, Some(&caller)),
        (false, erased.clone())
    );
    assert_eq!(outcome(&unreliable, HALF, Some(&caller)), (true, erased));
}

/// "The explicit randomness values MUST not be modified", whatever `tracestate` a sampler brings.
#[test]
fn a_tracestate_of_the_samplers_own_leaves_the_member_of_the_trace_alone() {
    let own = "ot=rv:00000000000000;th:1,vendor=2";
    let wants = |decision: SamplingIntent| {
        wants(SamplingIntent {
            trace_state: Some(own.parse().unwrap()),
            ..decision
        })
    };
    let caller = parent(0, true, "ot=rv:80000000000000;th:4,vendor=1");
    let half = || SamplingIntent::with_probability(0.5);
    let rows = [
        (
            half(),
            Some(&caller),
            (true, "ot=th:8;rv:80000000000000,vendor=2"),
        ),
        (
            SamplingIntent::from_decision(true),
            Some(&caller),
            (true, "ot=rv:80000000000000,vendor=2"),
        ),
        (
            SamplingIntent::drop(),
            Some(&caller),
            (false, "ot=rv:80000000000000,vendor=2"),
        ),
        (half(), None, (true, "ot=th:8,vendor=2")),
        (
            SamplingIntent::from_decision(true),
            None,
            (true, "vendor=2"),
        ),
    ];
    for (intent, parent, (sampled, state)) in rows {
        let expected = (sampled, state.to_owned());
        assert_eq!(outcome(&wants(intent), HALF, parent), expected);
    }
}

#[test]
fn an_unreliable_threshold_is_compared_with_new_randomness() {
    let half = wants(SamplingIntent {
        threshold: Some(HALF),
        ..SamplingIntent::default()
    });
    let kept = (0..1_000).filter(|_| outcome(&half, 0, None).0).count();
    assert!((300..700).contains(&kept), "{kept}");
}

/// The decision and the `tracestate` below parents, of a root sampler that would decide otherwise.
#[test]
fn children_have_the_threshold_of_their_parent_or_else_its_decision() {
    let rows = [
        // The parent's threshold if it is available.
        (HALF, true, "ot=th:8", (true, "ot=th:8")),
        (HALF - 1, false, "ot=th:8", (false, "")),
        (HALF, true, "ot=th:0", (true, "ot=th:0")),
        // Otherwise its flag.
        (HALF, true, "", (true, "")),
        (HALF, false, "", (false, "")),
        (HALF, true, "vendor=1", (true, "vendor=1")),
        // Which also counts, without a share, where the threshold contradicts it.
        (HALF - 1, true, "ot=th:8", (true, "")),
        (HALF, false, "ot=th:8", (false, "")),
        (
            0,
            true,
            "ot=th:8;rv:80000000000000",
            (true, "ot=th:8;rv:80000000000000"),
        ),
    ];
    for (randomness, sampled, state, (expected, after)) in rows {
        let caller = parent(randomness, sampled, state);
        for root in [Composable::AlwaysOn, Composable::AlwaysOff] {
            let sampler = Composable::parent_threshold(root);
            let outcome = outcome(&sampler, randomness, Some(&caller));
            assert_eq!(outcome, (expected, after.to_owned()), "{caller:?}");
        }
    }
    let roots = Composable::parent_threshold(Composable::Probability(0.5));
    assert_eq!(outcome(&roots, HALF, None), (true, "ot=th:8".to_owned()));
}

#[test]
fn the_first_rule_whose_conditions_all_hold_decides_and_without_one_nothing_is_kept() {
    let rule = || SamplingRule::new(Composable::AlwaysOn);
    let attributes = [
        ("tenant.tier", "free".into()),
        ("tenant.tier", "gold".into()),
        ("http.route", "/orders".into()),
    ];
    let caller = parent(0, true, "");
    let asked = |rule: SamplingRule, parent| {
        let parameters = SamplingParameters {
            attributes: &attributes,
            ..parameters(trace(0), parent)
        };
        let sampler = Composable::rule_based([rule]);
        Composite(sampler).should_sample(&parameters).is_sampled
    };
    let matching = [
        rule(),
        rule().name("GET /orders"),
        rule().name("GET *"),
        rule().name("*"),
        rule().kind(SpanKind::Server),
        rule().attribute("tenant.tier", "gold"),
        rule().route("/orders"),
        rule().root(true),
        rule().when(|span| span.name.len() == 11),
        rule()
            .name("GET*")
            .kind(SpanKind::Server)
            .route("/orders")
            .root(true),
    ];
    for rule in matching {
        assert!(asked(rule.clone(), None), "{rule}");
    }
    let others = [
        rule().name("GET"),
        rule().name("get *"),
        rule().kind(SpanKind::Client),
        rule().attribute("tenant.tier", "free"),
        rule().attribute("tenant.tier", 1),
        rule().attribute("tenant", "gold"),
        rule().route("/orders/"),
        rule().root(false),
        rule().when(|_| std::panic::resume_unwind(Box::new("the condition's own failure"))),
        rule().name("GET*").kind(SpanKind::Client),
    ];
    for rule in others {
        assert!(!asked(rule.clone(), None), "{rule}");
    }
    assert!(asked(rule().root(false), Some(&caller)));
    let first = Composable::rule_based([
        SamplingRule::new(Composable::AlwaysOff).name("GET*"),
        rule(),
    ]);
    assert_eq!(outcome(&first, 0, None), (false, String::new()));
    assert_eq!(
        outcome(&Composable::rule_based([]), 0, None),
        (false, String::new())
    );
}

#[test]
fn attributes_and_a_tracestate_are_added_to_what_is_sampled() {
    let state = TraceState::EMPTY.insert("vendor", "2").unwrap();
    let delegate = |threshold| {
        wants(SamplingIntent {
            threshold,
            adjusted_count_reliable: true,
            trace_state: Some(state.clone()),
            ..SamplingIntent::default()
        })
    };
    let annotating =
        |threshold| Composable::annotating([("rule", "orders".into())], delegate(threshold));
    let kept = decide(&annotating(Some(HALF)), HALF, None);
    assert_eq!(kept.attributes, [("rule".into(), Value::from("orders"))]);
    assert_eq!(kept.trace_state.unwrap().header(), "ot=th:8,vendor=2");
    let dropped = decide(&annotating(None), HALF, None);
    assert_eq!(dropped.attributes, []);
    assert_eq!(dropped.trace_state.unwrap().header(), "vendor=2");
}

#[test]
fn a_composable_sampler_that_panics_drops_the_span() {
    #[derive(Debug)]
    struct Panicking;

    impl ComposableSampler for Panicking {
        fn sampling_intent(&self, _: &SamplingParameters<'_>) -> SamplingIntent {
            std::panic::resume_unwind(Box::new("the sampler's own failure"))
        }

        fn description(&self) -> String {
            "Panicking".to_owned()
        }
    }

    let sampler = Composable::Custom(Arc::new(Panicking));
    assert!(!decide(&sampler, 0, None).is_sampled);
}

#[test]
fn a_sampler_is_described_with_everything_in_it() {
    let limited = SamplingRule::new(Sampler::rate_limited(5))
        .route("/orders")
        .root(true);
    let rest = SamplingRule::new(Sampler::TraceIdRatio(0.1));
    let roots = Composable::rule_based([limited, rest]);
    let sampler = Sampler::composite(Composable::parent_threshold(roots));
    let expected = "CompositeSampler{ComposableParentThreshold{root:ComposableRuleBased{\
                    http.route=Str(\"/orders\") && root=true:RateLimited{5}, \
                    *:ComposableProbability{0.1}}}}";
    assert_eq!(sampler.description(), expected);
}

proptest! {
    #[test]
    fn decisions_are_consistent_what_a_lower_share_keeps_a_higher_one_keeps(
        randomness in 0..1_u64 << 56,
        low in 0.0..1.0_f64,
        high in 0.0..1.0_f64,
        explicit: bool,
    ) {
        let (low, high) = (low.min(high), low.max(high));
        let state = if explicit { format!("ot=rv:{randomness:014x}") } else { String::new() };
        let of_id = if explicit { 0 } else { randomness };
        let caller = parent(of_id, true, &state);
        let sampled = |ratio| decide(&Composable::Probability(ratio), of_id, Some(&caller)).is_sampled;
        prop_assert!(!sampled(low) || sampled(high));
    }

    #[test]
    fn whoever_follows_a_composite_sampler_decides_as_it_did(
        randomness in 0..1_u64 << 56,
        ratio in 0.0..1.0_f64,
    ) {
        let first = decide(&Composable::Probability(ratio), randomness, None);
        let state = first.trace_state.unwrap_or_default();
        let caller = parent(randomness, first.is_sampled, state.header());
        let follower = Composable::parent_threshold(Composable::AlwaysOff);
        let expected = (first.is_sampled, state.header().to_owned());
        prop_assert_eq!(outcome(&follower, randomness, Some(&caller)), expected);
    }
}

fn work(name: &str) {
    let tracer = get_tracer("composable");
    tracer.in_scope(name, |_| tracer.in_scope("child", |_| ()));
}

/// The usual way to limit a rate: whole traces, by rules.
#[test]
fn rate_limited_and_adaptive_samplers_work_below_rules_and_parents() {
    for sampler in [
        Sampler::rate_limited(3),
        Sampler::adaptive(1_000_000, 0.0..=1.0),
    ] {
        let limited = sampler.description().starts_with("RateLimited");
        let roots = Composable::rule_based([
            SamplingRule::new(Composable::AlwaysOff).name("health"),
            SamplingRule::new(sampler).name("orders"),
            SamplingRule::new(Composable::Probability(1.0)),
        ]);
        let composite = Sampler::composite(Composable::parent_threshold(roots));
        let recorder = TestRecorder::with(composite, SpanLimits::default());
        recorder.run(|| {
            for name in ["health", "orders", "other"] {
                (0..10).for_each(|_| work(name));
            }
        });
        let spans = recorder.spans();
        let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
        let orders = count("orders");
        assert_eq!((count("health"), count("other")), (0, 10));
        assert!(
            if limited {
                (3..10).contains(&orders)
            } else {
                orders == 10
            },
            "{orders}"
        );
        assert_eq!(count("child"), orders + 10, "whole traces");
        let states = |name: &str| {
            let found = spans.iter().filter(|span| span.name == name);
            found
                .map(|span| span.trace_state.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            states("orders"),
            vec![String::new(); orders],
            "they stand for themselves"
        );
        assert_eq!(states("other"), vec!["ot=th:0".to_owned(); 10]);
    }
}

#[test]
fn what_a_composite_sampler_keeps_can_be_decided_again_at_the_tail() {
    let roots = Composable::rule_based([
        SamplingRule::new(Composable::AlwaysOff).name("health"),
        SamplingRule::new(Sampler::rate_limited(100)),
    ]);
    let builder = Telemetry::builder()
        .sampler(Sampler::composite(Composable::parent_threshold(roots)))
        .tail(TailPolicy::new(0.0));
    let recorder = TestRecorder::of(builder);
    recorder.run(|| {
        work("health");
        work("orders");
        let tracer = get_tracer("composable");
        tracer.in_scope("broken", |span| span.set_status(Status::error("no")));
    });
    assert_eq!(recorder.tree(), "broken ERROR(no)\n");
    let stats = recorder.stats();
    assert_eq!((stats.sampled_out, stats.sampled_out_at_tail), (2, 2));
}

#[test]
fn a_span_sends_the_threshold_of_its_decision_and_a_child_elsewhere_follows_it() {
    let recorder = |sampler| TestRecorder::with(Sampler::composite(sampler), SpanLimits::default());
    let here = recorder(Composable::parent_threshold(Composable::AlwaysOn));
    let there = recorder(Composable::parent_threshold(Composable::AlwaysOff));
    let mut carrier = crate::Carrier::new();
    here.run(|| {
        get_tracer("here").in_scope("call", |_| crate::inject_trace_context(&mut carrier));
    });
    assert_eq!(carrier.get("tracestate"), Some("ot=th:0"));
    let context = there.run(|| crate::extract_trace_context(&carrier));
    with_context(&context, || work("served"));
    assert_eq!(there.tree(), "served\n  child\n");
    assert!(
        there
            .spans()
            .iter()
            .all(|span| span.trace_state == "ot=th:0")
    );
}

/// "`AlwaysRecord`": the table of decisions.
#[test]
fn always_record_records_what_another_sampler_drops() {
    #[derive(Debug)]
    struct Answers(bool, bool);

    impl ShouldSample for Answers {
        fn should_sample(&self, _: &SamplingParameters<'_>) -> SamplingResult<'static> {
            let mut result = SamplingResult::from_decision(self.1);
            result.is_recording = self.0;
            result
        }

        fn description(&self) -> String {
            "Answers".to_owned()
        }
    }

    let rows = [
        ((false, false), (true, false)),
        ((true, false), (true, false)),
        ((true, true), (true, true)),
    ];
    for ((recording, sampled), expected) in rows {
        let root = Sampler::Custom(Arc::new(Answers(recording, sampled)));
        let sampler = Sampler::always_record(root);
        assert_eq!(sampler.description(), "AlwaysRecord{Answers}");
        let recorder = TestRecorder::with(sampler, SpanLimits::default());
        recorder.run(|| {
            get_tracer("composable").in_scope("asked", |span| {
                let said = (span.is_recording(), span.span_context().is_sampled());
                assert_eq!(said, expected);
            });
        });
        assert_eq!(recorder.spans().len(), usize::from(sampled));
    }
}
