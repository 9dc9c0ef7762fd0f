//! The tokens of a scrubbed statement, put together again.
//!
//! Position: filled by the scanner, token by token.
//!
//! Invariants: tokens that were apart are one space apart; once a token does not fit, none follows.

use super::MAX_OUTPUT_BYTES;

/// A scrubbed statement that grows.
#[derive(Debug, Default)]
pub(super) struct Output {
    text: String,
    /// A space is due before the next token.
    gap: bool,
    full: bool,
    after_in: bool,
    /// Where the list after `IN` starts, as long as it holds nothing but `?` and commas.
    list: Option<usize>,
}

impl Output {
    /// Room for all that can come out of so many bytes, spaces that are added apart.
    pub(super) fn for_input(len: usize) -> Self {
        Self {
            text: String::with_capacity(len.min(MAX_OUTPUT_BYTES)),
            ..Self::default()
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn gap(&mut self) {
        self.gap = true;
    }

    /// Adds a name, a keyword or a parameter.
    pub(super) fn token(&mut self, token: &str) {
        self.push(token);
        self.list = None;
        self.after_in = token.eq_ignore_ascii_case("in");
    }

    /// Adds the stand-in for a literal; in a list after `IN`, one for all.
    pub(super) fn literal(&mut self) {
        if let Some(start) = self.list
            && !self.full
        {
            self.text.truncate(start);
            self.gap = false;
        }
        self.push("?");
        self.after_in = false;
    }

    pub(super) fn symbol(&mut self, symbol: char) {
        self.gap &= symbol != ')' || self.list.is_none();
        self.push(symbol.encode_utf8(&mut [0; 4]));
        self.list = match symbol {
            '(' if self.after_in => Some(self.text.len()),
            ',' => self.list,
            _ => None,
        };
        self.after_in = false;
    }

    fn push(&mut self, token: &str) {
        let gap = std::mem::take(&mut self.gap) && !self.text.is_empty();
        self.full |= self.text.len() + usize::from(gap) + token.len() > MAX_OUTPUT_BYTES;
        if self.full {
            return;
        }
        if gap {
            self.text.push(' ');
        }
        self.text.push_str(token);
    }
}
