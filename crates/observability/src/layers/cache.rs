//! Spans of the cache layer: one per operation, with the hit or miss as attribute and event.

use super::span::{LayerSpan, layer_span, lower_case_name};
use crate::{context::get_current_span, span::SpanKind};

layer_span! {
    /// A cache operation; made by [`trace_cache_operation`].
    CacheOperation {
    }
}

/// A `cache.<operation>` span. Of the key, only its pattern is recorded.
///
/// ```
/// # use continuum_observability::{layers::cache::*, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// trace_cache_operation("GET", "search:4711").in_scope(|_| record_cache_miss("search:4711"));
/// # });
/// # assert_eq!(recorder.tree(), "cache.get [client] cache.operation=GET \
/// # cache.key_pattern=search:* cache.hit=false\n  · cache.miss key=search:*\n");
/// ```
pub fn trace_cache_operation<'a>(operation: &'a str, key: &str) -> CacheOperation<'a> {
    let name = lower_case_name("cache.", operation);
    CacheOperation(
        LayerSpan::new(name, SpanKind::Client)
            .with("cache.operation", operation)
            .with("cache.key_pattern", key_pattern(key)),
    )
}

/// Records on the current span that the cache had the entry.
pub fn record_cache_hit(key: &str) {
    record_outcome(key, true);
}

/// Records on the current span that the cache did not have the entry.
pub fn record_cache_miss(key: &str) {
    record_outcome(key, false);
}

fn record_outcome(key: &str, hit: bool) {
    let span = get_current_span();
    span.set_attribute("cache.hit", hit);
    let name = if hit { "cache.hit" } else { "cache.miss" };
    span.add_event(name, &[("key", key_pattern(key).into())]);
}

/// The key with its last part, which tells one entry from another, replaced by `*`.
fn key_pattern(key: &str) -> String {
    key.rsplit_once(':')
        .map_or_else(|| "*".to_owned(), |(kind, _)| format!("{kind}:*"))
}
