//! A first look at a key: whether letters stand in it with which the name of a secret can end.
//!
//! Position: before a key is taken apart into words, which most keys need not be.
//!
//! Invariant: in every name of a secret stand the last letters of one of [`ENDS`], in either case.

/// The last letters, at most four, of all words that name a secret: `secret`, `authorization`, `cookie`,
/// `credential`, `password`, `passphrase`, `passcode`, `token`, `bearer`, `key`, `jwt`, `pwd`. Those of a
/// plural stand before its `s`.
const ENDS: [&str; 12] = [
    "cret", "tion", "okie", "tial", "word", "rase", "code", "oken", "arer", "key", "jwt", "wd",
];

/// The ends as numbers, and which bits of a number count.
const TAILS: [(u32, u32); ENDS.len()] = tails();
/// For the last letter of an end, which letters may stand before it: a bit for each.
const BEFORE_LAST: [u32; 256] = before_last();

const fn tails() -> [(u32, u32); ENDS.len()] {
    let mut tails = [(0, 0); ENDS.len()];
    let mut end = 0;
    while end < ENDS.len() {
        let (letters, mut at) = (ENDS[end].as_bytes(), 0);
        while at < letters.len() {
            let (tail, mask) = tails[end];
            tails[end] = (tail << 8 | letters[at] as u32, mask << 8 | 0xff);
            at += 1;
        }
        end += 1;
    }
    tails
}

const fn before_last() -> [u32; 256] {
    let mut before_last = [0; 256];
    let mut end = 0;
    while end < ENDS.len() {
        let tail = TAILS[end].0;
        let last = (tail & 0xff) as u8;
        before_last[last as usize] |= bit(tail >> 8);
        before_last[last.to_ascii_uppercase() as usize] |= bit(tail >> 8);
        end += 1;
    }
    before_last
}

/// The same for both cases of a letter, which is the lowest byte.
#[inline]
const fn bit(letter: u32) -> u32 {
    1 << (letter & 31)
}

/// Whether one of [`ENDS`] stands anywhere in the key.
#[inline]
pub(super) fn has_one(key: &str) -> bool {
    let mut tail = 0_u32;
    key.bytes().any(|letter| {
        let before = tail;
        // Upper case becomes lower case, and nothing else becomes a letter.
        tail = before << 8 | u32::from(letter | 0x20);
        BEFORE_LAST[usize::from(letter)] & bit(before) != 0
            && TAILS.iter().any(|(end, mask)| tail & mask == *end)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::has_secret_word, *};
    use proptest::prelude::*;

    #[test]
    fn ends_are_found_in_every_case_and_nothing_else_is() {
        for key in ["cookie", "JWT", "myToken2", "pass.wd", "a.Key.b", "é.codes"] {
            assert!(has_one(key), "{key}");
        }
        for key in [
            "", "w", "tenant", "user.id", "region", "session", "search", "ke.y", "to_ken",
        ] {
            assert!(!has_one(key), "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_name_of_a_secret_is_overlooked(
            parts in prop::collection::vec(
                "[._-]?(?i:secret|authorization|cookie|credential|pwd|pass|word|wd|phrase|code|api|private|\
                 access|encryption|signing|key|token|jwt|bearer|auth|oauth|id|s|[a-z0-9é]{0,3})", 0..6),
        ) {
            let key = parts.concat();
            prop_assert!(has_one(&key) || !has_secret_word(&key), "{key}");
        }
    }
}
