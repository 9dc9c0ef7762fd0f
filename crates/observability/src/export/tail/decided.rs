//! What became of the latest traces, for spans that end after their local root.
//!
//! Position: filled and asked by [`super::Tail`].
//!
//! Invariant: the memory is fixed. A newer trace may take the place of an older one, whose late spans
//! are then decided like a trace of their own.

use super::{rules::Verdict, run::Key};

/// Traces that can be remembered.
const PLACES: usize = 8192;

#[derive(Debug)]
pub(super) struct Decided {
    places: Box<[Option<(Key, Verdict)>]>,
}

impl Decided {
    pub(super) fn new() -> Self {
        Self {
            places: vec![None; PLACES].into_boxed_slice(),
        }
    }

    pub(super) fn insert(&mut self, key: Key, verdict: Verdict) {
        self.places[key.place(PLACES)] = Some((key, verdict));
    }

    pub(super) fn get(&self, key: Key) -> Option<Verdict> {
        let known = self.places[key.place(PLACES)];
        known
            .filter(|(known, _)| *known == key)
            .map(|(_, verdict)| verdict)
    }
}
