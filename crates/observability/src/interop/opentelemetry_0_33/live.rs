//! The native side of each span that API code may attach or name as a parent.
//!
//! Position: made by `ContinuumSpan` when it is asked for its identity, which is what happens when it goes into
//! an API context; taken from there by the observer as its view of that context, in which it is found from
//! then on. A table by the span's id is for contexts that are derived from such a one.
//!
//! Invariants:
//! - an entry of the table lives as long as any API handle of its span;
//! - a lock that a fork left held is not waited for: in the child, what cannot be looked up is a
//!   parent known by its ids only.

use crate::{
    Context, SpanContext, SpanId,
    interop::sharded::{Shard, Sharded},
};
use opentelemetry::{Context as ApiContext, context::ObserverContextView};
use std::{
    any::Any,
    cell::Cell,
    collections::hash_map::Entry,
    sync::{Arc, LazyLock, MutexGuard},
};

static LIVE: LazyLock<Sharded<Live>> = LazyLock::new(Sharded::new);

thread_local! {
    /// The side of the span that was asked for its identity last.
    static ASKED: Cell<Option<Arc<Native>>> = const { Cell::new(None) };
}

/// The native side of a span in an API context.
#[derive(Debug)]
pub(super) struct Native {
    /// The context in which the span is current.
    context: Context,
}

impl Native {
    pub(super) fn new(context: Context) -> Arc<Self> {
        Arc::new(Self { context })
    }

    #[inline]
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    fn is_of(&self, span: &SpanContext) -> bool {
        let own = self.context.span_context();
        own.span_id() == span.span_id() && own.trace_id() == span.trace_id()
    }
}

impl ObserverContextView for Native {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Notes that the span of `native` was asked for its identity: it may be on its way into an API context.
#[inline]
pub(super) fn note_asked(native: &Arc<Native>) {
    let _late = ASKED.try_with(|asked| asked.set(Some(native.clone())));
}

/// The side of the span `span`, which an API context has that is just being made.
#[inline]
pub(super) fn asked_or_found(span: &SpanContext) -> Option<Arc<Native>> {
    let asked = ASKED.try_with(Cell::take).ok().flatten();
    asked
        .filter(|native| native.is_of(span))
        .or_else(|| find(span))
}

/// The native side of the span in an API context, if the observer has seen how that was made.
#[inline]
pub(super) fn seen_in(api: &ApiContext) -> Option<&Native> {
    api.observer_view().as_ref()?.as_any().downcast_ref()
}

#[derive(Debug)]
struct Live {
    native: Arc<Native>,
    holders: usize,
}

/// Keeps the entry of a span while it lives.
#[derive(Debug)]
pub(super) struct Registration(Option<SpanId>);

impl Registration {
    /// Registers a span.
    pub(super) fn new(native: &Arc<Native>) -> Self {
        let span = native.context.span_context();
        let id = span.span_id();
        let shard = span.is_valid().then(|| shard(id)).flatten();
        Self(shard.map(|mut shard| {
            match shard.entry(number(id)) {
                Entry::Occupied(mut known) => known.get_mut().holders += 1,
                Entry::Vacant(free) => {
                    let native = native.clone();
                    free.insert(Live { native, holders: 1 });
                }
            }
            id
        }))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let Some(id) = self.0 else { return };
        let Some(mut shard) = shard(id) else { return };
        if let Entry::Occupied(mut known) = shard.entry(number(id)) {
            known.get_mut().holders -= 1;
            if known.get().holders == 0 {
                let gone = known.remove();
                drop(shard);
                drop(gone);
            }
        }
    }
}

/// The native side of `span`.
pub(super) fn find(span: &SpanContext) -> Option<Arc<Native>> {
    let shard = shard(span.span_id())?;
    let live = shard.get(&number(span.span_id()))?;
    live.native.is_of(span).then(|| live.native.clone())
}

fn shard(id: SpanId) -> Option<MutexGuard<'static, Shard<Live>>> {
    LIVE.lock(number(id))
}

fn number(id: SpanId) -> u64 {
    u64::from_be_bytes(id.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TraceFlags, TraceState};

    #[test]
    fn an_entry_goes_with_its_last_holder() {
        let flags = TraceFlags::SAMPLED;
        let span = |trace: u128| {
            SpanContext::new(
                trace.into(),
                0xfeed_u64.into(),
                flags,
                false,
                TraceState::EMPTY,
            )
        };
        let native = Native::new(Context::default().with_remote_span_context(span(1)));
        let first = Registration::new(&native);
        let second = Registration::new(&native);
        drop(first);
        let found = find(&span(1)).unwrap();
        assert_eq!(found.context().span_context(), &span(1));
        assert!(
            find(&span(2)).is_none(),
            "the same span id in another trace is another span"
        );
        drop(second);
        assert!(find(&span(1)).is_none());
    }

    #[test]
    fn a_span_without_identity_is_not_registered() {
        let _registration = Registration::new(&Native::new(Context::default()));
        assert!(find(&SpanContext::INVALID).is_none());
    }
}
