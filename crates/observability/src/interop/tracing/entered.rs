//! Which spans of `tracing` are entered on a thread, and the scopes that they opened.
//!
//! Position: between the layer and the context stack.
//!
//! Invariant: a span is left in whatever order; what a poll has closed meanwhile is forgotten.

use crate::context::{Position, holds, pop};
use std::cell::RefCell;

/// A layer and a span of its.
type Owner = (u64, u64);

thread_local! {
    static ENTERED: RefCell<Vec<(Owner, Position)>> = const { RefCell::new(Vec::new()) };
}

/// Notes the scope in which a span is current, which has just been opened.
#[inline]
pub(super) fn enter(span: Owner, position: Position) {
    let _late = ENTERED.try_with(|entered| {
        if let Ok(mut entered) = entered.try_borrow_mut() {
            while entered.pop_if(|(_, before)| !holds(*before)).is_some() {}
            entered.push((span, position));
        }
    });
}

/// Leaves a span, the innermost entry of it.
#[inline]
pub(super) fn exit(span: Owner) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.try_borrow_mut().ok()?;
        let at = entered.iter().rposition(|(entered, _)| *entered == span)?;
        Some(entered.remove(at).1)
    });
    if let Ok(Some(position)) = left {
        pop(position);
    }
}
