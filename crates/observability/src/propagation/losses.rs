//! Baggage that did not make it in or out, counted for the process.
//!
//! Position: written by the formats, read by the user.

use crate::diagnostics;
use std::sync::atomic::{AtomicU64, Ordering};

static REFUSED: AtomicU64 = AtomicU64::new(0);
static WITHHELD: AtomicU64 = AtomicU64::new(0);

/// How many members of baggage were left out since the process started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BaggageLosses {
    /// Received, but malformed or beyond the limits of W3C Baggage.
    pub refused: u64,
    /// Not sent: not allowed to leave, named like a secret, with a name that the format cannot
    /// carry, or beyond the limits.
    pub withheld: u64,
    /// Set outside of every span and scope, where baggage cannot stay.
    pub misplaced: u64,
}

/// How many members of baggage were left out since the process started.
///
/// # Examples
///
/// ```
/// use continuum_observability::{extract_trace_context, propagation::baggage_losses};
///
/// let headers = vec![("baggage".to_owned(), "tenant_id=user_123,malformed".to_owned())];
/// let before = baggage_losses();
/// extract_trace_context(&headers);
/// assert_eq!(baggage_losses().refused, before.refused + 1);
/// ```
pub fn baggage_losses() -> BaggageLosses {
    BaggageLosses {
        refused: REFUSED.load(Ordering::Relaxed),
        withheld: WITHHELD.load(Ordering::Relaxed),
        misplaced: diagnostics::misplaced_baggage_count(),
    }
}

pub(super) fn count_refused(members: usize) {
    add(&REFUSED, members);
}

pub(super) fn count_withheld(members: usize) {
    add(&WITHHELD, members);
}

#[inline]
fn add(counter: &AtomicU64, members: usize) {
    if members > 0 {
        counter.fetch_add(members as u64, Ordering::Relaxed);
    }
}
