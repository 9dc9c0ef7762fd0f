//! Models of the biased lock: loom runs each of them in every order that its threads can take.
//!
//! Those with three threads have too many orders; `cargo xtask prove` runs them and says how often a
//! thread may be interrupted. The others are run by `cargo xtask test`.

use super::*;
use loom::{sync::Arc, thread};

struct World {
    value: Biased<u32>,
    hazards: Vec<Hazard>,
}

fn world() -> Arc<World> {
    world_of(2)
}

fn world_of(threads: usize) -> Arc<World> {
    let world = World {
        value: Biased::new(0),
        hazards: (0..threads).map(|_| Hazard::new()).collect(),
    };
    world.value.adopt(FIRST_OWNER);
    Arc::new(world)
}

impl World {
    fn add(&self, id: u64, hazard: usize, next: Option<u64>) -> bool {
        let strand = Strand {
            id,
            hazard: &self.hazards[hazard],
        };
        self.value.with_owned(strand, next, |v| *v += 1).is_ok()
            || self.add_revoked(hazard, Next::Shared)
    }

    fn add_revoked(&self, hazard: usize, next: Next) -> bool {
        let each = |f: &mut dyn FnMut(&Hazard)| self.hazards.iter().for_each(f);
        self.value
            .with_revoked(Some(&self.hazards[hazard]), each, next, |v| *v += 1)
            .is_some()
    }
}

#[test]
fn loom_owner_and_revoker_never_overlap() {
    loom::model(|| {
        let world = world();
        let other = world.clone();
        let revoker = thread::spawn(move || assert!(other.add_revoked(1, Next::Shared)));
        assert!(world.add(FIRST_OWNER, 0, None));
        assert!(world.add(FIRST_OWNER, 0, None));
        revoker.join().unwrap();
        world.add_revoked(0, Next::Shared);
        world.value.value.with_mut(|v| assert_eq!(unsafe { *v }, 4));
    });
}

#[test]
fn loom_announcing_the_next_value_still_orders_the_access_to_the_one_before() {
    loom::model(|| {
        let world = world();
        let next: Arc<Biased<u32>> = Arc::new(Biased::new(0));
        next.adopt(FIRST_OWNER);
        let other = world.clone();
        let revoker = thread::spawn(move || assert!(other.add_revoked(1, Next::Shared)));
        assert!(world.add(FIRST_OWNER, 0, None));
        let strand = Strand {
            id: FIRST_OWNER,
            hazard: &world.hazards[0],
        };
        assert!(next.with_owned(strand, None, |v| *v += 1).is_ok());
        revoker.join().unwrap();
        world.value.value.with_mut(|v| assert_eq!(unsafe { *v }, 2));
    });
}

#[test]
fn loom_ownership_given_back_is_usable_again() {
    loom::model(|| {
        let world = world();
        let other = world.clone();
        let taker = thread::spawn(move || assert!(other.add_revoked(1, Next::AsBefore)));
        assert!(world.add(FIRST_OWNER, 0, None));
        taker.join().unwrap();
        assert!(world.add(FIRST_OWNER, 0, None));
        world.value.value.with_mut(|v| assert_eq!(unsafe { *v }, 3));
    });
}

#[test]
fn loom_reader_gives_the_value_back_to_whoever_took_it_over_meanwhile() {
    loom::model(|| {
        let world = world();
        let other = world.clone();
        let reader = thread::spawn(move || other.add_revoked(1, Next::AsBefore));
        // The first owner leaves, and the next one takes the value over.
        let leaving = Strand {
            id: FIRST_OWNER,
            hazard: &world.hazards[0],
        };
        let left = world.value.with_owned(leaving, Some(FREE), |v| *v += 1);
        assert!(left.is_ok() || world.add_revoked(0, Next::Owner(FREE)));
        world.value.adopt(FIRST_OWNER + 1);
        let strand = Strand {
            id: FIRST_OWNER + 1,
            hazard: &world.hazards[0],
        };
        let kept = world.value.with_owned(strand, None, |v| *v += 1).is_ok()
            || world.add_revoked(0, Next::Owner(FIRST_OWNER + 1));
        assert!(kept);
        let seen = reader.join().unwrap();
        assert!(
            world
                .value
                .with_owned(strand, None, |v| assert_eq!(*v, 2 + u32::from(seen)))
                .is_ok()
        );
    });
}

#[test]
fn loom_value_is_passed_on_or_shared_never_both() {
    loom::model(|| {
        let world = world();
        let other = world.clone();
        let task = thread::spawn(move || {
            assert!(other.add(FIRST_OWNER + 1, 1, None));
        });
        assert!(world.add(FIRST_OWNER, 0, Some(FIRST_OWNER + 1)));
        task.join().unwrap();
        world.value.value.with_mut(|v| assert_eq!(unsafe { *v }, 2));
    });
}

#[test]
fn loom_value_that_is_just_passed_on_is_taken_from_one_owner_or_the_other() {
    loom::model(|| {
        let world = world();
        let other = world.clone();
        let revoker = thread::spawn(move || assert!(other.add_revoked(1, Next::AsBefore)));
        let strand = |id| Strand {
            id,
            hazard: &world.hazards[0],
        };
        let (first, task) = (strand(FIRST_OWNER), strand(FIRST_OWNER + 1));
        let mut own = 0;
        own += u32::from(
            world
                .value
                .with_owned(first, Some(task.id), |v| *v += 1)
                .is_ok(),
        );
        own += u32::from(world.value.with_owned(task, None, |v| *v += 1).is_ok());
        revoker.join().unwrap();
        world.add_revoked(0, Next::Shared);
        world
            .value
            .value
            .with_mut(|v| assert_eq!(unsafe { *v }, own + 2));
    });
}

#[test]
fn loom_free_value_is_refused_and_reused_by_the_next_owner() {
    loom::model(|| {
        let world = world();
        let other = world.clone();
        let stale = thread::spawn(move || other.add_revoked(1, Next::Shared));
        assert!(world.add(FIRST_OWNER, 0, Some(FREE)));
        world.value.free();
        world.value.adopt(FIRST_OWNER);
        assert!(world.add(FIRST_OWNER, 0, None));
        let seen = stale.join().unwrap();
        world
            .value
            .value
            .with_mut(|v| assert_eq!(unsafe { *v }, 2 + u32::from(seen)));
    });
}

#[test]
fn loom_idle_value_stays_its_threads_own_until_somebody_reaches_into_it() {
    loom::model(|| {
        let world = world();
        let other = world.clone();
        let stale = thread::spawn(move || other.add_revoked(1, Next::Shared));
        // Emptied and left in the pool of its thread, then taken out again.
        assert!(world.add(FIRST_OWNER, 0, None));
        let strand = Strand {
            id: FIRST_OWNER,
            hazard: &world.hazards[0],
        };
        if world.value.with_owned(strand, None, |v| *v += 1).is_err() {
            world.value.adopt(FIRST_OWNER);
            assert!(world.add(FIRST_OWNER, 0, None));
        }
        let seen = stale.join().unwrap();
        world.add_revoked(0, Next::Shared);
        world
            .value
            .value
            .with_mut(|v| assert_eq!(unsafe { *v }, 3 + u32::from(seen)));
    });
}

#[test]
fn loom_idle_value_is_passed_to_a_task_or_taken_over_by_lock() {
    loom::model(|| {
        let world = world();
        let task = FIRST_OWNER + 1;
        let other = world.clone();
        let stale = thread::spawn(move || other.add_revoked(1, Next::Shared));
        let strand = Strand {
            id: FIRST_OWNER,
            hazard: &world.hazards[0],
        };
        if world
            .value
            .with_owned(strand, Some(task), |v| *v += 1)
            .is_err()
        {
            world.value.adopt(task);
            assert!(world.add(task, 0, None));
        }
        assert!(world.add(task, 0, Some(FIRST_OWNER)));
        let seen = stale.join().unwrap();
        world.add_revoked(0, Next::Shared);
        world
            .value
            .value
            .with_mut(|v| assert_eq!(unsafe { *v }, 3 + u32::from(seen)));
    });
}

#[test]
#[ignore = "minutes: run by `cargo xtask prove`"]
fn loom_owner_and_two_revokers_never_overlap() {
    loom::model(|| {
        let world = world_of(3);
        let revoke = |hazard| {
            let world = world.clone();
            thread::spawn(move || assert!(world.add_revoked(hazard, Next::Shared)))
        };
        let revokers = [revoke(1), revoke(2)];
        assert!(world.add(FIRST_OWNER, 0, None));
        for revoker in revokers {
            revoker.join().unwrap();
        }
        world.add_revoked(0, Next::Shared);
        world.value.value.with_mut(|v| assert_eq!(unsafe { *v }, 4));
    });
}

#[test]
#[ignore = "minutes: run by `cargo xtask prove`"]
fn loom_value_is_passed_on_or_shared_while_a_third_thread_looks_into_it() {
    loom::model(|| {
        let world = world_of(3);
        let (next, reader) = (world.clone(), world.clone());
        let task = thread::spawn(move || assert!(next.add(FIRST_OWNER + 1, 1, None)));
        let reader = thread::spawn(move || assert!(reader.add_revoked(2, Next::AsBefore)));
        assert!(world.add(FIRST_OWNER, 0, Some(FIRST_OWNER + 1)));
        task.join().unwrap();
        reader.join().unwrap();
        world.add_revoked(0, Next::Shared);
        world.value.value.with_mut(|v| assert_eq!(unsafe { *v }, 4));
    });
}
