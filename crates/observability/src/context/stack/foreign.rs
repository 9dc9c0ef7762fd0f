//! The scopes of API contexts that other code attaches to the `opentelemetry` API's own stack.
//!
//! Position: called by the observer of the API's contexts; the counterpart of the mirrors that
//! native scopes have over there.
//!
//! Invariant: foreign scopes are closed by the API's events only, native ones never.

use super::{Context, Counterpart, SCOPES, Scope, drop_closed, push_fresh};
use crate::context::SpanId;

/// Opens a scope for an API context that other code attaches; `fill` makes its context, fresh as it is, in the
/// place where it stays, and is shown the one below.
#[inline]
pub(crate) fn push_foreign(fill: impl FnOnce(Option<&Context>, &mut Context)) {
    let _position = push_fresh(|below, fresh| {
        fresh.counterpart = Counterpart::Foreign;
        fill(below, &mut fresh.context);
        Some(())
    });
}

/// Closes the scopes of API contexts that are no longer attached.
///
/// The API says no more than that the context with the span `to` is current now and that the one
/// with the span `left` is not any more (`None`: it was a mirror). What was detached out of order
/// further down goes without a word. So the foreign scopes on top close, down to where `to` is.
pub(crate) fn leave_foreign(left: Option<SpanId>, to: SpanId) {
    SCOPES.with(|scopes| {
        let Ok(mut scopes) = scopes.try_borrow_mut() else {
            return;
        };
        let height = match &scopes[..] {
            [] => return,
            [.., top] if top.is_open_and_ours() => return,
            // Mostly: what was attached last is detached.
            [.., below, top] if top.is_of(left) && below.is_of(Some(to)) => scopes.len() - 1,
            _ => height_without(&scopes, left, to),
        };
        scopes.truncate(height);
        drop_closed(&mut scopes);
    });
}

/// Shows API code the innermost scope as it is now, should there be a mirror of it.
pub(crate) fn renew_mirror() {
    let found = SCOPES.with(|scopes| {
        let scopes = scopes.try_borrow().ok()?;
        let top = scopes.last()?;
        matches!(top.counterpart, Counterpart::Mirror { .. })
            .then(|| (top.serial, top.context.clone()))
    });
    let Some((serial, context)) = found else {
        return;
    };
    // Made, and the old one gone, while the stack is not borrowed: both are reported back to it.
    let fresh = Counterpart::of(&context);
    let _old = SCOPES.with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        let top = scopes.last_mut().filter(|top| top.serial == serial)?;
        Some(std::mem::replace(&mut top.counterpart, fresh))
    });
}

impl Scope {
    /// Whether it is closed by its own guard only.
    fn is_open_and_ours(&self) -> bool {
        self.is_open() && !matches!(self.counterpart, Counterpart::Foreign)
    }

    /// Whether it is open, and its span the one with this id.
    fn is_of(&self, span: Option<SpanId>) -> bool {
        self.is_open() && Some(self.context.span_context().span_id()) == span
    }
}

/// How many scopes remain.
fn height_without(scopes: &[Scope], left: Option<SpanId>, to: SpanId) -> usize {
    let (lowest, highest) = (
        scopes
            .iter()
            .rposition(Scope::is_open_and_ours)
            .map_or(0, |at| at + 1),
        scopes.len(),
    );
    // The span that is current when only so many scopes remain.
    let span_at = |height: usize| match height.checked_sub(1).map(|top| &scopes[top]) {
        None => Some(SpanId::INVALID),
        Some(scope) => scope
            .is_open()
            .then(|| scope.context.span_context().span_id()),
    };
    let is_to = |height: &usize| span_at(*height) == Some(to);
    if lowest < highest && left.is_some() && left == span_at(highest) {
        // The top is what was left. If nothing below is `to`, it may be that the top is: a context
        // with the same span was left whose scope a poll has taken off already.
        let stays = if is_to(&highest) {
            highest
        } else {
            highest - 1
        };
        (lowest..highest).rfind(is_to).unwrap_or(stays)
    } else {
        (lowest..=highest).rfind(is_to).unwrap_or(highest)
    }
}
