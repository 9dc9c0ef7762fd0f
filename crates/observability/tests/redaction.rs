//! What counts as a secret changes with the set-up, whatever threads remember of keys.
//!
//! The rules are those of the process, hence a binary of its own.

use continuum_observability::{
    ExporterConfig, Telemetry, get_tracer, inject_trace_context, set_baggage, testing::TestRecorder,
};
use std::collections::HashMap;

/// The span of a payment, and the baggage that left meanwhile.
fn pay(recorder: &TestRecorder) -> (String, String) {
    let mut headers = HashMap::<String, String>::new();
    recorder.run(|| {
        get_tracer("shop").in_scope("pay", |span| {
            set_baggage("iban", "DE02");
            inject_trace_context(&mut headers);
            span.set_attribute("user.iban", "DE02");
            span.set_attribute("token", 7);
            span.add_event("paid", &[("user.iban", "DE02".into())]);
        });
    });
    let baggage = headers.remove("baggage").unwrap_or_default();
    let tree = recorder.tree();
    (tree, baggage)
}

#[test]
fn the_rules_in_force_decide_also_about_keys_that_were_seen_before() {
    let builder = || Telemetry::builder().exporter(ExporterConfig::None);
    for (telemetry, tree, baggage) in [
        (
            builder(),
            "pay user.iban=DE02 token=[redacted]\n  · paid user.iban=DE02\n",
            "iban=DE02",
        ),
        (
            builder()
                .variable("CONTINUUM_REDACT_KEYS", "ssn, IBAN")
                .variable("CONTINUUM_REDACT_ALLOW", "token"),
            "pay user.iban=[redacted] token=7\n  · paid user.iban=[redacted]\n",
            "",
        ),
        (
            builder(),
            "pay user.iban=DE02 token=[redacted]\n  · paid user.iban=DE02\n",
            "iban=DE02",
        ),
    ] {
        let _telemetry = telemetry.init().unwrap();
        for _ in 0..2 {
            assert_eq!(
                pay(&TestRecorder::new()),
                (tree.to_owned(), baggage.to_owned())
            );
        }
    }
}
