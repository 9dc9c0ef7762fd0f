//! Which attribute keys a span has seen: a filter that is never wrong when it says "not yet".
//!
//! Position: asked by [`super::body`] before each attribute, so that only a key that may be there
//! already is looked for.

/// A filter of 512 places.
#[derive(Debug, Default)]
pub(super) struct SeenKeys([u64; 8]);

impl SeenKeys {
    /// Notes a key by its [`fingerprint`]; whether it, or one with the same place, was there before.
    #[inline]
    pub(super) fn note(&mut self, fingerprint: u64) -> bool {
        let place = fingerprint >> 55;
        let word = &mut self.0[(place >> 6) as usize];
        let bit = 1 << (place & 63);
        let seen = *word & bit != 0;
        *word |= bit;
        seen
    }
}

/// A number in which different keys mostly differ, in its upper bits above all.
#[inline]
pub(super) fn fingerprint(key: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let (first, last) = ends(key);
    let mixed = (first ^ key.len() as u64).wrapping_mul(MIX);
    (mixed.rotate_left(32) ^ last).wrapping_mul(MIX)
}

/// The first and the last bytes of a key, which overlap in a short one.
#[inline]
fn ends(key: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return (first.into(), last.into());
    }
    match *key {
        [] => (0, 0),
        [first, .., last] => (
            first.into(),
            u64::from(key[key.len() / 2]) << 8 | u64::from(last),
        ),
        [only] => (only.into(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_from_its_second_time_on() {
        let mut seen = SeenKeys::default();
        for key in [
            "",
            "a",
            "ab",
            "abc",
            "http.method",
            "a.rather.long.key.indeed",
        ] {
            assert!(!seen.note(fingerprint(key.as_bytes())), "{key}");
            assert!(seen.note(fingerprint(key.as_bytes())), "{key}");
        }
    }

    #[test]
    fn numbered_keys_rarely_share_a_place() {
        let mut seen = SeenKeys::default();
        let shared = (0..64)
            .map(|i| format!("memory.item.{i}"))
            .filter(|key| seen.note(fingerprint(key.as_bytes())))
            .count();
        assert!(shared < 10, "{shared}");
    }
}
