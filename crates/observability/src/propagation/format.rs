//! The formats that a context can travel in, built in or of one's own.
//!
//! Position: [`Propagators`](super::Propagators) calls them in turn; each built-in one is a module
//! beside this file.
//!
//! Invariants:
//! - reading gives the context that it was given, with more in it, never an invalid span;
//! - a format of the user's that panics has written what it has, and read nothing.

use super::losses;
use super::{Extractor, Injector, b3, baggage, jaeger, trace_context, xray};
use crate::context::{Context, SpanContext, TraceFlags};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A format of one's own.
///
/// # Examples
///
/// A header of a company's, beside those of W3C:
///
/// ```
/// use continuum_observability::propagation::{PropagationFormat, Propagator, Propagators};
/// use continuum_observability::{Baggage, Context, Extractor, Injector};
///
/// /// Carries the tenant in a header of its own.
/// #[derive(Debug)]
/// struct TenantHeader;
///
/// impl Propagator for TenantHeader {
///     fn inject(&self, context: &Context, carrier: &mut dyn Injector) {
///         if let Some(tenant) = context.baggage().get("tenant_id") {
///             carrier.set("x-tenant", tenant.to_owned());
///         }
///     }
///
///     fn extract(&self, context: Context, carrier: &dyn Extractor) -> Context {
///         let Some(tenant) = carrier.get("x-tenant") else {
///             return context;
///         };
///         let mut baggage = context.baggage().clone();
///         match baggage.insert("tenant_id", tenant) {
///             Ok(()) => context.with_baggage(baggage),
///             Err(_) => context,
///         }
///     }
/// }
///
/// let propagators = Propagators::new([
///     PropagationFormat::TraceContext,
///     PropagationFormat::custom(TenantHeader),
/// ]);
/// let headers = vec![("X-Tenant".to_owned(), "user_123".to_owned())];
/// let context = propagators.extract(&headers);
/// assert_eq!(context.baggage().get("tenant_id"), Some("user_123"));
/// ```
pub trait Propagator: fmt::Debug + Send + Sync {
    /// Writes what the format can carry of `context`.
    fn inject(&self, context: &Context, carrier: &mut dyn Injector);

    /// `context` with what the carrier says; `context` itself where it says nothing.
    fn extract(&self, context: Context, carrier: &dyn Extractor) -> Context;
}

/// The formats that a context can travel in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PropagationFormat {
    /// W3C Trace Context: `traceparent` and `tracestate`.
    TraceContext,
    /// W3C Baggage: `baggage`.
    Baggage,
    /// B3 of Zipkin in a single header; reads both forms.
    B3,
    /// B3 of Zipkin with a header for each field; reads both forms.
    B3Multi,
    /// Jaeger's own headers, with baggage.
    Jaeger,
    /// AWS X-Ray: `X-Amzn-Trace-Id`.
    XRay,
    /// One of your own.
    Custom(Arc<dyn Propagator>),
}

impl PropagationFormat {
    /// A format of your own.
    pub fn custom(propagator: impl Propagator + 'static) -> Self {
        Self::Custom(Arc::new(propagator))
    }

    #[inline]
    pub(super) fn inject<C>(&self, context: &Context, mut carrier: &mut C)
    where
        C: Injector + ?Sized,
    {
        let span = context.span_context();
        match self {
            Self::TraceContext => trace_context::inject(span, carrier),
            Self::Baggage => losses::count_withheld(baggage::inject(context.baggage(), carrier)),
            Self::B3 => b3::inject_single(span, carrier),
            Self::B3Multi => b3::inject_multi(span, carrier),
            Self::Jaeger => {
                jaeger::inject(span, carrier);
                losses::count_withheld(jaeger::inject_baggage(context.baggage(), carrier));
            }
            Self::XRay => xray::inject(span, carrier),
            Self::Custom(propagator) => {
                let inject = AssertUnwindSafe(|| propagator.inject(context, &mut carrier));
                let _panicked = catch_unwind(inject).is_err();
            }
        }
    }

    /// Adds to `context` what the carrier says.
    #[inline]
    pub(super) fn extract<C>(&self, context: &mut Context, carrier: &C)
    where
        C: Extractor + ?Sized,
    {
        match self {
            Self::TraceContext => set_parent(context, trace_context::extract(carrier)),
            Self::Baggage => set_baggage(context, carrier),
            Self::B3 | Self::B3Multi => set_parent(context, b3::extract(carrier)),
            Self::Jaeger => {
                let refused = jaeger::extract_baggage(carrier, &mut context.baggage);
                losses::count_refused(refused);
                set_parent(context, jaeger::extract(carrier));
            }
            Self::XRay => set_parent(context, xray::extract(carrier)),
            Self::Custom(propagator) => {
                let before = context.clone();
                let extract = AssertUnwindSafe(|| propagator.extract(before, &carrier));
                if let Ok(found) = catch_unwind(extract) {
                    *context = found;
                }
            }
        }
    }
}

/// The last format that names a parent decides which; formats that name the same one complete each
/// other, since most of them carry neither `tracestate` nor all flags.
#[inline]
fn set_parent(context: &mut Context, found: Option<SpanContext>) {
    let Some(found) = found else { return };
    let known = context.span_context();
    let is_same = known.trace_id() == found.trace_id() && known.span_id() == found.span_id();
    if !is_same {
        return context.set_remote_span_context(found);
    }
    let flags = TraceFlags::new(known.trace_flags().to_u8() | found.trace_flags().to_u8());
    let state = [found.trace_state(), known.trace_state()];
    let state = state.into_iter().find(|state| !state.is_empty());
    let state = state.cloned().unwrap_or_default();
    let both = SpanContext::new(found.trace_id(), found.span_id(), flags, true, state);
    context.set_remote_span_context(both);
}

fn set_baggage(context: &mut Context, carrier: &(impl Extractor + ?Sized)) {
    let (found, refused) = baggage::extract(carrier);
    losses::count_refused(refused);
    if !found.is_empty() {
        context.baggage = found;
    }
}
