//! Pattern "Cache Check with Fallback": ask the cache, compute on a miss, write the result back.
//!
//! `cargo run --example cache_fallback` asks the same twice and prints two traces:
//!
//! ```text
//! search
//! ├─ cache.get         cache.key=search:user_123:<hash> cache.hit=false
//! │     · cache.miss   key=search:user_123:<hash>
//! ├─ compute_search    search.result_count=2
//! └─ cache.set         cache.key=search:user_123:<hash> cache.value_size=52
//! search
//! └─ cache.get         cache.key=search:user_123:<hash> cache.hit=true
//!       · cache.hit    key=search:user_123:<hash>
//! ```
//!
//! What to look at: hit or miss is an attribute, to count by, and an event, to read. The part of a
//! key that looks like a hash is not recorded, so that keys group and give nothing away.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use anyhow::Result;
use continuum_observability::layers::cache::{
    record_cache_hit, record_cache_miss, trace_cache_operation,
};
use continuum_observability::{get_tracer, init_telemetry};

const DOCUMENTS: [&str; 3] = [
    "the schema is versioned",
    "tests run on every change",
    "the schema is reviewed",
];

fn main() -> Result<()> {
    let _telemetry = init_telemetry()?;
    let mut search = Search::default();
    for _ in 0..2 {
        search.results("schema", "user_123")?;
    }
    Ok(())
}

/// A search whose results are kept as JSON, as they would be in a cache on another machine.
#[derive(Default)]
struct Search {
    hasher: RandomState,
    cache: HashMap<String, String>,
}

impl Search {
    fn results(&mut self, query: &str, tenant_id: &str) -> Result<Vec<String>> {
        let tracer = get_tracer("search");
        let key = format!("search:{tenant_id}:{:016x}", self.hasher.hash_one(query));
        tracer.in_scope("search", |_| {
            if let Some(json) = self.cached(&key, tenant_id) {
                return Ok(serde_json::from_str(&json)?);
            }
            let results = tracer.in_scope("compute_search", |span| {
                let results = compute(query);
                span.set_attribute("search.result_count", results.len());
                results
            });
            self.keep(&key, tenant_id, serde_json::to_string(&results)?);
            Ok(results)
        })
    }

    fn cached(&self, key: &str, tenant_id: &str) -> Option<String> {
        trace_cache_operation("GET", key)
            .tenant_id(tenant_id)
            .in_scope(|_| {
                let found = self.cache.get(key).cloned();
                match found {
                    Some(_) => record_cache_hit(key),
                    None => record_cache_miss(key),
                }
                found
            })
    }

    fn keep(&mut self, key: &str, tenant_id: &str, json: String) {
        let span = trace_cache_operation("SET", key)
            .tenant_id(tenant_id)
            .start_as_current();
        span.cache_value_size(json.len());
        self.cache.insert(key.to_owned(), json);
    }
}

fn compute(query: &str) -> Vec<String> {
    let matching = DOCUMENTS.iter().filter(|document| document.contains(query));
    matching.map(|&document| document.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    #[test]
    fn the_second_search_is_answered_by_the_cache() {
        let recorder = TestRecorder::new();
        recorder.run(|| {
            let mut search = Search::default();
            let computed = search.results("schema", "user_123").unwrap();
            assert_eq!(computed, [DOCUMENTS[0], DOCUMENTS[2]]);
            assert_eq!(search.results("schema", "user_123").unwrap(), computed);
        });
        let get = "cache.get [client] cache.operation=GET cache.key_pattern=search:user_123:* \
             cache.key=search:user_123:<hash> tenant.id=user_123";
        let set = get.replace("get", "set").replace("GET", "SET");
        assert_eq!(
            recorder.tree(),
            format!(
                "search\n  \
                 {get} cache.hit=false\n    · cache.miss key=search:user_123:<hash>\n  \
                 compute_search search.result_count=2\n  \
                 {set} cache.value_size=52\n\
                 search\n  \
                 {get} cache.hit=true\n    · cache.hit key=search:user_123:<hash>\n"
            )
        );
        assert_no_findings(&recorder);
    }
}
