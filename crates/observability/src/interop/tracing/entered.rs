//! Which spans of `tracing` are entered on a thread, and the scopes that they opened.
//!
//! Position: between the layer and the context stack.
//!
//! Invariant: a span is left in whatever order; what a poll has closed meanwhile is forgotten.

use crate::{
    Context,
    context::{Position, holds, pop, push},
};
use std::cell::RefCell;

/// A layer and a span of its.
type Owner = (u64, u64);

thread_local! {
    static ENTERED: RefCell<Vec<(Owner, Position)>> = const { RefCell::new(Vec::new()) };
}

/// Makes a span current.
#[inline]
pub(super) fn enter(span: Owner, context: Context) {
    let _late = ENTERED.try_with(|entered| {
        let Ok(mut entered) = entered.try_borrow_mut() else {
            return;
        };
        while entered.pop_if(|(_, position)| !holds(*position)).is_some() {}
        entered.push((span, push(context)));
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
