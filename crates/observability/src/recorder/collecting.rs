//! Taking chunks away from the threads that fill them: by the timer, for a flush, at the end.
//!
//! Position: on the export thread, or the one that shuts down, between the chunks of the threads and the
//! queue of the [`Core`].
//!
//! Invariant: a thread whose chunk is empty is passed by without a fence.

use super::{
    core::{Chunk, Core},
    registry::{Collected, Registry},
    sys::biased::{Biased, Hazard, Next},
};

impl Core {
    /// Takes what the threads have not handed over yet.
    pub(super) fn collect_open_chunks(&self) {
        let Some(registry) = Registry::get() else {
            return;
        };
        registry.each_thread(&mut |thread| {
            if let Some(mut chunk) = self.collect_from(registry, &thread.sampled) {
                // Many threads with few spans each must not spend the budget on empty room, and half
                // of it is left for what the others have.
                if !self.fits(chunk.bytes.capacity() + self.budget_bytes / 2) {
                    chunk.bytes.shrink_to_fit();
                }
                drop(self.offer(chunk, 0, self.when_collected()));
            }
        });
    }

    /// Takes what the threads have collected for the flight recorder.
    pub(crate) fn collect_aside(&self) {
        let Some(registry) = Registry::get() else {
            return;
        };
        registry.each_thread(&mut |thread| {
            if let Some(chunk) = self.collect_from(registry, &thread.aside) {
                drop(self.set_aside(chunk, 0));
            }
        });
    }

    fn collect_from(&self, registry: &Registry, collected: &'static Collected) -> Option<Chunk> {
        if !collected.filled.is_set() {
            return None;
        }
        let hazards = |visit: &mut dyn FnMut(&Hazard)| registry.each_hazard(visit);
        let taken = Biased::with_revoked(&collected.chunk, None, hazards, Next::AsBefore, |open| {
            let ours = open.core.is_some_and(|core| core.id == self.id) && open.spans > 0;
            ours.then(|| {
                collected.filled.clear();
                open.take()
            })
        });
        taken.flatten()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Telemetry, get_tracer, testing::TestRecorder};
    use std::{sync::Barrier, thread};

    #[test]
    fn many_threads_with_a_span_each_fit_into_a_small_budget() {
        const THREADS: usize = 20;
        let mut config = Telemetry::builder().into_config_without_exporter();
        config.budget_bytes = 128 << 10;
        let recorder = TestRecorder::of_config(config);
        let meeting = Barrier::new(THREADS + 1);
        let work = || {
            recorder.run(|| get_tracer("test").in_scope("short", |_| ()));
            meeting.wait();
            // Who ends hands over.
            meeting.wait();
        };
        let collected = thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
            meeting.wait();
            let collected = recorder.spans().len();
            meeting.wait();
            collected
        });
        assert_eq!((collected, recorder.stats().dropped()), (THREADS, 0));
    }
}
