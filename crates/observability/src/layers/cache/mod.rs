//! Spans of the cache layer: one per operation, with the hit or miss as attribute and event.
//!
//! Invariant: a key leaves the process only scrubbed, in attributes and events alike.

pub(crate) mod key;

use super::{
    report::{self, Level, Occasion, Whose},
    span::{LayerSpan, layer_span, lower_case_name},
    spare,
};
use crate::{
    context::get_current_span,
    semconv::{attribute, event},
    span::{SpanKind, SpanRef},
};
use key::{key_pattern, scrubbed};

layer_span! {
    /// A cache operation; made by [`trace_cache_operation`].
    CacheOperation {
        /// The cache's system, as the conventions write it: `redis`.
        system: &'a str => attribute::DB_SYSTEM_NAME,
    }
}

layer_span! {
    /// Several commands sent at once; made by [`trace_pipeline`].
    Pipeline {
        /// The cache's system, as the conventions write it: `redis`.
        system: &'a str => attribute::DB_SYSTEM_NAME,
    }
}

/// A `cache.<operation>` span, in lower case.
///
/// Parts of the key that look like hashes are recorded as `<hash>`, e-mail addresses as `<email>`, and what
/// follows the name of a secret as `<secret>`. Other parts are recorded as they are: do not put what a user wrote into a key.
/// An operation without a key, such as `FLUSHALL`, has an empty one, of which nothing is recorded.
///
/// ```
/// use continuum_observability::{layers::cache::*, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let key = "search:5d41402abc4b2a76b9719d911017c592";
///     trace_cache_operation("GET", key).tenant_id("acme").in_scope(|_| record_cache_miss(key));
/// });
/// assert_eq!(
///     recorder.tree(),
///     "cache.get [client] cache.operation=GET cache.key_pattern=search:* cache.key=search:<hash> \
///      tenant.id=acme cache.hit=false\n  · cache.miss key=search:<hash>\n"
/// );
/// ```
pub fn trace_cache_operation<'a>(operation: &'a str, key: &'a str) -> CacheOperation<'a> {
    let span = LayerSpan::new(lower_case_name("cache.", operation), SpanKind::Client)
        .with(attribute::CACHE_OPERATION, operation);
    let key = scrubbed(key);
    CacheOperation(if key.is_empty() {
        span
    } else {
        span.with(attribute::CACHE_KEY_PATTERN, key_pattern(&key))
            .with(attribute::CACHE_KEY, key)
    })
}

/// A `cache.pipeline` span around commands that are sent at once.
///
/// ```
/// # use continuum_observability::{layers::cache::trace_pipeline, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// trace_pipeline(3).in_scope(|_| { /* send them */ });
/// # });
/// # assert_eq!(recorder.tree(), "cache.pipeline [client] cache.pipeline.command_count=3\n");
/// ```
pub fn trace_pipeline<'a>(command_count: usize) -> Pipeline<'a> {
    Pipeline(
        LayerSpan::new("cache.pipeline", SpanKind::Client)
            .with(attribute::CACHE_PIPELINE_COMMAND_COUNT, command_count),
    )
}

/// Records on the current span that the cache had the entry, and counts it.
pub fn record_cache_hit(key: &str) {
    get_current_span().cache_hit(key);
}

/// Records on the current span that the cache did not have the entry, and counts it.
pub fn record_cache_miss(key: &str) {
    get_current_span().cache_miss(key);
}

/// What a cache says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Look-ups that found their entry.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Memory in use.
    pub used_memory_bytes: u64,
}

/// Tells the [metrics](crate::SpanMetrics), where there are any, how a cache is doing.
///
/// What belongs to one tenant is shown where tenants are told apart. Before the first look-up there is no share of hits.
///
/// ```
/// use continuum_observability::layers::cache::{CacheStats, record_cache_stats};
///
/// record_cache_stats(CacheStats { hits: 3, misses: 1, ..CacheStats::default() }, None);
/// ```
pub fn record_cache_stats(stats: CacheStats, tenant_id: Option<&str>) {
    let levels = [
        (Level::CacheEvictions, stats.evictions as f64),
        (Level::CacheMemory, stats.used_memory_bytes as f64),
    ];
    report::set(&levels, tenant_id);
    let look_ups = stats.hits as f64 + stats.misses as f64;
    if look_ups > 0.0 {
        let ratio = stats.hits as f64 / look_ups;
        report::set(&[(Level::CacheHitRatio, ratio)], tenant_id);
    }
}

impl SpanRef {
    /// Records that the cache had the entry: an attribute and an event with the scrubbed key.
    pub fn cache_hit(&self, key: &str) {
        self.cache_outcome(event::CACHE_HIT, key, true);
    }

    /// Records that the cache did not have the entry, like [`SpanRef::cache_hit`].
    pub fn cache_miss(&self, key: &str) {
        self.cache_outcome(event::CACHE_MISS, key, false);
    }

    /// Records the length of a cache's entry in bytes.
    pub fn cache_value_size(&self, bytes: usize) {
        self.set_attribute(attribute::CACHE_VALUE_SIZE, bytes);
    }

    fn cache_outcome(&self, name: &str, key: &str, hit: bool) {
        report::count(Occasion::LookUp { hit }, Whose::Span(self));
        if self.is_recording() {
            self.set_attribute(attribute::CACHE_HIT, hit);
            let key = scrubbed(key);
            self.add_event(name, &[("key", (*key).into())]);
            spare::keep_text(key);
        }
    }
}
