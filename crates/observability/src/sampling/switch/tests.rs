//! Which sampler decides, when it is replaced, forced or fails.

use super::*;
use crate::{SpanId, SpanLimits, TraceFlags, TraceState, span::SpanKind, testing::TestRecorder};

fn parameters(trace_id: u128, parent: Option<&SpanContext>) -> SamplingParameters<'_> {
    SamplingParameters {
        parent,
        trace_id: TraceId::from(trace_id),
        name: "asked",
        kind: SpanKind::Internal,
        attributes: &[],
        links: &[],
    }
}

fn parent(flags: TraceFlags) -> SpanContext {
    let (trace, span) = (TraceId::from(1u128), SpanId::from(1u64));
    SpanContext::new(trace, span, flags, true, TraceState::default())
}

/// The answers for a root, below a sampled parent, below one that is not.
fn answers(switch: &SamplerSwitch) -> [bool; 3] {
    let parents = [TraceFlags::SAMPLED, TraceFlags::NONE].map(parent);
    [None, Some(&parents[0]), Some(&parents[1])]
        .map(|parent| switch.should_sample(&parameters(1, parent)).is_sampled)
}

#[derive(Debug)]
struct Refusing;

impl ShouldSample for Refusing {
    fn should_sample(&self, _: &SamplingParameters<'_>) -> SamplingResult<'static> {
        SamplingResult::from_decision(false)
    }

    fn description(&self) -> String {
        "Refusing".to_owned()
    }
}

#[test]
fn each_sampler_decides_as_its_name_says_however_deeply_it_is_wrapped() {
    let parent_based = Sampler::parent_based;
    let custom = || Sampler::Custom(Arc::new(Refusing));
    let rows = [
        (Sampler::AlwaysOn, [true; 3]),
        (Sampler::AlwaysOff, [false; 3]),
        (Sampler::TraceIdRatio(1.0), [true; 3]),
        (Sampler::TraceIdRatio(0.0), [false; 3]),
        (Sampler::TraceIdRatio(f64::NAN), [false; 3]),
        (custom(), [false; 3]),
        (parent_based(Sampler::AlwaysOn), [true, true, false]),
        (parent_based(Sampler::AlwaysOff), [false, true, false]),
        (parent_based(custom()), [false, true, false]),
        (
            parent_based(parent_based(Sampler::AlwaysOff)),
            [false, true, false],
        ),
    ];
    let switch = SamplerSwitch::new(Sampler::default(), false);
    for (sampler, expected) in rows {
        let description = sampler.description();
        assert_eq!(
            answers(&SamplerSwitch::new(sampler.clone(), false)),
            expected,
            "{description}"
        );
        switch.set(sampler);
        assert_eq!(answers(&switch), expected, "switched to {description}");
    }
}

/// Counts how many there are, and refuses.
#[derive(Debug)]
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn sampler(alive: &Arc<AtomicU64>) -> Sampler {
        alive.fetch_add(1, Ordering::Relaxed);
        Sampler::Custom(Arc::new(Self(Arc::clone(alive))))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ShouldSample for Counted {
    fn should_sample(&self, _: &SamplingParameters<'_>) -> SamplingResult<'static> {
        SamplingResult::from_decision(false)
    }

    fn description(&self) -> String {
        "Counted".to_owned()
    }
}

#[test]
fn samplers_that_were_replaced_are_dropped() {
    let alive = Arc::default();
    let switch = SamplerSwitch::new(Sampler::default(), false);
    for _ in 0..10_000 {
        switch.set(Counted::sampler(&alive));
        assert_eq!(answers(&switch), [false; 3]);
        switch.set(Sampler::parent_based(Counted::sampler(&alive)));
        assert_eq!(answers(&switch), [false, true, false]);
        assert_eq!(alive.load(Ordering::Relaxed), 1);
    }
    switch.set(Sampler::AlwaysOn);
    assert_eq!(answers(&switch), [true; 3]);
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn samplers_that_are_replaced_while_they_are_asked_always_answer() {
    let alive = Arc::default();
    let switch = SamplerSwitch::new(Sampler::Custom(Arc::new(Agreeing)), false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    switch.set(Sampler::Custom(Arc::new(Agreeing)));
                }
            });
            scope.spawn(|| {
                for _ in 0..20_000 {
                    assert!(switch.should_sample(&parameters(1, None)).is_sampled);
                }
            });
        }
    });
    switch.set(Counted::sampler(&alive));
    assert_eq!(answers(&switch), [false; 3]);
    let kept = switch
        .custom
        .iter()
        .map(|place| place.sampler.read().unwrap());
    assert_eq!(kept.filter(|place| place.is_some()).count(), 1);
}

#[test]
fn replacements_that_a_fork_cut_short_stop_nobody() {
    let switch = SamplerSwitch::new(Sampler::Custom(Arc::new(Agreeing)), false);
    assert!(switch.custom[1].claim(FREE));
    let _left_held = switch.custom[2].sampler.read().unwrap();
    for _ in 0..3 {
        assert_eq!(answers(&switch), [true; 3]);
        switch.set(Sampler::Custom(Arc::new(Refusing)));
        assert_eq!(answers(&switch), [false; 3]);
        switch.set(Sampler::Custom(Arc::new(Agreeing)));
    }
}

#[derive(Debug)]
struct Agreeing;

impl ShouldSample for Agreeing {
    fn should_sample(&self, _: &SamplingParameters<'_>) -> SamplingResult<'static> {
        SamplingResult::from_decision(true)
    }

    fn description(&self) -> String {
        "Agreeing".to_owned()
    }
}

#[test]
fn forced_sampling_overrules_everybody_and_ends_by_itself() {
    for sampler in [
        Sampler::parent_based(Sampler::AlwaysOff),
        Sampler::parent_based(Sampler::Custom(Arc::new(Refusing))),
    ] {
        let switch = SamplerSwitch::new(sampler, false);
        switch.force(Duration::ZERO);
        assert_eq!(answers(&switch), [false, true, false]);
        switch.force(Duration::MAX);
        assert_eq!(answers(&switch), [true; 3]);
        switch.force(Duration::ZERO);
        assert_eq!(answers(&switch), [true; 3], "the longest time counts");
        switch.set(Sampler::parent_based(Sampler::AlwaysOff));
        assert_eq!(answers(&switch), [true; 3]);
        switch.forced_until.store(0, Ordering::Relaxed);
        assert_eq!(answers(&switch), [false, true, false]);
        let word = switch.word.load(Ordering::Relaxed);
        assert_eq!(word & FORCED, 0, "the price of forcing is over too");
    }
}

#[test]
fn ratio_keeps_its_share() {
    let id = |i: u128| i.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c);
    let switch = SamplerSwitch::new(Sampler::TraceIdRatio(0.25), false);
    let asked = (0..10_000).map(|i| switch.should_sample(&parameters(id(i), None)));
    let kept = asked.filter(|result| result.is_sampled).count();
    assert!((2_300..2_700).contains(&kept), "{kept}");
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
    let recorder = TestRecorder::with(sampler, SpanLimits::default());
    recorder.run(|| {
        crate::get_tracer("sampling").in_scope("work", |span| span.add_event("e", &[]));
    });
    let stats = recorder.stats();
    assert_eq!((stats.started, stats.sampled_out), (1, 1));
}
