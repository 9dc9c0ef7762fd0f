//! Which attribute keys a span has seen: a filter that is never wrong when it says "not yet".
//!
//! Position: asked by [`super::body`] before each attribute, so that only a key that may be there
//! already is looked for.

/// A filter of 512 places.
#[derive(Debug, Default)]
pub(super) struct SeenKeys([u64; 8]);

impl SeenKeys {
    /// Notes a key; whether it, or one with the same place, was there before.
    #[inline]
    pub(super) fn note(&mut self, key: &KeyEnds) -> bool {
        let place = key.hash >> 55;
        let word = &mut self.0[(place >> 6) as usize];
        let bit = 1 << (place & 63);
        let seen = *word & bit != 0;
        *word |= bit;
        seen
    }
}

/// The first and the last eight bytes of a key, which are all of it up to a length of 16, and a
/// number in which different keys mostly differ, in its upper bits above all.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyEnds {
    pub(super) len: usize,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) hash: u64,
}

impl KeyEnds {
    #[inline]
    pub(super) fn of(key: &str) -> Self {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let (first, last) = ends(key.as_bytes());
        let mixed = (first ^ key.len() as u64).wrapping_mul(MIX);
        Self {
            len: key.len(),
            first,
            last,
            hash: (mixed.rotate_left(32) ^ last).wrapping_mul(MIX),
        }
    }
}

/// The ends overlap in a key of less than 16 bytes; one of less than four is spelled out.
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
        [first, .., last] => {
            let middle = u64::from(key[key.len() / 2]);
            (first.into(), middle << 8 | u64::from(last))
        }
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
            assert!(!seen.note(&KeyEnds::of(key)), "{key}");
            assert!(seen.note(&KeyEnds::of(key)), "{key}");
        }
    }

    #[test]
    fn numbered_keys_rarely_share_a_place() {
        let mut seen = SeenKeys::default();
        let shared = (0..64)
            .map(|i| format!("memory.item.{i}"))
            .filter(|key| seen.note(&KeyEnds::of(key)))
            .count();
        assert!(shared < 10, "{shared}");
    }
}
