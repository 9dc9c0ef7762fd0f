//! Answers that may be asked for again.
//!
//! Position: in front of `recall`.
//!
//! Invariants:
//! - a key holds the tenant and the generation of its contents, so that an answer is never given to
//!   another tenant nor after something was learned; answers of old generations are never asked for
//!   again and make room by themselves;
//! - the memory used is bounded.

use std::convert::Infallible;
use std::sync::Arc;

use continuum_observability::layers::cache::{
    record_cache_hit, record_cache_miss, trace_cache_operation,
};
use moka::sync::Cache;

use crate::recall::Answer;
use crate::request::{RecallRequest, RecalledTurn};
use crate::tenant::{TenantId, TenantScope};

/// The key in spans: the real one holds the question, which stays here.
const SPAN_KEY: &str = "memory:search:<hash>";

/// Bytes of an entry besides its texts, roughly.
const ENTRY_BYTES: usize = 256;

/// The answers of all tenants.
pub(crate) struct AnswerCache(Cache<CacheKey, Arc<Answer>>);

/// Everything that an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    tenant: TenantId,
    generation: u64,
    query: String,
    max_concepts: usize,
    k: usize,
}

impl CacheKey {
    pub(crate) fn new(scope: &TenantScope, generation: u64, request: &RecallRequest) -> Self {
        Self {
            tenant: scope.tenant().clone(),
            generation,
            query: request.query.trim().to_owned(),
            max_concepts: request.max_concepts,
            k: request.k,
        }
    }
}

impl AnswerCache {
    pub(crate) fn new(bytes: u64) -> Self {
        let cache = Cache::builder().max_capacity(bytes).weigher(weigh).build();
        Self(cache)
    }

    pub(crate) fn get(&self, key: &CacheKey) -> Option<Arc<Answer>> {
        let span = trace_cache_operation("GET", SPAN_KEY).tenant_id(key.tenant.as_str());
        let Ok(known) = span.run_sync(|_| {
            let known = self.0.get(key);
            match known {
                Some(_) => record_cache_hit(SPAN_KEY),
                None => record_cache_miss(SPAN_KEY),
            }
            Ok::<_, Infallible>(known)
        });
        known
    }

    pub(crate) fn insert(&self, key: CacheKey, answer: Arc<Answer>) {
        let tenant = key.tenant.clone();
        let span = trace_cache_operation("SET", SPAN_KEY).tenant_id(tenant.as_str());
        let Ok(()) = span.run_sync(|_| {
            self.0.insert(key, answer);
            Ok::<_, Infallible>(())
        });
    }
}

fn weigh(key: &CacheKey, answer: &Arc<Answer>) -> u32 {
    let turns: usize = answer.turns.iter().map(turn_bytes).sum();
    let others = (answer.concepts.len() + answer.relationships.len()) * ENTRY_BYTES;
    u32::try_from(key.query.len() + turns + others + ENTRY_BYTES).unwrap_or(u32::MAX)
}

fn turn_bytes(turn: &RecalledTurn) -> usize {
    turn.text.len() + turn.metadata.as_ref().map_or(0, |json| json.get().len()) + ENTRY_BYTES
}
