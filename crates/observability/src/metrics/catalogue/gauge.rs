//! The gauges: levels that a program tells.
//!
//! Position: the part of the catalogue that says what each level is called.
//!
//! Source: the tracing guide, "Metrics", whose names some levels share with counters.

use crate::layers::report::Level;

/// A number that goes up and down; its one label is the tenant, where tenants are told apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauge {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
}

impl Level {
    pub(crate) const ALL: [Self; 11] = [
        Self::MemoryEntities,
        Self::MemoryMessages,
        Self::MemoryDecisions,
        Self::AttentionLinks,
        Self::PoolSize,
        Self::PoolActive,
        Self::PoolIdle,
        Self::CacheEvictions,
        Self::CacheMemory,
        Self::CacheHitRatio,
        Self::ActivePeers,
    ];

    /// The gauge that shows the level.
    pub(crate) fn gauge(self) -> Gauge {
        let (name, help) = match self {
            Self::MemoryEntities => (
                "continuum_memory_entities_total",
                "entities that a memory holds",
            ),
            Self::MemoryMessages => (
                "continuum_memory_messages_total",
                "messages that a memory holds",
            ),
            Self::MemoryDecisions => (
                "continuum_memory_decisions_total",
                "decisions that a memory holds",
            ),
            Self::AttentionLinks => (
                "continuum_memory_attention_links_total",
                "links between concepts that a memory holds",
            ),
            Self::PoolSize => ("continuum_db_pool_size", "connections that a pool may have"),
            Self::PoolActive => ("continuum_db_pool_active", "connections in use"),
            Self::PoolIdle => ("continuum_db_pool_idle", "connections that wait for use"),
            Self::CacheEvictions => (
                "continuum_cache_evictions",
                "entries that made room for others",
            ),
            Self::CacheMemory => ("continuum_cache_memory_bytes", "memory that a cache uses"),
            Self::CacheHitRatio => (
                "continuum_cache_hit_ratio",
                "the share of look-ups that found their entry",
            ),
            Self::ActivePeers => (
                "continuum_federation_active_peers",
                "peers that are connected",
            ),
        };
        Gauge { name, help }
    }
}
