//! The mechanism behind the layer helpers: a named span with attributes and an outcome.
//!
//! Position: wrapped by the types of the layers, on top of `SpanBuilder`; which names the attributes
//! get is decided by the recorder in scope.
//!
//! Invariant: an `Err` becomes one exception event and the error status, and passes on unchanged.

use super::database::{Database, Statement};
use crate::{
    context::{Context, FutureExt as _, SpanContext, with_top},
    recorder::Recorder,
    semconv::{Group, Naming, attribute},
    span::{Failure, Span, SpanBuilder, SpanGuard, SpanKind, SpanRef, Tracer, Value, get_tracer},
};
use std::{borrow::Cow, sync::LazyLock};

static TRACER: LazyLock<Tracer> = LazyLock::new(|| get_tracer("continuum"));

/// A span that is about to start.
#[derive(Debug, Clone)]
pub(super) struct LayerSpan<'a> {
    name: Cow<'a, str>,
    kind: SpanKind,
    naming: Naming,
    previews: bool,
    parent: Option<&'a Context>,
    attributes: Vec<(&'a str, Value<'a>)>,
    links: Vec<SpanContext>,
    database: Database<'a>,
}

impl<'a> LayerSpan<'a> {
    /// Begins with the conventions of the recorder in scope.
    pub(super) fn new(name: impl Into<Cow<'a, str>>, kind: SpanKind) -> Self {
        let in_scope = with_top(|top| top.and_then(|top| top.recorder));
        let config = in_scope.or_else(Recorder::global).map(|r| &r.config);
        Self {
            name: name.into(),
            kind,
            naming: config.map(|config| config.naming).unwrap_or_default(),
            previews: config.is_some_and(|config| config.previews),
            parent: None,
            attributes: Vec::with_capacity(6),
            links: Vec::new(),
            database: Database::Other,
        }
    }

    /// Adds a word to the name.
    pub(super) fn name_more(&mut self, word: &str) {
        self.name = format!("{} {word}", self.name).into();
    }

    /// Makes the span one of the database layer.
    pub(super) fn database(mut self, work: Database<'a>) -> Self {
        self.database = work;
        self
    }

    /// What the span says of a query, for changes.
    pub(super) fn statement(&mut self) -> Option<&mut Statement<'a>> {
        match &mut self.database {
            Database::Query(statement) => Some(statement),
            Database::Other | Database::Transaction => None,
        }
    }

    /// Adds an attribute by its current name; the conventions decide about the name it gets.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value<'a>>) -> Self {
        self.push(key, value);
        self
    }

    fn push(&mut self, key: &'static str, value: impl Into<Value<'a>>) {
        let value = value.into();
        let mut names = self.naming.names(key);
        match (names.next(), names.next()) {
            (Some(first), Some(second)) => {
                self.put(first, value.clone());
                self.put(second, value);
            }
            // Nearly always: nothing is copied.
            (Some(only), None) => self.put(only, value),
            (None, _) => {}
        }
    }

    /// Adds an attribute that only the current conventions have.
    pub(super) fn with_stable(
        self,
        group: Group,
        key: &'static str,
        value: impl Into<Value<'a>>,
    ) -> Self {
        if self.naming.of(group).has_stable() {
            self.attribute(key, value)
        } else {
            self
        }
    }

    /// Adds an attribute that only the former conventions have.
    pub(super) fn with_former(
        self,
        group: Group,
        key: &'static str,
        value: impl Into<Value<'a>>,
    ) -> Self {
        if self.has_former(group) {
            self.attribute(key, value)
        } else {
            self
        }
    }

    /// Whether the span has the former names of a group: asked before one of them is worked out.
    pub(super) fn has_former(&self, group: Group) -> bool {
        self.naming.of(group).has_former()
    }

    /// Adds an attribute under the name that it was given.
    pub(super) fn attribute(mut self, key: &'a str, value: impl Into<Value<'a>>) -> Self {
        self.put(key, value.into());
        self
    }

    /// A default gives way to what is set later.
    fn put(&mut self, key: &'a str, value: Value<'a>) {
        match self.attributes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, before)) => *before = value,
            None => self.attributes.push((key, value)),
        }
    }

    pub(super) fn parent(mut self, context: &'a Context) -> Self {
        self.parent = Some(context);
        self
    }

    pub(super) fn links(mut self, contexts: impl IntoIterator<Item = SpanContext>) -> Self {
        self.links.extend(contexts);
        self
    }

    /// Whether texts of users may be shown in part.
    pub(super) fn previews(&self) -> bool {
        self.previews
    }

    /// Names a query after its operation and table.
    fn name_query(&mut self) {
        let Database::Query(statement) = self.database else {
            return;
        };
        self.name = statement.span_name().into();
        self.push(attribute::DB_OPERATION_NAME, statement.operation());
        if let Some(table) = statement.table {
            self.push(attribute::DB_COLLECTION_NAME, table);
        }
    }

    /// Says of a span that has already started what it would have said at its start.
    #[cfg(feature = "tower_service_0_3")]
    pub(super) fn describe(self, span: &SpanRef) {
        span.set_attributes(self.attributes);
    }

    fn builder(&mut self) -> SpanBuilder<'_> {
        self.name_query();
        let mut builder = TRACER
            .span_builder(&self.name)
            .kind(self.kind)
            .with_attributes(std::mem::take(&mut self.attributes));
        if let Some(parent) = self.parent {
            builder = builder.parent(parent);
        }
        for link in self.links.drain(..) {
            builder = builder.link(link);
        }
        if let Database::Query(statement) = &self.database {
            builder = builder.on_start(statement);
        }
        builder
    }

    pub(super) async fn run<T, E: Failure<By>, By, Fut>(
        mut self,
        work: impl FnOnce(SpanRef) -> Fut,
    ) -> Result<T, E>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        let is_transaction = matches!(self.database, Database::Transaction);
        let watched = async |span: SpanRef| {
            let result = work(span.clone()).await;
            settle(&span, &result, is_transaction);
            result
        };
        self.builder().in_span(watched).await
    }

    pub(super) fn run_future<T, E: Failure<By>, By, F>(
        self,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + use<T, E, By, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        let is_transaction = matches!(self.database, Database::Transaction);
        let span = self.start();
        let view = span.view().clone();
        let watched = async move {
            let result = work.await;
            settle(&view, &result, is_transaction);
            result
        };
        watched.in_span(span)
    }

    pub(super) fn run_sync<T, E: Failure<By>, By>(
        mut self,
        work: impl FnOnce(&SpanRef) -> Result<T, E>,
    ) -> Result<T, E> {
        let is_transaction = matches!(self.database, Database::Transaction);
        self.builder().in_scope(|span| {
            let result = work(span);
            settle(span, &result, is_transaction);
            result
        })
    }

    pub(super) fn in_scope<R>(mut self, work: impl FnOnce(&SpanRef) -> R) -> R {
        self.builder().in_scope(work)
    }

    pub(super) fn start_as_current(mut self) -> SpanGuard {
        self.builder().start_as_current()
    }

    pub(super) fn start(mut self) -> Span {
        self.builder().start()
    }
}

fn settle<T, E: Failure<By>, By>(span: &SpanRef, result: &Result<T, E>, is_transaction: bool) {
    if is_transaction {
        span.transaction_committed(result.is_ok());
    }
    match result {
        Ok(_) => span.succeed(),
        Err(error) => error.record_on(span),
    }
}

/// A name of which the part that varies is in lower case.
pub(super) fn lower_case_name(prefix: &str, operation: &str) -> String {
    let mut name = String::with_capacity(prefix.len() + operation.len());
    name.push_str(prefix);
    push_lower_case(&mut name, operation);
    name
}

/// Adds a word in lower case; nearly every one is ASCII.
pub(super) fn push_lower_case(name: &mut String, word: &str) {
    let start = name.len();
    if word.is_ascii() {
        name.push_str(word);
        name[start..].make_ascii_lowercase();
    } else {
        name.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// Defines a helper's type: its own setters, those of every helper, and the forms to run it.
///
/// A setter's attribute is given by its current name and renamed as the conventions ask.
macro_rules! layer_span {
    ($(#[$doc:meta])* $name:ident { $($(#[$set_doc:meta])* $set:ident: $type:ty => $key:expr,)* }) => {
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

            /// Says whose data it is.
            pub fn tenant_id(self, tenant_id: &'a str) -> Self {
                Self(self.0.attribute($crate::semconv::attribute::TENANT_ID, tenant_id))
            }

            /// Adds an attribute of your own, never renamed.
            pub fn attribute(self, key: &'a str, value: impl Into<$crate::Value<'a>>) -> Self {
                Self(self.0.attribute(key, value))
            }

            /// Takes the parent and the baggage from `context` instead of the current one.
            pub fn parent(self, context: &'a $crate::Context) -> Self {
                Self(self.0.parent(context))
            }

            /// Links the span to others, such as the producers of the messages in a batch.
            pub fn links(self, contexts: impl IntoIterator<Item = $crate::SpanContext>) -> Self {
                Self(self.0.links(contexts))
            }

            /// Runs an async closure inside the span; an `Err` is recorded and passed on.
            ///
            /// Where both the closure and the caller use `?`, name the error, `Ok::<_, MyError>(found)`, or
            /// return the result without `?`.
            ///
            /// # Errors
            ///
            /// Those of `work`, unchanged.
            pub async fn run<T, E: $crate::Failure<By>, By, Fut>(
                self,
                work: impl FnOnce($crate::SpanRef) -> Fut,
            ) -> Result<T, E>
            where
                Fut: Future<Output = Result<T, E>>,
            {
                self.0.run(work).await
            }

            /// Starts the span and attaches it to a future, which may then be spawned; an `Err` is
            /// recorded and passed on.
            ///
            /// Where both the closure and the caller use `?`, name the error, `Ok::<_, MyError>(found)`, or
            /// return the result without `?`.
            ///
            /// # Errors
            ///
            /// Those of `work`, unchanged.
            pub fn run_future<T, E: $crate::Failure<By>, By, F>(
                self,
                work: F,
            ) -> impl Future<Output = Result<T, E>> + use<T, E, By, F>
            where
                F: Future<Output = Result<T, E>>,
            {
                self.0.run_future(work)
            }

            /// Runs a closure inside the span; an `Err` is recorded and passed on.
            ///
            /// Where both the closure and the caller use `?`, name the error, `Ok::<_, MyError>(found)`, or
            /// return the result without `?`.
            ///
            /// # Errors
            ///
            /// Those of `work`, unchanged.
            pub fn run_sync<T, E: $crate::Failure<By>, By>(
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

            /// Starts the span without making it current, such as for
            /// [`FutureExt::in_span`](crate::FutureExt::in_span) or a stream.
            pub fn start(self) -> $crate::Span {
                self.0.start()
            }
        }
    };
}
pub(super) use layer_span;
