//! How many attributes, events or links of a span were kept, and how many a limit left out.
//!
//! Position: fields of [`super::body`]; what was dropped is written at the end of the span.

/// Members of one sort.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counted {
    pub(super) kept: u32,
    pub(super) dropped: u32,
}

impl Counted {
    /// Counts one more, as kept if the limit allows.
    pub(super) fn admit(&mut self, limit: u32) -> bool {
        let fits = self.kept < limit;
        if fits {
            self.kept += 1;
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
        fits
    }
}
