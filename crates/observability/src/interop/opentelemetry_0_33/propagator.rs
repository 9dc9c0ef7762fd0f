//! [`ContinuumPropagator`]: contexts of the API in and out of carriers, in the formats of this process.
//!
//! Position: the global propagator of the API, on top of [`Propagators`].
//!
//! Invariant: API code and native code write and read the same headers.

use super::baggage::{baggage, with_baggage};
use crate::{
    Carrier, Context, SpanContext,
    propagation::{Extractor, Injector, Propagators},
};
use opentelemetry::{
    Context as ApiContext,
    propagation::{self as api, TextMapPropagator, text_map_propagator::FieldIter},
    trace::TraceContextExt as _,
};

/// A propagator of the `opentelemetry` API that does what this crate's own functions do.
///
/// [`install`](super::install) makes it the global one. By hand it can be given to libraries that take
/// a propagator.
///
/// ```
/// use continuum_observability::interop::opentelemetry_0_33::ContinuumPropagator;
/// use opentelemetry::{propagation::TextMapPropagator as _, trace::TraceContextExt as _};
/// use std::collections::HashMap;
///
/// let propagator = ContinuumPropagator::new();
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
/// let headers = HashMap::from([("traceparent".to_owned(), traceparent)]);
/// let context = propagator.extract(&headers);
/// assert!(context.span().span_context().is_remote());
/// let mut sent = HashMap::new();
/// propagator.inject_context(&context, &mut sent);
/// assert_eq!(sent, headers);
/// ```
#[derive(Debug, Clone)]
pub struct ContinuumPropagator {
    fields: Vec<String>,
}

impl Default for ContinuumPropagator {
    fn default() -> Self {
        Self::new()
    }
}

impl ContinuumPropagator {
    /// A propagator of the formats that this process has; to be made after `init_telemetry`.
    pub fn new() -> Self {
        let mut written = Carrier::new();
        Propagators::installed().inject(&full_context(), &mut written);
        Self {
            fields: written.keys().into_iter().map(str::to_owned).collect(),
        }
    }
}

/// A context that fills every header there is.
fn full_context() -> Context {
    let state = "a=1".parse().unwrap_or_default();
    let flags = crate::TraceFlags::SAMPLED;
    let span = SpanContext::new(1.into(), 1.into(), flags, false, state);
    let mut baggage = crate::Baggage::new();
    let _refused = baggage.insert("a", "1").is_err();
    Context::default()
        .with_remote_span_context(span)
        .with_baggage(baggage)
}

impl TextMapPropagator for ContinuumPropagator {
    fn inject_context(&self, context: &ApiContext, carrier: &mut dyn api::Injector) {
        let native = Context::default()
            .with_remote_span_context(context.span().span_context().into())
            .with_baggage(baggage(context));
        Propagators::installed().inject(&native, &mut Written(carrier));
    }

    /// What is not in the carrier stays as it is in `context`.
    fn extract_with_context(
        &self,
        context: &ApiContext,
        carrier: &dyn api::Extractor,
    ) -> ApiContext {
        let native = Propagators::installed().extract(&Read(carrier));
        let mut extracted = context.clone();
        if native.span_context().is_valid() {
            extracted = extracted.with_remote_span_context(native.span_context().into());
        }
        if !native.baggage().is_empty() {
            extracted = with_baggage(extracted, native.baggage());
        }
        extracted
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// A carrier of the API's that is written to; nothing can be taken away from one.
struct Written<'a>(&'a mut dyn api::Injector);

impl Injector for Written<'_> {
    fn set(&mut self, key: &str, value: String) {
        self.0.set(key, value);
    }
}

/// A carrier of the API's that is read.
struct Read<'a>(&'a dyn api::Extractor);

impl Extractor for Read<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).or_else(|| {
            let keys = self.0.keys();
            let same = keys
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(key));
            same.and_then(|same| self.0.get(same))
        })
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys()
    }

    fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
        match self.0.get_all(key) {
            Some(values) => values.into_iter().for_each(visit),
            None => self.get(key).into_iter().for_each(visit),
        }
    }
}
