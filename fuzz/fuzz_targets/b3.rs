//! `b3` on the first line of the input, then trace id, span id, sampling decision and flags.

#![no_main]

use continuum_observability::propagation::b3;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 5] = [
    b3::B3,
    b3::X_B3_TRACE_ID,
    b3::X_B3_SPAN_ID,
    b3::X_B3_SAMPLED,
    b3::X_B3_FLAGS,
];

fuzz_target!(|input: &str| {
    let headers: Vec<(String, String)> = NAMES
        .into_iter()
        .zip(input.split('\n'))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let Some(context) = b3::extract(&headers) else {
        return;
    };
    assert!(context.is_valid() && context.is_remote());
    let (mut single, mut multi) = (Vec::new(), Vec::new());
    b3::inject_single(&context, &mut single);
    b3::inject_multi(&context, &mut multi);
    assert_eq!(b3::extract(&single).as_ref(), Some(&context));
    assert_eq!(b3::extract(&multi).as_ref(), Some(&context));
});
