//! What the shutdown says when spans were lost: one line, by whoever knows first; and when it is held up.
//!
//! Position: asked by the export thread when it has stopped, and by who waited for that in vain.
//!
//! Invariant: a recorder says it once in each process; what is not delivered when the time of a
//! shutdown is up counts as lost, since the program may end before it is.

use super::core::Core;
use crate::{
    diagnostics::{self, Topic},
    recorder::DropReason,
};
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What is known for the last line.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    said: AtomicBool,
    destination: OnceLock<String>,
}

impl Core {
    /// Notes where spans go.
    pub(crate) fn note_destination(&self, destination: &str) {
        // A core has one export thread.
        let _known = self.losses.destination.set(destination.to_owned()).is_err();
    }

    /// Says what was lost, if anything was; `overdue`: nobody waits any longer for the rest.
    pub(crate) fn say_losses(&self, overdue: Option<Duration>) {
        let stats = self.stats();
        let waiting = overdue.map_or(0, |_| self.undelivered());
        let lost = stats.dropped() + waiting;
        if lost == 0 {
            return self.say_what_hangs(overdue);
        }
        if self.losses.said.swap(true, Ordering::AcqRel) {
            return;
        }
        let destination = self.losses.destination.get().map_or("", String::as_str);
        let undelivered = overdue.map(|timeout| {
            format!(
                ", {waiting} not delivered in {timeout:?}; check the receiver or give the shutdown \
                 more time [{destination}]"
            )
        });
        diagnostics::warn(
            Topic::SetUp,
            format_args!(
                "{lost} of {} spans were lost: {} because too many waited, {} because exporting \
                 failed, {} rejected by the receiver, {} ended too late{}",
                stats.started,
                stats.dropped_budget_spent,
                stats.dropped_export_failed,
                stats.dropped_rejected,
                stats.dropped_after_shutdown,
                undelivered.as_deref().unwrap_or_default(),
            ),
        );
    }

    /// Says that the export thread does not end, although it has nothing to deliver.
    fn say_what_hangs(&self, overdue: Option<Duration>) {
        if let Some(timeout) = overdue {
            let destination = self.losses.destination.get().map_or("", String::as_str);
            diagnostics::warn(
                Topic::SetUp,
                format_args!(
                    "no span was lost, but the exporter has not ended in {timeout:?}; look into its \
                     shutdown, or give it more time [{destination}]"
                ),
            );
        }
    }

    /// Counts what the export thread had taken when it broke off. Nothing is taken any more.
    pub(crate) fn lose_taken(&self) {
        let lost = self.totals.taken.abandon();
        self.totals.dropped(DropReason::ExportFailed, lost);
        self.forget_queued_bytes();
    }
}
