//! The current context in and out of carriers.
//!
//! Position: what users call around requests and messages; on top of [`Propagators`], the set that
//! is installed for the process.
//!
//! Invariant: malformed input never fails a request: it gives a context without a parent, in which
//! the next span is a root.

use super::carrier::Variables;
use super::{Carrier, Extractor, Injector, Propagators, trace_context};
use crate::config::process_variables;
use crate::context::{Context, SpanContext, with_context};
use crate::span::SpanRef;

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
    Propagators::installed().inject(context, carrier);
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
    Propagators::installed().extract(carrier)
}

/// Runs `work` under the context that a carrier describes.
///
/// For a future, use `work.with_context(extract_trace_context(&carrier))`.
///
/// ```
/// use continuum_observability::{Carrier, get_trace_id, with_trace_context};
///
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let carrier: Carrier = [("traceparent", traceparent)].into_iter().collect();
/// let trace_id = with_trace_context(&carrier, get_trace_id).map(|id| id.to_string());
/// assert_eq!(trace_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
/// ```
pub fn with_trace_context<R>(carrier: &(impl Extractor + ?Sized), work: impl FnOnce() -> R) -> R {
    with_context(&extract_trace_context(carrier), work)
}

/// The context that the parent process put into the environment of this one: `TRACEPARENT`,
/// `TRACESTATE`, `BAGGAGE`.
///
/// A parent with this crate writes it by [`inject_trace_context`] into a
/// [`Command`](std::process::Command), and takes away what the child would inherit of another trace:
///
/// ```
/// use continuum_observability::{
///     extract_from_environment, get_tracer, inject_trace_context, testing::TestRecorder,
/// };
/// use std::process::Command;
///
/// let mut child = Command::new("child");
/// TestRecorder::new().run(|| {
///     get_tracer("docs").in_scope("start_child", |_| inject_trace_context(&mut child));
/// });
/// let set: Vec<_> = child.get_envs().filter(|(_, value)| value.is_some()).collect();
/// assert!(matches!(set[..], [(name, _)] if name == "TRACEPARENT"));
///
/// // In the child:
/// let parent = extract_from_environment();
/// get_tracer("docs").span_builder("child").parent(&parent).in_scope(|_| ());
/// ```
pub fn extract_from_environment() -> Context {
    extract_trace_context(&Variables::new(process_variables()))
}

/// A span, with the current baggage, as headers to keep or to send inside a message.
///
/// The guide's pattern for background tasks: see [`Carrier`].
pub fn create_carrier_from_span(span: &SpanRef) -> Carrier {
    let mut context = Context::current();
    context.span = span.clone();
    let mut carrier = Carrier::new();
    inject_context(&context, &mut carrier);
    carrier
}

/// What a link to the span that a carrier describes takes; `None` when it describes none.
///
/// ```
/// use continuum_observability::{Carrier, create_carrier_from_span, get_tracer, link_spans};
/// use continuum_observability::testing::TestRecorder;
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let tracer = get_tracer("docs");
///     let publish = |_| tracer.in_scope("publish", create_carrier_from_span);
///     let mut items: Vec<Carrier> = (0..2).map(publish).collect();
///     items.push(Carrier::new());
///     let batch = tracer.span_builder("batch_process");
///     let links = items.iter().filter_map(link_spans);
///     links.fold(batch, |batch, link| batch.link(link)).in_scope(|_| ());
/// });
/// assert_eq!(recorder.spans()[2].links.len(), 2);
/// ```
pub fn link_spans(carrier: &(impl Extractor + ?Sized)) -> Option<SpanContext> {
    let context = extract_trace_context(carrier);
    let span = context.span_context();
    span.is_valid().then(|| span.clone())
}

/// The current span as the value of a `traceparent` header, if there is a current span.
pub fn get_traceparent() -> Option<String> {
    let context = Context::current();
    context
        .span_context()
        .is_valid()
        .then(|| trace_context::format_traceparent(context.span_context()))
}

/// The `tracestate` of the current span, if it has one.
pub fn get_tracestate() -> Option<String> {
    let context = Context::current();
    let state = context.span_context().trace_state();
    (!state.is_empty()).then(|| state.header().to_owned())
}
