//! The headers of a message as a carrier.
//!
//! Position: between `propagation` and the messages of `async-nats`; also for programs that send messages by
//! themselves, inside of a span of the messaging layer.
//!
//! Invariants: names are compared without regard to ASCII case; a name or a value that NATS does not allow is
//! left out, since its own methods panic.

use crate::propagation::{Extractor, Injector};
use ::async_nats::{HeaderMap, HeaderName, HeaderValue};

impl Injector for HeaderMap {
    fn set(&mut self, key: &str, value: String) {
        let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), value.parse::<HeaderValue>())
        else {
            return;
        };
        if spellings(self, key).iter().any(|(known, _)| *known != key) {
            *self = without(self, key);
        }
        self.insert(name, value);
    }

    fn remove(&mut self, key: &str) {
        if !spellings(self, key).is_empty() {
            *self = without(self, key);
        }
    }
}

impl Extractor for HeaderMap {
    fn get(&self, key: &str) -> Option<&str> {
        let first = spellings(self, key).into_iter().next()?;
        first.1.first().map(HeaderValue::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| name.as_ref()).collect()
    }

    fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
        for (_, values) in spellings(self, key) {
            values.iter().map(HeaderValue::as_str).for_each(&mut *visit);
        }
    }
}

/// What is there under a name in any spelling: as it is given first, then in the order of the alphabet.
fn spellings<'a>(headers: &'a HeaderMap, key: &str) -> Vec<(&'a str, &'a [HeaderValue])> {
    let mut found: Vec<(&str, &[HeaderValue])> = headers
        .iter()
        .map(|(name, values)| (name.as_ref(), values.as_slice()))
        .filter(|(name, _): &(&str, _)| name.eq_ignore_ascii_case(key))
        .collect();
    found.sort_by_key(|(name, _)| (*name != key, *name));
    found
}

/// A copy without a name: there is no way to take one out.
fn without(headers: &HeaderMap, key: &str) -> HeaderMap {
    let mut kept = HeaderMap::new();
    let is_other = |name: &HeaderName| {
        let spelling: &str = name.as_ref();
        !spelling.eq_ignore_ascii_case(key)
    };
    headers
        .iter()
        .filter(|(name, _)| is_other(name))
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
        .for_each(|(name, value)| kept.append(name.clone(), value.clone()));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_spelling_and_has_one_value_when_it_was_set() {
        let mut headers = HeaderMap::new();
        headers.append("Key", "title");
        headers.append("KEY", "upper");
        headers.append("KEY", "again");
        headers.append("other", "stays");
        assert_eq!(Extractor::get(&headers, "Key"), Some("title"));
        assert_eq!(
            Extractor::get_all(&headers, "key"),
            ["upper", "again", "title"]
        );
        headers.set("key", "new".to_owned());
        let mut keys = headers.keys();
        keys.sort_unstable();
        assert_eq!(keys, ["key", "other"]);
        assert_eq!(Extractor::get_all(&headers, "KEY"), ["new"]);
        assert_eq!(Extractor::get(&headers, "none"), None);
        headers.append("Key", "again");
        headers.remove("KEY");
        assert_eq!(headers.keys(), ["other"]);
    }

    #[test]
    fn what_nats_does_not_allow_is_left_out() {
        let mut headers = HeaderMap::new();
        headers.set("a:b", "1".to_owned());
        headers.set("ab", "1\r\n2".to_owned());
        assert!(headers.is_empty());
    }
}
