//! Carriers: whatever holds the headers of a message.
//!
//! Position: the edge of `propagation`. The formats see a carrier only through [`Injector`] and
//! [`Extractor`]; implemented here for the usual maps and lists, beside it for a [`Carrier`] to
//! keep or send and for the environment of another process.
//!
//! Invariants:
//! - names are compared without regard to ASCII case, since carriers that came through HTTP may
//!   have any;
//! - setting a name leaves exactly one value under it, in whatever spelling it was before;
//! - a name in several spellings has several values, of which none is preferred where only one may be;
//! - results never depend on the order of a hash map.
//!
//! Source: OpenTelemetry specification, Propagators API, "`TextMap` Propagator".

mod environment;
mod owned;

pub(super) use environment::Variables;
pub use owned::Carrier;

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// A carrier that headers can be written to.
pub trait Injector {
    /// Sets the header `key`, given in lower case, replacing any value that it has.
    fn set(&mut self, key: &str, value: String);

    /// Takes away the header `key`, given in lower case, where it is of another context.
    ///
    /// Called for each header that a format has and does not write, so that what was in the carrier
    /// before is not taken for a part of the context that is written now. A carrier that is new each
    /// time has nothing to take away: this does nothing unless it is implemented.
    fn remove(&mut self, key: &str) {
        let _ = key;
    }
}

/// A carrier that headers can be read from.
///
/// Names are compared without regard to ASCII case. A carrier that may hold several values under
/// one name implements [`for_each`](Self::for_each) as well.
///
/// # Examples
///
/// ```
/// use continuum_observability::propagation::{Extractor, trace_context};
///
/// struct Message {
///     traceparent: String,
/// }
///
/// impl Extractor for Message {
///     fn get(&self, key: &str) -> Option<&str> {
///         key.eq_ignore_ascii_case("traceparent").then_some(self.traceparent.as_str())
///     }
///
///     fn keys(&self) -> Vec<&str> {
///         vec!["traceparent"]
///     }
/// }
///
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
/// assert!(trace_context::extract(&Message { traceparent }).is_some());
/// ```
pub trait Extractor {
    /// The first value under `key`.
    fn get(&self, key: &str) -> Option<&str>;

    /// All names, as they are spelled in the carrier.
    fn keys(&self) -> Vec<&str>;

    /// Shows every value under `key` to `visit`, in the order of the message.
    ///
    /// A value that is no text is shown as U+FFFD, which no format accepts, so that it is not
    /// mistaken for an absent one.
    fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
        if let Some(value) = self.get(key) {
            visit(value);
        }
    }

    /// All values under `key`, in the order of the message.
    fn get_all<'a>(&'a self, key: &str) -> Vec<&'a str> {
        let mut values = Vec::new();
        self.for_each(key, &mut |value| values.push(value));
        values
    }
}

/// The value under `key`, unless there are several: nobody knows which of them counts.
pub(super) fn the_only<'a>(carrier: &'a (impl Extractor + ?Sized), key: &str) -> Option<&'a str> {
    let mut found = None;
    let mut count = 0;
    carrier.for_each(key, &mut |value| {
        count += 1;
        found = Some(value);
    });
    found.filter(|_| count == 1)
}

/// So that a carrier of any type can be handed on as `&mut dyn Injector`.
impl<C: Injector + ?Sized> Injector for &mut C {
    fn set(&mut self, key: &str, value: String) {
        (**self).set(key, value);
    }

    fn remove(&mut self, key: &str) {
        (**self).remove(key);
    }
}

/// So that a carrier of any type can be handed on as `&dyn Extractor`.
impl<C: Extractor + ?Sized> Extractor for &C {
    fn get(&self, key: &str) -> Option<&str> {
        (**self).get(key)
    }

    fn keys(&self) -> Vec<&str> {
        (**self).keys()
    }

    fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
        (**self).for_each(key, visit);
    }
}

fn is_other_spelling(key: &str, known: &str) -> bool {
    known != key && known.eq_ignore_ascii_case(key)
}

/// Of so many names each is looked at in less time than one is hashed.
const FEW: usize = 8;

/// The value under `key` as it stands, or else under its first other spelling.
fn find_in_any_spelling<'a>(
    headers: impl Iterator<Item = (&'a String, &'a String)>,
    key: &str,
) -> Option<&'a str> {
    let mut found: Option<(&String, &String)> = None;
    for (known, value) in headers.filter(|(known, _)| known.len() == key.len()) {
        if known == key {
            return Some(value);
        }
        let is_first = found.is_none_or(|(first, _)| known < first);
        if is_first && known.eq_ignore_ascii_case(key) {
            found = Some((known, value));
        }
    }
    found.map(|(_, value)| value.as_str())
}

/// Shows the values under all spellings of `key`, in the order of the alphabet.
#[inline]
fn visit_every_spelling<'a>(
    headers: impl Iterator<Item = (&'a String, &'a String)>,
    key: &str,
    visit: &mut dyn FnMut(&'a str),
) {
    let mut found = None;
    let mut others = Vec::new();
    headers.for_each(|header| {
        let known = header.0;
        if known.len() != key.len() || (known != key && !known.eq_ignore_ascii_case(key)) {
            return;
        }
        match found {
            None => found = Some(header),
            Some(_) => others.push(header),
        }
    });
    let Some(first) = found else { return };
    if others.is_empty() {
        return visit(first.1);
    }
    others.push(first);
    others.sort_unstable();
    for (_, value) in others {
        visit(value);
    }
}

/// Makes a carrier of a map whose own look-up minds the case.
macro_rules! map_carrier {
    ([$($generics:tt)*] $map:ty) => {
        impl<$($generics)*> Injector for $map {
            fn set(&mut self, key: &str, value: String) {
                self.retain(|known, _| !is_other_spelling(key, known));
                drop(self.insert(key.to_owned(), value));
            }

            fn remove(&mut self, key: &str) {
                self.retain(|known, _| !known.eq_ignore_ascii_case(key));
            }
        }

        /// The first value is the one under `key` as it stands, or else under its first other
        /// spelling in the order of the alphabet.
        impl<$($generics)*> Extractor for $map {
            fn get(&self, key: &str) -> Option<&str> {
                if self.len() > FEW
                    && let Some(value) = self.get(key)
                {
                    return Some(value);
                }
                find_in_any_spelling(self.iter(), key)
            }

            fn keys(&self) -> Vec<&str> {
                self.keys().map(String::as_str).collect()
            }

            fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
                visit_every_spelling(self.iter(), key, visit);
            }
        }
    };
}

map_carrier!([S: BuildHasher] HashMap<String, String, S>);
map_carrier!([] BTreeMap<String, String>);

impl Injector for Vec<(String, String)> {
    fn set(&mut self, key: &str, value: String) {
        self.retain(|(known, _)| !known.eq_ignore_ascii_case(key));
        self.push((key.to_owned(), value));
    }

    fn remove(&mut self, key: &str) {
        self.retain(|(known, _)| !known.eq_ignore_ascii_case(key));
    }
}

impl Extractor for Vec<(String, String)> {
    fn get(&self, key: &str) -> Option<&str> {
        let found = self
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.iter().map(|(key, _)| key.as_str()).collect()
    }

    fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
        let found = self
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(key));
        found.for_each(|(_, value)| visit(value));
    }
}

/// The headers of an HTTP message of the `http` crate.
#[cfg(feature = "http_1")]
mod http_headers {
    use super::{Extractor, Injector};
    use crate::propagation::{
        baggage::BAGGAGE,
        trace_context::{TRACEPARENT, TRACESTATE},
    };
    use http::{HeaderMap, HeaderName, HeaderValue};

    /// Stands for a value that is no text.
    const UNREADABLE: &str = "\u{fffd}";

    /// The names that are looked for in each request, made once.
    static USUAL: [HeaderName; 3] = [
        HeaderName::from_static(TRACEPARENT),
        HeaderName::from_static(TRACESTATE),
        HeaderName::from_static(BAGGAGE),
    ];

    #[inline]
    fn usual(key: &str) -> Option<&'static HeaderName> {
        USUAL.iter().find(|name| name.as_str() == key)
    }

    fn text(value: &HeaderValue) -> &str {
        value.to_str().unwrap_or(UNREADABLE)
    }

    /// A name or a value that HTTP does not allow is left out.
    impl Injector for HeaderMap {
        fn set(&mut self, key: &str, value: String) {
            let name = match usual(key) {
                Some(name) => Ok(name.clone()),
                None => HeaderName::from_bytes(key.as_bytes()),
            };
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                self.insert(name, value);
            }
        }

        fn remove(&mut self, key: &str) {
            let _former = match usual(key) {
                Some(name) => self.remove(name),
                None => self.remove(key),
            };
        }
    }

    impl Extractor for HeaderMap {
        fn get(&self, key: &str) -> Option<&str> {
            self.get(key).map(text)
        }

        fn keys(&self) -> Vec<&str> {
            self.keys().map(HeaderName::as_str).collect()
        }

        fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
            let values = match usual(key) {
                Some(name) => self.get_all(name),
                None => self.get_all(key),
            };
            values.iter().map(text).for_each(visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        headers
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn reads_and_writes_names_in_any_case<C>(mut carrier: C)
    where
        C: Injector + Extractor,
    {
        assert_eq!(carrier.get("key"), Some("old"));
        assert_eq!(carrier.get_all("KEY"), ["old"]);
        assert_eq!(carrier.get("ke"), None);
        assert_eq!(carrier.get_all("none"), [""; 0]);
        carrier.set("key", "new".to_owned());
        carrier.set("added", "value".to_owned());
        assert_eq!(carrier.get_all("Key"), ["new"]);
        let mut keys = carrier.keys();
        keys.sort_unstable();
        assert_eq!(keys, ["added", "key"]);
        carrier.remove("key");
        carrier.remove("absent");
        assert_eq!(carrier.keys(), ["added"]);
    }

    #[test]
    fn every_carrier_reads_and_writes_names_in_any_case() {
        let headers = list(&[("kEy", "old")]);
        reads_and_writes_names_in_any_case::<HashMap<_, _>>(headers.iter().cloned().collect());
        reads_and_writes_names_in_any_case::<BTreeMap<_, _>>(headers.iter().cloned().collect());
        reads_and_writes_names_in_any_case(headers);
    }

    #[test]
    fn a_map_shows_every_spelling_and_prefers_none_where_only_one_may_be() {
        let mut headers = list(&[("KEY", "upper"), ("Key", "title"), ("key", "lower")]);
        let map: HashMap<_, _> = headers.iter().cloned().collect();
        assert_eq!(Extractor::get(&map, "key"), Some("lower"));
        assert_eq!(map.get_all("key"), ["upper", "title", "lower"]);
        assert_eq!(the_only(&map, "key"), None);
        headers.truncate(2);
        let map: BTreeMap<_, _> = headers.iter().cloned().collect();
        assert_eq!(the_only(&map, "key"), None);
        let mut map: HashMap<_, _> = headers.into_iter().collect();
        assert_eq!(Extractor::get(&map, "key"), Some("upper"));
        map.set("key", "only".to_owned());
        assert_eq!(the_only(&map, "key"), Some("only"));
        assert_eq!(Vec::from_iter(map), list(&[("key", "only")]));
    }

    #[test]
    fn a_list_shows_all_values_in_order_until_the_name_is_set() {
        let mut headers = list(&[("a", "1"), ("b", "2"), ("A", "3")]);
        assert_eq!(headers.get_all("a"), ["1", "3"]);
        assert_eq!(Extractor::get(&headers, "a"), Some("1"));
        headers.set("a", "4".to_owned());
        assert_eq!(headers, list(&[("b", "2"), ("a", "4")]));
    }

    #[cfg(feature = "http_1")]
    #[test]
    fn http_headers_are_a_carrier() {
        use http::{HeaderMap, HeaderValue};

        let mut headers = HeaderMap::new();
        headers.insert("kEy", HeaderValue::from_static("old"));
        reads_and_writes_names_in_any_case(headers.clone());

        headers.append("key", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(Extractor::get_all(&headers, "key"), ["old", "\u{fffd}"]);
        headers.set("a b", "1".to_owned());
        headers.set("ab", "1\n".to_owned());
        assert_eq!(headers.len(), 2);
    }
}
