//! Baggage: names and values of the application that travel with a request.
//!
//! Position: part of the current context. Changed by `set_baggage` in the nearest scope, carried
//! over with the context, read and written on the wire by `propagation`.
//!
//! Invariants:
//! - cloning counts one reference; a change copies first if anyone else holds the same baggage;
//! - every name occurs once, and a member keeps its place when its value changes;
//! - it never holds more than the 64 members and 8192 bytes that every receiver must accept;
//! - the empty baggage allocates nothing, any other three times, however many members it has.
//!
//! Source: OpenTelemetry specification, Baggage API; W3C Baggage, section 3.3.2 "Limits".

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The most members a baggage holds.
///
/// Spec: W3C Baggage, 3.3.2 "Limits".
pub const MAX_BAGGAGE_MEMBERS: usize = 64;

/// The most bytes a baggage holds, and the most that its header has.
///
/// Spec: W3C Baggage, 3.3.2 "Limits".
pub const MAX_BAGGAGE_BYTES: usize = 8192;

/// Names and values that travel with a request, to every service it touches.
///
/// Everybody on the way can read baggage: keep secrets out of it.
///
/// # Examples
///
/// ```
/// use continuum_observability::Baggage;
///
/// let mut baggage = Baggage::new();
/// baggage.insert("tenant_id", "user_123")?;
/// let snapshot = baggage.clone();
/// baggage.insert("tenant_id", "user_456")?;
/// assert_eq!(baggage.get("tenant_id"), Some("user_456"));
/// assert_eq!(snapshot.get("tenant_id"), Some("user_123"));
/// # Ok::<(), continuum_observability::BaggageError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Baggage(Option<Arc<Members>>);

/// One name of a [`Baggage`] with what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaggageEntry<'a> {
    /// The name; never empty.
    pub key: &'a str,
    /// The value, decoded; may be empty.
    pub value: &'a str,
    /// The properties as they stand in the header, without the first `;`; mostly empty.
    pub metadata: &'a str,
}

/// Why a member was not added to a [`Baggage`], which is then unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BaggageError {
    /// The name is empty.
    EmptyKey,
    /// The metadata has a `,`, a `"`, a `\` or a character outside printable ASCII.
    ///
    /// It is written to the header as it is, where these would end the member or the header.
    InvalidMetadata,
    /// There are [`MAX_BAGGAGE_MEMBERS`] already: remove one first.
    TooManyMembers,
    /// Names, values and metadata together would exceed [`MAX_BAGGAGE_BYTES`].
    TooLong,
}

impl fmt::Display for BaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyKey => "empty baggage name",
            Self::InvalidMetadata => "invalid baggage metadata",
            Self::TooManyMembers => "more than 64 baggage members",
            Self::TooLong => "baggage over 8192 bytes",
        })
    }
}

impl std::error::Error for BaggageError {}

impl Baggage {
    /// The baggage without members.
    pub const EMPTY: Self = Self(None);

    /// The baggage without members.
    pub const fn new() -> Self {
        Self::EMPTY
    }

    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether both are one and the same; an equal one need not be.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |members| members.ends.len())
    }

    /// The length of all names, values and metadata.
    pub(crate) fn text_len(&self) -> usize {
        self.0.as_ref().map_or(0, |members| members.text.len())
    }

    /// The members in the order in which their names were first set.
    pub fn iter(&self) -> impl Iterator<Item = BaggageEntry<'_>> {
        self.0.iter().flat_map(|members| members.iter())
    }

    /// The value under `key`; names are case-sensitive.
    pub fn get(&self, key: &str) -> Option<&str> {
        let members = self.0.as_ref()?;
        let ends = members.ends[members.position(key)?];
        Some(&members.text[ends.key..ends.value])
    }

    /// Sets `key` to `value`, replacing the value and the metadata that it had.
    ///
    /// Any text will do, but only names without spaces and separators are sent on to others
    /// (the tokens of RFC 9110).
    ///
    /// # Errors
    ///
    /// [`BaggageError::EmptyKey`], [`BaggageError::TooManyMembers`] or [`BaggageError::TooLong`].
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        self.insert_with_metadata(key, value, "")
    }

    /// Sets `key` to `value` with properties such as `ttl=60;private`.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), and [`BaggageError::InvalidMetadata`].
    pub fn insert_with_metadata(
        &mut self,
        key: &str,
        value: &str,
        metadata: &str,
    ) -> Result<(), BaggageError> {
        let entry = BaggageEntry {
            key,
            value,
            metadata,
        };
        let Some(members) = &mut self.0 else {
            let mut members = Members::default();
            members.insert(entry)?;
            *self = members.into();
            return Ok(());
        };
        let (entry, position) = members.admit(entry)?;
        Arc::make_mut(members).set(entry, position);
        Ok(())
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.0.as_ref()?.position(key)
    }

    /// Removes `key`; says whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let Some(at) = self.position(key) else {
            return false;
        };
        if self.len() == 1 {
            *self = Self::EMPTY;
        } else if let Some(members) = &mut self.0 {
            Arc::make_mut(members).remove(at);
        }
        true
    }
}

impl From<Members> for Baggage {
    fn from(members: Members) -> Self {
        Self((!members.ends.is_empty()).then(|| Arc::new(members)))
    }
}

impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// All members in one text, each as key, value and metadata without anything between them.
///
/// What is read from a header is gathered here, before anybody shares it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Members {
    text: String,
    /// Where the parts of each member end; a member begins where the one before it ends.
    ends: Vec<Ends>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    key: usize,
    value: usize,
    metadata: usize,
}

impl Members {
    /// Room for a few members, so that the first ones do not move the text again and again.
    const INITIAL_TEXT_BYTES: usize = 128;
    const INITIAL_MEMBERS: usize = 4;

    /// Adds a member or replaces the one with its key.
    pub(crate) fn insert(&mut self, entry: BaggageEntry<'_>) -> Result<(), BaggageError> {
        let (entry, position) = self.admit(entry)?;
        if self.ends.capacity() == 0 {
            self.text = String::with_capacity(Self::INITIAL_TEXT_BYTES);
            self.ends = Vec::with_capacity(Self::INITIAL_MEMBERS);
        }
        self.set(entry, position);
        Ok(())
    }

    /// The entry as it may come in, and the position of the member that it replaces, if there is one.
    #[inline]
    fn admit<'e>(
        &self,
        entry: BaggageEntry<'e>,
    ) -> Result<(BaggageEntry<'e>, Option<usize>), BaggageError> {
        if entry.key.is_empty() {
            return Err(BaggageError::EmptyKey);
        }
        let metadata = if entry.metadata.is_empty() {
            ""
        } else {
            valid_metadata(entry.metadata)?
        };
        let entry = BaggageEntry { metadata, ..entry };
        let position = self.position(entry.key);
        if position.is_none() && self.ends.len() == MAX_BAGGAGE_MEMBERS {
            return Err(BaggageError::TooManyMembers);
        }
        let replaced = position.map_or(0, |at| self.span(at).len());
        if self.text.len() - replaced + entry.text_len() > MAX_BAGGAGE_BYTES {
            return Err(BaggageError::TooLong);
        }
        Ok((entry, position))
    }

    #[inline]
    fn set(&mut self, entry: BaggageEntry<'_>, position: Option<usize>) {
        match position {
            Some(at) => self.replace(at, entry),
            None => self.push(entry),
        }
    }

    fn iter(&self) -> impl Iterator<Item = BaggageEntry<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |ends| {
            let entry = BaggageEntry {
                key: &self.text[start..ends.key],
                value: &self.text[ends.key..ends.value],
                metadata: &self.text[ends.value..ends.metadata],
            };
            start = ends.metadata;
            entry
        })
    }

    fn position(&self, key: &str) -> Option<usize> {
        let mut start = 0;
        self.ends.iter().position(|ends| {
            let known = &self.text.as_bytes()[start..ends.key];
            start = ends.metadata;
            known == key.as_bytes()
        })
    }

    /// The part of the text that belongs to the member at `at`.
    fn span(&self, at: usize) -> Range<usize> {
        let start = at
            .checked_sub(1)
            .map_or(0, |before| self.ends[before].metadata);
        start..self.ends[at].metadata
    }

    fn push(&mut self, entry: BaggageEntry<'_>) {
        for part in [entry.key, entry.value, entry.metadata] {
            self.text.push_str(part);
        }
        let metadata = self.text.len();
        let value = metadata - entry.metadata.len();
        self.ends.push(Ends {
            key: value - entry.value.len(),
            value,
            metadata,
        });
    }

    /// Replaces value and metadata of the member at `at`, whose key is that of `entry`.
    fn replace(&mut self, at: usize, entry: BaggageEntry<'_>) {
        let old = self.ends[at];
        self.text.replace_range(old.key..old.metadata, entry.value);
        let value = old.key + entry.value.len();
        self.text.insert_str(value, entry.metadata);
        self.ends[at] = Ends {
            key: old.key,
            value,
            metadata: value + entry.metadata.len(),
        };
        self.shift(at + 1, old.metadata, self.ends[at].metadata);
    }

    fn remove(&mut self, at: usize) {
        let Range { start, end } = self.span(at);
        self.ends.remove(at);
        self.text.replace_range(start..end, "");
        self.shift(at, end, start);
    }

    /// Moves the members from `first` on, which began at `old_start`, to `new_start`.
    fn shift(&mut self, first: usize, old_start: usize, new_start: usize) {
        for ends in &mut self.ends[first..] {
            for end in [&mut ends.key, &mut ends.value, &mut ends.metadata] {
                *end = *end - old_start + new_start;
            }
        }
    }
}

impl BaggageEntry<'_> {
    const fn text_len(&self) -> usize {
        self.key.len() + self.value.len() + self.metadata.len()
    }
}

/// Metadata without the blanks around it.
fn valid_metadata(metadata: &str) -> Result<&str, BaggageError> {
    let metadata = metadata.trim_matches([' ', '\t']);
    let is_valid = metadata.bytes().all(is_metadata_byte);
    is_valid
        .then_some(metadata)
        .ok_or(BaggageError::InvalidMetadata)
}

/// Properties are written to the header as they are: a superset of the W3C grammar that can
/// neither end the member nor the header.
const fn is_metadata_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~') && !matches!(byte, b',' | b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn baggage(members: &[(&str, &str)]) -> Baggage {
        let mut baggage = Baggage::new();
        for (key, value) in members {
            baggage.insert(key, value).unwrap();
        }
        baggage
    }

    fn pairs(baggage: &Baggage) -> Vec<(&str, &str)> {
        baggage
            .iter()
            .map(|entry| (entry.key, entry.value))
            .collect()
    }

    #[test]
    fn members_keep_their_place_when_their_value_changes() {
        let mut baggage = baggage(&[("a", "1"), ("b", "2"), ("c", "3")]);
        baggage.insert("b", "twenty").unwrap();
        assert_eq!(pairs(&baggage), [("a", "1"), ("b", "twenty"), ("c", "3")]);
        assert!(baggage.remove("a"));
        baggage.insert("a", "").unwrap();
        assert_eq!(pairs(&baggage), [("b", "twenty"), ("c", "3"), ("a", "")]);
    }

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let first = baggage(&[("a", "1")]);
        let mut second = first.clone();
        second.insert("a", "2").unwrap();
        second.insert("b", "3").unwrap();
        assert_eq!(pairs(&first), [("a", "1")]);
        assert_eq!(pairs(&second), [("a", "2"), ("b", "3")]);
    }

    #[test]
    fn removing_the_last_member_leaves_the_empty_baggage() {
        let mut baggage = baggage(&[("a", "1")]);
        assert!(!baggage.remove("A"));
        assert!(baggage.remove("a"));
        assert!(!baggage.remove("a"));
        assert_eq!(baggage, Baggage::EMPTY);
        assert_eq!(baggage.len(), 0);
    }

    #[test]
    fn a_new_value_replaces_the_metadata_as_well() {
        let mut baggage = Baggage::new();
        baggage
            .insert_with_metadata("a", "1", " ttl=60; private\t")
            .unwrap();
        assert_eq!(baggage.iter().next().unwrap().metadata, "ttl=60; private");
        baggage.insert("a", "1").unwrap();
        assert_eq!(baggage.iter().next().unwrap().metadata, "");
    }

    #[test]
    fn a_refused_member_changes_nothing() {
        let mut members = baggage(&[("a", "1")]);
        let before = members.clone();
        assert_eq!(members.insert("", "x"), Err(BaggageError::EmptyKey));
        for metadata in ["a,b=2", "a\r\nx: y", "\"", "\\", "é", "\u{7f}"] {
            let refused = members.insert_with_metadata("b", "2", metadata);
            assert_eq!(refused, Err(BaggageError::InvalidMetadata), "{metadata:?}");
        }
        assert_eq!(members, before);
    }

    #[test]
    fn the_sixty_fifth_member_is_refused_but_the_others_may_still_change() {
        let mut members = Baggage::new();
        for i in 0..MAX_BAGGAGE_MEMBERS {
            members.insert(&i.to_string(), "v").unwrap();
        }
        assert_eq!(
            members.insert("more", "v"),
            Err(BaggageError::TooManyMembers)
        );
        assert_eq!(members.insert("63", "w"), Ok(()));
        assert_eq!(members.get("63"), Some("w"));
        assert!(members.remove("0"));
        assert_eq!(members.insert("more", "v"), Ok(()));
        assert_eq!(members.len(), MAX_BAGGAGE_MEMBERS);
    }

    #[test]
    fn the_bytes_of_all_members_are_limited_together() {
        let mut members = baggage(&[("a", "")]);
        let value = "v".repeat(MAX_BAGGAGE_BYTES - 2);
        assert_eq!(members.insert("b", &value), Ok(()));
        assert_eq!(members.insert("a", "1"), Err(BaggageError::TooLong));
        assert_eq!(members.insert("c", ""), Err(BaggageError::TooLong));
        assert_eq!(members.insert("b", &value[1..]), Ok(()));
        assert_eq!(members.insert("a", "1"), Ok(()));
    }

    proptest! {
        #[test]
        fn any_sequence_of_changes_agrees_with_a_plain_list(
            changes in prop::collection::vec(
                ("[abcé]", prop::option::of("[xyü]{0,3}"), "[;=p]{0,2}"), 0..24),
        ) {
            let mut baggage = Baggage::new();
            let mut model: Vec<(String, String, String)> = Vec::new();
            for (key, value, metadata) in changes {
                let known = model.iter().position(|(k, ..)| *k == key);
                let Some(value) = value else {
                    prop_assert_eq!(baggage.remove(&key), known.is_some());
                    known.map(|at| model.remove(at));
                    continue;
                };
                prop_assert!(baggage.insert_with_metadata(&key, &value, &metadata).is_ok());
                let member = (key, value, metadata);
                match known {
                    Some(at) => model[at] = member,
                    None => model.push(member),
                }
            }
            let found = baggage.iter().map(|entry| {
                (entry.key.to_owned(), entry.value.to_owned(), entry.metadata.to_owned())
            });
            prop_assert_eq!(found.collect::<Vec<_>>(), model);
        }
    }
}
