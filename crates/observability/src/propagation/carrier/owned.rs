//! [`Carrier`]: headers to keep, or to send inside a message.
//!
//! Position: what `create_carrier_from_span` gives and what lies in a message under
//! `_trace_context`; a carrier like any other for the formats.
//!
//! Invariants:
//! - a name that is set occurs once, in whatever spelling, and keeps its place when its value changes;
//! - of what was read nothing is lost: a name that came in several spellings has all their values.

use super::{Extractor, Injector};

/// A small map of text to text, in the order in which names were first set.
///
/// With the cargo feature `serde` it is a map in JSON and elsewhere. Reading it forgives: in a format
/// that describes itself, what is no map is an empty carrier and what is no text is left out, since
/// a bad context must not spoil the message that it came with.
///
/// # Examples
///
/// ```
/// use continuum_observability::{create_carrier_from_span, extract_trace_context, get_tracer};
/// use continuum_observability::testing::TestRecorder;
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let tracer = get_tracer("docs");
///     let carrier = tracer.in_scope("initiate_background_task", create_carrier_from_span);
///     // Later, or on another machine:
///     let parent = extract_trace_context(&carrier);
///     tracer.span_builder("background_task").parent(&parent).in_scope(|_| ());
/// });
/// assert_eq!(recorder.tree(), "initiate_background_task\n  background_task\n");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carrier(Vec<(String, String)>);

impl Carrier {
    /// A carrier that holds nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of names, each spelling counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value under `key`, in any case.
    pub fn get(&self, key: &str) -> Option<&str> {
        Extractor::get(&self.0, key)
    }

    /// Members that were read, in the order in which they came.
    #[cfg(feature = "serde")]
    fn of_members(members: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(members.into_iter().collect())
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        let mut value = Some(value);
        self.0.retain_mut(|(known, old)| {
            let is_same = known.eq_ignore_ascii_case(key);
            if is_same && let Some(value) = value.take() {
                (*known, *old) = (key.to_owned(), value);
                return true;
            }
            !is_same
        });
        self.0.extend(value.map(|value| (key.to_owned(), value)));
    }

    fn remove(&mut self, key: &str) {
        Injector::remove(&mut self.0, key);
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.get(key)
    }

    fn keys(&self) -> Vec<&str> {
        Extractor::keys(&self.0)
    }

    fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
        self.0.for_each(key, visit);
    }
}

impl<K: AsRef<str>, V: Into<String>> FromIterator<(K, V)> for Carrier {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        let mut carrier = Self::new();
        carrier.extend(members);
        carrier
    }
}

impl<K: AsRef<str>, V: Into<String>> Extend<(K, V)> for Carrier {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, members: I) {
        for (key, value) in members {
            self.set(key.as_ref(), value.into());
        }
    }
}

impl IntoIterator for Carrier {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<(String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The carrier as a map in any format that `serde` knows.
#[cfg(feature = "serde")]
mod as_map {
    use super::Carrier;
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};
    use serde_json::Value;
    use std::collections::BTreeMap;

    impl Serialize for Carrier {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.iter())
        }
    }

    impl<'de> Deserialize<'de> for Carrier {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if deserializer.is_human_readable() {
                return Value::deserialize(deserializer).map(|value| Self::from(&value));
            }
            // A compact format does not say what comes next: only a map of texts can be asked for.
            BTreeMap::<String, String>::deserialize(deserializer).map(Self::of_members)
        }
    }

    /// The texts of an object, and nothing of any other value.
    impl From<&Value> for Carrier {
        fn from(value: &Value) -> Self {
            let members = value.as_object().into_iter().flatten();
            let texts =
                members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
            Self::of_members(texts)
        }
    }

    /// An object of texts.
    impl From<Carrier> for Value {
        fn from(carrier: Carrier) -> Self {
            Self::Object(carrier.into_iter().map(|(k, v)| (k, v.into())).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_occurs_once_and_keeps_its_place() {
        let mut carrier: Carrier = [("a", "1"), ("B", "2"), ("A", "3")].into_iter().collect();
        carrier.set("b", "4".to_owned());
        let members: Vec<_> = carrier.iter().collect();
        assert_eq!(members, [("A", "3"), ("b", "4")]);
        assert_eq!((carrier.len(), carrier.is_empty()), (2, false));
        assert_eq!(carrier.get("a"), Some("3"));
        assert_eq!(Extractor::get_all(&carrier, "B"), ["4"]);
        assert_eq!(Extractor::keys(&carrier), ["A", "b"]);
        assert_eq!(carrier.into_iter().collect::<Carrier>().get("c"), None);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_carrier_is_a_map_in_json() {
        let carrier: Carrier = [("traceparent", "00-x"), ("a", "\"1\"")]
            .into_iter()
            .collect();
        let json = serde_json::to_string(&carrier).unwrap();
        assert_eq!(json, r#"{"traceparent":"00-x","a":"\"1\""}"#);
        let read: Carrier = serde_json::from_str(&json).unwrap();
        assert_eq!(read.get("A"), Some("\"1\""));
        assert_eq!(read.len(), 2);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_name_that_is_read_in_several_spellings_has_all_values_until_it_is_set() {
        let json = r#"{"Traceparent":"a","b":"1","TraceParent":"c","traceparent":"d"}"#;
        let mut read: Carrier = serde_json::from_str(json).unwrap();
        let mut values = read.get_all("traceparent");
        values.sort_unstable();
        assert_eq!(values, ["a", "c", "d"]);
        read.set("traceparent", "e".to_owned());
        assert_eq!(read.get_all("Traceparent"), ["e"]);
        assert_eq!(read.len(), 2);
        read.remove("traceparent");
        assert_eq!(read.iter().collect::<Vec<_>>(), [("b", "1")]);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn what_is_no_map_of_texts_is_read_as_far_as_it_goes() {
        for json in ["null", "1", "\"a\"", "[\"a\"]", "true", "{}", r#"{"a":1}"#] {
            let read: Carrier = serde_json::from_str(json).unwrap();
            assert_eq!(read, Carrier::new(), "{json}");
        }
        let read: Carrier = serde_json::from_str(r#"{"a":null,"b":"2","c":{}}"#).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), [("b", "2")]);
    }
}
