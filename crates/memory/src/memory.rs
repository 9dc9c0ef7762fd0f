//! The doors of the crate: the memory of a server and the memory of one tenant.
//!
//! Position: callers → **here** → request checks → cache → `recall`, or → `learn`.
//!
//! Invariants: a request is checked before the store is touched; handles are cheap to clone and may
//! be used from any thread.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use continuum_observability::layers::memory::{trace_learn, trace_recall};
use continuum_observability::semconv::attribute;

use crate::cache::{AnswerCache, CacheKey};
use crate::config::MemoryConfig;
use crate::error::MemoryError;
use crate::learn::learn;
use crate::outbox::Outbox;
use crate::recall::{Answer, answer};
use crate::request::{
    CacheOutcome, LearnRequest, LearnResponse, RecallRequest, RecallResponse, Stats, SyncEntry,
    SyncResponse,
};
use crate::store::Store;
use crate::sync::receive;
use crate::tenant::{PeerKey, TenantId, TenantScope};

/// The memories of all tenants in one data directory.
///
/// Nothing can be learned or recalled without saying for whom:
///
/// ```compile_fail,E0599
/// # let dir = tempfile::tempdir().unwrap();
/// # let memory = continuum_memory::Memory::open(dir.path(), Default::default()).unwrap();
/// let answer = memory.recall(&continuum_memory::RecallRequest::new("boat"));
/// ```
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let memory = continuum_memory::Memory::open(dir.path(), Default::default())?;
/// let acme = memory.tenant(continuum_memory::TenantId::new("acme")?);
/// let answer = acme.recall(&continuum_memory::RecallRequest::new("boat"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    config: MemoryConfig,
    pub(crate) store: Store,
    cache: AnswerCache,
}

impl Memory {
    /// Opens a data directory, and creates it where it is missing.
    ///
    /// One process may have a directory open; [`ApiKeys`](crate::ApiKeys) are not bound by this.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Directory`] when it cannot be used, [`MemoryError::DirectoryInUse`] when another
    /// process, or another `Memory` of this one, has it open.
    pub fn open(directory: impl AsRef<Path>, config: MemoryConfig) -> Result<Self, MemoryError> {
        let store = Store::open(directory.as_ref(), config.limits.clone())?;
        let cache = AnswerCache::new(config.limits.cache_bytes);
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                store,
                cache,
            }),
        })
    }

    /// The memory of one tenant; its file is opened, or created, with the first call on it.
    pub fn tenant(&self, tenant: TenantId) -> TenantMemory {
        TenantMemory {
            memory: Arc::clone(&self.inner),
            scope: TenantScope::new(tenant),
        }
    }

    /// The outboxes that may have something to be told.
    pub fn outboxes(&self) -> Vec<Outbox> {
        let promised = self.inner.store.promised().clone();
        let outbox = |tenant| Outbox::new(Arc::clone(&self.inner), TenantScope::new(tenant));
        promised.into_iter().map(outbox).collect()
    }

    /// The name of this data directory among those of other nodes.
    pub fn instance_id(&self) -> &str {
        self.inner.store.instance()
    }

    /// Remembers what another node has learned; an entry that comes again changes nothing.
    ///
    /// What is received is not told to anybody else.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Input`] when the entry cannot be accepted, [`MemoryError::NotThePeers`] when the key
    /// does not open the tenant's memory, another [`MemoryError`] when the store refuses; nothing
    /// was stored.
    pub fn receive(&self, peer: &PeerKey, entry: &SyncEntry) -> Result<SyncResponse, MemoryError> {
        let Inner { config, store, .. } = &*self.inner;
        let scope = peer.scope(&entry.tenant)?;
        let lengths = entry.turns.iter().map(|turn| turn.text.chars().count());
        trace_learn(lengths.sum(), 0)
            .tenant_id(scope.tenant().as_str())
            .store_id(scope.tenant().as_str())
            .run_sync(|span| {
                let turns = entry.checked_turns(&config.limits)?;
                span.set_attribute(attribute::FEDERATION_PEER_INSTANCE_ID, &entry.origin);
                let response = receive(store, &scope, entry, &turns)?;
                span.memory_record_count(turns.len());
                span.set_attribute("memory.concepts_extracted", response.concepts_extracted);
                Ok(response)
            })
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

/// The memory of one tenant; sees nothing of any other.
///
/// Every method blocks on the disk: asynchronous callers run it on their blocking threads.
#[derive(Clone)]
pub struct TenantMemory {
    memory: Arc<Inner>,
    scope: TenantScope,
}

impl TenantMemory {
    /// Whose memory it is.
    pub fn tenant(&self) -> &TenantId {
        self.scope.tenant()
    }

    /// Remembers an exchange.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Input`] when the request cannot be accepted, another [`MemoryError`] when
    /// the store refuses; nothing was stored either way.
    pub fn learn(&self, request: &LearnRequest) -> Result<LearnResponse, MemoryError> {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
        trace_learn(length(&request.user_message), length(&request.ai_response))
            .tenant_id(self.scope.tenant().as_str())
            .store_id(self.scope.tenant().as_str())
            .run_sync(|span| {
                let turns = request.turns(&self.memory.config.limits)?;
                let Inner { config, store, .. } = &*self.memory;
                let learned = learn(store, &self.scope, &turns, config.outbox)?;
                span.memory_record_count(turns.len());
                span.set_attribute("memory.concepts_extracted", learned.concepts_extracted);
                span.set_attribute("memory.decisions_detected", learned.decisions_detected);
                span.set_attribute("memory.links_created", learned.links_created);
                span.set_attribute("memory.compounds_found", learned.compounds_found);
                Ok(learned)
            })
    }

    /// Finds the turns that answer a question, and the concepts around it.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Input`] when the request cannot be accepted, another [`MemoryError`] when
    /// the store cannot be read.
    pub fn recall(&self, request: &RecallRequest) -> Result<RecallResponse, MemoryError> {
        trace_recall(&request.query)
            .max_concepts(request.max_concepts)
            .tenant_id(self.scope.tenant().as_str())
            .store_id(self.scope.tenant().as_str())
            .run_sync(|span| {
                let started = Instant::now();
                request.check(&self.memory.config.limits)?;
                let (answer, cache) = self.cached_answer(request)?;
                let response = respond(&answer, cache, started);
                span.memory_record_count(response.turns.len());
                span.concepts_found(response.concepts_found);
                span.relationships_found(response.relationships_found);
                span.query_time_ms(response.query_time_ms);
                Ok(response)
            })
    }

    /// Counts what the memory holds.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store cannot be read.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is tied to one lifetime of the reader"
    )]
    pub fn stats(&self) -> Result<Stats, MemoryError> {
        self.memory.store.read(&self.scope, |reader| reader.stats())
    }

    /// Merges a bounded part of the full-text indexes, so that recalls stay fast.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store refuses; nothing has changed.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is tied to one lifetime of the writer"
    )]
    pub fn maintain_index(&self) -> Result<(), MemoryError> {
        self.memory
            .store
            .write_aside(&self.scope, |writer| writer.merge_indexes())
    }

    /// What the memory has promised to tell another node.
    pub fn outbox(&self) -> Outbox {
        Outbox::new(Arc::clone(&self.memory), self.scope.clone())
    }

    fn cached_answer(
        &self,
        request: &RecallRequest,
    ) -> Result<(Arc<Answer>, CacheOutcome), MemoryError> {
        let Inner {
            config,
            store,
            cache,
        } = &*self.memory;
        // Read before the search: what is learned meanwhile makes the entry unreachable, not stale.
        let key = CacheKey::new(&self.scope, store.generation(&self.scope)?, request);
        if let Some(known) = cache.get(&key) {
            return Ok((known, CacheOutcome::Hit));
        }
        let found = Arc::new(answer(store, &self.scope, &config.recall, request)?);
        cache.insert(key, Arc::clone(&found));
        Ok((found, CacheOutcome::Miss))
    }
}

impl fmt::Debug for TenantMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantMemory")
            .field("tenant", self.scope.tenant())
            .finish_non_exhaustive()
    }
}

fn respond(answer: &Answer, cache: CacheOutcome, started: Instant) -> RecallResponse {
    RecallResponse {
        turns: answer.turns.clone(),
        concepts: answer.concepts.clone(),
        relationships: answer.relationships.clone(),
        concepts_found: answer.concepts.len(),
        relationships_found: answer.relationships.len(),
        cache,
        reason: answer.reason,
        query_time_ms: started.elapsed().as_secs_f64() * 1000.0,
    }
}
