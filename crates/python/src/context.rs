//! The recorder's context of a context of the API: parent and baggage.
//!
//! Position: between [`crate::opentelemetry`] and everything that starts spans or writes headers.
//!
//! Invariant: baggage is converted once per change, not once per span: a span keeps what it was
//! made of, and its children compare by identity.

use crate::{
    opentelemetry::{Api, identity},
    raised, sampler,
    span::PySpan,
    value::text,
};
use continuum_observability::{Baggage, Context, SpanContext};
use pyo3::{prelude::*, types::PyDict};
use std::borrow::Cow;

/// Parent and baggage of a span that is about to start.
#[derive(Debug)]
pub(crate) struct Parent<'a, 'py> {
    pub(crate) context: Cow<'a, Context>,
    /// The API's object that the baggage was read from.
    pub(crate) baggage: Option<Bound<'py, PyAny>>,
}

/// Reads `context`, finds what is asked for and hands it to `then`.
pub(crate) fn with_parent<'py, R>(
    api: &Api,
    context: &Bound<'py, PyDict>,
    then: impl FnOnce(Parent<'_, 'py>) -> R,
) -> R {
    let then = |parent: Parent<'_, 'py>| sampler::told_of(context, || then(parent));
    let py = context.py();
    let entry = |key: &Bound<'py, _>| context.get_item(key).ok().flatten();
    let entries = context.len();
    let span = if entries > 0 {
        entry(api.span_key.bind(py))
    } else {
        None
    };
    let baggage = if entries > usize::from(span.is_some()) {
        entry(api.baggage_key.bind(py))
    } else {
        None
    };
    let native = span.as_ref().and_then(|span| span.cast::<PySpan>().ok());
    if let Some(state) = native.and_then(|span| span.get().state()) {
        let context = match (&baggage, &state.baggage) {
            (None, None) => Cow::Borrowed(state.context()),
            (Some(now), Some(then)) if now.is(then) => Cow::Borrowed(state.context()),
            _ => Cow::Owned(
                state
                    .context()
                    .clone()
                    .with_baggage(read_baggage(baggage.as_ref())),
            ),
        };
        return then(Parent { context, baggage });
    }
    let mut context = Context::root();
    if let Some(identity) = span
        .and_then(|span| raised::answer(py, span.call_method0("get_span_context")))
        .and_then(|found| identity(&found))
        .filter(SpanContext::is_valid)
    {
        context = context.with_remote_span_context(identity);
    }
    if baggage.is_some() {
        context = context.with_baggage(read_baggage(baggage.as_ref()));
    }
    then(Parent {
        context: Cow::Owned(context),
        baggage,
    })
}

/// The baggage of the API as the recorder's; what has no place in it is left out.
pub(crate) fn read_baggage(object: Option<&Bound<'_, PyAny>>) -> Baggage {
    let mut baggage = Baggage::new();
    let Some(object) = object else { return baggage };
    if let Ok(entries) = object.cast::<PyDict>() {
        for (key, value) in entries.iter() {
            let _beyond_the_limits = baggage.insert(&text(&key), &text(&value)).is_err();
        }
    }
    baggage
}

/// The context given, or else the current one.
pub(crate) fn given_or_current<'py>(
    py: Python<'py>,
    api: &Api,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    match context.and_then(|context| context.cast::<PyDict>().ok()) {
        Some(context) => Ok(context.clone()),
        None => api.current(py),
    }
}
