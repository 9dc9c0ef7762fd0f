//! W3C Baggage: the `baggage` header.
//!
//! Position: between a [`carrier`](super::carrier) and a [`Baggage`].
//!
//! Values are percent-encoded, a space as `%20`; `+` is only a plus. Reading gives up member by
//! member: one that is malformed or beyond the limits is left out and counted, the others stay.
//! A `%` without two hex digits is kept as it is, since other senders forget to encode it and a
//! changed value helps nobody; bytes that are no UTF-8 become U+FFFD, as the source demands.
//!
//! Invariants:
//! - at most [`MAX_BAGGAGE_BYTES`] of header are read or written, however much a carrier holds;
//! - what is written is printable ASCII: no value can begin another member or another header.
//!
//! Source: W3C Baggage, section 3 "Baggage HTTP Header Format"; OpenTelemetry specification,
//! Baggage API, "Propagation".

use std::borrow::Cow;

use super::carrier::{Extractor, Injector};
use crate::context::{Baggage, BaggageEntry, MAX_BAGGAGE_BYTES};

/// The header with names and values of the application.
pub const BAGGAGE: &str = "baggage";

const UPPER_HEX: [u8; 16] = *b"0123456789ABCDEF";

/// Reads one `baggage` header; returns the baggage and the number of members left out.
///
/// The last of several members with the same name wins.
///
/// # Examples
///
/// ```
/// use continuum_observability::propagation::baggage::{format_baggage, parse_baggage};
///
/// let (baggage, dropped) = parse_baggage("tenant_id=user_123,plan=very%20good;ttl=60,oops");
/// assert_eq!(baggage.get("plan"), Some("very good"));
/// assert_eq!(dropped, 1);
/// assert_eq!(format_baggage(&baggage).0, "tenant_id=user_123,plan=very%20good;ttl=60");
/// ```
///
/// Spec: W3C Baggage, 3.2 "Header Content".
pub fn parse_baggage(header: &str) -> (Baggage, usize) {
    let mut reader = Reader::default();
    reader.read(header);
    (reader.baggage, reader.dropped)
}

/// Writes the `baggage` header; returns it and the number of members left out.
///
/// Left out are members whose name is not a token of RFC 9110, and those that would make the header
/// longer than [`MAX_BAGGAGE_BYTES`].
pub fn format_baggage(baggage: &Baggage) -> (String, usize) {
    let plain_len = |entry: BaggageEntry<'_>| {
        entry.key.len() + entry.value.len() + entry.metadata.len() + ",=;".len()
    };
    let mut header = String::with_capacity(baggage.iter().map(plain_len).sum());
    let mut dropped = 0;
    for entry in baggage.iter() {
        let end = header.len();
        let is_token = entry.key.bytes().all(is_token_byte);
        if is_token {
            push_member(&mut header, entry);
        }
        if !is_token || header.len() > MAX_BAGGAGE_BYTES {
            header.truncate(end);
            dropped += 1;
        }
    }
    (header, dropped)
}

/// Reads the baggage of the caller from `carrier`, all headers as one list.
///
/// Returns the baggage, empty if there is none, and the number of members left out.
pub fn extract(carrier: &(impl Extractor + ?Sized)) -> (Baggage, usize) {
    let mut reader = Reader::default();
    carrier.for_each(BAGGAGE, &mut |header| reader.read(header));
    (reader.baggage, reader.dropped)
}

/// Writes `baggage` to `carrier`; nothing when no member can be written.
///
/// Returns the number of members left out, as [`format_baggage`] does.
pub fn inject(baggage: &Baggage, carrier: &mut (impl Injector + ?Sized)) -> usize {
    if baggage.is_empty() {
        return 0;
    }
    let (header, dropped) = format_baggage(baggage);
    if !header.is_empty() {
        carrier.set(BAGGAGE, header);
    }
    dropped
}

/// Collects the members of one header after the other.
#[derive(Default)]
struct Reader {
    baggage: Baggage,
    dropped: usize,
    /// Header text so far, over all headers, with the commas between members.
    seen_bytes: usize,
}

impl Reader {
    fn read(&mut self, header: &str) {
        for member in header.split(',') {
            self.seen_bytes = self.seen_bytes.saturating_add(member.len() + 1);
            let member = trim(member);
            if !member.is_empty() && self.add(member).is_none() {
                self.dropped += 1;
            }
        }
    }

    /// Adds a member; `None` when it is malformed or beyond a limit.
    fn add(&mut self, member: &str) -> Option<()> {
        // The last member has no comma after it.
        if self.seen_bytes > MAX_BAGGAGE_BYTES + 1 {
            return None;
        }
        let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (trim(key), trim(value));
        if !key.bytes().all(is_token_byte) || !value.bytes().all(is_encoded_byte) {
            return None;
        }
        self.baggage.insert_with_metadata(key, &decode(value), metadata).ok()
    }
}

fn push_member(header: &mut String, entry: BaggageEntry<'_>) {
    if !header.is_empty() {
        header.push(',');
    }
    header.push_str(entry.key);
    header.push('=');
    push_encoded(header, entry.value);
    if !entry.metadata.is_empty() {
        header.push(';');
        header.push_str(entry.metadata);
    }
}

fn push_encoded(header: &mut String, value: &str) {
    if value.bytes().all(is_plain_byte) {
        header.push_str(value);
        return;
    }
    for byte in value.bytes() {
        if is_plain_byte(byte) {
            header.push(char::from(byte));
        } else {
            header.push('%');
            header.push(char::from(UPPER_HEX[usize::from(byte >> 4)]));
            header.push(char::from(UPPER_HEX[usize::from(byte & 0x0f)]));
        }
    }
}

fn decode(value: &str) -> Cow<'_, str> {
    let Some(first) = value.find('%') else {
        return Cow::Borrowed(value);
    };
    let mut bytes = Vec::with_capacity(value.len());
    bytes.extend_from_slice(&value.as_bytes()[..first]);
    let mut rest = &value.as_bytes()[first..];
    while let [byte, tail @ ..] = rest {
        let (decoded, tail) = decode_first(tail).filter(|_| *byte == b'%').unwrap_or((*byte, tail));
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

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// RFC 9110, 5.6.2 "Tokens": `tchar`.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// W3C Baggage, 3.2.1.3 "value": `baggage-octet`.
const fn is_encoded_byte(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

/// What stands for itself in an encoded value.
const fn is_plain_byte(byte: u8) -> bool {
    is_encoded_byte(byte) && byte != b'%'
}

#[cfg(test)]
mod tests;
