//! Attributes that are encoded beforehand, where limits, secrets and later calls change them.

use super::tree;
use continuum_observability::{
    Sampler, SpanLimits, get_current_span, testing::TestRecorder, trace_function,
};

#[trace_function(name = "work", attributes(component = "memory", api_key = "sk-1", step = step))]
fn work(step: i64) {
    get_current_span().set_attribute("component", "cache");
}

/// The span of `work`, under limits.
fn spans(change: impl FnOnce(&mut SpanLimits)) -> String {
    let mut limits = SpanLimits::default();
    change(&mut limits);
    let recorder = TestRecorder::with(Sampler::AlwaysOn, limits);
    recorder.run(|| work(1));
    tree(&recorder)
}

#[test]
fn literals_are_hidden_and_replaced_like_any_attribute() {
    for _ in 0..2 {
        assert_eq!(
            spans(|_| ()),
            "work api_key=[redacted] step=1 component=cache\n"
        );
    }
}

#[test]
fn literals_are_cut_at_the_length_of_values() {
    assert_eq!(
        spans(|limits| limits.value_length = 3),
        "work api_key=[re step=1 component=cac\n"
    );
}

#[test]
fn literals_beyond_the_number_of_attributes_are_dropped() {
    assert_eq!(
        spans(|limits| limits.attributes = 1),
        "work component=cache\n"
    );
}
