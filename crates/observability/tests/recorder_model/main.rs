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

use continuum_observability::{Span, SpanLimits, SpanRef, Value, get_tracer};
use operations::{Actor, End, Operation, Start, Step};
use proptest::prelude::*;
use received::Receiver;
use reference::Reference;
use std::{
    borrow::Cow,
    thread::{self, JoinHandle},
};

/// A span under test, with a reference to it that outlives it and the model of it.
struct Subject {
    span: Span,
    view: SpanRef,
    model: Reference,
    /// What is being done to it beside.
    under_way: Option<JoinHandle<()>>,
}

impl Subject {
    fn start(start: &Start, limits: SpanLimits) -> Self {
        let context = start.parent_context();
        let mut builder = get_tracer("recorder_model")
            .span_builder(&start.name)
            .kind(start.kind);
        if let Some(context) = &context {
            builder = builder.parent(context);
        }
        for (key, value) in &start.attributes {
            builder = builder.attribute(key, value.clone());
        }
        for link in &start.links {
            builder = builder.link_with(link.context(), borrowed(&link.attributes));
        }
        if let Some(unix_nanos) = start.unix_nanos {
            builder = builder.start_time_unix_nanos(unix_nanos);
        }
        let span = builder.start();
        let model = Reference::start(start, limits, &span.span_context());
        Self {
            view: span.view().clone(),
            span,
            model,
            under_way: None,
        }
    }

    fn apply(&mut self, step: &Step) {
        self.settle();
        match (&step.operation, step.by) {
            (Operation::End(end), Actor::Owner | Actor::Reference) => end_by(&self.span, *end),
            (Operation::End(end), Actor::OtherThread | Actor::Beside) => {
                let span = &self.span;
                thread::scope(|scope| {
                    let work = || end_by(span, *end);
                    thread::Builder::new().spawn_scoped(scope, work).unwrap();
                });
            }
            (operation, Actor::Owner) => describe(&self.span, operation),
            (operation, Actor::Reference) => describe(&self.view, operation),
            (operation, Actor::OtherThread) => {
                let view = self.view.clone();
                thread::scope(|scope| {
                    let work = || describe(&view, operation);
                    thread::Builder::new().spawn_scoped(scope, work).unwrap();
                });
            }
            (operation, Actor::Beside) => {
                let (view, operation) = (self.view.clone(), operation.clone());
                let work = move || describe(&view, &operation);
                self.under_way = Some(thread::Builder::new().spawn(work).unwrap());
            }
        }
        self.model.apply(&step.operation);
        assert_eq!(self.view.is_recording(), !self.model.has_ended());
    }

    /// Waits for what is being done beside.
    fn settle(&mut self) {
        if let Some(thread) = self.under_way.take() {
            thread.join().unwrap();
        }
    }
}

fn end_by(span: &Span, end: End) {
    match end {
        End::Now => span.end(),
        End::At(unix_nanos) => span.end_with_timestamp(unix_nanos),
    }
}

fn describe(span: &SpanRef, operation: &Operation) {
    match operation {
        Operation::SetAttribute(key, value) => span.set_attribute(key, value.clone()),
        Operation::AddEvent {
            name,
            unix_nanos: Some(at),
            attributes,
        } => {
            span.add_event_at(name, *at, &borrowed(attributes));
        }
        Operation::AddEvent {
            name,
            unix_nanos: None,
            attributes,
        } => {
            span.add_event(name, &borrowed(attributes));
        }
        Operation::AddLink(link) => span.add_link(&link.context(), &borrowed(&link.attributes)),
        Operation::SetStatus(status) => span.set_status(status.clone()),
        Operation::UpdateName(name) => span.update_name(name),
        Operation::End(_) => unreachable!("the span ends itself"),
    }
}

fn borrowed<'a>(attributes: &'a [(String, Value<'static>)]) -> Vec<(&'a str, Value<'a>)> {
    attributes
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_sequence_of_operations_means_what_the_model_says(
        limits in operations::limits(),
        starts in prop::collection::vec(operations::start(), 1..4),
        steps in prop::collection::vec(operations::step(), 0..40),
    ) {
        let receiver = Receiver::start(limits);
        let mut subjects: Vec<_> = starts.iter().map(|start| Subject::start(start, limits)).collect();
        for step in &steps {
            let which = step.span.index(subjects.len());
            subjects[which].apply(step);
        }
        for subject in &mut subjects {
            subject.settle();
            end_by(&subject.span, End::Now);
            subject.model.apply(&Operation::End(End::Now));
            prop_assert!(!subject.view.is_recording());
        }
        let mut received = receiver.stop(subjects.len() as u64);
        for subject in &subjects {
            let span = received.remove(subject.view.span_context().span_id().to_bytes().as_slice());
            let span = span.expect("every span is exported");
            prop_assert_eq!(subject.model.expected(&span), span);
        }
        prop_assert!(received.is_empty());
    }
}

#[test]
fn a_span_of_one_mebibyte_takes_no_more_and_counts_what_it_leaves_out() {
    let receiver = Receiver::start(SpanLimits::default());
    let large = "x".repeat(300 << 10);
    let span = get_tracer("recorder_model").start_span("large");
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
