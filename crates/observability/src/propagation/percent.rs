//! Percent-encoding: of baggage in every format, and wherever else a text comes encoded.
//!
//! Position: below [`super::baggage`] and [`super::jaeger`]; lists of the configuration, URLs and
//! the messages of gRPC are decoded here too.
//!
//! Invariant: what is written is printable ASCII without a blank, `"`, `,`, `;`, `\` or bare `%`.
//!
//! Source: RFC 3986, section 2.1; W3C Baggage, 3.2.1.3 "value".

use std::borrow::Cow;

const UPPER_HEX: [u8; 16] = *b"0123456789ABCDEF";

/// The bytes that stand for themselves in an encoded value.
const PLAIN: [bool; 256] = plain();

const fn plain() -> [bool; 256] {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'"' | b'%' | b',' | b';' | b'\\');
        byte += 1;
    }
    plain
}

/// Whether a byte stands for itself in an encoded value.
#[inline]
pub(super) const fn is_plain(byte: u8) -> bool {
    PLAIN[byte as usize]
}

/// Appends `value` with every byte that is not plain as `%` and two digits.
#[inline]
pub(super) fn push_encoded(text: &mut String, value: &str) {
    if value.bytes().all(is_plain) {
        text.push_str(value);
    } else {
        encode(text, value);
    }
}

#[cold]
fn encode(text: &mut String, value: &str) {
    let encoded = value.bytes().filter(|byte| !is_plain(*byte)).count();
    text.reserve(value.len() + 2 * encoded);
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
pub(crate) fn decode(value: &str) -> Cow<'_, str> {
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    Cow::Owned(String::from_utf8_lossy(&decoded_bytes(value)).into_owned())
}

/// The text that `value` stands for; `None` for a `%` without two hex digits after it, and for bytes
/// that are no UTF-8.
pub(crate) fn decode_exactly(value: &str) -> Option<String> {
    let mut escapes = value.split('%').skip(1);
    let is_exact = escapes.all(|rest| decode_first(rest.as_bytes()).is_some());
    String::from_utf8(decoded_bytes(value))
        .ok()
        .filter(|_| is_exact)
}

fn decoded_bytes(value: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [byte, tail @ ..] = rest {
        let (decoded, tail) = decode_first(tail)
            .filter(|_| *byte == b'%')
            .unwrap_or((*byte, tail));
        bytes.push(decoded);
        rest = tail;
    }
    bytes
}

/// The byte that two hex digits of either case at the start of `digits` stand for, and the rest.
fn decode_first(digits: &[u8]) -> Option<(u8, &[u8])> {
    let (pair, rest) = digits.split_first_chunk::<2>()?;
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    let byte = u8::try_from(high? << 4 | low?).ok()?;
    Some((byte, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_escape_is_kept_or_refused() {
        let rows = [
            ("a%20b", "a b", true),
            ("%C3%a9", "é", true),
            ("100%", "100%", false),
            ("%2", "%2", false),
            ("%zz%20", "%zz ", false),
            ("%+1", "%+1", false),
            ("%FF", "\u{fffd}", false),
        ];
        for (text, expected, is_exact) in rows {
            assert_eq!(decode(text), expected, "{text}");
            let exactly = is_exact.then(|| expected.to_owned());
            assert_eq!(decode_exactly(text), exactly, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_again(text in any::<String>()) {
            let mut encoded = String::new();
            push_encoded(&mut encoded, &text);
            prop_assert_eq!(decode(&encoded), text.as_str());
            prop_assert_eq!(decode_exactly(&encoded), Some(text));
        }

        #[test]
        fn any_text_is_decoded_to_some_text(text in "[%0-9a-zé]{0,20}") {
            let decoded = decode(&text);
            if let Some(exactly) = decode_exactly(&text) {
                prop_assert_eq!(decoded.as_ref(), exactly);
            }
            if !text.contains('%') {
                prop_assert_eq!(decoded.as_ref(), text.as_str());
            }
        }
    }
}
