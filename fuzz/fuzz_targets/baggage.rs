//! A `baggage` header on each line of the input.

#![no_main]

use continuum_observability::propagation::baggage;
use continuum_observability::{MAX_BAGGAGE_BYTES, MAX_BAGGAGE_MEMBERS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let headers: Vec<_> = input
        .split('\n')
        .map(|line| ("baggage".to_owned(), line.to_owned()))
        .collect();
    let (read, _refused) = baggage::extract(&headers);
    assert!(read.len() <= MAX_BAGGAGE_MEMBERS);
    let (header, withheld) = baggage::format_baggage(&read);
    assert!(header.len() <= MAX_BAGGAGE_BYTES);
    assert!(
        header
            .bytes()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
    );
    let (again, refused) = baggage::parse_baggage(&header);
    assert_eq!(refused, 0);
    assert_eq!(again.len() + withheld, read.len());
    if withheld == 0 {
        assert_eq!(again, read);
    }
});
