//! The mechanism behind the layer helpers: a named span with attributes and an outcome.
//!
//! Position: wrapped by the types of `memory`, `database` and `cache`.
//!
//! Invariant: an `Err` becomes one exception event and the error status, and passes on unchanged.

use crate::span::{SpanBuilder, SpanGuard, SpanKind, SpanRef, Status, Value, get_tracer};
use std::{borrow::Cow, fmt::Display, sync::LazyLock};

static TRACER: LazyLock<crate::Tracer> = LazyLock::new(|| get_tracer("continuum"));

/// A span that is about to start.
#[derive(Debug, Clone)]
pub(super) struct LayerSpan<'a> {
    name: Cow<'a, str>,
    kind: SpanKind,
    attributes: Vec<(&'static str, Value<'a>)>,
}

impl<'a> LayerSpan<'a> {
    pub(super) fn new(name: impl Into<Cow<'a, str>>, kind: SpanKind) -> Self {
        Self {
            name: name.into(),
            kind,
            attributes: Vec::with_capacity(6),
        }
    }

    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value<'a>>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    pub(super) fn rename(&mut self, name: impl Into<Cow<'a, str>>) {
        self.name = name.into();
    }

    fn builder(&self) -> SpanBuilder<'_> {
        let mut builder = TRACER.span_builder(&self.name).kind(self.kind);
        for (key, value) in &self.attributes {
            builder = builder.attribute(key, value.clone());
        }
        builder
    }

    pub(super) async fn run<T, E: Display, Fut>(
        self,
        work: impl FnOnce(SpanRef) -> Fut,
    ) -> Result<T, E>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        let watched = async |span: SpanRef| {
            let result = work(span.clone()).await;
            settle(&span, &result);
            result
        };
        self.builder().in_span(watched).await
    }

    pub(super) fn run_sync<T, E: Display>(
        self,
        work: impl FnOnce(&SpanRef) -> Result<T, E>,
    ) -> Result<T, E> {
        self.builder().in_scope(|span| {
            let result = work(span);
            settle(span, &result);
            result
        })
    }

    pub(super) fn in_scope<R>(self, work: impl FnOnce(&SpanRef) -> R) -> R {
        self.builder().in_scope(work)
    }

    pub(super) fn start_as_current(self) -> SpanGuard {
        self.builder().start_as_current()
    }
}

fn settle<T, E: Display>(span: &SpanRef, result: &Result<T, E>) {
    match result {
        Ok(_) => span.set_status(Status::Ok),
        Err(error) => span.record_failure(error),
    }
}

/// Defines a helper's type: its setters and the four forms.
macro_rules! layer_span {
    ($(#[$doc:meta])* $name:ident { $($(#[$set_doc:meta])* $set:ident: $type:ty => $key:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[must_use = "a span does nothing until it is run"]
        pub struct $name<'a>($crate::layers::span::LayerSpan<'a>);

        impl<'a> $name<'a> {
            $(
                $(#[$set_doc])*
                pub fn $set(self, $set: $type) -> Self {
                    Self(self.0.with($key, $set))
                }
            )*

            /// Runs an async closure inside the span; an `Err` is recorded and passed on.
            ///
            /// # Errors
            ///
            /// Those of `work`, unchanged.
            pub async fn run<T, E: std::fmt::Display, Fut>(
                self,
                work: impl FnOnce($crate::SpanRef) -> Fut,
            ) -> Result<T, E>
            where
                Fut: Future<Output = Result<T, E>>,
            {
                self.0.run(work).await
            }

            /// Runs a closure inside the span; an `Err` is recorded and passed on.
            ///
            /// # Errors
            ///
            /// Those of `work`, unchanged.
            pub fn run_sync<T, E: std::fmt::Display>(
                self,
                work: impl FnOnce(&$crate::SpanRef) -> Result<T, E>,
            ) -> Result<T, E> {
                self.0.run_sync(work)
            }

            /// Runs a closure inside the span, whatever it returns.
            pub fn in_scope<R>(self, work: impl FnOnce(&$crate::SpanRef) -> R) -> R {
                self.0.in_scope(work)
            }

            /// Starts the span, current on this thread until the guard is dropped.
            pub fn start_as_current(self) -> $crate::SpanGuard {
                self.0.start_as_current()
            }
        }
    };
}
pub(super) use layer_span;
