//! Attributes of a span in progress, read back.
//!
//! Position: for what is made of a span besides the span itself: metrics, log records.
//!
//! Invariant: what is read is what leaves the process: without secrets, and within the limits.

use super::SpanBody;
#[cfg(feature = "metrics")]
use crate::recorder::RecordHeader;
use crate::span::encode::read_varint;

/// The fields of an `AnyValue`.
const TEXT: u8 = 1 << 3 | 2;
#[cfg(feature = "metrics")]
const TRUTH: u8 = 2 << 3;
#[cfg(feature = "metrics")]
const INTEGER: u8 = 3 << 3;

impl SpanBody {
    /// The value of an attribute that is a text.
    pub(crate) fn text_attribute(&self, key: &str) -> Option<&str> {
        let (kind, rest) = self.value_of(key)?;
        let mut at = 0;
        let len = usize::try_from(read_varint(rest, &mut at)?).ok()?;
        let text = rest.get(at..at + len).filter(|_| kind == TEXT)?;
        str::from_utf8(text).ok()
    }

    /// The value of an attribute that is a whole number.
    #[cfg(feature = "metrics")]
    pub(crate) fn integer_attribute(&self, key: &str) -> Option<i64> {
        let (_, rest) = self.value_of(key).filter(|(kind, _)| *kind == INTEGER)?;
        read_varint(rest, &mut 0).map(u64::cast_signed)
    }

    /// The value of an attribute that is true or false.
    #[cfg(feature = "metrics")]
    pub(crate) fn truth_attribute(&self, key: &str) -> Option<bool> {
        let (_, rest) = self.value_of(key).filter(|(kind, _)| *kind == TRUTH)?;
        rest.first().map(|byte| *byte != 0)
    }

    /// Whether the trace is kept is decided when its local root has ended.
    #[cfg(feature = "metrics")]
    pub(crate) fn is_undecided(&self) -> bool {
        let header = self.buffer.as_slice().first_chunk();
        header.is_some_and(|header| RecordHeader::read(header).undecided)
    }

    /// The encoded value of an attribute: which field of `AnyValue` it is, and what follows.
    fn value_of(&self, key: &str) -> Option<(u8, &[u8])> {
        let attribute = self.find_attribute(key.as_bytes())?;
        let bytes = self.buffer.as_slice().get(attribute)?;
        let mut at = 1;
        let _len = read_varint(bytes, &mut at)?;
        at += 1;
        let key_len = usize::try_from(read_varint(bytes, &mut at)?).ok()?;
        at += key_len + 1;
        let _value_len = read_varint(bytes, &mut at)?;
        let (kind, rest) = bytes.get(at..)?.split_first()?;
        Some((*kind, rest))
    }
}
