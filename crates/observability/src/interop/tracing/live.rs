//! A span of `tracing` that has not closed.
//!
//! Position: made by the layer with each span, found by the span's id until it closes.
//!
//! Invariant: in the steady state nothing is allocated: a thread keeps what closed on it for those that it
//! makes next, up to [`KEEP`].

use crate::Span;
use std::cell::RefCell;
use tracing_core::Metadata;

/// What a thread keeps.
const KEEP: usize = 64;

/// The boxes themselves go in and out, and are not moved out of.
type Boxes = Vec<Box<Live>>;

thread_local! {
    static KEPT: RefCell<Boxes> = const { RefCell::new(Vec::new()) };
}

/// A span of `tracing` that has not closed.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) span: Span,
    pub(super) metadata: &'static Metadata<'static>,
    /// Whether others may know the span's identity, so that it has to stay what it is.
    pub(super) is_settled: bool,
}

impl Live {
    /// Room for a span that is not started yet.
    #[inline]
    pub(super) fn new(metadata: &'static Metadata<'static>) -> Box<Self> {
        let kept = KEPT.try_with(|kept| kept.try_borrow_mut().ok()?.pop());
        match kept.ok().flatten() {
            Some(mut live) => {
                live.metadata = metadata;
                live.is_settled = false;
                live
            }
            None => Box::new(Self {
                span: Span::default(),
                metadata,
                is_settled: false,
            }),
        }
    }

    /// Ends the span.
    #[inline]
    pub(super) fn close(mut self: Box<Self>) {
        self.span = Span::default();
        let _late = KEPT.try_with(|kept| {
            if let Ok(mut kept) = kept.try_borrow_mut()
                && kept.len() < KEEP
            {
                kept.push(self);
            }
        });
    }
}
