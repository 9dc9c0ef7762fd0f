//! The mechanism behind the layer helpers: a named span with attributes and an outcome.
//!
//! Position: wrapped by the types of the layers, on top of `SpanBuilder`; which names the attributes
//! get is decided by the recorder in scope.
//!
//! Invariants:
//! - an `Err` becomes one exception event and the error status, and passes on unchanged;
//! - in the steady state nothing is allocated: names and attributes lie in [`spare`] memory.

use super::{
    database::{Database, Statement},
    spare::{self, Attributes},
};
use crate::{
    context::{Context, FutureExt as _, SpanContext, with_top},
    recorder::{AtomicStatic, Recorder},
    semconv::{Group, Naming, attribute},
    span::{
        Failure, Link, Span, SpanGuard, SpanKind, SpanRef, Start, Template, Tracer, Value,
        get_tracer,
    },
};
use std::{borrow::Cow, ops::Deref, sync::LazyLock};

/// What a helper always says, and the keys of what it says next.
#[derive(Debug)]
pub(super) struct Always {
    fixed: &'static [(&'static str, &'static str)],
    computed: &'static [&'static str],
    encoded: AtomicStatic<Template>,
}

impl Always {
    pub(super) const fn new(
        fixed: &'static [(&'static str, &'static str)],
        computed: &'static [&'static str],
    ) -> Self {
        Self {
            fixed,
            computed,
            encoded: AtomicStatic::none(),
        }
    }

    #[inline]
    fn template(&self) -> &'static Template {
        self.encoded.get().unwrap_or_else(|| self.encode())
    }

    /// Kept for ever, as the helper is.
    #[cold]
    fn encode(&self) -> &'static Template {
        let fixed = self.fixed.iter();
        let fixed = fixed.map(|(key, text)| (*key, Value::from(*text)));
        let template = Template::new(fixed.collect(), self.computed);
        self.encoded.get_or_set(Box::leak(Box::new(template)))
    }
}

static TRACER: LazyLock<Tracer> = LazyLock::new(|| get_tracer("continuum"));

/// A span that is about to start.
#[derive(Debug, Clone)]
pub(super) struct LayerSpan<'a> {
    name: Cow<'a, str>,
    kind: SpanKind,
    naming: Naming,
    previews: bool,
    parent: Option<&'a Context>,
    /// What stands before the attributes, encoded.
    template: Option<&'static Template>,
    attributes: Attributes<'a>,
    /// A bit for each key among them, which other keys may share.
    seen: u64,
    /// Whether one of them may be a text of its own.
    holds_texts: bool,
    links: Vec<Link<'a>>,
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
            template: None,
            attributes: spare::attributes(),
            seen: 0,
            holds_texts: false,
            links: Vec::new(),
            database: Database::Other,
        }
    }

    /// Says what the helper always says, by current names; the values of its further keys are to be set next,
    /// in their order.
    #[inline]
    pub(super) fn always(mut self, always: &'static Always) -> Self {
        if self.naming.is_usual() {
            self.template = Some(always.template());
        } else {
            for (key, text) in always.fixed {
                self.set(key, *text);
            }
        }
        self
    }

    /// Adds a word to the name.
    pub(super) fn name_more(&mut self, word: &str) {
        let name = self.name.to_mut();
        name.push(' ');
        name.push_str(word);
    }

    /// Gives it another name.
    pub(super) fn rename(&mut self, name: String) {
        spare::keep_text(std::mem::replace(&mut self.name, name.into()));
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
    #[inline]
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value<'a>>) -> Self {
        self.set(key, value);
        self
    }

    /// The same in place.
    #[inline]
    pub(super) fn set(&mut self, key: &'static str, value: impl Into<Value<'a>>) {
        let value = value.into();
        if self.naming.is_usual() {
            self.put(key, value);
        } else {
            self.put_renamed(key, &value);
        }
    }

    #[cold]
    fn put_renamed(&mut self, key: &'static str, value: &Value<'a>) {
        for name in self.naming.names(key) {
            self.put(name, value.clone());
        }
    }

    /// Adds an attribute that only the current conventions have.
    pub(super) fn set_stable(
        &mut self,
        group: Group,
        key: &'static str,
        value: impl Into<Value<'a>>,
    ) {
        if self.naming.of(group).has_stable() {
            self.put(key, value.into());
        }
    }

    /// Adds an attribute that only the former conventions have.
    pub(super) fn set_former(
        &mut self,
        group: Group,
        key: &'static str,
        value: impl Into<Value<'a>>,
    ) {
        if self.has_former(group) {
            self.put(key, value.into());
        }
    }

    /// Whether the span has the former names of a group: asked before one of them is worked out.
    pub(super) fn has_former(&self, group: Group) -> bool {
        self.naming.of(group).has_former()
    }

    /// Adds an attribute under the name that it was given.
    #[inline]
    pub(super) fn attribute(mut self, key: &'a str, value: impl Into<Value<'a>>) -> Self {
        self.put(key, value.into());
        self
    }

    /// The same in place. A default gives way to what is set later.
    pub(super) fn put(&mut self, key: &'a str, value: Value<'a>) {
        self.holds_texts |= matches!(value, Value::Str(Cow::Owned(_)));
        let bit = bit_of(key);
        if self.seen & bit != 0
            && let Some((_, before)) = self.attributes.iter_mut().find(|(known, _)| *known == key)
        {
            *before = value;
            return;
        }
        self.seen |= bit;
        self.attributes.push((key, value));
    }

    pub(super) fn parent(mut self, context: &'a Context) -> Self {
        self.parent = Some(context);
        self
    }

    pub(super) fn links(mut self, contexts: impl IntoIterator<Item = SpanContext>) -> Self {
        let links = contexts.into_iter().map(|context| (context, Vec::new()));
        self.links.extend(links);
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
        let operation = statement.operation();
        self.name = statement.span_name(operation).into();
        self.set(attribute::DB_OPERATION_NAME, operation);
        if let Some(table) = statement.table {
            self.set(attribute::DB_COLLECTION_NAME, table);
        }
    }

    /// Says of a span that has already started what it would have said at its start.
    #[cfg(feature = "tower_service_0_3")]
    pub(super) fn describe(self, span: &SpanRef) {
        if let Some(template) = self.template {
            span.set_attributes(template.fixed().iter().cloned());
        }
        span.set_attributes(self.attributes);
    }

    /// Starts the span as `begin` does it.
    #[inline]
    fn begin<S: Deref<Target = SpanRef>>(
        mut self,
        begin: impl FnOnce(&Start<'_>, Option<&Context>) -> S,
    ) -> S {
        self.name_query();
        let start = Start {
            kind: self.kind,
            attributes: &self.attributes,
            links: &self.links,
            template: self.template,
            ..TRACER.describe(&self.name)
        };
        let span = begin(&start, self.parent);
        if let Database::Query(statement) = &self.database {
            statement.describe(&span);
        }
        spare::keep_attributes(self.attributes, self.holds_texts);
        spare::keep_text(self.name);
        span
    }

    pub(super) async fn run<T, E: Failure<By>, By, Fut>(
        self,
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
        let span = self.start();
        let view = span.view().clone();
        watched(view).in_span(span).await
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
        self,
        work: impl FnOnce(&SpanRef) -> Result<T, E>,
    ) -> Result<T, E> {
        let is_transaction = matches!(self.database, Database::Transaction);
        self.in_scope(|span| {
            let result = work(span);
            settle(span, &result, is_transaction);
            result
        })
    }

    #[inline]
    pub(super) fn in_scope<R>(self, work: impl FnOnce(&SpanRef) -> R) -> R {
        self.start_as_current().run(work)
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method alone would be one of a single lifetime"
    )]
    pub(super) fn start_as_current(self) -> SpanGuard {
        self.begin(|start, parent| start.guard_under(parent))
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method alone would be one of a single lifetime"
    )]
    pub(super) fn start(self) -> Span {
        self.begin(|start, parent| start.span_under(parent))
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

/// One of 64 bits, in which keys mostly differ: by length and last letter.
#[inline]
fn bit_of(key: &str) -> u64 {
    let last = key.as_bytes().last().copied().unwrap_or_default();
    1 << ((key.len().wrapping_mul(5) ^ usize::from(last)) % 64)
}

/// A name of which the part that varies is in lower case.
pub(super) fn lower_case_name(prefix: &str, operation: &str) -> String {
    let mut name = spare::text();
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
                #[inline]
                pub fn $set(self, $set: $type) -> Self {
                    Self(self.0.with($key, $set))
                }
            )*

            /// Says whose data it is.
            #[inline]
            pub fn tenant_id(self, tenant_id: &'a str) -> Self {
                Self(self.0.attribute($crate::semconv::attribute::TENANT_ID, tenant_id))
            }

            /// Adds an attribute of your own, never renamed.
            #[inline]
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
            #[inline]
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
