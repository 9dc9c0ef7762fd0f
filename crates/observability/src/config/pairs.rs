//! Lists such as `key1=value1,key2=value2`, percent-encoded: resource attributes and headers.
//!
//! Position: below [`super::resource`] and [`super::otlp`].
//!
//! Invariant: a list is taken whole or not at all, so that a mistake is noticed.
//!
//! Source: OpenTelemetry specification, Resource SDK, "Specifying resource information via an
//! environment variable"; OTLP exporter, "Specifying headers via environment variables".

use crate::propagation::percent::decode_exactly;

/// The pairs of a list; `None` when one of them cannot be read. Empty members are skipped.
pub(crate) fn parse_pairs(list: &str) -> Option<Vec<(String, String)>> {
    let members = list
        .split(',')
        .map(str::trim)
        .filter(|member| !member.is_empty());
    members.map(parse_pair).collect()
}

fn parse_pair(member: &str) -> Option<(String, String)> {
    let (key, value) = member.split_once('=')?;
    let key = decode_exactly(key.trim())?;
    (!key.is_empty()).then_some((key, decode_exactly(value.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &str) -> Option<Vec<(String, String)>> {
        parse_pairs(list)
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn values_are_percent_decoded_and_trimmed() {
        assert_eq!(
            pairs("a=1, b = x%20y%2Cz ,"),
            Some(owned(&[("a", "1"), ("b", "x y,z")]))
        );
        assert_eq!(pairs("k%3D=v=w"), Some(owned(&[("k=", "v=w")])));
        assert_eq!(pairs("a=%C3%A9+"), Some(owned(&[("a", "é+")])));
        assert_eq!(pairs("a="), Some(owned(&[("a", "")])));
        assert_eq!(pairs(""), Some(owned(&[])));
    }

    #[test]
    fn one_bad_member_spoils_the_list() {
        for list in [
            "a=1,b", "=1", "a=%", "a=%2", "a=%zz", "a=%FF", "a=1,%20", "a=%+1",
        ] {
            assert_eq!(pairs(list), None, "{list}");
        }
    }
}
