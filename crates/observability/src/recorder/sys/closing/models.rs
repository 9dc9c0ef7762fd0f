//! A model of a thread that ends spans while its core closes: loom runs it in every order there is.
//!
//! `add` and `collect` are those of `recorder::thread` and `recorder::collecting`, without the queue: a
//! span is counted in the chunk, or as delivered or refused.

use super::{
    super::biased::{Biased, FIRST_OWNER, Hazard, Next, Strand},
    *,
};
use loom::{
    sync::{Arc, atomic::AtomicU64},
    thread,
};

struct World {
    /// The spans in the chunk of the thread.
    chunk: Biased<u64>,
    filled: Filled,
    closed: Closed,
    hazards: [Hazard; 2],
    /// The spans that have left the chunk.
    counted: AtomicU64,
}

fn world() -> Arc<World> {
    let world = World {
        chunk: Biased::new(0),
        filled: Filled::new(),
        closed: Closed::new(),
        hazards: [Hazard::new(), Hazard::new()],
        counted: AtomicU64::new(0),
    };
    world.chunk.adopt(FIRST_OWNER);
    Arc::new(world)
}

impl World {
    fn each_hazard(&self, visit: &mut dyn FnMut(&Hazard)) {
        self.hazards.iter().for_each(visit);
    }

    fn take(&self, chunk: &mut u64) {
        self.counted
            .fetch_add(std::mem::take(chunk), Ordering::Relaxed);
    }

    /// The thread ends a span.
    fn add(&self) {
        let add = |chunk: &mut u64| {
            *chunk += 1;
            self.filled.set();
            if self.closed.is_set() {
                self.take(chunk);
            }
        };
        let own = Strand {
            id: FIRST_OWNER,
            hazard: &self.hazards[0],
        };
        if self.chunk.with_owned(own, None, add).is_err() {
            let (hazard, next) = (Some(own.hazard), Next::Owner(own.id));
            let each = |visit: &mut dyn FnMut(&Hazard)| self.each_hazard(visit);
            assert!(self.chunk.with_revoked(hazard, each, next, add).is_some());
        }
    }

    /// A round, or the end.
    fn collect(&self) {
        if self.filled.is_set() {
            let each = |visit: &mut dyn FnMut(&Hazard)| self.each_hazard(visit);
            let take = |chunk: &mut u64| {
                self.filled.clear();
                self.take(chunk);
            };
            assert!(
                self.chunk
                    .with_revoked(None, each, Next::AsBefore, take)
                    .is_some()
            );
        }
    }

    fn close(&self) {
        self.closed.set();
        self.collect();
    }
}

#[test]
fn loom_span_that_ends_while_the_core_closes_does_not_stay_in_the_chunk() {
    loom::model(|| {
        let world = world();
        let core = world.clone();
        let core = thread::spawn(move || core.close());
        world.add();
        core.join().unwrap();
        assert_eq!(world.counted.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn loom_spans_that_end_around_the_last_round_do_not_stay_in_the_chunk() {
    loom::model(|| {
        let world = world();
        world.add();
        let core = world.clone();
        let core = thread::spawn(move || {
            core.collect();
            core.close();
        });
        world.add();
        core.join().unwrap();
        assert_eq!(world.counted.load(Ordering::Relaxed), 2);
    });
}
