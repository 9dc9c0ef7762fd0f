//! The native side of each span that API code may hold.
//!
//! Position: filled by `ContinuumSpan`; asked when an API context is attached or named as a parent,
//! since a context gives away the ids of its span and nothing else.
//!
//! Invariants:
//! - an entry lives as long as any API handle of its span;
//! - a lock that a fork left held is not waited for: in the child, what cannot be looked up is a
//!   parent known by its ids only.

use crate::{
    Context, SpanContext, SpanId,
    interop::sharded::{Shard, Sharded},
};
use std::{
    collections::hash_map::Entry,
    sync::{LazyLock, MutexGuard},
};

static LIVE: LazyLock<Sharded<Live>> = LazyLock::new(Sharded::new);

#[derive(Debug)]
struct Live {
    context: Context,
    holders: usize,
}

/// Keeps the entry of a span while it lives.
#[derive(Debug)]
pub(super) struct Registration(Option<SpanId>);

impl Registration {
    /// Registers the current span of `context`.
    pub(super) fn new(context: Context) -> Self {
        let id = context.span_context().span_id();
        let shard = context
            .span_context()
            .is_valid()
            .then(|| shard(id))
            .flatten();
        Self(shard.map(|mut shard| {
            match shard.entry(number(id)) {
                Entry::Occupied(mut known) => known.get_mut().holders += 1,
                Entry::Vacant(free) => {
                    free.insert(Live {
                        context,
                        holders: 1,
                    });
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

/// The native context in which `span` is the current one.
pub(super) fn find(span: &SpanContext) -> Option<Context> {
    let shard = shard(span.span_id())?;
    let live = shard.get(&number(span.span_id()))?;
    (live.context.span_context().trace_id() == span.trace_id()).then(|| live.context.clone())
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
        let context = Context::default().with_remote_span_context(span(1));
        let first = Registration::new(context.clone());
        let second = Registration::new(context);
        drop(first);
        assert_eq!(
            find(&span(1)).map(|found| found.span_context().clone()),
            Some(span(1))
        );
        assert!(
            find(&span(2)).is_none(),
            "the same span id in another trace is another span"
        );
        drop(second);
        assert!(find(&span(1)).is_none());
    }

    #[test]
    fn a_span_without_identity_is_not_registered() {
        let _registration = Registration::new(Context::default());
        assert!(find(&SpanContext::INVALID).is_none());
    }
}
