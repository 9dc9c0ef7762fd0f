//! Cache keys: recorded again, a recorded key stays the same, and the pattern hides the last part.

#![no_main]

use continuum_observability::fuzzing::scrubbed_key;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|key: &str| {
    let (clean, pattern) = scrubbed_key(key);
    if clean.len() < 256 {
        assert_eq!(scrubbed_key(&clean), (clean.clone(), pattern.clone()));
    }
    let kind = pattern
        .strip_suffix('*')
        .expect("a pattern ends with a star");
    assert!(clean.starts_with(kind) && (kind.is_empty() || kind.ends_with(':')));
});
