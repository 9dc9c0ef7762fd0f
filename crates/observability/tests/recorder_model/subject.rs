//! Spans under test, each beside its model, and the comparison of what arrives with what should.
//!
//! Used by the property test of this folder and by the fuzz target `encoder`: nothing here knows how
//! operations were drawn or which recorder is current.

use crate::{
    operations::{Actor, End, Operation, Start, Step},
    reference::Reference,
};
use continuum_observability::{Span, SpanLimits, SpanRef, Value, get_tracer};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span as WireSpan,
};
use prost::Message as _;
use std::{
    collections::HashMap,
    thread::{self, JoinHandle},
};

pub(crate) const SCOPE: &str = "recorder_model";

/// A span under test, with a reference to it that outlives it and the model of it.
pub(crate) struct Subject {
    span: Span,
    view: SpanRef,
    model: Reference,
    /// What is being done to it beside.
    under_way: Option<JoinHandle<()>>,
}

impl Subject {
    fn start(start: &Start, limits: SpanLimits) -> Self {
        let context = start.parent_context();
        let mut builder = get_tracer(SCOPE).span_builder(&start.name).kind(start.kind);
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

/// Starts spans, performs the steps on them and ends them.
pub(crate) fn perform(limits: SpanLimits, starts: &[Start], steps: &[Step]) -> Vec<Subject> {
    let start = |start| Subject::start(start, limits);
    let mut subjects: Vec<_> = starts.iter().map(start).collect();
    for step in steps {
        let which = step.span % subjects.len();
        subjects[which].apply(step);
    }
    for subject in &mut subjects {
        subject.settle();
        end_by(&subject.span, End::Now);
        subject.model.apply(&Operation::End(End::Now));
        assert!(!subject.view.is_recording());
    }
    subjects
}

/// That exactly the subjects arrived, as their models say.
pub(crate) fn assert_arrived(subjects: &[Subject], mut received: HashMap<Vec<u8>, WireSpan>) {
    for subject in subjects {
        let id = subject.view.span_context().span_id().to_bytes();
        let span = received.remove(id.as_slice());
        let span = span.expect("every span is exported");
        assert_eq!(subject.model.expected(&span), span);
    }
    assert!(received.is_empty());
}

/// The spans of an encoded request, by id.
pub(crate) fn decoded(request: &[u8]) -> HashMap<Vec<u8>, WireSpan> {
    let request = ExportTraceServiceRequest::decode(request).expect("valid protobuf");
    let mut spans = HashMap::new();
    for scope in request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans)
    {
        assert_eq!(scope.scope.expect("a scope").name, SCOPE);
        spans.extend(
            scope
                .spans
                .into_iter()
                .map(|span| (span.span_id.clone(), span)),
        );
    }
    spans
}
