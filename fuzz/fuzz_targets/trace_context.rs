//! `traceparent` on the first line of the input, a `tracestate` on each line after it.

#![no_main]

use continuum_observability::propagation::trace_context;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut lines = input.split('\n');
    let parent = lines.next().unwrap_or_default();
    let headers: Vec<(String, String)> = [("traceparent", parent)]
        .into_iter()
        .chain(lines.map(|line| ("tracestate", line)))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let Some(context) = trace_context::extract(&headers) else {
        return;
    };
    assert!(context.is_valid() && context.is_remote());
    assert!(context.trace_state().iter().count() <= 32);
    let mut sent = Vec::new();
    trace_context::inject(&context, &mut sent);
    assert_eq!(trace_context::extract(&sent), Some(context));
});
