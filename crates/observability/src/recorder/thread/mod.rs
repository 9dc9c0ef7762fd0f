//! What a thread keeps to itself: its identity, ids to give out, idle slots, its counters.
//!
//! Position: the hot path of every span operation starts here.
//!
//! Invariants:
//! - the thread-local that the hot path reads has no destructor, so that it needs no check; a second
//!   one hands everything back when the thread ends;
//! - what happens on a thread after that takes locked paths, and nothing is lost;
//! - the child of a fork starts anew at its first span: own ids, own registry, nothing of the
//!   parent's is exported.

mod finish;
mod progress;

#[cfg(feature = "tracing")]
pub(crate) use self::finish::discard_span;
pub(crate) use self::{
    finish::end_span,
    progress::{pass_to_task, take_from_task, with_own_span, with_span},
};

use super::{
    Recorder,
    beginning::{Beginning, ParentOrigin, SamplingOutcome},
    core::Core,
    registry::{OWNER_BLOCK, PooledSlot, Registry, ThreadShared},
    sys::{biased::Strand, platform},
};
use crate::context::{SpanId, TraceId};
use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    sync::atomic::Ordering,
};

/// Idle slots that a thread keeps before it gives some back.
const POOL_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Live,
    Gone,
}

struct ThreadState {
    phase: Cell<Phase>,
    fork_epoch: Cell<u32>,
    shared: Cell<Option<&'static ThreadShared>>,
    core: Cell<Option<(&'static Recorder, &'static Core)>>,
    own_id: Cell<u64>,
    strand_id: Cell<u64>,
    next_owner: Cell<u64>,
    owners_end: Cell<u64>,
    random: Cell<u64>,
    /// What the random state moves on by: odd, and the thread's own, so that two threads whose states
    /// meet part again.
    random_step: Cell<u64>,
    pool: ManuallyDrop<RefCell<Vec<PooledSlot>>>,
}

thread_local! {
    static STATE: ThreadState = const {
        ThreadState {
            phase: Cell::new(Phase::New),
            fork_epoch: Cell::new(0),
            shared: Cell::new(None),
            core: Cell::new(None),
            own_id: Cell::new(0),
            strand_id: Cell::new(0),
            next_owner: Cell::new(0),
            owners_end: Cell::new(0),
            random: Cell::new(0),
            random_step: Cell::new(0),
            pool: ManuallyDrop::new(RefCell::new(Vec::new())),
        }
    };
    static AT_EXIT: AtExit = const { AtExit };
}

/// Hands the thread's belongings back when it ends.
struct AtExit;

impl Drop for AtExit {
    fn drop(&mut self) {
        STATE.with(ThreadState::depart);
    }
}

impl ThreadState {
    /// Makes sure that the thread is set up for this process.
    #[inline]
    fn ready(&self) -> bool {
        self.is_ready() || self.arrive()
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.fork_epoch.get() == platform::fork_epoch() && self.phase.get() == Phase::Live
    }

    #[cold]
    fn arrive(&self) -> bool {
        let forked = self.fork_epoch.get() != platform::fork_epoch();
        if self.phase.get() == Phase::Gone && !forked {
            return false;
        }
        platform::prepare();
        if forked && self.random_step.get() != 0 {
            // What it would draw next is its parent's to draw.
            self.sow();
        }
        let Some(registry) = Registry::get() else {
            return false;
        };
        if AT_EXIT.try_with(|_| ()).is_err() {
            self.phase.set(Phase::Gone);
            self.fork_epoch.set(platform::fork_epoch());
            return false;
        }
        self.fork_epoch.set(platform::fork_epoch());
        self.core.set(None);
        if let Ok(mut pool) = self.pool.try_borrow_mut() {
            // Another thread of the parent may hold the lock of one of its slots for ever.
            std::mem::take(&mut *pool).leak();
        }
        self.owners_end.set(0);
        self.sow();
        let own_id = self.new_owner();
        self.own_id.set(own_id);
        self.strand_id.set(own_id);
        self.shared.set(Some(registry.join(own_id)));
        self.phase.set(Phase::Live);
        true
    }

    fn depart(&self) {
        self.phase.set(Phase::Gone);
        let (Some(registry), Some(shared)) = (Registry::get(), self.shared.take()) else {
            return;
        };
        if self.fork_epoch.get() != platform::fork_epoch() {
            return;
        }
        if self.core.get().is_some_and(|(_, core)| core.may_wait()) {
            finish::empty_chunk(shared);
        }
        let own = Strand {
            id: self.own_id.get(),
            hazard: &shared.hazard,
        };
        for collected in shared.collected() {
            finish::give_up_chunk(own, registry, collected);
        }
        if let Some((_, core)) = self.core.take() {
            core.totals.fold(&shared.counts);
        }
        registry.leave(shared);
        registry.give_slots(self.pool.take().into_iter());
    }

    fn new_owner(&self) -> u64 {
        if self.next_owner.get() >= self.owners_end.get() {
            let block = Registry::owner_block();
            self.next_owner.set(block);
            self.owners_end.set(block + OWNER_BLOCK);
        }
        let owner = self.next_owner.get();
        self.next_owner.set(owner + 1);
        owner
    }

    /// The core of `recorder` in this process, counting on this thread from now on.
    #[inline]
    fn core_of(&self, recorder: &'static Recorder) -> Option<&'static Core> {
        match self.core.get() {
            Some((known, core)) if std::ptr::eq(known, recorder) => Some(core),
            _ => self.turn_to(recorder),
        }
    }

    #[cold]
    fn turn_to(&self, recorder: &'static Recorder) -> Option<&'static Core> {
        let (core, shared) = (recorder.core()?, self.shared.get()?);
        if let Some((_, before)) = self.core.get() {
            before.totals.fold(&shared.counts);
            if before.may_wait() {
                finish::empty_chunk(shared);
            }
        }
        shared.counts.core_id.store(core.id, Ordering::Release);
        self.core.set(Some((recorder, core)));
        Some(core)
    }

    #[inline]
    fn strand(&self) -> Option<Strand<'static>> {
        let shared = self.shared.get()?;
        Some(Strand {
            id: self.strand_id.get(),
            hazard: &shared.hazard,
        })
    }

    #[inline]
    fn random(&self) -> u64 {
        // splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
        let state = self.random.get().wrapping_add(self.random_step.get());
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[inline]
    fn random_id(&self) -> u64 {
        loop {
            let id = self.random();
            if id != 0 {
                return id;
            }
        }
    }

    #[inline]
    fn count_started(&self, recorder: &'static Recorder, beginning: Beginning) -> bool {
        let (Some(shared), Some(_)) = (self.shared.get(), self.core_of(recorder)) else {
            return false;
        };
        shared.counts.begun.count_alone(beginning);
        true
    }

    #[cold]
    fn count_started_late(&self, recorder: &'static Recorder, beginning: Beginning) -> bool {
        self.seed();
        recorder
            .core()
            .map(|core| core.totals.begun(beginning))
            .is_some()
    }

    /// Makes random numbers available on a thread that is not set up.
    #[cold]
    fn seed(&self) {
        if self.random_step.get() == 0 {
            self.sow();
        }
    }

    /// Draws a state and a step of 127 bits together, so that a trace's id has as many.
    fn sow(&self) {
        self.random.set(platform::random_seed());
        self.random_step.set(step_of(platform::random_seed()));
    }
}

/// An odd number in which neighbouring bits differ often enough, as the paper's `mixGamma` demands.
fn step_of(seed: u64) -> u64 {
    let step = seed | 1;
    let changes = (step ^ (step >> 1)).count_ones();
    if changes < 24 {
        step ^ 0xaaaa_aaaa_aaaa_aaaa
    } else {
        step
    }
}

/// The calling thread, for one span start.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    state: &'a ThreadState,
    /// Whether it is set up.
    ready: bool,
}

impl Here<'_> {
    /// Counts a span of `recorder` as started; `false` where the recorder cannot run: the span is not
    /// to be recorded then.
    #[inline]
    pub(crate) fn count_span(self, recorder: &'static Recorder, beginning: Beginning) -> bool {
        if self.ready {
            self.state.count_started(recorder, beginning)
        } else {
            self.state.count_started_late(recorder, beginning)
        }
    }

    /// An id for a span that has been counted.
    #[inline]
    pub(crate) fn random_span_id(self) -> SpanId {
        SpanId::from(self.state.random_id())
    }
}

/// Runs `start` with the calling thread, set up if that is possible.
#[inline]
pub(crate) fn here<R>(start: impl FnOnce(Here<'_>) -> R) -> R {
    STATE.with(|state| {
        let ready = state.ready();
        start(Here { state, ready })
    })
}

/// Counts a span of `recorder` that nobody keeps, and gives it an id.
#[inline]
pub(crate) fn leave_out_span(recorder: &'static Recorder, origin: ParentOrigin) -> SpanId {
    let beginning = (origin, SamplingOutcome::Drop);
    let usually = STATE.with(|state| {
        let known = state.core.get().map(|(known, _)| known);
        let is_known = known.is_some_and(|known| std::ptr::eq(known, recorder));
        let shared = state
            .shared
            .get()
            .filter(|_| is_known && state.is_ready())?;
        shared.counts.begun.count_alone(beginning);
        Some(SpanId::from(state.random_id()))
    });
    usually.unwrap_or_else(|| leave_out_first(recorder, beginning))
}

/// The same, where the thread has to be set up, or counts for another recorder.
#[cold]
#[inline(never)]
fn leave_out_first(recorder: &'static Recorder, beginning: Beginning) -> SpanId {
    here(|thread| {
        thread.count_span(recorder, beginning);
        thread.random_span_id()
    })
}

/// The id of a new trace.
#[inline]
pub(crate) fn random_trace_id() -> TraceId {
    STATE.with(|state| {
        if !state.ready() {
            state.seed();
        }
        TraceId::from(u128::from(state.random_id()) << 64 | u128::from(state.random_id()))
    })
}

/// An id for a strand of its own, such as a task.
pub(crate) fn new_strand_id() -> u64 {
    STATE.with(|state| {
        state.ready();
        state.new_owner()
    })
}

/// Makes the strand of a task current and returns the thread's own one, to return to.
///
/// `None` where a task is current already, of which this one is a part.
#[inline]
pub(crate) fn enter_strand(task: u64) -> Option<u64> {
    STATE.with(|state| {
        // A thread that polls before it has traced anything needs its own id first.
        let is_own = state.ready() && state.strand_id.get() == state.own_id.get();
        is_own.then(|| state.strand_id.replace(task))
    })
}

/// Returns to the thread's own strand.
#[inline]
pub(crate) fn leave_strand(own: u64) {
    STATE.with(|state| state.strand_id.set(own));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        get_tracer,
        recorder::{core::LARGE_CHUNK_BYTES, registry::locked, slot::Slot},
        testing::TestRecorder,
    };
    use std::{sync::mpsc::sync_channel, thread, time::Duration};

    #[test]
    fn threads_whose_random_states_meet_part_again() {
        let ids_from_the_same_state = || {
            let thread = thread::Builder::new().spawn(|| {
                STATE.with(|state| {
                    assert!(state.ready());
                    state.random.set(42);
                    [state.random_id(), state.random_id()]
                })
            });
            thread.unwrap().join().unwrap()
        };
        assert_ne!(ids_from_the_same_state(), ids_from_the_same_state());
    }

    #[test]
    fn a_step_is_odd_and_changes_often_between_its_bits() {
        for seed in (0..10_000).chain([u64::MAX, u64::MAX << 1, 0xaaaa_aaaa_aaaa_aaaa]) {
            let step = step_of(seed);
            assert_eq!(step % 2, 1);
            assert!((step ^ (step >> 1)).count_ones() >= 24, "{seed:x}");
        }
    }

    #[test]
    fn an_open_chunk_keeps_its_size_whatever_spans_are_put_into_it() {
        let recorder = TestRecorder::new();
        let text = "x".repeat(700);
        recorder.run(|| {
            for _ in 0..1_000 {
                let span = get_tracer("tests").start_span("large");
                span.set_attribute("text", text.as_str());
            }
        });
        let capacity = STATE.with(|state| {
            let chunk = &state.shared.get().unwrap().sampled.chunk;
            let capacity =
                chunk.with_owned(state.strand().unwrap(), None, |open| open.bytes.capacity());
            capacity.ok().unwrap()
        });
        assert_eq!(capacity, LARGE_CHUNK_BYTES);
        assert_eq!(recorder.spans().len(), 1_000);
    }

    #[test]
    fn a_span_that_the_system_keeps_from_the_thread_that_ends_it_is_counted_once() {
        let recorder = TestRecorder::new();
        STATE.with(|state| {
            assert!(state.ready());
            // Others of the process may be shared, of which nothing has to be taken over.
            let owned = (Slot::leak(), Box::default());
            state.pool.borrow_mut().push(owned);
        });
        let span = recorder.run(|| get_tracer("tests").start_span("kept away"));
        thread::scope(|scope| {
            scope.spawn(move || {
                // This thread can take over neither the span nor the other thread's chunk.
                platform::REFUSED.set(true);
                span.end();
                drop(span);
                platform::REFUSED.set(false);
            });
        });
        let stats = recorder.stats();
        assert_eq!((stats.dropped_export_failed, stats.pending), (1, 0));
        assert!(recorder.spans().is_empty());
    }

    #[test]
    fn a_thread_that_the_system_refuses_the_fence_leaves_nothing_behind() {
        let recorder = TestRecorder::new();
        thread::scope(|scope| {
            let work = || {
                recorder.run(|| get_tracer("tests").in_scope("last", |_| ()));
                // Until the thread has ended.
                platform::REFUSED.set(true);
            };
            scope.spawn(work).join().unwrap();
        });
        // Nor can this thread take anything from another.
        platform::REFUSED.set(true);
        let spans = recorder.spans();
        platform::REFUSED.set(false);
        assert_eq!(spans.len(), 1);
    }

    #[test]
    fn a_thread_that_leaves_counts_as_filled_until_its_spans_are_in_the_queue() {
        let recorder = TestRecorder::new();
        let core = recorder.recorder().core().unwrap();
        let ((tell, told), (open, gate)) = (sync_channel(0), sync_channel(0));
        thread::scope(|scope| {
            let recorder = &recorder;
            scope.spawn(move || {
                recorder.run(|| get_tracer("tests").in_scope("last", |_| ()));
                tell.send(STATE.with(|state| state.shared.get())).unwrap();
                gate.recv().unwrap();
            });
            let shared = told.recv().unwrap().unwrap();
            let queue = locked(&core.queue);
            open.send(()).unwrap();
            // It stands before the queue by now, or will: a round must not pass by.
            for _ in 0..50 {
                assert!(shared.sampled.filled.is_set());
                thread::sleep(Duration::from_millis(1));
            }
            drop(queue);
        });
        assert_eq!(recorder.spans().len(), 1);
    }
}
