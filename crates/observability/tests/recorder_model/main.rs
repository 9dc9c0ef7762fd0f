//! Any sequence of operations on spans against a plain model of what they mean.
//!
//! The bytes that reach the exporter are decoded by `opentelemetry-proto`, not by our own decoder.
//! A telemetry guard is global, hence a binary of its own and one run at a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod operations;
mod received;
mod reference;
mod strategies;
mod subject;

use continuum_observability::{SpanLimits, Value, get_tracer};
use proptest::prelude::*;
use received::Receiver;
use std::{borrow::Cow, collections::BTreeSet, thread};
use subject::{SCOPE, assert_arrived, perform};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_sequence_of_operations_means_what_the_model_says(
        limits in strategies::limits(),
        starts in prop::collection::vec(strategies::start(), 1..4),
        steps in prop::collection::vec(strategies::step(), 0..40),
    ) {
        let receiver = Receiver::start(limits);
        let subjects = perform(limits, &starts, &steps);
        assert_arrived(&subjects, receiver.stop(subjects.len() as u64));
    }
}

#[test]
fn a_span_of_one_mebibyte_takes_no_more_and_counts_what_it_leaves_out() {
    let receiver = Receiver::start(SpanLimits::default());
    let large = "x".repeat(300 << 10);
    let span = get_tracer(SCOPE).start_span("large");
    for key in ["a", "b", "c", "d"] {
        span.set_attribute(key, large.as_str());
    }
    span.add_event("event", &[("text", large.as_str().into())]);
    span.add_link(&span.span_context(), &[("text", large.as_str().into())]);
    span.set_attribute("small", Value::Bytes(Cow::Borrowed(b"fits")));
    let id = span.span_context().span_id().to_bytes();
    drop(span);
    let span = receiver.stop(1).remove(id.as_slice()).unwrap();
    let keys: Vec<_> = span
        .attributes
        .iter()
        .map(|attribute| attribute.key.as_str())
        .collect();
    assert_eq!(keys, ["a", "b", "c", "small"]);
    assert_eq!(span.dropped_attributes_count, 1);
    assert_eq!((span.events.len(), span.dropped_events_count), (0, 1));
    assert_eq!((span.links.len(), span.dropped_links_count), (0, 1));
}

#[test]
fn what_several_threads_say_of_one_span_at_once_is_all_there() {
    let receiver = Receiver::start(SpanLimits::default());
    let span = get_tracer(SCOPE).start_span("shared");
    let describe = |thread: i64| {
        for number in 0..25 {
            span.set_attribute(&format!("{thread}.{number}"), number);
            span.add_event("said", &[("by", thread.into())]);
        }
    };
    thread::scope(|scope| {
        for thread in 0..4 {
            let work = move || describe(thread);
            thread::Builder::new().spawn_scoped(scope, work).unwrap();
        }
    });
    let id = span.span_context().span_id().to_bytes();
    drop(span);
    let span = receiver.stop(1).remove(id.as_slice()).unwrap();
    let keys: BTreeSet<_> = span.attributes.iter().map(|kept| &kept.key).collect();
    assert_eq!((keys.len(), span.dropped_attributes_count), (100, 0));
    let said = (0..4).flat_map(|thread| (0..25).map(move |number| format!("{thread}.{number}")));
    assert!(said.into_iter().all(|key| keys.contains(&key)));
    assert_eq!((span.events.len(), span.dropped_events_count), (100, 0));
}
