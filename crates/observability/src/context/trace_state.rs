//! `tracestate`: what other tracing systems want carried along with a trace.
//!
//! Position: the part of a [`SpanContext`](super::SpanContext) that varies in length. Read and
//! written by `propagation`, changed by samplers, appended to spans at export.
//!
//! Invariants:
//! - a value of this type is always a valid list: at most 32 members, each key once;
//! - it is kept as its header text, so that cloning counts a reference and injecting copies bytes;
//! - the empty list allocates nothing.
//!
//! Source: W3C Trace Context level 2, section 3.3 "Tracestate Header".

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// W3C Trace Context level 2, 3.3.1.1 "list".
const MAX_MEMBERS: usize = 32;
/// W3C Trace Context level 2, 3.3.1.3.1 "Key".
const MAX_KEY_LEN: usize = 256;
/// W3C Trace Context level 2, 3.3.1.3.2 "Value".
const MAX_VALUE_LEN: usize = 256;

/// Vendor data of a trace, as an ordered list of keys and values; the newest comes first.
///
/// Immutable and cheap to clone; a change gives a new list.
///
/// # Examples
///
/// ```
/// use continuum_observability::TraceState;
///
/// let incoming: TraceState = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7".parse()?;
/// let outgoing = incoming.insert("rojo", "new")?;
/// assert_eq!(outgoing.header(), "rojo=new,congo=t61rcWkgMzE");
/// # Ok::<(), continuum_observability::TraceStateError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct TraceState(Option<Arc<str>>);

/// Why a text is not a `tracestate`.
///
/// Final: the same text is always refused. On the way in, carry on without a `tracestate`: the
/// trace's ids are still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceStateError {
    /// A member has no `=`.
    MissingValue,
    /// A key is empty, over 256 characters, or has a character that keys may not have.
    InvalidKey,
    /// A value is empty, over 256 characters, ends in a space, or has a `,`, a `=` or a character
    /// outside printable ASCII.
    InvalidValue,
    /// There are more than 32 members.
    TooManyMembers,
}

impl fmt::Display for TraceStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingValue => "tracestate member without a value",
            Self::InvalidKey => "invalid tracestate key",
            Self::InvalidValue => "invalid tracestate value",
            Self::TooManyMembers => "more than 32 tracestate members",
        })
    }
}

impl std::error::Error for TraceStateError {}

impl TraceState {
    /// The list without members.
    pub const EMPTY: Self = Self(None);

    /// The value of the `tracestate` header; empty when there is nothing to send.
    ///
    /// Members are separated by a single comma, without white space or empty members.
    pub fn header(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The members in order, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header()
            .split(',')
            .filter_map(|member| member.split_once('='))
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find_map(|(k, value)| (k == key).then_some(value))
    }

    /// A new list with `key` in front, replacing what was under it.
    ///
    /// When the list is full, its last member, the oldest, gives way.
    ///
    /// # Errors
    ///
    /// [`TraceStateError::InvalidKey`] or [`TraceStateError::InvalidValue`].
    pub fn insert(&self, key: &str, value: &str) -> Result<Self, TraceStateError> {
        check_key(key)?;
        check_value(value)?;
        let others = self.iter().filter(|(k, _)| *k != key).take(MAX_MEMBERS - 1);
        let header_len = self.header().len() + key.len() + value.len() + 2;
        Ok(Self::from_valid_members(
            std::iter::once((key, value)).chain(others),
            header_len,
        ))
    }

    /// A new list without `key`.
    #[must_use]
    pub fn remove(&self, key: &str) -> Self {
        if self.get(key).is_none() {
            return self.clone();
        }
        let others = self.iter().filter(|(k, _)| *k != key);
        Self::from_valid_members(others, self.header().len())
    }

    fn from_valid_members<'a>(
        members: impl Iterator<Item = (&'a str, &'a str)>,
        header_len: usize,
    ) -> Self {
        let mut header = String::with_capacity(header_len);
        for (key, value) in members {
            if !header.is_empty() {
                header.push(',');
            }
            header.push_str(key);
            header.push('=');
            header.push_str(value);
        }
        Self((!header.is_empty()).then(|| header.into()))
    }
}

impl FromStr for TraceState {
    type Err = TraceStateError;

    /// Reads a header, or several joined by commas in the order in which they came.
    ///
    /// White space around members and empty members are allowed and left out; of members with the
    /// same key the first stays, which is the newest. A single bad member refuses the whole list.
    fn from_str(header: &str) -> Result<Self, TraceStateError> {
        let mut members = [("", ""); MAX_MEMBERS];
        let mut seen = 0;
        let mut count = 0;
        let mut canonical_len = 0;
        for text in header.split(',').map(|text| text.trim_matches([' ', '\t'])) {
            if text.is_empty() {
                continue;
            }
            let member = split_member(text)?;
            seen += 1;
            if seen > MAX_MEMBERS {
                return Err(TraceStateError::TooManyMembers);
            }
            if members[..count].iter().all(|(key, _)| *key != member.0) {
                members[count] = member;
                count += 1;
                canonical_len += text.len() + 1;
            }
        }
        // One comma less than members: nothing had to be left out, the text is already canonical.
        if count > 0 && canonical_len == header.len() + 1 {
            return Ok(Self(Some(header.into())));
        }
        Ok(Self::from_valid_members(
            members[..count].iter().copied(),
            canonical_len,
        ))
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceState").field(&self.header()).finish()
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.header())
    }
}

fn split_member(member: &str) -> Result<(&str, &str), TraceStateError> {
    let (key, value) = member
        .split_once('=')
        .ok_or(TraceStateError::MissingValue)?;
    check_key(key)?;
    check_value(value)?;
    Ok((key, value))
}

fn check_key(key: &str) -> Result<(), TraceStateError> {
    let starts_well = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let valid = starts_well && key.len() <= MAX_KEY_LEN && key.bytes().all(is_key_byte);
    valid.then_some(()).ok_or(TraceStateError::InvalidKey)
}

const fn is_key_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@')
}

fn check_value(value: &str) -> Result<(), TraceStateError> {
    let ends_well = value.bytes().next_back().is_some_and(|last| last != b' ');
    let valid = ends_well && value.len() <= MAX_VALUE_LEN && value.bytes().all(is_value_byte);
    valid.then_some(()).ok_or(TraceStateError::InvalidValue)
}

const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b',' && byte != b'='
}

#[cfg(test)]
mod tests {
    use super::*;
    use TraceStateError::*;
    use proptest::prelude::*;

    fn parse(header: &str) -> Result<String, TraceStateError> {
        header
            .parse::<TraceState>()
            .map(|state| state.header().to_owned())
    }

    fn numbered(count: usize) -> String {
        (0..count)
            .map(|i| format!("k{i}=v"))
            .collect::<Vec<_>>()
            .join(",")
    }

    #[test]
    fn white_space_and_empty_members_are_left_out() {
        for header in ["a=1,b=2", " a=1 ,\t b=2\t", "a=1,,b=2,", ", ,a=1, b=2"] {
            assert_eq!(parse(header).as_deref(), Ok("a=1,b=2"), "{header:?}");
        }
        assert_eq!("".parse(), Ok(TraceState::EMPTY));
        assert_eq!(" , \t,".parse(), Ok(TraceState::EMPTY));
    }

    #[test]
    fn keys_follow_level_2() {
        let longest = "k".repeat(256);
        for key in [
            "a",
            "0",
            "a_-*/@z9",
            "1tenant@vendor",
            "a@",
            "a@b@c",
            &longest,
        ] {
            assert!(TraceState::EMPTY.insert(key, "v").is_ok(), "{key}");
            assert!(parse(&format!("{key}=v")).is_ok(), "{key}");
        }
        let too_long = "k".repeat(257);
        for key in [
            "", "A", "aB", "@a", "_a", "-a", "a b", "a.b", "a\t", "é", &too_long,
        ] {
            assert_eq!(TraceState::EMPTY.insert(key, "v"), Err(InvalidKey), "{key}");
            assert_eq!(parse(&format!("{key}=v")), Err(InvalidKey), "{key}");
        }
    }

    #[test]
    fn values_are_printable_ascii_without_comma_and_equals() {
        let longest = "v".repeat(256);
        for value in [
            "1",
            " 1",
            "a b",
            "!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
            &longest,
        ] {
            assert!(TraceState::EMPTY.insert("k", value).is_ok(), "{value}");
            assert_eq!(
                parse(&format!("k={value}")).as_deref(),
                Ok(&*format!("k={value}"))
            );
        }
        let too_long = "v".repeat(257);
        for value in ["", "a=b", "a\tb", "a\u{7f}", "é", "\r\nx", &too_long] {
            assert_eq!(
                TraceState::EMPTY.insert("k", value),
                Err(InvalidValue),
                "{value}"
            );
            assert_eq!(parse(&format!("k={value}")), Err(InvalidValue), "{value}");
        }
        for value in ["a,b", "a ", " "] {
            assert_eq!(
                TraceState::EMPTY.insert("k", value),
                Err(InvalidValue),
                "{value}"
            );
        }
    }

    #[test]
    fn one_bad_member_refuses_the_whole_list() {
        assert_eq!(parse("a=1,b"), Err(MissingValue));
        assert_eq!(parse("a=1,b="), Err(InvalidValue));
        assert_eq!(parse("a=1,b =2"), Err(InvalidKey));
        assert_eq!(parse(&numbered(33)), Err(TooManyMembers));
        assert_eq!(parse(&numbered(32)), Ok(numbered(32)));
    }

    #[test]
    fn of_members_with_the_same_key_the_first_stays_and_all_count() {
        assert_eq!(parse("a=1,a=1").as_deref(), Ok("a=1"));
        assert_eq!(parse("a=1,b=2,a=3, b=4").as_deref(), Ok("a=1,b=2"));
        let full = numbered(32);
        for list in [format!("{full},k0=v"), format!("k0=v,{full}")] {
            assert_eq!(parse(&list), Err(TooManyMembers));
        }
        assert_eq!(parse("a=1,a="), Err(InvalidValue));
    }

    #[test]
    fn an_inserted_member_moves_to_the_front() {
        let state: TraceState = "a=1,b=2,c=3".parse().unwrap();
        assert_eq!(state.insert("b", "new").unwrap().header(), "b=new,a=1,c=3");
        assert_eq!(state.insert("d", "4").unwrap().header(), "d=4,a=1,b=2,c=3");
        assert_eq!(state.header(), "a=1,b=2,c=3");
    }

    #[test]
    fn the_oldest_member_gives_way_in_a_full_list() {
        let full: TraceState = numbered(32).parse().unwrap();
        let grown = full.insert("new", "v").unwrap();
        assert_eq!(grown.iter().count(), 32);
        assert_eq!(grown.get("k31"), None);
        assert_eq!(grown.get("k30"), Some("v"));
        assert_eq!(full.insert("k0", "w").unwrap().get("k31"), Some("v"));
    }

    #[test]
    fn a_removed_member_is_gone_and_the_last_one_leaves_the_empty_list() {
        let state: TraceState = "a=1,ab=2".parse().unwrap();
        assert_eq!(state.get("ab"), Some("2"));
        assert_eq!(state.remove("a").header(), "ab=2");
        assert_eq!(state.remove("b"), state);
        assert_eq!(state.remove("a").remove("ab"), TraceState::EMPTY);
        assert!(TraceState::EMPTY.is_empty() && !state.is_empty());
    }

    proptest! {
        #[test]
        fn whatever_parses_is_canonical(header in "[ab=1, \t]{0,24}|\\PC{0,24}") {
            if let Ok(state) = header.parse::<TraceState>() {
                prop_assert_eq!(state.header().parse::<TraceState>(), Ok(state.clone()));
                prop_assert_eq!(state.is_empty(), state.header().is_empty());
                let spaces_at_the_edge = state.header().trim() != state.header();
                prop_assert!(!spaces_at_the_edge && !state.header().contains(",,"));
            }
        }
    }
}
