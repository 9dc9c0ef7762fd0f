//! Which spans of `tracing` are entered on a thread, and the scopes that they opened.
//!
//! Position: between the layer and the context stack.
//!
//! Invariants: a span is left in whatever order; what a poll has closed meanwhile is forgotten once another
//! scope takes its place, so that no more is noted than scopes lie on the stack; a scope that cannot be
//! noted, because the thread is ending, is closed at once.

use crate::context::{Baggage, Position, pop, pop_changed};
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
        while entered
            .pop_if(|(_, before)| before.is_taken_by(position))
            .is_some()
        {}
        entered.push((span, position));
        Some(())
    });
    if !matches!(noted, Ok(Some(()))) {
        pop(position);
    }
}

/// Leaves a span, the innermost entry of it; returns its baggage if that was changed inside.
#[inline]
pub(super) fn exit(span: Owner) -> Option<Baggage> {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.try_borrow_mut().ok()?;
        if let Some((_, position)) = entered.pop_if(|(last, _)| *last == span) {
            return Some(position);
        }
        let at = entered.iter().rposition(|(entered, _)| *entered == span)?;
        Some(entered.remove(at).1)
    });
    pop_changed(left.ok().flatten()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Context, FutureExt as _,
        context::{no_scope_is_open, push},
    };
    use std::{
        cell::OnceCell,
        pin::pin,
        sync::mpsc::{SyncSender, sync_channel},
        task::{self, Waker},
        thread,
    };

    struct EntersAtEnd(SyncSender<bool>);

    impl Drop for EntersAtEnd {
        fn drop(&mut self) {
            let position = push(Context::default());
            enter((0, 1), position);
            let _sent = self.0.send(!no_scope_is_open()).is_ok();
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
            assert!(exit((0, 0)).is_none());
        });
        thread.unwrap().join().unwrap();
        assert_eq!(told.recv(), Ok(false));
    }

    #[test]
    fn what_polls_have_closed_is_not_kept_for_good() {
        for span in 0..100 {
            let left_entered = async {
                enter((0, span), push(Context::default()));
            };
            let mut poll = pin!(left_entered.with_context(Context::default()));
            let ready = poll
                .as_mut()
                .poll(&mut task::Context::from_waker(Waker::noop()));
            assert!(ready.is_ready());
        }
        assert_eq!(ENTERED.with_borrow(Vec::len), 1);
        assert!(exit((0, 99)).is_none() && no_scope_is_open());
    }
}
