//! [`Work`]: which span a scope starts, decided when the scope is made and started at each entry.
//!
//! Position: made by tracers and by the helpers of [`crate::layer`], started by [`crate::scope`].

use crate::{
    meter::Operation,
    opentelemetry::identity,
    value::{Attributes, kept, text},
};
use continuum_observability::{Context, Span, SpanContext, SpanKind, Tracer, Value};
use pyo3::prelude::*;
use std::fmt;

type Pairs = Vec<(String, Value<'static>)>;

/// Starts one span under the given parent.
pub(crate) enum Work {
    /// What a tracer was asked for.
    Plain(Plain),
    /// What a layer's helper was asked for.
    Layer(Operation, Box<dyn Fn(&Context) -> Span + Send + Sync>),
}

/// A span with what may be given at its start.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) tracer: Tracer,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) attributes: Pairs,
    pub(crate) links: Vec<(SpanContext, Pairs)>,
    pub(crate) start_unix_nanos: Option<u64>,
}

impl Work {
    pub(crate) fn layer(
        operation: Operation,
        start: impl Fn(&Context) -> Span + Send + Sync + 'static,
    ) -> Self {
        Self::Layer(operation, Box::new(start))
    }

    /// The operation of a layer, which is measured and ends with OK where nothing failed.
    #[inline]
    pub(crate) fn operation(&self) -> Option<Operation> {
        match self {
            Self::Plain(_) => None,
            Self::Layer(operation, _) => Some(*operation),
        }
    }

    #[inline]
    pub(crate) fn start(&self, parent: &Context) -> Span {
        match self {
            Self::Plain(plain) => plain.start(parent),
            Self::Layer(_, start) => start(parent),
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(plain) => plain.fmt(f),
            Self::Layer(operation, _) => f.debug_tuple("Layer").field(operation).finish(),
        }
    }
}

impl Plain {
    #[inline]
    fn start(&self, parent: &Context) -> Span {
        let mut builder = self
            .tracer
            .span_builder(&self.name)
            .kind(self.kind)
            .parent(parent);
        for (key, value) in &self.attributes {
            builder = builder.attribute(key, reborrowed(value));
        }
        for (context, attributes) in &self.links {
            let attributes = attributes
                .iter()
                .map(|(key, value)| (key.as_str(), reborrowed(value)));
            builder = builder.link_with(context.clone(), attributes.collect());
        }
        if let Some(time) = self.start_unix_nanos {
            builder = builder.start_time_unix_nanos(time);
        }
        builder.start()
    }
}

fn reborrowed<'a>(value: &'a Value<'static>) -> Value<'a> {
    match value {
        Value::Str(text) => Value::Str(text.as_ref().into()),
        other => other.clone(),
    }
}

/// The attributes of a mapping, to keep.
pub(crate) fn pairs(object: Option<&Bound<'_, PyAny>>) -> Pairs {
    let attributes = Attributes::of(object);
    let pairs = attributes.pairs();
    pairs
        .into_iter()
        .map(|(key, value)| (key.into_owned(), kept(value)))
        .collect()
}

/// The targets of a sequence of the API's links; what is none is left out.
pub(crate) fn links(object: Option<&Bound<'_, PyAny>>) -> Vec<(SpanContext, Pairs)> {
    let link = |link: Bound<'_, PyAny>| {
        let context = identity(&link.getattr("context").ok()?)?;
        let attributes = link.getattr("attributes").ok();
        Some((context, pairs(attributes.as_ref())))
    };
    let items = object
        .filter(|object| !object.is_none())
        .map(PyAnyMethods::try_iter);
    let items = items.and_then(Result::ok).into_iter().flatten();
    items.filter_map(Result::ok).filter_map(link).collect()
}

/// The recorder's kind for the API's; internal where there is none.
pub(crate) fn kind(object: Option<&Bound<'_, PyAny>>) -> SpanKind {
    let value = object.filter(|kind| !kind.is_none()).and_then(|kind| {
        kind.getattr("value")
            .and_then(|value| value.extract::<u8>())
            .ok()
    });
    match value {
        Some(1) => SpanKind::Server,
        Some(2) => SpanKind::Client,
        Some(3) => SpanKind::Producer,
        Some(4) => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

/// A name given as any object.
pub(crate) fn name(object: &Bound<'_, PyAny>) -> String {
    text(object).into_owned()
}
