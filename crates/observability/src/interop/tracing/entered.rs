//! Which spans of `tracing` are entered on a thread, and the scopes that they opened.
//!
//! Position: between the layer and the context stack.
//!
//! Invariants: a span is left in whatever order; what a poll has closed meanwhile is forgotten; a scope
//! that cannot be noted, because the thread is ending, is closed at once.

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
    let noted = ENTERED.try_with(|entered| {
        let mut entered = entered.try_borrow_mut().ok()?;
        while entered.pop_if(|(_, before)| !holds(*before)).is_some() {}
        entered.push((span, position));
        Some(())
    });
    if !matches!(noted, Ok(Some(()))) {
        pop(position);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, context::push};
    use std::{
        cell::OnceCell,
        sync::mpsc::{SyncSender, sync_channel},
        thread,
    };

    struct EntersAtEnd(SyncSender<bool>);

    impl Drop for EntersAtEnd {
        fn drop(&mut self) {
            let position = push(Context::default());
            enter((0, 1), position);
            let _sent = self.0.send(holds(position)).is_ok();
        }
    }

    thread_local! {
        static AT_END: OnceCell<EntersAtEnd> = const { OnceCell::new() };
    }

    #[test]
    fn a_span_entered_when_its_thread_ends_leaves_no_scope_open() {
        let (tell, told) = sync_channel(1);
        let thread = thread::Builder::new().spawn(move || {
            // First here, hence destroyed after the list of what is entered.
            AT_END.with(|at_end| assert!(at_end.set(EntersAtEnd(tell)).is_ok()));
            enter((0, 0), push(Context::default()));
            exit((0, 0));
        });
        thread.unwrap().join().unwrap();
        assert_eq!(told.recv(), Ok(false));
    }
}
