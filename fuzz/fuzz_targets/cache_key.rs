//! Cache keys: recorded again, of a recorded key nothing shows but what it showed, and the pattern hides the
//! last part.

#![no_main]

use continuum_observability::fuzzing::scrubbed_key;
use libfuzzer_sys::fuzz_target;

/// What stands in place of parts.
const MARKS: [&str; 3] = ["<hash>", "<email>", "<secret>"];

fuzz_target!(|key: &str| {
    let (clean, pattern) = scrubbed_key(key);
    let (again, _) = scrubbed_key(&clean);
    assert!(is_shown_by(&clean, &again), "{clean:?} became {again:?}");
    let kind = pattern
        .strip_suffix('*')
        .expect("a pattern ends with a star");
    assert!(clean.starts_with(kind) && (kind.is_empty() || kind.ends_with(':')));
});

/// Whether all of `again` but marks stands in `clean`, in this order.
fn is_shown_by(clean: &str, again: &str) -> bool {
    let unmarked = MARKS.iter().fold(again.to_owned(), |text, mark| text.replace(mark, "\u{0}"));
    let mut rest = clean;
    unmarked.split('\u{0}').all(|piece| match rest.split_once(piece) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}
