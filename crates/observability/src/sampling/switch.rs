//! The sampler of a running recorder, which can be replaced or overruled at any time.
//!
//! Position: made from a [`Sampler`] when the recorder is, asked at the start of every span.
//!
//! Invariants:
//! - the usual decision reads one word and compares;
//! - a sampler of the user's is dropped when another one has replaced it and nobody asks it any more;
//! - nobody waits for a lock, which a fork could have left held;
//! - while sampling is forced everything is recorded, and afterwards what the sampler says, without
//!   a timer.

use super::{
    Sampler, SamplingParameters, SamplingResult, ShouldSample,
    ratio::{RANDOM_BITS, keeps, threshold},
};
use crate::{
    context::{SpanContext, TraceId},
    diagnostics::{self, Topic},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, RwLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
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

/// The least significant bits of a [`CUSTOM`] word: where that sampler is.
const PLACE: u64 = PLACES as u64 - 1;
/// One for the sampler in use, one for the next, and two for those that a fork has cut short.
const PLACES: usize = 4;
/// How often somebody looks again who finds that a sampler is just being replaced.
const ATTEMPTS: usize = 1_000;

/// Where a sampler of the user's is.
#[derive(Debug, Default)]
struct Place {
    state: AtomicU8,
    /// Locked for the time of a copy; for writing only while no word leads here.
    sampler: RwLock<Option<Arc<dyn ShouldSample>>>,
}

/// Nothing is here.
const FREE: u8 = 0;
/// Somebody who sets a sampler has this place for himself.
const CLAIMED: u8 = 1;
/// A word has led here; when none does any more, the sampler can go.
const SET: u8 = 2;

impl Place {
    fn claim(&self, state: u8) -> bool {
        let (to, order) = (CLAIMED, Ordering::Acquire);
        self.state
            .compare_exchange(state, to, order, Ordering::Relaxed)
            .is_ok()
    }

    /// Exchanges what is here; `false` where somebody is looking at it just now.
    fn put(&self, sampler: &mut Option<Arc<dyn ShouldSample>>) -> bool {
        let place = self.sampler.try_write();
        place
            .map(|mut place| std::mem::swap(&mut *place, sampler))
            .is_ok()
    }
}

/// What decides about the spans of one recorder.
#[derive(Debug)]
pub(crate) struct SamplerSwitch {
    word: AtomicU64,
    custom: [Place; PLACES],
    /// The share that the tail keeps, as the bits of an `f64`; NaN: as its policy says.
    tail_ratio: AtomicU64,
    /// Nanoseconds after `made`.
    forced_until: AtomicU64,
    made: Instant,
}

impl SamplerSwitch {
    /// With `tail`, another decision follows that of `sampler`, when a trace has ended.
    pub(crate) fn new(sampler: Sampler, tail: bool) -> Self {
        let switch = Self {
            word: AtomicU64::new(0),
            custom: Default::default(),
            tail_ratio: AtomicU64::new(f64::NAN.to_bits()),
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

    /// Whether a sampler of the user's may be asked.
    #[cfg(feature = "tracing")]
    #[inline]
    pub(crate) fn is_custom(&self) -> bool {
        self.word.load(Ordering::Relaxed) & CUSTOM != 0
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
        mut word: u64,
        parameters: &SamplingParameters<'_>,
    ) -> SamplingResult<'static> {
        if word & FORCED != 0 && self.is_forced() {
            return SamplingResult::from_decision(true);
        }
        for _ in 0..ATTEMPTS {
            if word & CUSTOM == 0 || parameters.parent.is_some() && word & PARENT_BASED != 0 {
                let decided = decide(word, parameters.parent, parameters.trace_id);
                return SamplingResult::from_decision(decided);
            }
            if let Some(sampler) = self.custom(word) {
                return guarded(sampler, parameters);
            }
            // It is being replaced.
            std::hint::spin_loop();
            word = self.word.load(Ordering::Relaxed);
        }
        SamplingResult::from_decision(false)
    }

    fn custom(&self, word: u64) -> Option<Arc<dyn ShouldSample>> {
        let place = self.custom.get(leads_to(word)?)?;
        place.sampler.try_read().ok()?.clone()
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
        match Asked::of(sampler, 0) {
            Asked::Word(word) => self.replace(word),
            Asked::Custom(sampler, word) => self.set_custom(sampler, word),
        }
        for number in 0..PLACES {
            self.clear(number);
        }
    }

    /// Has traces that begin from now on decided when they end, and this share of them kept then.
    pub(crate) fn set_tail_ratio(&self, ratio: f64) {
        self.tail_ratio.store(ratio.to_bits(), Ordering::Release);
        self.replace(PARENT_BASED | UNDECIDED);
        for number in 0..PLACES {
            self.clear(number);
        }
    }

    /// The share that the tail keeps, where it is not that of its policy.
    pub(crate) fn tail_ratio(&self) -> Option<f64> {
        let ratio = f64::from_bits(self.tail_ratio.load(Ordering::Acquire));
        (!ratio.is_nan()).then_some(ratio)
    }

    fn replace(&self, word: u64) {
        // A time for which sampling is forced goes on.
        let replace = |old: u64| Some(old & FORCED | word);
        let _before = self
            .word
            .fetch_update(Ordering::Release, Ordering::Relaxed, replace)
            .is_ok();
    }

    fn set_custom(&self, sampler: Arc<dyn ShouldSample>, word: u64) {
        let mut sampler = Some(sampler);
        for number in (0..PLACES).cycle().take(ATTEMPTS) {
            let place = &self.custom[number];
            if place.claim(FREE) {
                if place.put(&mut sampler) {
                    self.replace(word | number as u64);
                    return place.state.store(SET, Ordering::Release);
                }
                place.state.store(FREE, Ordering::Release);
            }
            self.clear(number);
            std::thread::yield_now();
        }
        let text = "the sampler stays as it is: others are being set all the time";
        diagnostics::warn(Topic::SetUp, format_args!("{text}"));
    }

    /// Drops the sampler of a place that no word leads to any more.
    fn clear(&self, number: usize) {
        let place = &self.custom[number];
        let is_in_use = || leads_to(self.word.load(Ordering::Relaxed)) == Some(number);
        if is_in_use() || !place.claim(SET) {
            return;
        }
        let mut old = None;
        // Between the two questions it may have been set once more.
        let is_empty = !is_in_use() && place.put(&mut old);
        let state = if is_empty { FREE } else { SET };
        place.state.store(state, Ordering::Release);
        let _panicked = catch_unwind(AssertUnwindSafe(|| drop(old))).is_err();
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

/// What a sampler comes down to.
enum Asked {
    Word(u64),
    /// The sampler of the user's, and the word for it but for its place.
    Custom(Arc<dyn ShouldSample>, u64),
}

impl Asked {
    fn of(sampler: Sampler, parent: u64) -> Self {
        match sampler {
            Sampler::AlwaysOn => Self::Word(parent),
            Sampler::AlwaysOff => Self::Word(parent | threshold(0.0)),
            Sampler::TraceIdRatio(ratio) => Self::Word(parent | threshold(ratio)),
            Sampler::ParentBased(root) => Self::of(*root, PARENT_BASED),
            Sampler::Custom(sampler) => Self::Custom(sampler, parent | CUSTOM),
        }
    }
}

/// The place of the sampler that decides, if it is one of the user's.
fn leads_to(word: u64) -> Option<usize> {
    (word & CUSTOM != 0).then_some((word & PLACE) as usize)
}

/// What a built-in sampler says.
#[inline]
fn decide(word: u64, parent: Option<&SpanContext>, trace_id: TraceId) -> bool {
    match parent {
        Some(parent) if word & PARENT_BASED != 0 => parent.is_sampled(),
        _ => keeps(word & THRESHOLD, trace_id),
    }
}

/// Asks a sampler of the user's, which may be the last that is done with it; one that panics drops
/// the span.
fn guarded(
    sampler: Arc<dyn ShouldSample>,
    parameters: &SamplingParameters<'_>,
) -> SamplingResult<'static> {
    let ask = AssertUnwindSafe(move || sampler.should_sample(parameters));
    catch_unwind(ask).unwrap_or_else(|_| SamplingResult::from_decision(false))
}

#[cfg(test)]
mod tests;
