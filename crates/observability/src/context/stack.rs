//! The scopes that are open on a thread, innermost last.
//!
//! Position: below everything that makes a context current: guards, closures, polls.
//!
//! Invariants:
//! - the last entry is always open: a scope that closes out of order is marked, and taken off when
//!   everything above it is gone;
//! - a poll and a closure leave the stack as they found it, whatever guards were forgotten or kept.

#[cfg(feature = "opentelemetry_0_33")]
mod foreign;

#[cfg(feature = "opentelemetry_0_33")]
pub(crate) use foreign::{leave_foreign, push_foreign, renew_mirror};

#[cfg(feature = "tracing")]
use super::Baggage;
use super::{Context, counterpart::Counterpart, current::NONE};
use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
};

#[derive(Debug)]
struct Scope {
    /// [`CLOSED`] once it is to be taken off.
    serial: u64,
    /// Whether the context was changed inside.
    is_changed: bool,
    counterpart: Counterpart,
    context: Context,
}

impl Scope {
    #[inline]
    fn is_open(&self) -> bool {
        self.serial != CLOSED
    }

    /// Whether the scope means nothing to anybody but us.
    #[inline]
    fn is_native(&self) -> bool {
        matches!(self.counterpart, Counterpart::None)
    }
}

/// Stands for the serial number of a scope that has closed below others.
const CLOSED: u64 = 0;
/// Stands for the index of an inert scope.
const INERT: usize = usize::MAX - 1;

/// A scope that is yet to be filled. As a constant, whose bytes are mostly the same: what is put together
/// field by field is copied once more.
const EMPTY: Scope = Scope {
    serial: CLOSED,
    is_changed: false,
    counterpart: Counterpart::None,
    context: NONE,
};

/// Where a scope lies on its thread's stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    index: usize,
    serial: u64,
}

#[cfg(feature = "tracing")]
impl Position {
    /// Whether a scope that has just been opened lies where this one was, or below: this one is closed then.
    #[inline]
    pub(crate) fn is_taken_by(self, opened: Self) -> bool {
        self.index >= opened.index
    }
}

thread_local! {
    static SCOPES: ManuallyDrop<RefCell<Vec<Scope>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
    static NEXT_SERIAL: Cell<u64> = const { Cell::new(CLOSED + 1) };
    /// How many inert scopes are open.
    static INERT_DEPTH: Cell<u64> = const { Cell::new(0) };
    /// The inert scope that took the lowest place, counted from 1; 0 where none did.
    static INERT_PLACE: Cell<u64> = const { Cell::new(0) };
    static AT_EXIT: AtExit = const { AtExit };
}

/// Frees the stack when the thread ends; the stack itself has no destructor, for speed.
struct AtExit;

impl Drop for AtExit {
    fn drop(&mut self) {
        SCOPES.with(|scopes| {
            if let Ok(mut scopes) = scopes.try_borrow_mut() {
                INERT_PLACE.set(0);
                drop(std::mem::take(&mut *scopes));
            }
        });
    }
}

/// Whether the calling code has no context at all.
#[inline]
pub(crate) fn no_scope_is_open() -> bool {
    SCOPES.with(|scopes| scopes.try_borrow().is_ok_and(|scopes| scopes.is_empty()))
}

/// Reads the innermost context.
#[inline]
pub(crate) fn with_top<R>(read: impl FnOnce(Option<&Context>) -> R) -> R {
    SCOPES.with(|scopes| {
        let scopes = scopes.try_borrow().ok();
        let top = scopes.as_ref().and_then(|scopes| scopes.last());
        read(top.map(|scope| &scope.context))
    })
}

/// Changes the innermost context; `None` where there is no scope.
pub(crate) fn with_top_mut<R>(change: impl FnOnce(&mut Context) -> R) -> Option<R> {
    let inert_depth = INERT_DEPTH.get();
    if inert_depth > 0 && with_top(|top| top.is_none()) {
        push(Context::default());
        INERT_PLACE.set(inert_depth);
    }
    SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        scopes.last_mut().map(|scope| {
            scope.is_changed = true;
            change(&mut scope.context)
        })
    })
}

/// Opens a scope.
#[inline]
pub(crate) fn push(context: Context) -> Position {
    let counterpart = Counterpart::of(&context);
    place(context, counterpart)
}

/// Opens a scope whose context `fill` makes of the one below, in the place where it stays.
///
/// `None`, and nothing is opened, where `fill` says so, and where others are to see the scope.
#[expect(clippy::inline_always, reason = "the hottest path, in its only caller")]
#[inline(always)]
pub(crate) fn push_filled<R>(
    fill: impl FnOnce(Option<&Context>, &mut Context) -> Option<R>,
) -> Option<(R, Position)> {
    if Counterpart::is_wanted() {
        return None;
    }
    push_fresh(|below, fresh| fill(below, &mut fresh.context))
}

/// The same of the whole scope, whoever is to see it.
#[expect(clippy::inline_always, reason = "the hottest path, in its few callers")]
#[inline(always)]
fn push_fresh<R>(
    fill: impl FnOnce(Option<&Context>, &mut Scope) -> Option<R>,
) -> Option<(R, Position)> {
    let serial = NEXT_SERIAL.get();
    NEXT_SERIAL.set(serial + 1);
    SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        if scopes.len() == scopes.capacity() {
            make_room(&mut scopes);
        }
        scopes.push(EMPTY);
        let (fresh, below) = scopes.split_last_mut()?;
        fresh.serial = serial;
        let filled = fill(below.last().map(|scope| &scope.context), fresh);
        let index = below.len();
        if filled.is_none() {
            scopes.truncate(index);
        }
        Some((filled?, Position { index, serial }))
    })
}

#[cold]
fn make_room(scopes: &mut Vec<Scope>) {
    // After the thread's destructors the few bytes of the stack are not freed again.
    let _registered = AT_EXIT.try_with(|_| ()).is_ok();
    scopes.reserve(16);
}

/// Opens a scope with nothing in it, which takes a place on the stack only once it is given baggage.
///
/// This is what a span costs where no recorder is installed. No scope is open.
#[inline]
pub(crate) fn push_inert() -> Position {
    let depth = INERT_DEPTH.get() + 1;
    INERT_DEPTH.set(depth);
    Position {
        index: INERT,
        serial: depth,
    }
}

/// Leaves an inert scope, and with it the place that it may have taken.
#[inline]
fn pop_inert(depth: u64) {
    INERT_DEPTH.set(INERT_DEPTH.get().min(depth - 1));
    if INERT_PLACE.get() >= depth {
        pop_place_of_inert();
    }
}

#[cold]
fn pop_place_of_inert() {
    INERT_PLACE.set(0);
    let lowest = SCOPES.with(|scopes| {
        let scopes = scopes.try_borrow().ok()?;
        scopes.first().map(|scope| scope.serial)
    });
    if let Some(serial) = lowest {
        pop_ordinary(Position { index: 0, serial });
    }
}

/// Opens the scope of a poll with `context`, to be closed by [`leave_poll`].
#[inline]
pub(super) fn enter_poll(context: &mut Context) -> Position {
    let swap = |_: Option<&Context>, fresh: &mut Context| {
        std::mem::swap(fresh, context);
        Some(())
    };
    match push_filled(swap) {
        Some(((), position)) => position,
        None => push(std::mem::take(context)),
    }
}

#[inline]
fn place(context: Context, counterpart: Counterpart) -> Position {
    let serial = NEXT_SERIAL.get();
    NEXT_SERIAL.set(serial + 1);
    SCOPES.with(|scopes| {
        let Ok(mut scopes) = scopes.try_borrow_mut() else {
            return Position {
                index: usize::MAX,
                serial,
            };
        };
        if scopes.capacity() == 0 {
            make_room(&mut scopes);
        }
        scopes.push(Scope {
            serial,
            is_changed: false,
            counterpart,
            context,
        });
        Position {
            index: scopes.len() - 1,
            serial,
        }
    })
}

/// Closes a scope, in whatever order; does nothing when it is gone already.
#[inline]
pub(crate) fn pop(position: Position) {
    if position.index == INERT {
        pop_inert(position.serial);
    } else {
        pop_ordinary(position);
    }
}

/// The same for the scope of a span that may be entered again: returns its baggage, if that was changed.
#[cfg(feature = "tracing")]
#[inline]
pub(crate) fn pop_changed(position: Position) -> Option<Baggage> {
    let mut changed = None;
    pop_after(position, |scope| {
        changed = scope.is_changed.then(|| scope.context.baggage.clone());
    });
    changed
}

fn pop_ordinary(position: Position) {
    pop_after(position, |_| ());
}

#[inline]
fn pop_after(position: Position, look: impl FnOnce(&Scope)) {
    // Gone at the end, not while the stack is borrowed: that a mirror goes is reported back to the
    // stack.
    let _counterpart = SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        let last = scopes.len().checked_sub(1)?;
        let scope = scopes.get_mut(position.index)?;
        if scope.serial != position.serial {
            return None;
        }
        look(scope);
        scope.serial = CLOSED;
        let counterpart = std::mem::take(&mut scope.counterpart);
        if position.index == last {
            scopes.truncate(last);
            drop_closed(&mut scopes);
        }
        Some(counterpart)
    });
}

/// Takes off what was forgotten above a scope that is about to end with the closure it was opened for.
#[inline]
pub(crate) fn leave_forgotten(position: Position) {
    let above = position.index.saturating_add(1);
    let is_left = SCOPES.with(|scopes| scopes.try_borrow().is_ok_and(|s| s.len() > above));
    if is_left {
        take_above(position);
    }
}

#[cold]
fn take_above(position: Position) {
    // Gone at the end, as in `pop`.
    let _gone = SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        let scope = scopes.get(position.index)?;
        (scope.serial == position.serial).then(|| Above(scopes.split_off(position.index + 1)))
    });
}

#[inline]
fn drop_closed(scopes: &mut Vec<Scope>) {
    while scopes.last().is_some_and(|scope| !scope.is_open()) {
        scopes.truncate(scopes.len() - 1);
    }
}

/// Closes the scope of a poll and everything that was left open above it; puts its context, with the
/// changes that were made to it, back into `context`.
pub(super) fn leave_poll(position: Position, context: &mut Context) {
    let is_done = SCOPES.with(|scopes| {
        let Ok(mut scopes) = scopes.try_borrow_mut() else {
            return true;
        };
        let is_last = scopes.len() == position.index + 1;
        match scopes.last_mut() {
            Some(scope) if is_last && scope.is_native() && scope.serial == position.serial => {
                *context = std::mem::take(&mut scope.context);
                scopes.truncate(position.index);
                drop_closed(&mut scopes);
                true
            }
            _ => false,
        }
    });
    if !is_done {
        leave_poll_below_others(position, context);
    }
}

/// The same, where it is not the last one, or has a counterpart.
#[cold]
fn leave_poll_below_others(position: Position, context: &mut Context) {
    // Gone at the end, as in `pop`.
    let _gone = SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        let scope = scopes.get_mut(position.index)?;
        if scope.serial != position.serial {
            return None;
        }
        std::mem::swap(&mut scope.context, context);
        let counterpart = std::mem::take(&mut scope.counterpart);
        let next = position.index + 1;
        let above = (scopes.len() > next).then(|| Above(scopes.split_off(next)));
        scopes.truncate(position.index);
        drop_closed(&mut scopes);
        Some((above, counterpart))
    });
}

/// Scopes that were left open above a poll, gone from the innermost outwards.
struct Above(Vec<Scope>);

impl Drop for Above {
    fn drop(&mut self) {
        while self.0.pop().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{get_baggage, get_tracer, set_baggage};

    #[test]
    fn baggage_works_in_spans_that_nobody_records_and_ends_with_them() {
        let tracer = get_tracer("unrecorded");
        assert!(!set_baggage("outside", "1"));
        tracer.in_scope("outer", |_| {
            tracer.in_scope("inner", |_| assert!(set_baggage("key", "value")));
            assert_eq!(get_baggage("key"), None);
            assert!(set_baggage("outer", "kept"));
            tracer.in_scope("inner", |_| {
                assert_eq!(get_baggage("outer").as_deref(), Some("kept"));
                assert!(set_baggage("key", "value"));
            });
            assert_eq!(get_baggage("key"), None);
            assert_eq!(get_baggage("outer").as_deref(), Some("kept"));
        });
        assert_eq!(get_baggage("outer"), None);
        assert!(no_scope_is_open());
    }

    #[test]
    fn unrecorded_spans_may_end_out_of_order() {
        let tracer = get_tracer("unrecorded");
        let outer = tracer.start_as_current_span("outer");
        let inner = tracer.start_as_current_span("inner");
        assert!(set_baggage("key", "value"));
        drop(outer);
        assert_eq!(
            get_baggage("key"),
            None,
            "the outer scope took everything above it along"
        );
        drop(inner);
        assert!(no_scope_is_open() && !set_baggage("key", "value"));
    }
}
