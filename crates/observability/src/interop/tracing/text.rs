//! Text that the program's own `Debug` and `Display` make, appended to a buffer that is used again.
//!
//! Position: below [`super::fields`].
//!
//! Invariants: code of the program's runs guarded, and what it writes before a panic is taken back; a
//! text ends after [`MAX_TEXT_BYTES`], between two characters.

use std::{
    error::Error,
    fmt::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// The longest text of one field.
pub(super) const MAX_TEXT_BYTES: usize = 64 << 10;
/// A buffer that is larger than this gives its memory back.
const KEEP_BYTES: usize = 128 << 10;
/// Causes of an error that are told at most.
const MAX_CAUSES: usize = 16;

/// Where a text lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Texts one behind the other.
#[derive(Debug, Default)]
pub(super) struct Texts(String);

impl Texts {
    pub(super) fn clear(&mut self) {
        self.0.clear();
        if self.0.capacity() > KEEP_BYTES {
            self.0 = String::new();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) fn get(&self, place: Place) -> &str {
        self.0.get(place.start..place.end).unwrap_or_default()
    }

    /// Appends a text and returns where it lies.
    #[inline]
    pub(super) fn push(&mut self, text: &str) -> Place {
        let start = self.0.len();
        let end = text.floor_char_boundary(MAX_TEXT_BYTES);
        self.0.push_str(text.get(..end).unwrap_or(text));
        self.since(start)
    }

    /// Appends what the program makes of a value.
    pub(super) fn write(&mut self, made: fmt::Arguments<'_>) -> Place {
        self.guarded(|out| out.write_fmt(made))
    }

    /// Appends the chain of what caused an error.
    pub(super) fn write_causes(&mut self, error: &(dyn Error + 'static)) -> Place {
        self.guarded(|out| {
            let mut between = "caused by: ";
            let mut cause = error.source();
            for _ in 0..MAX_CAUSES {
                let Some(error) = cause else { break };
                write!(out, "{between}{error}")?;
                between = "\ncaused by: ";
                cause = error.source();
            }
            Ok(())
        })
    }

    fn since(&self, start: usize) -> Place {
        Place {
            start,
            end: self.0.len(),
        }
    }

    fn guarded(&mut self, write: impl FnOnce(&mut Limited<'_>) -> fmt::Result) -> Place {
        let start = self.0.len();
        let mut out = Limited {
            end: start + MAX_TEXT_BYTES,
            out: &mut self.0,
        };
        // An error says that the text is long enough.
        if catch_unwind(AssertUnwindSafe(|| write(&mut out))).is_err() {
            self.0.truncate(start);
        }
        self.since(start)
    }
}

/// Writes until the buffer has `end` bytes.
struct Limited<'a> {
    out: &'a mut String,
    end: usize,
}

impl fmt::Write for Limited<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.end.saturating_sub(self.out.len());
        if text.len() <= room {
            self.out.push_str(text);
            return Ok(());
        }
        self.out.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_has_no_end_is_cut_between_characters() {
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("xäö")?;
                }
            }
        }
        let mut texts = Texts::default();
        let before = texts.push("before");
        let endless = texts.write(format_args!("{Endless}"));
        let after = texts.push(&"ä".repeat(MAX_TEXT_BYTES));
        assert_eq!(texts.get(before), "before");
        assert!((MAX_TEXT_BYTES - 2..=MAX_TEXT_BYTES).contains(&(endless.end - endless.start)));
        assert_eq!(after.end - after.start, MAX_TEXT_BYTES);
    }

    #[test]
    fn what_is_written_before_a_panic_is_taken_back() {
        struct Hostile;
        impl fmt::Display for Hostile {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                panic!("the text of a field");
            }
        }
        let mut texts = Texts::default();
        let hostile = texts.write(format_args!("{Hostile}"));
        let next = texts.push("next");
        assert_eq!((texts.get(hostile), texts.get(next)), ("", "next"));
    }
}
