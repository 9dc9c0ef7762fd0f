//! The spans and events of `tracing` on this recorder, with the native ones in any nesting.
//!
//! Position: a layer of a `tracing_subscriber` registry; on top of `Tracer` and the context stack.
//! `call_site` knows each place in the code, `rule` and `library` say what it means, `fields` gathers
//! what a span or an event says, `event` records events, `entered` makes spans current, `span_ext` is
//! for code that has a `tracing::Span` in its hands.
//!
//! Invariants:
//! - a `tracing` span is current, for native code too, exactly while it is entered;
//! - spans are left in any order, also when a poll in between has cleared the stack;
//! - baggage that is set inside of a span is there again when it is entered the next time;
//! - in the steady state nothing is allocated; what the program's own `Debug` and `Display` make is
//!   made under guard.
//!
//! # Fields with a meaning
//!
//! | field | meaning |
//! |---|---|
//! | `otel.name` | the name of the span |
//! | `otel.kind` | its kind: `server`, `client`, `producer`, `consumer`, `internal`; at its start only |
//! | `otel.status_code` | its status: `ok`, `error` |
//! | `otel.status_description` | an error, described |
//! | `error` | an exception event, and the error status: of a span always, of an event at level `ERROR`, which is what `#[instrument(err)]` does. `true` and `false` are an attribute, and `true` the error status |
//! | any field with a `dyn Error` | the same, with the causes |
//!
//! All others are attributes, of the type that they have. An event is named by its message, or by the name it
//! was given; its level and target are attributes. Which spans and events there are at all is decided by
//! filters, as for every layer: `layer.with_filter(LevelFilter::INFO)`.
//!
//! # Libraries
//!
//! Spans and events of some libraries are known and recorded as the semantic conventions want them; for others
//! a [`Rule`] says how.
//!
//! | target | name | becomes |
//! |---|---|---|
//! | `tower_http::trace::make_span` | `request` | `[server] {http.request.method}` with `url.path`, `url.query`, `network.protocol.version`; headers are left out |
//! | `tower_http::trace::on_response`, `on_eos` | event | `http.response.status_code` of the request's span; `rpc.grpc.status_code` where it is a call of gRPC |
//! | `tower_http::trace::on_failure` | event | an exception, with the classification, and the error status |
//! | `tower_http::trace` | all other events | nothing: the span says it itself |
//! | `sqlx::query` | event | `[client] db.<operation>` with `db.query.text` and the numbers of rows, begun when the statement was; without a status, since `sqlx` tells of a statement that failed in the same words |
//! | `h2`, `hyper`, `hyper_util`, `tower` | all spans and events | nothing: the inside of connections |
//!
//! A span that names one of the latter as its parent, or one that a filter keeps from the layer, has what is around
//! that one for its parent.
//!
//! What `reqwest-tracing` and others say in fields named `otel.*` needs no rule. `hyper` has no row of its own, since its
//! requests have the span of whoever serves or sends them. `tonic` makes no spans, but takes them from
//! `grpc_request_span` (feature `http_1`), by itself or through `tower-http`. `redis` and `rusqlite` have neither spans
//! nor events: there is a helper, as for others in [`layers`](crate::layers).

mod call_site;
mod convention;
mod entered;
mod event;
mod fields;
#[cfg(feature = "http_1")]
mod grpc;
mod library;
mod live;
mod parent;
mod rule;
mod span_ext;
mod template;
mod text;

#[cfg(feature = "http_1")]
pub use grpc::grpc_request_span;
pub(crate) use parent::context_of;
pub use rule::Rule;
pub use span_ext::SpanExt;

use super::sharded::Sharded;
use crate::{
    Context, Span, SpanRef, Status, Tracer, Value,
    context::{push, push_filled},
    get_tracer, semconv,
    span::{SpanBody, Start},
};
use call_site::{CallSite, CallSites, Fate, Found};
use fields::{Fields, Kept, with_fields};
use live::Live;
use parent::{is_below_another, is_described_at_start, recorder};
use semconv::attribute::{EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE};
use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use template::Encode;
use tracing_core::{
    Dispatch, Event, LevelFilter, Metadata, Subscriber,
    dispatcher::WeakDispatch,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::layer::{self, Layer};

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What was said of the span that was made last on this thread. A span that is not recorded gets it
    /// back should a parent be named whose trace is recorded.
    static OF_SPAN: Kept = const { Cell::new(None) };
    /// What an event says, or a span later on.
    static OF_EVENT: Kept = const { Cell::new(None) };
}

/// Records the spans and events of `tracing`.
///
/// It is part of its subscriber for good: to have less recorded while a program runs, reload its filter, not the layer
/// itself (`layer.with_filter(filter)`, where `filter` is one of `tracing_subscriber::reload`). Behind
/// `reload::Layer` it is not found by [`SpanExt`], and of a layer that is taken away the scopes of spans that are
/// entered just then stay open.
///
/// ```
/// use continuum_observability::{get_tracer, interop::tracing::ContinuumLayer, testing::TestRecorder};
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry().with(ContinuumLayer::new("application"));
/// let recorder = TestRecorder::new();
/// tracing::subscriber::with_default(subscriber, || {
///     recorder.run(|| {
///         tracing::info_span!("request", method = "GET").in_scope(|| {
///             get_tracer("docs").in_scope("recall", |_| ());
///         });
///     });
/// });
/// assert_eq!(recorder.tree(), "request method=GET\n  recall\n");
/// ```
#[derive(Debug)]
pub struct ContinuumLayer {
    /// Tells the layers of a process apart.
    number: u64,
    tracer: Tracer,
    settings: Settings,
    /// The first one that fits counts.
    rules: Vec<Rule>,
    sites: CallSites,
    live: Sharded<Box<Live>>,
    /// What is around spans that are ignored.
    ignored: Sharded<Context>,
    /// The subscriber that the layer is part of.
    dispatch: OnceLock<WeakDispatch>,
}

/// What a layer can be told to do.
#[derive(Debug, Clone, Copy)]
struct Settings {
    has_code: bool,
    events: LevelFilter,
}

impl ContinuumLayer {
    /// A layer whose spans belong to the instrumentation scope `name`.
    pub fn new(name: &str) -> Self {
        Self {
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            tracer: get_tracer(name),
            settings: Settings {
                has_code: false,
                events: LevelFilter::TRACE,
            },
            rules: library::rules(),
            sites: CallSites::new(),
            live: Sharded::new(),
            ignored: Sharded::new(),
            dispatch: OnceLock::new(),
        }
    }

    /// Records where in the code a span or an event is made: `code.file.path`, `code.line.number` and
    /// `code.module.name`. Off by default.
    #[must_use]
    pub fn with_code(mut self, recorded: bool) -> Self {
        self.settings.has_code = recorded;
        self
    }

    /// Records events up to this level only; all that reach the layer by default. Spans are not concerned.
    #[must_use]
    pub fn with_events(mut self, level: impl Into<LevelFilter>) -> Self {
        self.settings.events = level.into();
        self
    }

    /// Adds a rule for a library; it wins over those that are there already.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.insert(0, rule);
        self
    }

    /// Takes all rules away, also those for libraries that the layer knows.
    #[must_use]
    pub fn without_rules(mut self) -> Self {
        self.rules.clear();
        self
    }

    #[inline]
    fn site(&self, metadata: &'static Metadata<'static>) -> Found<'_> {
        self.sites.find(metadata, &self.rules, self.settings)
    }

    /// Reads what is known of a span.
    #[inline]
    fn with_live<R>(&self, id: &Id, read: impl FnOnce(&mut Live) -> R) -> Option<R> {
        let id = id.into_u64();
        self.live.lock(id)?.get_mut(&id).map(|live| read(live))
    }

    fn view(&self, id: &Id) -> Option<SpanRef> {
        self.with_live(id, |live| live.span.view().clone())
    }

    /// Starts the span of which `fields` tell.
    #[inline]
    fn start(
        &self,
        site: &CallSite,
        fields: &Fields,
        parent: Option<&Context>,
        time_unix_nanos: Option<u64>,
    ) -> Span {
        let mut span = Span::default();
        self.start_in(site, fields, parent, time_unix_nanos, &mut span);
        span
    }

    /// The same, in place of a span that was never started.
    fn start_in(
        &self,
        site: &CallSite,
        fields: &Fields,
        parent: Option<&Context>,
        time_unix_nanos: Option<u64>,
        fresh: &mut Span,
    ) {
        let name = fields.special.name;
        let name = name.map_or(site.name, |name| fields.texts.get(name));
        let kind = fields.special.kind.unwrap_or(site.kind);
        let start = |fresh: &mut Span, attributes: &[(&str, Value<'_>)]| {
            self.tracer.start_described(name, parent, fresh, |start| {
                start.kind = kind;
                start.attributes = attributes;
                start.time_unix_nanos = time_unix_nanos;
            });
        };
        if is_described_at_start(parent) {
            let naming = recorder(parent).map(|recorder| recorder.config.naming);
            let naming = naming.unwrap_or_default();
            fields.with_attributes(naming, |attributes| start(fresh, attributes));
        } else {
            start(fresh, &[]);
            fresh.with(|body| fields.write_to(body));
        }
        if fields.has_outcome() {
            tell_outcome(fresh, fields);
        }
    }

    /// Starts a span whose fields are encoded as they come; `false`, and nothing is started, where that is
    /// not to be.
    #[inline]
    fn start_encoded(
        &self,
        site: &CallSite,
        fields: &mut Fields,
        parent: Option<&Context>,
        (fresh, attributes): (&mut Span, &Attributes<'_>),
    ) -> bool {
        let Some(template) = &site.template else {
            return false;
        };
        if is_described_at_start(parent) {
            return false;
        }
        let kind = template.kind(attributes, &mut fields.texts);
        let describe = |start: &mut Start<'_>| start.kind = kind.unwrap_or(site.kind);
        self.tracer
            .start_described(site.name, parent, fresh, describe);
        if template.is_empty() {
            return true;
        }
        if let Some(limits) = fresh.limits() {
            let visit = |visitor: &mut Encode<'_>| attributes.record(visitor);
            let is_whole = template.encode(fields, limits.value_length, visit);
            let keys = template.keys();
            let take = |body: &mut SpanBody| body.take_attributes(keys, &fields.encoded);
            if !is_whole || fresh.with(take) == Some(false) {
                fields.clear();
                fields.gather(site, |visitor| attributes.record(visitor));
                fresh.with(|body| fields.write_to(body));
                tell_outcome(fresh, fields);
            }
        }
        true
    }

    /// Makes a span anew under another parent, unless somebody may know it already.
    fn set_parent(&self, id: &Id, parent: &Context) -> bool {
        let draft = self.with_live(id, |live| {
            (!live.is_settled).then(|| (live.span.view().clone(), live.metadata))
        });
        let Some((draft, metadata)) = draft.flatten() else {
            return false;
        };
        let site = self.site(metadata);
        let mut span = with_fields(&OF_SPAN, |fields| {
            if fields.owner != Some(self.owner(id)) {
                fields.clear();
            }
            // A draft that is recorded has it, and its fields are not kept; it also has how they say it ended.
            fields.special.kind = draft.kind().or(fields.special.kind);
            if draft.is_recording() {
                fields.forget_outcome();
            }
            self.start(&site, fields, Some(parent), None)
        });
        if draft.is_recording() {
            span.replace(&draft);
        }
        // The other one goes after the lock.
        self.with_live(id, |live| std::mem::swap(&mut live.span, &mut span))
            .is_some()
    }

    fn owner(&self, id: &Id) -> (u64, u64) {
        (self.number, id.into_u64())
    }
}

impl<S: Subscriber> Layer<S> for ContinuumLayer {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        let _before = self.dispatch.set(dispatch.downgrade()).is_err();
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: layer::Context<'_, S>) {
        let metadata = attributes.metadata();
        let site = self.site(metadata);
        let parent = match attributes.parent() {
            Some(parent) => self.context(parent),
            None => attributes.is_root().then(Context::root),
        };
        if site.fate == Fate::Ignored {
            return self.pass_on(id, parent);
        }
        let mut live = Live::new(metadata);
        with_fields(&OF_SPAN, |fields| {
            fields.owner = None;
            let is_started =
                self.start_encoded(&site, fields, parent.as_ref(), (&mut live.span, attributes));
            if is_started && (live.span.is_recorded() || is_below_another(parent.as_ref())) {
                return;
            }
            fields.clear();
            fields.owner = Some(self.owner(id));
            fields.gather(&site, |visitor| attributes.record(visitor));
            if !is_started {
                self.start_in(&site, fields, parent.as_ref(), None, &mut live.span);
            }
        });
        if let Some(mut shard) = self.live.lock(id.into_u64()) {
            shard.insert(id.into_u64(), live);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: layer::Context<'_, S>) {
        let live = self.with_live(id, |live| {
            (live.span.view().clone(), live.metadata, live.is_settled)
        });
        let Some((view, metadata, is_settled)) = live else {
            return;
        };
        let site = self.site(metadata);
        if view.is_recording() {
            with_fields(&OF_EVENT, |fields| {
                fields.clear();
                fields.gather_late(&site, |visitor| values.record(visitor));
                tell_late(&view, fields);
            });
        }
        with_fields(&OF_SPAN, |fields| {
            if fields.owner != Some(self.owner(id)) {
                return;
            }
            if is_settled || fields.is_full() {
                fields.owner = None;
            } else {
                fields.gather_late(&site, |visitor| values.record(visitor));
            }
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: layer::Context<'_, S>) {
        let target = self.context(follows);
        if let (Some(view), Some(target)) = (self.view(id), target) {
            view.add_link(target.span_context(), &[]);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        event::record(self, event);
    }

    fn on_enter(&self, id: &Id, _: layer::Context<'_, S>) {
        let entered = self.with_live(id, |live| {
            live.is_settled = true;
            let current = live.span.current_in();
            let fill = |_: Option<&Context>, fresh: &mut Context| {
                fresh.clone_from(current);
                Some(())
            };
            // Others that are to see the scope are told of it without the lock.
            push_filled(fill).map_or_else(|| Err(current.clone()), |((), position)| Ok(position))
        });
        if let Some(entered) = entered {
            let position = entered.unwrap_or_else(push);
            entered::enter(self.owner(id), position);
        }
    }

    fn on_exit(&self, id: &Id, _: layer::Context<'_, S>) {
        if let Some(changed) = entered::exit(self.owner(id)) {
            self.with_live(id, |live| live.span.set_baggage(changed));
        }
    }

    fn on_close(&self, id: Id, _: layer::Context<'_, S>) {
        let shard = self.live.lock(id.into_u64());
        let closed = shard.and_then(|mut shard| shard.remove(&id.into_u64()));
        // Ends here, without the lock.
        match closed {
            Some(live) => live.close(),
            None => self.forget_ignored(&id),
        }
    }
}

/// What was recorded of a span after its start.
fn tell_late(view: &SpanRef, fields: &Fields) {
    view.with(|body| fields.write_to(body));
    if let Some(name) = fields.special.name {
        view.update_name(fields.texts.get(name));
    }
    tell_outcome(view, fields);
}

/// The status and the exception, as the fields have them.
#[cold]
fn tell_outcome(view: &SpanRef, fields: &Fields) {
    if fields.special.failure.is_some() {
        tell_failure(view, fields, &[], true);
    }
    match fields.status() {
        Status::Unset => {}
        bare @ Status::Error { .. } if bare == Status::error("") => view.fail(bare),
        status => view.set_status(status),
    }
}

/// The exception event, with `others` beside it, and the error status if that is how it ends.
#[cold]
fn tell_failure(view: &SpanRef, fields: &Fields, others: &[(&str, Value<'_>)], is_final: bool) {
    let Some(failure) = &fields.special.failure else {
        return;
    };
    let message = fields.texts.get(failure.message);
    let causes = fields.texts.get(failure.causes);
    let mut attributes = vec![(EXCEPTION_MESSAGE, Value::from(message))];
    if !causes.is_empty() {
        attributes.push((EXCEPTION_STACKTRACE, causes.into()));
    }
    attributes.extend_from_slice(others);
    view.add_event(semconv::event::EXCEPTION, &attributes);
    if is_final {
        view.set_status(Status::error(message));
    }
}
