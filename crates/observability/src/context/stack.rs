//! The scopes that are open on a thread, innermost last.
//!
//! Position: below everything that makes a context current: guards, closures, polls.
//!
//! Invariants:
//! - the last entry is always open: a scope that closes out of order is marked, and taken off when
//!   everything above it is gone;
//! - a poll leaves the stack as it found it, whatever guards the future forgot or kept.

use super::Context;
use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
};

#[derive(Debug)]
struct Scope {
    serial: u64,
    open: bool,
    is_poll: bool,
    context: Context,
}

/// Where a scope lies on its thread's stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    index: usize,
    serial: u64,
}

thread_local! {
    static SCOPES: ManuallyDrop<RefCell<Vec<Scope>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
    static NEXT_SERIAL: Cell<u64> = const { Cell::new(0) };
    static AT_EXIT: AtExit = const { AtExit };
}

/// Frees the stack when the thread ends; the stack itself has no destructor, for speed.
struct AtExit;

impl Drop for AtExit {
    fn drop(&mut self) {
        SCOPES.with(|scopes| {
            if let Ok(mut scopes) = scopes.try_borrow_mut() {
                drop(std::mem::take(&mut *scopes));
            }
        });
    }
}

/// Reads the innermost context.
#[inline]
pub(crate) fn with_top<R>(read: impl FnOnce(Option<&Context>) -> R) -> R {
    SCOPES.with(|scopes| match scopes.try_borrow() {
        Ok(scopes) => read(scopes.last().map(|scope| &scope.context)),
        Err(_) => read(None),
    })
}

/// Changes the innermost context; `None` where there is no scope.
pub(crate) fn with_top_mut<R>(change: impl FnOnce(&mut Context) -> R) -> Option<R> {
    SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        scopes.last_mut().map(|scope| change(&mut scope.context))
    })
}

/// Opens a scope.
#[inline]
pub(crate) fn push(context: Context) -> Position {
    push_scope(context, false)
}

/// Opens a scope with nothing in it, so that baggage has a place.
#[inline]
pub(crate) fn push_empty() -> Position {
    push_scope(Context::default(), false)
}

/// Opens the scope of a poll, to be closed by [`leave_poll`].
pub(super) fn enter_poll(context: Context) -> Position {
    push_scope(context, true)
}

#[inline]
fn push_scope(context: Context, is_poll: bool) -> Position {
    let serial = NEXT_SERIAL.get();
    NEXT_SERIAL.set(serial + 1);
    SCOPES.with(|scopes| {
        let Ok(mut scopes) = scopes.try_borrow_mut() else {
            return Position { index: usize::MAX, serial };
        };
        if scopes.capacity() == 0 {
            // After the thread's destructors the few bytes of the stack are not freed again.
            let _registered = AT_EXIT.try_with(|_| ()).is_ok();
            scopes.reserve(16);
        }
        scopes.push(Scope { serial, open: true, is_poll, context });
        Position { index: scopes.len() - 1, serial }
    })
}

/// Closes a scope, in whatever order; does nothing when it is gone already.
#[inline]
pub(crate) fn pop(position: Position) {
    let gone = SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        let last = scopes.len().checked_sub(1)?;
        let scope = scopes.get_mut(position.index)?;
        if scope.serial != position.serial {
            return None;
        }
        if position.index < last {
            scope.open = false;
            return None;
        }
        let gone = scopes.pop();
        drop_closed(&mut scopes);
        gone
    });
    drop(gone);
}

fn drop_closed(scopes: &mut Vec<Scope>) {
    while scopes.last().is_some_and(|scope| !scope.open) {
        scopes.pop();
    }
}

/// Closes the scope of a poll and everything that was left open above it; returns its context with
/// the changes that were made to it.
pub(super) fn leave_poll(position: Position) -> Option<Context> {
    SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        let found = scopes.get(position.index)?.serial == position.serial;
        if !found {
            return None;
        }
        let scope = scopes.drain(position.index..).next();
        drop_closed(&mut scopes);
        scope.filter(|scope| scope.is_poll).map(|scope| scope.context)
    })
}
