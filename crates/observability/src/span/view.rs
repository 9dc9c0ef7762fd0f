//! [`SpanRef`]: a reference to a span through which it is described.
//!
//! Position: what closures get, what `get_current_span` returns, what a `Span` derefs to.
//!
//! Invariants: usable from any thread at any time; after the span has ended, and for a span that is
//! not recorded, every method does nothing.

use super::{
    InstrumentationScope, SpanBody, SpanKind, SpanTime, Status, Value, short::Short, words::hash,
};
use crate::{
    context::{SpanContext, SpanId, TraceFlags, TraceId, TraceState},
    export::{SpanRecord, decode_scope, decode_span},
    recorder::{Clock, Slot, thread},
};
use std::{borrow::Cow, fmt, mem::ManuallyDrop};

/// A slot, and the generation that the span has in it.
type Place = (&'static Slot, u64);

/// A reference to a span. Cheap to clone; does not keep the span open.
///
/// ```
/// # use continuum_observability::{get_tracer, Status, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// get_tracer("docs").in_scope("recall", |span| {
///     span.set_attribute("memory.max_concepts", 10);
///     span.add_event("cache.miss", &[("key", "search:rust".into())]);
///     span.set_status(Status::Ok);
/// });
/// # });
/// # assert_eq!(recorder.tree(), "recall OK memory.max_concepts=10\n  · cache.miss key=search:rust\n");
/// ```
#[derive(Clone)]
pub struct SpanRef {
    context: SpanContext,
    slot: Option<Place>,
}

impl Default for SpanRef {
    #[inline]
    fn default() -> Self {
        Self::NONE
    }
}

impl SpanRef {
    /// A reference to no span.
    pub(crate) const NONE: Self = Self {
        context: SpanContext::INVALID,
        slot: None,
    };

    #[inline]
    pub(crate) fn non_recording(context: SpanContext) -> Self {
        Self {
            context,
            slot: None,
        }
    }

    /// A reference to what is recorded in a slot.
    #[cfg(feature = "tracing")]
    #[inline]
    pub(super) fn of_slot(slot: &'static Slot, generation: u64) -> Self {
        Self {
            slot: Some((slot, generation)),
            ..Self::NONE
        }
    }

    /// Has what is set from now on kept in a slot.
    #[inline]
    pub(super) fn record_in(&mut self, slot: &'static Slot, generation: u64) {
        self.slot = Some((slot, generation));
    }

    /// Makes a fresh reference one to a span of `parent`'s trace, with its flags and `tracestate`.
    #[inline]
    pub(super) fn join(&mut self, parent: &SpanContext) {
        self.context.join(parent);
    }

    /// Makes a fresh reference one to the first span of a trace.
    #[inline]
    pub(super) fn begin_trace(&mut self, trace_id: TraceId, flags: TraceFlags) {
        self.context.begin_trace(trace_id, flags);
    }

    /// Gives the span its id and says whether it is sampled.
    #[inline]
    pub(super) fn identify(&mut self, span_id: SpanId, sampled: bool) {
        self.context.identify(span_id, sampled);
    }

    pub(super) fn set_trace_state(&mut self, trace_state: TraceState) {
        self.context.set_trace_state(trace_state);
    }

    #[inline]
    pub(crate) fn context(&self) -> &SpanContext {
        &self.context
    }

    /// Reads or writes the span while it is recorded; `access` must not call code of the user's.
    #[inline]
    pub(crate) fn with<R>(&self, access: impl FnOnce(&mut SpanBody) -> R) -> Option<R> {
        let (slot, generation) = self.slot?;
        thread::with_span(slot, generation, access)
    }

    /// The identity of the span.
    pub fn span_context(&self) -> SpanContext {
        self.context.clone()
    }

    /// Whether what is set on the span is kept. Ask before computing something expensive.
    pub fn is_recording(&self) -> bool {
        self.with(|_| ()).is_some()
    }

    /// Sets an attribute; one that was set before under the same key is replaced.
    #[inline]
    pub fn set_attribute<'a>(&self, key: &str, value: impl Into<Value<'a>>) {
        if let Some(place) = &self.slot {
            // Mostly the compiler knows the key, and then its hash too.
            let hash = hash(key.as_bytes());
            // And which one the value is: then none is made, and none is dropped.
            let value = ManuallyDrop::new(value.into());
            match &*value {
                Value::Str(Cow::Borrowed(text)) => set_text(place, key, hash, text),
                Value::I64(number) => set_integer(place, key, hash, *number),
                Value::F64(number) => set_float(place, key, hash, *number),
                Value::Bool(truth) => set_truth(place, key, hash, *truth),
                _ => set_attribute(place, key, &ManuallyDrop::into_inner(value)),
            }
        }
    }

    /// Sets several attributes.
    pub fn set_attributes<'a, K: AsRef<str>, V: Into<Value<'a>>>(
        &self,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) {
        for (key, value) in attributes {
            self.set_attribute(key.as_ref(), value);
        }
    }

    /// Sets an attribute, given by its current name, under the name or names that the recorder's
    /// [`Conventions`](crate::semconv::Conventions) ask for, as the ready-made spans do.
    ///
    /// ```
    /// # use continuum_observability::{get_tracer, testing::TestRecorder};
    /// use continuum_observability::semconv::{Conventions, attribute};
    ///
    /// let recorder = TestRecorder::with_conventions(Conventions::Dup);
    /// recorder.run(|| {
    ///     get_tracer("docs").in_scope("GET /users", |span| {
    ///         span.set_conventional(attribute::HTTP_RESPONSE_STATUS_CODE, 200);
    ///     });
    /// });
    /// assert_eq!(
    ///     recorder.tree(),
    ///     "GET /users http.response.status_code=200 http.status_code=200\n"
    /// );
    /// ```
    pub fn set_conventional<'a>(&self, key: &str, value: impl Into<Value<'a>>) {
        if self.slot.is_some() {
            let value = value.into();
            self.with(|body| {
                for name in body.naming.names(key) {
                    body.set_attribute(name, &value);
                }
            });
        }
    }

    /// Adds an event that happens now.
    pub fn add_event(&self, name: &str, attributes: &[(&str, Value<'_>)]) {
        if self.slot.is_some() {
            let ticks = Clock::global().ticks();
            self.with(|body| {
                let now = body.unix_nanos_at(ticks);
                body.add_event(name, now, attributes);
            });
        }
    }

    /// Adds an event with a time of its own, in nanoseconds since the Unix epoch.
    pub fn add_event_at(&self, name: &str, unix_nanos: u64, attributes: &[(&str, Value<'_>)]) {
        self.with(|body| body.add_event(name, unix_nanos, attributes));
    }

    /// Links the span to another one, for example the producer of a message in a batch.
    pub fn add_link(&self, context: &SpanContext, attributes: &[(&str, Value<'_>)]) {
        self.with(|body| body.add_link(context, attributes));
    }

    /// Whether an attribute with that key was set and is kept.
    pub(crate) fn has_attribute(&self, key: &str) -> bool {
        self.with(|body| body.find_attribute(key.as_bytes()).is_some()) == Some(true)
    }

    /// The kind given at the start; `None` for a span that is not recorded or has ended.
    pub fn kind(&self) -> Option<SpanKind> {
        self.with(|body| body.kind)
    }

    /// What the span has been told so far, without its end; `None` for a span that is not recorded or
    /// has ended. Decoded at each call: for looking, not for the hot path.
    ///
    /// ```
    /// # use continuum_observability::{AnyValue, get_tracer, testing::TestRecorder};
    /// # TestRecorder::new().run(|| {
    /// get_tracer("docs").in_scope("recall", |span| {
    ///     span.set_attribute("memory.max_concepts", 10);
    ///     let so_far = span.snapshot().unwrap();
    ///     assert_eq!(so_far.name, "recall");
    ///     assert_eq!(so_far.attribute("memory.max_concepts"), Some(&AnyValue::Int(10)));
    /// });
    /// # });
    /// ```
    pub fn snapshot(&self) -> Option<SpanRecord> {
        let (bytes, scope) = self.with(|body| (body.so_far(), body.scope()))?;
        let mut record = decode_span(&bytes).ok()?;
        record.scope = decode_scope(InstrumentationScope::encoded(scope)).ok()?;
        Some(record)
    }

    /// Sets the outcome; see [`Status`] for what wins.
    pub fn set_status(&self, status: Status<'_>) {
        self.with(|body| body.set_status(status));
    }

    /// Sets an error status, unless somebody has said already what is wrong: that says more.
    pub(crate) fn fail(&self, status: Status<'_>) {
        self.with(|body| {
            if !body.failed() || body.status_text.is_empty() {
                body.set_status(status);
            }
        });
    }

    /// Sets the status to OK, unless somebody has seen an error already.
    pub(crate) fn succeed(&self) {
        self.with(|body| {
            if !body.failed() {
                body.set_status(Status::Ok);
            }
        });
    }

    /// Gives the span another name.
    pub fn update_name(&self, name: &str) {
        self.with(|body| body.set_name(name));
    }

    /// Ends the span now, if it has not ended; for its owner.
    #[inline]
    pub(crate) fn end(&self) {
        if self.slot.is_some() {
            self.end_now();
        }
    }

    #[inline(never)]
    fn end_now(&self) {
        self.end_at(None);
    }

    /// Ends the span at a time of its own, if it has not ended; for its owner.
    pub(super) fn end_with_timestamp(&self, unix_nanos: u64) {
        self.end_at(Some(unix_nanos));
    }

    #[inline]
    fn end_at(&self, unix_nanos: Option<u64>) {
        if let Some((slot, generation)) = self.slot
            && slot.generation() == generation
            && let Some(recorder) = slot.recorder()
        {
            let end = match unix_nanos {
                None => SpanTime::Ticks(Clock::global().ticks()),
                Some(given) => SpanTime::UnixNanos(given),
            };
            if let Some(hooks) = &recorder.hooks {
                hooks.ending(self, end);
            }
            thread::end_span(recorder, slot, generation, end);
        }
    }

    /// Where the span is recorded.
    #[cfg(feature = "tracing")]
    pub(super) fn slot(&self) -> Option<(&'static Slot, u64)> {
        self.slot
    }

    /// Whether the span was recorded when it started.
    #[inline]
    pub(crate) fn is_recorded(&self) -> bool {
        self.slot.is_some()
    }

    /// Lets go of the span, for a task; returns the id of the task's strand, 0 if it needs none.
    #[inline]
    pub(crate) fn pass_to_task(&self) -> u64 {
        match self.slot {
            Some((slot, _)) => thread::pass_to_task(slot),
            None => 0,
        }
    }

    /// Takes the span over from the strand of a task that runs as a part of the current one.
    #[inline]
    pub(crate) fn take_from_task(&self, task: u64) {
        if let Some((slot, _)) = self.slot {
            thread::take_from_task(slot, task);
        }
    }
}

// Outside of the generic code, so that each call site is small; one for each kind of value, so that
// nothing is found out twice.

#[inline(never)]
fn set_text(place: &Place, key: &str, hash: u64, text: &str) {
    set_short(place, key, hash, text);
}

#[inline(never)]
fn set_integer(place: &Place, key: &str, hash: u64, number: i64) {
    set_short(place, key, hash, number);
}

#[inline(never)]
fn set_float(place: &Place, key: &str, hash: u64, number: f64) {
    set_short(place, key, hash, number);
}

#[inline(never)]
fn set_truth(place: &Place, key: &str, hash: u64, truth: bool) {
    set_short(place, key, hash, truth);
}

#[expect(
    clippy::inline_always,
    reason = "the hottest path; its frame is a tenth of it"
)]
#[inline(always)]
fn set_short(place: &Place, key: &str, hash: u64, value: impl Short) {
    let &(slot, generation) = place;
    let set = |body: &mut SpanBody| body.set_hashed(key, hash, value);
    if !thread::with_own_span(slot, generation, set) {
        set_attribute(place, key, &value.to_value());
    }
}

#[inline(never)]
fn set_attribute(&(slot, generation): &Place, key: &str, value: &Value<'_>) {
    thread::with_span(slot, generation, |body| body.set_attribute(key, value));
}

impl fmt::Debug for SpanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanRef")
            .field("context", &self.context)
            .field("recorded", &self.slot.is_some())
            .finish()
    }
}
