//! Which attribute keys a span has seen: a filter that is never wrong when it says "not yet".
//!
//! Position: asked by [`super::body`] before each attribute, so that only a key that may be there
//! already is looked for.

/// A filter of 512 places.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SeenKeys([u64; 8]);

impl SeenKeys {
    /// Notes a key by its hash; whether it, or one with the same place, was there before.
    #[inline]
    pub(super) fn note(&mut self, hash: u64) -> bool {
        let place = hash >> 55;
        let word = &mut self.0[(place >> 6) as usize];
        let bit = 1 << (place & 63);
        let seen = *word & bit != 0;
        *word |= bit;
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::{super::words::hash, *};

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
            assert!(!seen.note(hash(key.as_bytes())), "{key}");
            assert!(seen.note(hash(key.as_bytes())), "{key}");
        }
    }

    #[test]
    fn numbered_keys_rarely_share_a_place() {
        let mut seen = SeenKeys::default();
        let shared = (0..64)
            .map(|i| format!("memory.item.{i}"))
            .filter(|key| seen.note(hash(key.as_bytes())))
            .count();
        assert!(shared < 10, "{shared}");
    }
}
