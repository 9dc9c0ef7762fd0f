//! The sampler of a running recorder, which can be replaced or overruled at any time.
//!
//! Position: made from a [`Sampler`] when the recorder is, asked at the start of every span.
//!
//! Invariants:
//! - the usual decision reads one word and compares; there is no lock that a fork could leave held;
//! - while sampling is forced everything is recorded, and afterwards what the sampler says, without
//!   a timer.

use super::{
    Sampler, SamplingParameters, SamplingResult, ShouldSample,
    ratio::{RANDOM_BITS, keeps, threshold},
};
use crate::{
    context::{SpanContext, TraceId},
    recorder::AtomicStatic,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering, fence},
    },
    time::{Duration, Instant},
};

/// Everything is recorded, until [`SamplerSwitch::forced_until`].
const FORCED: u64 = 1 << 63;
/// A sampler of the user's decides.
const CUSTOM: u64 = 1 << 62;
/// The parent decides where there is one.
const PARENT_BASED: u64 = 1 << 61;
/// Of what is kept, the traces that begin here are decided when they end.
const UNDECIDED: u64 = 1 << 60;
/// The rest of the word is the least random part of a trace id that is kept.
const THRESHOLD: u64 = (1 << (RANDOM_BITS + 1)) - 1;

/// A sampler of the user's, and whether it is asked for roots only.
///
/// Kept for ever, since a span that starts meanwhile may be asking it; one that comes back is found
/// again.
#[derive(Debug)]
struct Custom {
    sampler: Arc<dyn ShouldSample>,
    parent_based: bool,
    /// The one that came before.
    earlier: Option<&'static Self>,
}

impl Custom {
    /// The same sampler among `self` and those before it.
    fn find(
        &'static self,
        sampler: &Arc<dyn ShouldSample>,
        parent_based: bool,
    ) -> Option<&'static Self> {
        let mut known = std::iter::successors(Some(self), |known| known.earlier);
        known.find(|known| {
            Arc::ptr_eq(&known.sampler, sampler) && known.parent_based == parent_based
        })
    }
}

/// What decides about the spans of one recorder.
#[derive(Debug)]
pub(crate) struct SamplerSwitch {
    word: AtomicU64,
    custom: AtomicStatic<Custom>,
    /// The one that came last of all there were.
    newest: AtomicStatic<Custom>,
    /// Nanoseconds after `made`.
    forced_until: AtomicU64,
    made: Instant,
}

impl SamplerSwitch {
    /// With `tail`, another decision follows that of `sampler`, when a trace has ended.
    pub(crate) fn new(sampler: Sampler, tail: bool) -> Self {
        let switch = Self {
            word: AtomicU64::new(0),
            custom: AtomicStatic::none(),
            newest: AtomicStatic::none(),
            forced_until: AtomicU64::new(0),
            made: Instant::now(),
        };
        switch.set(sampler);
        if tail {
            switch.word.fetch_or(UNDECIDED, Ordering::Relaxed);
        }
        switch
    }

    /// What [`SamplerSwitch::should_sample`] decides, without the way there that only samplers of the
    /// user's need; `None`: ask it.
    #[inline]
    pub(crate) fn decide(&self, parent: Option<&SpanContext>, trace_id: TraceId) -> Option<bool> {
        let word = self.word.load(Ordering::Relaxed);
        (word & (FORCED | CUSTOM) == 0).then(|| decide(word, parent, trace_id))
    }

    pub(crate) fn should_sample(
        &self,
        parameters: &SamplingParameters<'_>,
    ) -> SamplingResult<'static> {
        let word = self.word.load(Ordering::Relaxed);
        if word & (FORCED | CUSTOM) != 0 {
            return self.should_sample_unusually(word, parameters);
        }
        SamplingResult::from_decision(decide(word, parameters.parent, parameters.trace_id))
    }

    #[cold]
    fn should_sample_unusually(
        &self,
        word: u64,
        parameters: &SamplingParameters<'_>,
    ) -> SamplingResult<'static> {
        // After the word that says so, the sampler of the user's is there.
        fence(Ordering::Acquire);
        if word & FORCED != 0 && self.is_forced() {
            return SamplingResult::from_decision(true);
        }
        match (self.custom.get(), parameters.parent) {
            (Some(custom), Some(parent)) if word & CUSTOM != 0 && custom.parent_based => {
                SamplingResult::from_decision(parent.is_sampled())
            }
            (Some(custom), _) if word & CUSTOM != 0 => guarded(&*custom.sampler, parameters),
            _ => {
                SamplingResult::from_decision(decide(word, parameters.parent, parameters.trace_id))
            }
        }
    }

    /// Whether a trace that begins now is decided when it ends.
    #[inline]
    pub(crate) fn leaves_undecided(&self) -> bool {
        self.word.load(Ordering::Relaxed) & UNDECIDED != 0 && !self.is_forcing()
    }

    /// Whether everything is recorded just now.
    #[inline]
    pub(crate) fn is_forcing(&self) -> bool {
        self.word.load(Ordering::Relaxed) & FORCED != 0 && self.is_forced()
    }

    /// Replaces the sampler, for spans that start from now on, and ends decisions at the tail.
    pub(crate) fn set(&self, sampler: Sampler) {
        let word = match sampler {
            Sampler::ParentBased(root) => self.adopt(*root, true),
            other => self.adopt(other, false),
        };
        // A time for which sampling is forced goes on.
        let replace = |old: u64| Some(old & FORCED | word);
        let _before = self
            .word
            .fetch_update(Ordering::Release, Ordering::Relaxed, replace)
            .is_ok();
    }

    /// The word for a sampler.
    fn adopt(&self, sampler: Sampler, parent_based: bool) -> u64 {
        let parent = if parent_based { PARENT_BASED } else { 0 };
        match sampler {
            Sampler::AlwaysOn => parent,
            Sampler::AlwaysOff => parent | threshold(0.0),
            Sampler::TraceIdRatio(ratio) => parent | threshold(ratio),
            Sampler::ParentBased(root) => self.adopt(*root, true),
            Sampler::Custom(sampler) => {
                self.custom.set(Some(self.keep(sampler, parent_based)));
                CUSTOM
            }
        }
    }

    /// Two threads at once may keep the same one twice, which is as good.
    fn keep(&self, sampler: Arc<dyn ShouldSample>, parent_based: bool) -> &'static Custom {
        let newest = self.newest.get();
        let known = newest.and_then(|newest| newest.find(&sampler, parent_based));
        known.unwrap_or_else(|| {
            let kept = Box::leak(Box::new(Custom {
                sampler,
                parent_based,
                earlier: newest,
            }));
            self.newest.set(Some(kept));
            kept
        })
    }

    /// Records everything for `duration` from now, or longer if that was asked for before.
    pub(crate) fn force(&self, duration: Duration) {
        let until = nanos(self.made.elapsed().saturating_add(duration));
        self.forced_until.fetch_max(until, Ordering::SeqCst);
        self.word.fetch_or(FORCED, Ordering::SeqCst);
    }

    /// Whether the time for which sampling is forced is not over; ends it when it is.
    #[cold]
    fn is_forced(&self) -> bool {
        let lasts = || nanos(self.made.elapsed()) < self.forced_until.load(Ordering::SeqCst);
        if lasts() {
            return true;
        }
        self.word.fetch_and(!FORCED, Ordering::SeqCst);
        // Somebody may have asked for more in between.
        let extended = lasts();
        if extended {
            self.word.fetch_or(FORCED, Ordering::SeqCst);
        }
        extended
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What a built-in sampler says.
#[inline]
fn decide(word: u64, parent: Option<&SpanContext>, trace_id: TraceId) -> bool {
    match parent {
        Some(parent) if word & PARENT_BASED != 0 => parent.is_sampled(),
        _ => keeps(word & THRESHOLD, trace_id),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SpanId, SpanLimits, TraceFlags, TraceState, span::SpanKind, testing::TestRecorder,
    };

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

    #[test]
    fn a_sampler_of_the_users_that_comes_back_takes_no_more_memory() {
        let [first, second]: [Arc<dyn ShouldSample>; 2] = [Arc::new(Refusing), Arc::new(Refusing)];
        let switch = SamplerSwitch::new(Sampler::default(), false);
        for _ in 0..3 {
            for sampler in [&first, &second] {
                let custom = Sampler::Custom(Arc::clone(sampler));
                switch.set(custom.clone());
                assert_eq!(answers(&switch), [false; 3]);
                switch.set(Sampler::parent_based(custom));
                assert_eq!(answers(&switch), [false, true, false]);
            }
            switch.set(Sampler::AlwaysOn);
            assert_eq!(answers(&switch), [true; 3]);
        }
        let newest = switch.newest.get();
        let kept = std::iter::successors(newest, |known| known.earlier);
        assert_eq!(kept.count(), 4, "two, each asked in two ways");
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
}
