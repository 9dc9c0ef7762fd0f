//! One line of a tree: coloured pieces within a width.
//!
//! Position: under [`render_tree`](super::render_tree).
//!
//! Invariant: text from spans is escaped before it gets here or by [`push_value`]; colour codes do
//! not count as width.

use std::fmt::{self, Write as _};

use super::{
    super::{AnyValue, escape::push_escaped},
    Palette,
    width::{columns, cut},
};
use crate::context::hex;

/// What is shown of a long value at least; without that much, the attribute is left out.
const MIN_VALUE_COLUMNS: usize = 12;

/// Says that there are more attributes.
const MORE: &str = " …";

/// Which attributes are shown where there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Those of an event: what it is comes before its details.
    First,
    /// Those of a span: what came out is set after what went in.
    Last,
}

/// How a piece of a line looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Bold,
    Dim,
    Red,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Red => "\x1b[31m",
        }
    }
}

/// Collects pieces; what does not fit is cut, shown by an ellipsis.
#[derive(Debug)]
pub(super) struct Line<'a> {
    out: &'a mut String,
    palette: Palette,
    left: usize,
    reserved: usize,
}

impl<'a> Line<'a> {
    pub(super) fn begin(out: &'a mut String, palette: Palette, width: usize) -> Self {
        Self {
            out,
            palette,
            left: width,
            reserved: 0,
        }
    }

    pub(super) fn push(&mut self, paint: Paint, text: String) {
        if self.left == 0 {
            return;
        }
        let fitting = cut(text, self.left);
        self.left -= columns(&fitting).min(self.left);
        self.write(paint, &fitting);
    }

    /// For what must be read in full, such as an error.
    pub(super) fn push_whole(&mut self, paint: Paint, text: &str) {
        self.left = self.left.saturating_sub(columns(text));
        self.write(paint, text);
    }

    /// Leaves room for what is pushed at the end of the line.
    pub(super) fn reserve(&mut self, text: &str) {
        self.reserved = columns(text);
    }

    /// Where not all fits, long values are cut, so that a query does not hide its row count, and then
    /// whole attributes left out.
    pub(super) fn attributes<'s>(
        &mut self,
        attributes: impl Iterator<Item = &'s (String, AnyValue)>,
        keep: Keep,
    ) {
        let room = self.left.saturating_sub(self.reserved);
        let all: Vec<_> = attributes.map(|pair| Attribute::new(pair, room)).collect();
        let (kept, room) = match kept(&all, room, keep) {
            kept if kept.len() == all.len() => (kept, room),
            _ => {
                let room = room.saturating_sub(columns(MORE));
                (kept(&all, room, keep), room)
            }
        };
        let keys: usize = kept.iter().map(|attribute| attribute.key_columns).sum();
        let values = kept
            .iter()
            .map(|attribute| attribute.value_columns)
            .collect();
        let share = share(values, room.saturating_sub(keys));
        let text: String = kept.iter().map(|attribute| attribute.text(share)).collect();
        self.push(Paint::Dim, text);
        if kept.len() < all.len() {
            self.push(Paint::Dim, MORE.to_owned());
        }
    }

    /// Ends the line without the blanks that a missing column left behind.
    pub(super) fn end(self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }

    fn write(&mut self, paint: Paint, text: &str) {
        if self.palette == Palette::Ansi && paint != Paint::Plain && !text.trim().is_empty() {
            self.out.push_str(paint.code());
            self.out.push_str(text);
            self.out.push_str("\x1b[0m");
        } else {
            self.out.push_str(text);
        }
    }
}

/// An attribute as text, which ends where no line has room for it.
struct Attribute {
    /// A blank, the key and the equals sign.
    key: String,
    key_columns: usize,
    value: String,
    value_columns: usize,
}

impl Attribute {
    fn new((key, value): &(String, AnyValue), room: usize) -> Self {
        let (mut key_text, mut value_text) = (String::from(" "), String::new());
        push_escaped(&mut key_text, key);
        key_text.push('=');
        push_value(&mut value_text, value, room);
        Self {
            key_columns: columns(&key_text),
            key: key_text,
            value_columns: columns(&value_text),
            value: value_text,
        }
    }

    fn min_columns(&self) -> usize {
        self.key_columns + self.value_columns.min(MIN_VALUE_COLUMNS)
    }

    fn text(&self, value_columns: usize) -> String {
        self.key.clone() + &cut(self.value.clone(), value_columns)
    }
}

/// As many as there is room for, in their own order.
fn kept(all: &[Attribute], mut room: usize, keep: Keep) -> Vec<&Attribute> {
    let mut take = |attribute: &&Attribute| {
        let needed = attribute.min_columns();
        let fits = needed <= room;
        room -= if fits { needed } else { 0 };
        fits
    };
    match keep {
        Keep::First => all.iter().filter(&mut take).collect(),
        Keep::Last => {
            let mut kept: Vec<_> = all.iter().rev().filter(&mut take).collect();
            kept.reverse();
            kept
        }
    }
}

/// The most columns that each of the texts may take so that all of them fit: those that need less
/// leave what they do not need to the others.
fn share(mut columns: Vec<usize>, mut room: usize) -> usize {
    columns.sort_unstable();
    let count = columns.len();
    for (index, needed) in columns.into_iter().enumerate() {
        let share = room / (count - index);
        if needed > share {
            return share;
        }
        room -= needed;
    }
    usize::MAX
}

/// Appends a value on one line, in quotes where it would run into its neighbours. Stops soon after
/// `room` characters, so that a huge value costs no more than what is shown of it.
fn push_value(out: &mut String, value: &AnyValue, room: usize) {
    match value {
        AnyValue::Empty => out.push_str("null"),
        AnyValue::String(text) => push_text(out, text, room),
        AnyValue::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        AnyValue::Int(int) => push(out, format_args!("{int}")),
        AnyValue::Double(double) => push(out, format_args!("{double:?}")),
        AnyValue::Bytes(bytes) => {
            out.push_str("0x");
            out.push_str(&hex(bytes.get(..room).unwrap_or(bytes)));
        }
        AnyValue::Array(items) => {
            out.push('[');
            push_list(out, items, room, push_value);
            out.push(']');
        }
        AnyValue::Map(entries) => {
            out.push('{');
            push_list(out, entries, room, |out, (key, value), room| {
                push_escaped(out, key);
                out.push('=');
                push_value(out, value, room);
            });
            out.push('}');
        }
    }
}

fn push(out: &mut String, value: fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(value);
}

fn push_list<T>(out: &mut String, items: &[T], room: usize, push: fn(&mut String, &T, usize)) {
    for (index, item) in items.iter().take(room).enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        push(out, item, room);
    }
}

fn push_text(out: &mut String, text: &str, room: usize) {
    let end = text
        .char_indices()
        .nth(room.saturating_add(1))
        .map_or(text.len(), |(at, _)| at);
    let shown = text.get(..end).unwrap_or_default();
    let bare = !shown.is_empty()
        && !shown.contains(|char: char| char.is_whitespace() || "\"=,[]{}".contains(char));
    if bare {
        push_escaped(out, shown);
    } else {
        out.push('"');
        push_escaped(out, &shown.replace('\\', "\\\\").replace('"', "\\\""));
        out.push('"');
    }
}
