//! What the layers tell besides spans: occasions that are counted, and levels that go up and down.
//!
//! Position: between the functions of the layers and the meter of the recorder in scope; without the feature
//! `metrics`, or without a meter, it goes nowhere.
//!
//! Invariant: work that must not be traced is not counted either.

use crate::span::SpanRef;
#[cfg(feature = "metrics")]
use crate::{context::with_top, metrics::Meter, recorder::Recorder};
use std::time::Duration;

/// Something that is counted without a span of its own.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "metrics"),
    expect(dead_code, reason = "only a meter reads it")
)]
pub(crate) enum Occasion<'a> {
    /// An operation of the memory that was measured elsewhere.
    MemoryOperation {
        name: &'a str,
        duration: Duration,
        success: bool,
    },
    /// A look-up in a cache, which a span of the cache layer counts at its end.
    LookUp {
        hit: bool,
    },
    Conflict,
    PeerConnected,
    PeerDisconnected,
}

/// Whose data something is about.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "metrics"),
    expect(dead_code, reason = "only a meter reads it")
)]
pub(crate) enum Whose<'a> {
    /// Of the tenant of a span.
    Span(&'a SpanRef),
    Tenant(Option<&'a str>),
}

/// A number that is what it was set to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    MemoryEntities,
    MemoryMessages,
    MemoryDecisions,
    AttentionLinks,
    PoolSize,
    PoolActive,
    PoolIdle,
    CacheEvictions,
    CacheMemory,
    CacheHitRatio,
    ActivePeers,
}

/// Counts an occasion.
#[inline]
pub(super) fn count(occasion: Occasion<'_>, whose: Whose<'_>) {
    #[cfg(feature = "metrics")]
    tell(|meter| meter.count_occasion(occasion, whose));
    #[cfg(not(feature = "metrics"))]
    {
        let (_, _) = (occasion, whose);
    }
}

/// Sets levels, those of one tenant or of the whole program.
pub(super) fn set(levels: &[(Level, f64)], tenant_id: Option<&str>) {
    #[cfg(feature = "metrics")]
    tell(|meter| meter.set_levels(levels, tenant_id));
    #[cfg(not(feature = "metrics"))]
    {
        let (_, _) = (levels, tenant_id);
    }
}

/// Tells the meter of the recorder in scope, if there is one.
#[cfg(feature = "metrics")]
#[inline]
fn tell(what: impl FnOnce(&Meter)) {
    let recorder = with_top(|top| match top {
        Some(top) if top.suppressed => None,
        Some(top) if top.recorder.is_some() => top.recorder,
        _ => Recorder::global(),
    });
    if let Some(hooks) = recorder.and_then(|recorder| recorder.hooks.as_deref()) {
        hooks.tell_meter(what);
    }
}
