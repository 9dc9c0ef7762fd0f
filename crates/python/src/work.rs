//! [`Work`]: which span a scope starts, decided when the scope is made and started at each entry.
//!
//! Position: made by tracers and by the helpers of [`crate::layer`], started by [`crate::scope`].

use crate::{
    meter::Operation,
    opentelemetry::identity,
    raised,
    value::{Attributes, kept, text},
};
use continuum_observability::{Context, Span, SpanContext, SpanKind, Tracer, Value};
use pyo3::prelude::*;
use std::{fmt, sync::Arc};

type Pairs = Vec<(String, Value<'static>)>;

/// Starts one span under the given parent.
pub(crate) enum Work {
    /// What a tracer was asked for.
    Plain(Plain),
    /// What a layer's helper was asked for.
    Layer(Operation, Arc<dyn Fn(&Context) -> Span + Send + Sync>),
}

/// A span with what may be given at its start.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) tracer: Tracer,
    /// Whatever was given as the name.
    pub(crate) name: Py<PyAny>,
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
        Self::Layer(operation, Arc::new(start))
    }

    /// The same once more, for another scope.
    pub(crate) fn again(&self, py: Python<'_>) -> Self {
        match self {
            Self::Plain(plain) => Self::Plain(plain.again(py)),
            Self::Layer(operation, start) => Self::Layer(*operation, Arc::clone(start)),
        }
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
    pub(crate) fn start(&self, py: Python<'_>, parent: &Context) -> Span {
        match self {
            Self::Plain(plain) => plain.start(py, parent),
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
    fn again(&self, py: Python<'_>) -> Self {
        Self {
            tracer: self.tracer,
            name: self.name.clone_ref(py),
            kind: self.kind,
            attributes: self.attributes.clone(),
            links: self.links.clone(),
            start_unix_nanos: self.start_unix_nanos,
        }
    }

    #[inline]
    fn start(&self, py: Python<'_>, parent: &Context) -> Span {
        let name = text(self.name.bind(py));
        let mut builder = self
            .tracer
            .span_builder(&name)
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
    if object.is_none_or(PyAnyMethods::is_none) {
        return Pairs::new();
    }
    let attributes = Attributes::of(object);
    let pairs = attributes.pairs();
    pairs
        .into_iter()
        .map(|(key, value)| (key.into_owned(), kept(value)))
        .collect()
}

/// The targets of a sequence of the API's links; what is none is left out.
pub(crate) fn links(object: Option<&Bound<'_, PyAny>>) -> Vec<(SpanContext, Pairs)> {
    let Some(object) = object.filter(|object| !object.is_none()) else {
        return Vec::new();
    };
    let py = object.py();
    let link = |link: Bound<'_, PyAny>| {
        let context = identity(&raised::answer(py, link.getattr("context"))?)?;
        let attributes = raised::answer(py, link.getattr("attributes"));
        Some((context, pairs(attributes.as_ref())))
    };
    raised::items(object).filter_map(link).collect()
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
