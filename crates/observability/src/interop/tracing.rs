//! [`ContinuumLayer`]: the spans of `tracing` on this recorder.
//!
//! Position: a layer of a `tracing_subscriber` registry; on top of `SpanBuilder` and the context
//! stack.
//!
//! Invariants:
//! - a `tracing` span is current, for native code too, exactly while it is entered;
//! - spans are left in any order, also when a poll in between has cleared the stack;
//! - text that the program's own `Debug` and `Display` make is made under guard.

use crate::{
    Context, Span, SpanRef, Tracer, Value,
    context::{Position, holds, pop, push},
    get_current_span, get_tracer,
};
use std::{
    cell::RefCell,
    error::Error,
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
};
use tracing_core::{
    Event, Field, Subscriber,
    field::Visit,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{layer, registry::LookupSpan};

thread_local! {
    /// The spans that are entered on this thread and their scopes.
    static ENTERED: RefCell<Vec<(u64, Position)>> = const { RefCell::new(Vec::new()) };
}

/// Records the spans and events of `tracing`.
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
#[derive(Debug, Clone, Copy)]
pub struct ContinuumLayer {
    tracer: Tracer,
}

impl ContinuumLayer {
    /// A layer whose spans belong to the instrumentation scope `name`.
    pub fn new(name: &str) -> Self {
        Self {
            tracer: get_tracer(name),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> layer::Layer<S> for ContinuumLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: layer::Context<'_, S>) {
        let Some(place) = context.span(id) else {
            return;
        };
        let named = match attributes.parent() {
            Some(parent) => native(&context, parent),
            None => attributes.is_root().then(Context::root),
        };
        let mut builder = self.tracer.span_builder(attributes.metadata().name());
        if let Some(parent) = &named {
            builder = builder.parent(parent);
        }
        let span = builder.start();
        attributes.record(&mut describe(span.view()));
        place.extensions_mut().insert(span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: layer::Context<'_, S>) {
        if let Some(view) = view(&context, id) {
            values.record(&mut describe(&view));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: layer::Context<'_, S>) {
        if let (Some(view), Some(follows)) = (view(&context, id), view(&context, follows)) {
            view.add_link(follows.context(), &[]);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: layer::Context<'_, S>) {
        let view = match event.parent() {
            Some(parent) => view(&context, parent),
            None => event.is_contextual().then(get_current_span),
        };
        if let Some(view) = view.filter(SpanRef::is_recording) {
            record_event(&view, event);
        }
    }

    fn on_enter(&self, id: &Id, context: layer::Context<'_, S>) {
        let Some(native) = native(&context, id) else {
            return;
        };
        let _late = ENTERED.try_with(|entered| {
            let Ok(mut entered) = entered.try_borrow_mut() else {
                return;
            };
            while entered.pop_if(|(_, position)| !holds(*position)).is_some() {}
            entered.push((id.into_u64(), push(native)));
        });
    }

    fn on_exit(&self, id: &Id, _context: layer::Context<'_, S>) {
        let left = ENTERED.try_with(|entered| {
            let mut entered = entered.try_borrow_mut().ok()?;
            let at = entered
                .iter()
                .rposition(|(entered, _)| *entered == id.into_u64())?;
            Some(entered.remove(at).1)
        });
        if let Ok(Some(position)) = left {
            pop(position);
        }
    }

    fn on_close(&self, id: Id, context: layer::Context<'_, S>) {
        let ended = context
            .span(&id)
            .and_then(|place| place.extensions_mut().remove::<Span>());
        drop(ended);
    }
}

fn native<S>(context: &layer::Context<'_, S>, id: &Id) -> Option<Context>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    context
        .span(id)?
        .extensions()
        .get::<Span>()
        .map(Span::as_context)
}

fn view<S>(context: &layer::Context<'_, S>, id: &Id) -> Option<SpanRef>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    context
        .span(id)?
        .extensions()
        .get::<Span>()
        .map(|span| span.view().clone())
}

/// Hands the fields of a span or an event to a closure, one by one.
struct EachField<F>(F);

impl<F: FnMut(&Field, Value<'_>)> Visit for EachField<F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        (self.0)(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        (self.0)(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        (self.0)(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        (self.0)(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        (self.0)(field, value.into());
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        (self.0)(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        (self.0)(field, guarded(|| value.to_string()).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        (self.0)(field, guarded(|| format!("{value:?}")).into());
    }
}

/// Text that the program's code makes, or none when it panics.
fn guarded(make: impl FnOnce() -> String) -> String {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_default()
}

/// The fields of a span are its attributes.
fn describe(view: &SpanRef) -> impl Visit + '_ {
    EachField(|field: &Field, value: Value<'_>| view.set_attribute(field.name(), value))
}

/// An event with its message as name.
fn record_event(view: &SpanRef, event: &Event<'_>) {
    let metadata = event.metadata();
    let mut name = metadata.name().to_owned();
    let mut others = vec![("level", Value::from(metadata.level().as_str()))];
    event.record(&mut EachField(|field: &Field, value: Value<'_>| {
        match (field.name(), value) {
            ("message", Value::Str(text)) => name = text.into_owned(),
            (key, value) => others.push((key, owned(value))),
        }
    }));
    view.add_event(&name, &others);
}

/// The value without its borrow; a field is never a list or a map.
fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Bool(value) => Value::Bool(value),
        Value::I64(value) => Value::I64(value),
        Value::F64(value) => Value::F64(value),
        Value::Str(text) => Value::Str(text.into_owned().into()),
        Value::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
        Value::Empty | Value::Array(_) | Value::Map(_) => Value::Empty,
    }
}
