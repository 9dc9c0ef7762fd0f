//! What a receiver refused, for whoever reads that nothing arrived.

use std::sync::{Mutex, PoisonError};

use super::answer::Refusal;

/// How many requests were refused, and why the last one was.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<Option<(u64, String)>>);

impl Refused {
    pub(super) fn add(&self, refusal: &Refusal) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.as_ref().map_or(0, |(count, _)| *count);
        *known = Some((before + 1, refusal.message.clone()));
    }

    /// The number, and the last reason.
    pub(crate) fn last(&self) -> Option<(u64, String)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}
