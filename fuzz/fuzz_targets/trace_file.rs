//! A line of a trace file: what was understood is written and read again unchanged.

#![no_main]

#[path = "../../crates/cli/src/trace_file/fields.rs"]
mod fields;
#[path = "../../crates/cli/src/trace_file/wire.rs"]
mod wire;

use continuum_observability::fuzzing::write_request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let Ok(spans) = wire::parse(line) else { return };
    let mut written = String::new();
    write_request(&mut written, &spans);
    let read = wire::parse(written.as_bytes()).expect("a line of a trace file");
    // As text, since not-a-number is not equal to itself.
    assert_eq!(format!("{read:?}"), format!("{spans:?}"));
});
