//! `uber-trace-id` on the first line of the input, then a name and value of baggage on each.

#![no_main]

use continuum_observability::Baggage;
use continuum_observability::propagation::jaeger;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut lines = input.split('\n');
    let ids = (
        jaeger::UBER_TRACE_ID.to_owned(),
        lines.next().unwrap_or_default().to_owned(),
    );
    let members = lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        Some((
            format!("{}{name}", jaeger::UBERCTX_PREFIX),
            value.to_owned(),
        ))
    });
    let headers: Vec<_> = std::iter::once(ids).chain(members).collect();
    let mut sent = Vec::new();
    if let Some(context) = jaeger::extract(&headers) {
        assert!(context.is_valid() && context.is_remote());
        jaeger::inject(&context, &mut sent);
        assert_eq!(jaeger::extract(&sent), Some(context));
    }
    let mut baggage = Baggage::new();
    jaeger::extract_baggage(&headers, &mut baggage);
    let withheld = jaeger::inject_baggage(&baggage, &mut sent);
    assert_eq!(withheld, 0);
});
