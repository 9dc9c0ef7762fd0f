//! Where spans and events of `tracing` belong: what is around them, and who records it.
//!
//! Position: asked by the layer when a span starts, and when a span is named by its id.
//!
//! Invariant: what is not recorded itself, because a rule ignores it or a filter keeps it from the layer, stands for
//! what is around it.

use super::ContinuumLayer;
use crate::{Context, SpanRef, context::with_top, recorder::Recorder};
use tracing_core::{dispatcher::get_default, span::Id};
use tracing_subscriber::{Registry, registry::LookupSpan as _};

impl ContinuumLayer {
    /// The context in which a span is current, or what is around it where it is not recorded.
    #[inline]
    pub(super) fn context(&self, id: &Id) -> Option<Context> {
        let recorded = self.recorded_context(id);
        recorded.or_else(|| self.context_around(id))
    }

    /// The context in which a recorded span is current, which has to stay what it is from now on.
    #[inline]
    pub(super) fn recorded_context(&self, id: &Id) -> Option<Context> {
        self.with_live(id, |live| {
            live.is_settled = true;
            live.span.as_context()
        })
    }

    /// The span that an event describes which names it.
    pub(super) fn described(&self, id: &Id) -> Option<SpanRef> {
        let recorded = self.with_live(id, |live| live.span.unidentified());
        recorded.or_else(|| Some(self.context_around(id)?.span().unidentified()))
    }

    /// The context around a span that is not recorded.
    #[cold]
    fn context_around(&self, id: &Id) -> Option<Context> {
        let mut id = id.clone();
        loop {
            let key = id.into_u64();
            let ignored = self.ignored.lock(key);
            let around = ignored.and_then(|ignored| ignored.get(&key).cloned());
            if let Some(context) = around.or_else(|| self.recorded_context(&id)) {
                return Some(context);
            }
            id = self.parent_in_registry(&id)?;
        }
    }

    /// The registry also knows spans that a filter keeps from the layer.
    fn parent_in_registry(&self, id: &Id) -> Option<Id> {
        let dispatch = self.dispatch.get()?.upgrade()?;
        let registry = dispatch.downcast_ref::<Registry>()?;
        Some(registry.span(id)?.parent()?.id())
    }

    /// Remembers what is around a span that is ignored; `None` stands for what is current.
    #[cold]
    pub(super) fn pass_on(&self, id: &Id, around: Option<Context>) {
        let around = around.unwrap_or_else(Context::current);
        if let Some(mut ignored) = self.ignored.lock(id.into_u64()) {
            ignored.insert(id.into_u64(), around);
        }
    }

    #[cold]
    pub(super) fn forget_ignored(&self, id: &Id) {
        let ignored = self.ignored.lock(id.into_u64());
        let _around = ignored.and_then(|mut ignored| ignored.remove(&id.into_u64()));
    }
}

/// The context of a span that is named by its id, where the layer of the default subscriber can be asked: not while
/// some thread has a subscriber of its own.
pub(crate) fn context_of(id: &Id) -> Option<Context> {
    get_default(|subscriber| subscriber.downcast_ref::<ContinuumLayer>()?.context(id))
}

/// Whether somebody wants to see the attributes of a span as it starts: a sampler of the user's, a hook.
#[inline]
pub(super) fn is_described_at_start(parent: Option<&Context>) -> bool {
    recorder(parent)
        .is_some_and(|recorder| recorder.hooks.is_some() || recorder.sampler.is_custom())
}

/// The recorder of a span that starts.
#[inline]
pub(super) fn recorder(parent: Option<&Context>) -> Option<&'static Recorder> {
    let recorder = match parent {
        Some(parent) => parent.recorder,
        None => with_top(|top| top.and_then(|top| top.recorder)),
    };
    recorder.or_else(Recorder::global)
}

/// Whether a span that starts has a parent in this process.
#[cold]
pub(super) fn is_below_another(parent: Option<&Context>) -> bool {
    let is_local = |context: &Context| {
        let span = context.span_context();
        span.is_valid() && !span.is_remote()
    };
    match parent {
        Some(parent) => is_local(parent),
        None => with_top(|top| top.is_some_and(is_local)),
    }
}
