//! Spans of the cache layer: one per operation, with the hit or miss as attribute and event.
//!
//! Invariant: a key leaves the process only scrubbed, in attributes and events alike.

pub(crate) mod key;

use super::{
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

/// Records on the current span that the cache had the entry.
pub fn record_cache_hit(key: &str) {
    get_current_span().cache_hit(key);
}

/// Records on the current span that the cache did not have the entry.
pub fn record_cache_miss(key: &str) {
    get_current_span().cache_miss(key);
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
        if self.is_recording() {
            self.set_attribute(attribute::CACHE_HIT, hit);
            let key = scrubbed(key);
            self.add_event(name, &[("key", (*key).into())]);
            spare::keep_text(key);
        }
    }
}
