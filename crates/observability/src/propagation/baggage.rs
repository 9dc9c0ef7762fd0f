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

use super::carrier::{Extractor, Injector};
use super::percent;
use crate::context::{Baggage, BaggageEntry, BaggageMembers as Members, MAX_BAGGAGE_BYTES};

/// The header with names and values of the application.
pub const BAGGAGE: &str = "baggage";

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
    reader.finish()
}

/// Writes the `baggage` header; returns it and the number of members left out.
///
/// Left out are members whose name is not a token of RFC 9110, and those that would make the header
/// longer than [`MAX_BAGGAGE_BYTES`].
pub fn format_baggage(baggage: &Baggage) -> (String, usize) {
    let mut header = String::with_capacity(baggage.text_len() + ",=;".len() * baggage.len());
    let mut dropped = 0;
    for entry in baggage.iter() {
        let end = header.len();
        let is_token = is_token(entry.key);
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
    reader.finish()
}

/// Writes `baggage` to `carrier`; when no member can be written, takes the header away.
///
/// Returns the number of members left out, as [`format_baggage`] does.
pub fn inject(baggage: &Baggage, carrier: &mut (impl Injector + ?Sized)) -> usize {
    let (header, dropped) = format_baggage(baggage);
    if header.is_empty() {
        carrier.remove(BAGGAGE);
    } else {
        carrier.set(BAGGAGE, header);
    }
    dropped
}

/// Collects the members of one header after the other.
#[derive(Default)]
struct Reader {
    members: Members,
    dropped: usize,
    /// Header text so far, over all headers, with the commas between members.
    seen_bytes: usize,
}

impl Reader {
    fn read(&mut self, header: &str) {
        let mut rest = Some(header);
        while let Some(members) = rest {
            rest = match split_plain_member(members) {
                Some((member, entry, rest)) => {
                    self.count(member);
                    self.keep(|members| members.insert(entry));
                    rest
                }
                None => self.read_member(members),
            };
        }
    }

    /// Reads a member of any form, and returns what follows it.
    fn read_member<'a>(&mut self, members: &'a str) -> Option<&'a str> {
        let (member, rest) = match members.split_once(',') {
            Some((member, rest)) => (member, Some(rest)),
            None => (members, None),
        };
        self.count(member.len());
        let member = trim(member);
        if !member.is_empty() {
            self.keep(|members| add(members, member));
        }
        rest
    }

    fn count(&mut self, member_bytes: usize) {
        self.seen_bytes = self.seen_bytes.saturating_add(member_bytes + 1);
    }

    /// Counts a member as left out that is malformed or beyond a limit.
    fn keep<E>(&mut self, add: impl FnOnce(&mut Members) -> Result<(), E>) {
        // The last member has no comma after it.
        let is_beyond = self.seen_bytes > MAX_BAGGAGE_BYTES + 1;
        if is_beyond || add(&mut self.members).is_err() {
            self.dropped += 1;
        }
    }

    fn finish(self) -> (Baggage, usize) {
        (self.members.into(), self.dropped)
    }
}

/// Splits off a member that stands as most do: a name and a value, with nothing to decode and no blank.
/// Returns its length and what follows the comma.
#[inline]
fn split_plain_member(members: &str) -> Option<(usize, BaggageEntry<'_>, Option<&str>)> {
    let (key, rest) = split_run(members, TOKEN);
    let (value, rest) = split_run(rest.strip_prefix('=')?, PLAIN);
    let rest = match rest.as_bytes().first() {
        None => None,
        Some(b',') => rest.get(1..),
        Some(_) => return None,
    };
    let entry = BaggageEntry {
        key,
        value,
        metadata: "",
    };
    Some((key.len() + 1 + value.len(), entry, rest))
}

/// Adds a member of any form.
fn add(members: &mut Members, member: &str) -> Result<(), Malformed> {
    let (key, rest) = split_run(member, TOKEN);
    let rest = trim(rest).strip_prefix('=').ok_or(Malformed)?;
    let (value, rest) = split_run(trim(rest), ENCODED);
    let rest = trim(rest);
    let metadata = if rest.is_empty() {
        rest
    } else {
        rest.strip_prefix(';').ok_or(Malformed)?
    };
    let entry = BaggageEntry {
        key,
        value: &percent::decode(value),
        metadata,
    };
    members.insert(entry).map_err(|_refused| Malformed)
}

/// The member cannot be read.
struct Malformed;

fn push_member(header: &mut String, entry: BaggageEntry<'_>) {
    if !header.is_empty() {
        header.push(',');
    }
    header.push_str(entry.key);
    header.push('=');
    percent::push_encoded(header, entry.value);
    if !entry.metadata.is_empty() {
        header.push(';');
        header.push_str(entry.metadata);
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// May stand in a name. RFC 9110, 5.6.2 "Tokens": `tchar`.
const TOKEN: u8 = 1;
/// May stand in an encoded value. W3C Baggage, 3.2.1.3 "value": `baggage-octet`.
const ENCODED: u8 = 2;
/// Stands for itself there.
const PLAIN: u8 = 4;

/// What every byte may be used for.
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        classes[byte as usize] = match byte {
            b'"' | b',' | b';' | b'\\' => 0,
            b'%' => TOKEN | ENCODED,
            b'(' | b')' | b'/' | b':'..=b'@' | b'[' | b']' | b'{' | b'}' => ENCODED | PLAIN,
            _ => TOKEN | ENCODED | PLAIN,
        };
        byte += 1;
    }
    classes
}

const fn is(class: u8, byte: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// Whether `key` can be the name of a header or of a member of one.
pub(super) fn is_token(key: &str) -> bool {
    key.bytes().all(|byte| is(TOKEN, byte))
}

/// Splits off the longest start of `text` that is all in `class`, which is ASCII.
fn split_run(text: &str, class: u8) -> (&str, &str) {
    let end = text.bytes().position(|byte| !is(class, byte));
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::MAX_BAGGAGE_MEMBERS;
    use proptest::prelude::*;

    fn baggage(members: &[(&str, &str)]) -> Baggage {
        let mut baggage = Baggage::new();
        for (key, value) in members {
            baggage.insert(key, value).unwrap();
        }
        baggage
    }

    fn members(header: &str) -> (Vec<(String, String, String)>, usize) {
        let (baggage, dropped) = parse_baggage(header);
        let owned = |entry: BaggageEntry<'_>| {
            (
                entry.key.to_owned(),
                entry.value.to_owned(),
                entry.metadata.to_owned(),
            )
        };
        (baggage.iter().map(owned).collect(), dropped)
    }

    #[test]
    fn members_come_with_their_properties() {
        let (read, dropped) = members("a=1 , b = 2 ;ttl=60; private,\tc=;x=%20=,,");
        let expected = [
            ("a", "1", ""),
            ("b", "2", "ttl=60; private"),
            ("c", "", "x=%20="),
        ];
        assert_eq!(
            read,
            expected.map(|(k, v, m)| (k.into(), v.into(), m.into()))
        );
        assert_eq!(dropped, 0);
    }

    #[test]
    fn values_are_decoded_and_a_plus_is_no_space() {
        for (encoded, value) in [
            ("a%20b", "a b"),
            ("a+b", "a+b"),
            ("%C3%A9%c3%a9", "éé"),
            ("x=y", "x=y"),
            ("%2C%3b%22%5C%25", ",;\"\\%"),
            ("%", "%"),
            ("50%", "50%"),
            ("%2", "%2"),
            ("%zz%+1%20", "%zz%+1 "),
            ("%%20", "% "),
            ("a%FFb", "a\u{fffd}b"),
            ("%00%0d%0a", "\0\r\n"),
        ] {
            let (baggage, dropped) = parse_baggage(&format!("k={encoded}"));
            assert_eq!((baggage.get("k"), dropped), (Some(value), 0), "{encoded}");
        }
    }

    #[test]
    fn a_malformed_member_is_left_out_and_counted() {
        for member in [
            "b",
            "=2",
            "b c=2",
            "b=2 3",
            "bé=2",
            "b=é",
            "b=\"2\"",
            "b=\\",
            "b=2;m=\"x\"",
            ";x=1",
        ] {
            let (baggage, dropped) = parse_baggage(&format!("a=1,{member},c=3"));
            assert_eq!(format_baggage(&baggage).0, "a=1,c=3", "{member}");
            assert_eq!(dropped, 1, "{member}");
        }
    }

    #[test]
    fn the_last_of_two_members_with_the_same_name_wins() {
        assert_eq!(
            format_baggage(&parse_baggage("a=1;x,b=2,a=3").0).0,
            "a=3,b=2"
        );
    }

    #[test]
    fn what_a_header_cannot_hold_is_encoded() {
        let members = [
            ("a", "1 2"),
            ("b", "é,;\"\\%\r\n"),
            ("c", "x=y+z"),
            ("d", ""),
        ];
        let (header, dropped) = format_baggage(&baggage(&members));
        assert_eq!(header, "a=1%202,b=%C3%A9%2C%3B%22%5C%25%0D%0A,c=x=y+z,d=");
        assert_eq!(dropped, 0);
    }

    #[test]
    fn names_that_are_no_tokens_stay_at_home() {
        let members = [
            ("a b", "1"),
            ("é", "2"),
            ("ok", "3"),
            ("x,y", "4"),
            ("=", "5"),
        ];
        assert_eq!(format_baggage(&baggage(&members)), ("ok=3".to_owned(), 4));
        let mut carrier = Vec::new();
        assert_eq!(inject(&baggage(&members[..2]), &mut carrier), 2);
        assert_eq!(carrier, []);
        for none in [&members[..2], &[]] {
            let mut carrier = vec![("Baggage".to_owned(), "old=1".to_owned())];
            inject(&baggage(none), &mut carrier);
            assert_eq!(carrier, []);
        }
    }

    #[test]
    fn members_beyond_the_sixty_fourth_are_left_out_and_counted() {
        let header: Vec<_> = (0..MAX_BAGGAGE_MEMBERS + 3)
            .map(|i| format!("k{i}=v"))
            .collect();
        let (baggage, dropped) = parse_baggage(&header.join(","));
        assert_eq!((baggage.len(), dropped), (MAX_BAGGAGE_MEMBERS, 3));
        assert_eq!(baggage.get("k63"), Some("v"));
    }

    #[test]
    fn members_beyond_the_length_of_the_header_are_left_out_and_counted() {
        let full = format!("a={}", "v".repeat(MAX_BAGGAGE_BYTES - 2));
        assert_eq!(parse_baggage(&full).1, 0);
        assert_eq!(format_baggage(&parse_baggage(&full).0), (full.clone(), 0));
        assert_eq!(parse_baggage(&format!("{full}v")).1, 1);
        assert_eq!(parse_baggage(&format!("{full},b=2,c=3")).1, 2);

        let grows = baggage(&[("a", "1"), ("b", &" ".repeat(4000)), ("c", "3")]);
        assert_eq!(format_baggage(&grows), ("a=1,c=3".to_owned(), 1));
    }

    #[test]
    fn several_headers_are_one_list_with_one_limit() {
        let header = |value: &str| (BAGGAGE.to_uppercase(), value.to_owned());
        let (read, dropped) = extract(&vec![header("a=1,b"), header("c=3")]);
        assert_eq!(format_baggage(&read).0, "a=1,c=3");
        assert_eq!(dropped, 1);

        let long = format!("a={}", "v".repeat(MAX_BAGGAGE_BYTES - 5));
        assert_eq!(extract(&vec![header(&long), header("b=")]).1, 0);
        assert_eq!(extract(&vec![header(&long), header("b=2")]).1, 1);
        assert_eq!(extract(&Vec::new()), (Baggage::EMPTY, 0));
    }

    proptest! {
        #[test]
        fn injecting_and_extracting_is_the_identity(
            members in prop::collection::vec(
                ("[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,8}", "\\PC{0,16}|[\\x00-\\xff]{0,16}", "([a-z=; %]{0,8}[a-z])?"),
                0..8),
        ) {
            let mut baggage = Baggage::new();
            for (key, value, metadata) in &members {
                baggage.insert_with_metadata(key, value, metadata).unwrap();
            }
            let mut carrier = Vec::new();
            prop_assert_eq!(inject(&baggage, &mut carrier), 0);
            let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
            prop_assert!(carrier.iter().all(|(_, header)| header.bytes().all(is_printable)));
            prop_assert_eq!(extract(&carrier), (baggage, 0));
        }

        #[test]
        fn no_text_panics_and_every_member_is_kept_or_counted(
            header in "([ab%=;, \t0-9A-F]|\\PC){0,64}",
        ) {
            let (baggage, dropped) = parse_baggage(&header);
            let sent = header.split(',').filter(|member| !trim(member).is_empty()).count();
            prop_assert!(baggage.len() + dropped <= sent);
            prop_assert_eq!(baggage == Baggage::EMPTY, baggage.iter().next().is_none());
            let (written, _) = format_baggage(&baggage);
            prop_assert_eq!(parse_baggage(&written), (baggage, 0));
        }

        #[test]
        fn any_baggage_fits_its_header(
            members in prop::collection::vec((".{1,4}", prop::char::any(), 0_usize..2000), 0..12),
        ) {
            let mut baggage = Baggage::new();
            for (key, unit, count) in members {
                // A refusal is the limit that other tests look at.
                baggage.insert(&key, &String::from(unit).repeat(count)).ok();
            }
            let (header, dropped) = format_baggage(&baggage);
            prop_assert!(header.len() <= MAX_BAGGAGE_BYTES);
            prop_assert_eq!(parse_baggage(&header).0.len() + dropped, baggage.len());
        }
    }
}
