//! The current context in and out of carriers.
//!
//! Position: what users call around requests and messages; on top of [`super::trace_context`] and
//! [`super::baggage`].
//!
//! Invariant: malformed input never fails a request: it gives a context without a parent, in which
//! the next span is a root.

use super::{Extractor, Injector, baggage, trace_context};
use crate::context::{Context, SpanContext};

/// Writes the current span and baggage into a carrier, such as the headers of a request.
///
/// ```
/// use continuum_observability::{get_tracer, inject_trace_context, testing::TestRecorder};
/// use std::collections::HashMap;
///
/// let recorder = TestRecorder::new();
/// let mut headers = HashMap::new();
/// recorder.run(|| get_tracer("docs").in_scope("call", |_| inject_trace_context(&mut headers)));
/// assert!(headers["traceparent"].starts_with("00-"));
/// ```
pub fn inject_trace_context(carrier: &mut (impl Injector + ?Sized)) {
    inject_context(&Context::current(), carrier);
}

/// Writes the span and baggage of `context` into a carrier.
pub fn inject_context(context: &Context, carrier: &mut (impl Injector + ?Sized)) {
    trace_context::inject(context.span_context(), carrier);
    // What is not allowed to leave is counted by the caller's own means; here it just stays.
    let _left_out = baggage::inject(context.baggage(), carrier);
}

/// The context that a carrier describes: a remote parent and baggage.
///
/// Keeps the recorder in scope. Spans started under it continue the caller's trace:
///
/// ```
/// use continuum_observability::{extract_trace_context, get_tracer, testing::TestRecorder};
/// use std::collections::HashMap;
///
/// let headers = HashMap::from([(
///     "Traceparent".to_owned(),
///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
/// )]);
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let context = extract_trace_context(&headers);
///     let span = get_tracer("docs").span_builder("sync").parent(&context).start();
///     let trace_id = span.span_context().trace_id().to_string();
///     assert_eq!(trace_id, "0af7651916cd43dd8448eb211c80319c");
/// });
/// ```
pub fn extract_trace_context(carrier: &(impl Extractor + ?Sized)) -> Context {
    let (baggage, _left_out) = baggage::extract(carrier);
    let parent = trace_context::extract(carrier).unwrap_or(SpanContext::INVALID);
    Context::root()
        .with_remote_span_context(parent)
        .with_baggage(baggage)
}

/// The current span as the value of a `traceparent` header, if there is a current span.
pub fn get_traceparent() -> Option<String> {
    let context = Context::current();
    context
        .span_context()
        .is_valid()
        .then(|| trace_context::format_traceparent(context.span_context()))
}
