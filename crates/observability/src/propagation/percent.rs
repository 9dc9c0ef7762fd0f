//! Percent-encoding, as the values of baggage have it in every format.
//!
//! Position: below [`super::baggage`] and [`super::jaeger`].
//!
//! Invariant: what is written is printable ASCII without a blank, `"`, `,`, `;`, `\` or bare `%`.
//!
//! Source: RFC 3986, section 2.1; W3C Baggage, 3.2.1.3 "value".

use std::borrow::Cow;

const UPPER_HEX: [u8; 16] = *b"0123456789ABCDEF";

/// Whether a byte stands for itself in an encoded value.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'%' | b',' | b';' | b'\\')
}

/// Appends `value` with every byte that is not plain as `%` and two digits.
pub(super) fn push_encoded(text: &mut String, value: &str) {
    if value.bytes().all(is_plain) {
        text.push_str(value);
        return;
    }
    for byte in value.bytes() {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(UPPER_HEX[usize::from(byte >> 4)]));
            text.push(char::from(UPPER_HEX[usize::from(byte & 0x0f)]));
        }
    }
}

/// The text that `value` stands for. A `%` without two hex digits is kept as it is, and bytes that
/// are no UTF-8 become U+FFFD.
pub(super) fn decode(value: &str) -> Cow<'_, str> {
    let Some(first) = value.find('%') else {
        return Cow::Borrowed(value);
    };
    let mut bytes = Vec::with_capacity(value.len());
    bytes.extend_from_slice(&value.as_bytes()[..first]);
    let mut rest = &value.as_bytes()[first..];
    while let [byte, tail @ ..] = rest {
        let (decoded, tail) = decode_first(tail)
            .filter(|_| *byte == b'%')
            .unwrap_or((*byte, tail));
        bytes.push(decoded);
        rest = tail;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The byte that two hex digits of either case at the start of `digits` stand for, and the rest.
fn decode_first(digits: &[u8]) -> Option<(u8, &[u8])> {
    let (pair, rest) = digits.split_first_chunk::<2>()?;
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    let byte = u8::try_from(high? << 4 | low?).ok()?;
    Some((byte, rest))
}
