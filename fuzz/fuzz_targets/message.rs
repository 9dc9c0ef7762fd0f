//! The context inside of a JSON message: reading it never panics and never yields an invalid parent,
//! whatever the message is.

#![no_main]

use continuum_observability::extract_context_from_dict;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(message) = serde_json::from_str::<serde_json::Value>(text) else {
        return;
    };
    let context = extract_context_from_dict(&message);
    let parent = context.span_context();
    assert_eq!(parent.trace_id().is_valid(), parent.span_id().is_valid());
});
