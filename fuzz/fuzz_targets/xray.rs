//! An `X-Amzn-Trace-Id` header.

#![no_main]

use continuum_observability::propagation::xray;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let Some(context) = xray::parse_header(input) else {
        return;
    };
    assert!(context.is_valid() && context.is_remote());
    assert_eq!(
        xray::parse_header(&xray::format_header(&context)),
        Some(context)
    );
});
