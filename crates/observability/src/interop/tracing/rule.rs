//! [`Rule`]: how the spans and events of a library are recorded that knows nothing of conventions.
//!
//! Position: given to the layer by the user, or one of [`super::library`]; worked into the
//! [`super::call_site::CallSite`] once for each place in the code.

use crate::{SpanKind, Value};
use tracing_core::Metadata;

/// How spans or events that come from a library are recorded.
///
/// Told by the target, which is the module that they come from, and by the name:
///
/// ```
/// use continuum_observability::{SpanKind, interop::tracing::{ContinuumLayer, Rule}, testing::TestRecorder};
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let rule = Rule::spans("search_client").named("query")
///     .kind(SpanKind::Client)
///     .constant("db.system.name", "opensearch")
///     .attribute("index", "db.collection.name")
///     .omit("raw")
///     .rename("search {db.collection.name}");
/// let layer = ContinuumLayer::new("application").with_rule(rule);
/// let subscriber = tracing_subscriber::registry().with(layer);
/// let recorder = TestRecorder::new();
/// tracing::subscriber::with_default(subscriber, || {
///     recorder.run(|| {
///         drop(tracing::info_span!(target: "search_client", "query", index = "turns", raw = "{…}"));
///     });
/// });
/// assert_eq!(
///     recorder.tree(),
///     "search turns [client] db.collection.name=turns db.system.name=opensearch\n"
/// );
/// ```
#[derive(Debug, Clone)]
#[must_use = "a rule does nothing until the layer has it"]
pub struct Rule {
    target: &'static str,
    name: Option<&'static str>,
    is_of_events: bool,
    pub(super) is_ignored: bool,
    pub(super) rename: Option<&'static str>,
    pub(super) kind: SpanKind,
    pub(super) constants: Vec<(&'static str, Value<'static>)>,
    pub(super) uses: Vec<(&'static str, Use)>,
    pub(super) seconds: Option<&'static str>,
}

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// An attribute with that key.
    Attribute(&'static str),
    /// An attribute of the span around an event.
    OfSpan(&'static str),
    /// What failed.
    Error,
    /// Nothing.
    Omitted,
}

impl Rule {
    fn new(target: &'static str, is_of_events: bool) -> Self {
        Self {
            target,
            name: None,
            is_of_events,
            is_ignored: false,
            rename: None,
            kind: SpanKind::Internal,
            constants: Vec::new(),
            uses: Vec::new(),
            seconds: None,
        }
    }

    /// A rule for the spans whose target is `target` or a module in it.
    pub fn spans(target: &'static str) -> Self {
        Self::new(target, false)
    }

    /// A rule for the events whose target is `target` or a module in it.
    pub fn events(target: &'static str) -> Self {
        Self::new(target, true)
    }

    /// Applies to what has this name only.
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Records nothing of them but what goes to the span around an event; what happens inside of such a
    /// span, or names it as its parent, belongs to the span around it.
    pub fn ignore(mut self) -> Self {
        self.is_ignored = true;
        self
    }

    /// Gives the span a name with attributes in it: `"{http.request.method} {http.route}"`.
    ///
    /// An attribute that the span does not have at its start leaves its place empty.
    pub fn rename(mut self, name: &'static str) -> Self {
        self.rename = Some(name);
        self
    }

    /// Sets the kind of the span.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Records a field as the attribute `key`, in the form that the conventions ask for.
    ///
    /// A text for `db.query.text` loses its literals and gives `db.operation.name` too, one for `url.path`
    /// may have a query, whose secrets are taken out, one for `network.protocol.version` may begin
    /// with `HTTP/`, a method that is not known is `_OTHER`, and what is text but should be a number becomes
    /// one. A number for `http.response.status_code` that is none of HTTP is `rpc.grpc.status_code`. Where the former
    /// [conventions](crate::semconv::Conventions) are asked for, `key` gets its former name.
    pub fn attribute(mut self, field: &'static str, key: &'static str) -> Self {
        self.uses.push((field, Use::Attribute(key)));
        self
    }

    /// Records a field of an event as the attribute `key` of the span that the event belongs to, in the same form.
    pub fn attribute_of_span(mut self, field: &'static str, key: &'static str) -> Self {
        self.uses.push((field, Use::OfSpan(key)));
        self
    }

    /// Takes a field for the error that it tells of, as a field with the name `error`.
    pub fn error(mut self, field: &'static str) -> Self {
        self.uses.push((field, Use::Error));
        self
    }

    /// Adds an attribute to each.
    pub fn constant(mut self, key: &'static str, value: impl Into<Value<'static>>) -> Self {
        self.constants.push((key, value.into()));
        self
    }

    /// Does not record a field.
    pub fn omit(mut self, field: &'static str) -> Self {
        self.uses.push((field, Use::Omitted));
        self
    }

    /// Makes a span of each event, one that ends now and began as many seconds ago as `field` says.
    ///
    /// For libraries that tell of their work when it is done. Name it by [`rename`](Self::rename). Unless a field says
    /// how it ended, it has no status, and its metrics have no `success`.
    pub fn as_span(mut self, field: &'static str) -> Self {
        self.seconds = Some(field);
        self
    }

    /// Whether the rule is for that place in the code.
    pub(super) fn is_for(&self, metadata: &Metadata<'_>) -> bool {
        let inside = metadata.target().strip_prefix(self.target);
        self.is_of_events == metadata.is_event()
            && inside.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            && self.name.is_none_or(|name| name == metadata.name())
    }

    /// Whether the rule has a field for the span around an event.
    pub(super) fn has_uses_of_span(&self) -> bool {
        let mut uses = self.uses.iter();
        uses.any(|(_, used)| matches!(used, Use::OfSpan(_)))
    }

    /// What the rule says of a field.
    pub(super) fn use_of(&self, field: &str) -> Option<Use> {
        let found = self.uses.iter().rev().find(|(name, _)| *name == field);
        found.map(|(_, used)| *used)
    }
}
