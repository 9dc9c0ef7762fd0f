//! Memory that the ready-made spans of a thread use one after the other.
//!
//! Position: under [`super::span`], which takes a list of attributes here when a span is described and
//! gives it back, with the texts in it, when the span has started.
//!
//! Invariants:
//! - in the steady state a helper allocates nothing;
//! - what is kept is empty, and bounded: one list, and [`MAX_TEXTS`] texts of [`MAX_TEXT_BYTES`].

use crate::span::Value;
use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
};

/// Attributes that a span is given at its start.
pub(super) type Attributes<'a> = Vec<(&'a str, Value<'a>)>;

/// Room for all attributes of most spans.
const USUAL_ATTRIBUTES: usize = 12;
const MAX_ATTRIBUTES: usize = 64;
const MAX_TEXTS: usize = 8;
const MAX_TEXT_BYTES: usize = 512;

thread_local! {
    static ATTRIBUTES: Cell<Attributes<'static>> = const { Cell::new(Vec::new()) };
    static TEXTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// An empty list.
#[inline]
pub(super) fn attributes<'a>() -> Attributes<'a> {
    match ATTRIBUTES.try_with(Cell::take) {
        Ok(kept) if kept.capacity() > 0 => kept,
        _ => Vec::with_capacity(USUAL_ATTRIBUTES),
    }
}

/// Empties a list, and keeps it for the next span, and the texts in it for other ones.
#[inline]
pub(super) fn keep_attributes(mut attributes: Attributes<'_>, holds_texts: bool) {
    if attributes.capacity() > MAX_ATTRIBUTES {
        return;
    }
    if holds_texts {
        keep_texts(&mut attributes);
    }
    attributes.clear();
    // Collected in place: only the lifetime of what the list may hold is another one.
    let emptied = attributes.into_iter().map_while(|_| None).collect();
    // At the end of a thread there may be no place any more.
    let _kept = ATTRIBUTES.try_with(|kept| kept.set(emptied)).is_ok();
}

fn keep_texts(attributes: &mut Attributes<'_>) {
    for (_, value) in attributes {
        if let Value::Str(text) = value {
            keep_text(std::mem::take(text));
        }
    }
}

/// An empty text.
#[inline]
pub(super) fn text() -> String {
    let kept = TEXTS.try_with(|texts| texts.try_borrow_mut().ok()?.pop());
    kept.ok().flatten().unwrap_or_default()
}

/// The parts as one text.
pub(super) fn joined<const N: usize>(parts: [&str; N]) -> String {
    let mut all = text();
    for part in parts {
        all.push_str(part);
    }
    all
}

/// Keeps the memory of a text, if it has any.
#[inline]
pub(super) fn keep_text(text: Cow<'_, str>) {
    if let Cow::Owned(mut text) = text
        && (1..=MAX_TEXT_BYTES).contains(&text.capacity())
    {
        text.clear();
        let _kept = TEXTS.try_with(|texts| match texts.try_borrow_mut() {
            Ok(mut texts) if texts.len() < MAX_TEXTS => texts.push(text),
            _ => {}
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_its_texts_come_back_empty_with_their_room() {
        let mut list = attributes();
        list.push(("key", Value::from("a text".to_owned())));
        let room = list.as_ptr();
        keep_attributes(list, true);
        let again = attributes();
        assert!(again.is_empty() && again.as_ptr().cast::<u8>() == room.cast());
        let text = text();
        assert!(text.is_empty() && text.capacity() >= 6);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        keep_attributes(Vec::with_capacity(MAX_ATTRIBUTES + 1), false);
        assert!(attributes().capacity() <= MAX_ATTRIBUTES);
        keep_text(String::with_capacity(MAX_TEXT_BYTES + 1).into());
        for _ in 0..2 * MAX_TEXTS {
            keep_text("text".to_owned().into());
        }
        let kept = std::iter::repeat_with(text).take_while(|text| text.capacity() > 0);
        assert_eq!(kept.count(), MAX_TEXTS);
    }
}
