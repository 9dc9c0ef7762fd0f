//! The counters: how often, and with what outcome.
//!
//! Position: the part of the catalogue that says which numbers an operation adds to.
//!
//! Invariant: what counts errors is there from the first run of an operation on, with the value 0.

use super::{
    Counter,
    Label::{ErrorType, Method, Operation as Named, Route, Status, Success},
};
use crate::metrics::{Measurement, Operation};

impl Operation {
    /// The counters that the operation adds to.
    pub(crate) fn counters(self) -> &'static [Counter] {
        match self {
            Self::Request => &[REQUESTS, ERRORS, API_ERRORS],
            Self::Recall => &[MEMORY, RECALLS, RECALL_ERRORS],
            Self::Learn => &[MEMORY, LEARNS, LEARN_ERRORS],
            Self::ConceptExtraction | Self::GraphTraversal | Self::Embedding | Self::Memory => {
                &[MEMORY]
            }
            Self::Query => &[DB_ERRORS, SLOW_QUERIES],
            Self::Transaction => &[TRANSACTION_ERRORS],
            Self::Cache => &[CACHE, CACHE_ERRORS, CACHE_HITS, CACHE_MISSES],
            Self::Pipeline => &[CACHE_ERRORS],
            Self::Sync => &[SYNC_SUCCESS, SYNC_ERRORS],
            Self::Message => &[MESSAGES, MESSAGE_ERRORS],
            Self::Consensus => &[],
            Self::LookUp => &[CACHE_HITS, CACHE_MISSES],
            Self::Conflict => &[CONFLICTS],
            Self::PeerConnection => &[PEER_CONNECTIONS],
            Self::PeerDisconnection => &[PEER_DISCONNECTIONS],
        }
    }
}

const REQUESTS: Counter = Counter {
    name: "continuum_requests_total",
    labels: &[Method, Route, Status],
    help: "requests that were answered",
    counts: always,
};
const ERRORS: Counter = Counter {
    name: "continuum_errors_total",
    labels: &[Method, Route, Status],
    help: "requests that failed",
    counts: failed,
};
const API_ERRORS: Counter = Counter {
    name: "continuum_api_errors_total",
    labels: &[Method, Route, ErrorType],
    help: "requests with an `error.type`",
    counts: |measured| measured.is_typed,
};
const MEMORY: Counter = Counter {
    name: "continuum_memory_operations_total",
    labels: &[Named, Success],
    help: "operations of the memory",
    counts: always,
};
const RECALLS: Counter = Counter {
    name: "continuum_memory_recalls_total",
    labels: &[],
    help: "recalls",
    counts: always,
};
const RECALL_ERRORS: Counter = Counter {
    name: "continuum_memory_recall_errors_total",
    labels: &[],
    help: "recalls that failed",
    counts: failed,
};
const LEARNS: Counter = Counter {
    name: "continuum_memory_learns_total",
    labels: &[],
    help: "turns that were learned, or should have been",
    counts: always,
};
const LEARN_ERRORS: Counter = Counter {
    name: "continuum_memory_learn_errors_total",
    labels: &[],
    help: "turns that could not be learned",
    counts: failed,
};
const DB_ERRORS: Counter = Counter {
    name: "continuum_db_errors_total",
    labels: &[Named],
    help: "queries that failed",
    counts: failed,
};
const SLOW_QUERIES: Counter = Counter {
    name: "continuum_db_slow_queries_total",
    labels: &[Named],
    help: "queries with the event `slow_query`",
    counts: |measured| measured.is_slow,
};
const TRANSACTION_ERRORS: Counter = Counter {
    name: "continuum_db_transaction_errors_total",
    labels: &[],
    help: "transactions that failed",
    counts: failed,
};
const CACHE: Counter = Counter {
    name: "continuum_cache_operations_total",
    labels: &[Named],
    help: "cache operations",
    counts: always,
};
const CACHE_ERRORS: Counter = Counter {
    name: "continuum_cache_errors_total",
    labels: &[Named],
    help: "cache operations and pipelines that failed",
    counts: failed,
};
const CACHE_HITS: Counter = Counter {
    name: "continuum_cache_hits_total",
    labels: &[],
    help: "look-ups in a cache that found their entry",
    counts: |measured| measured.hit == Some(true),
};
const CACHE_MISSES: Counter = Counter {
    name: "continuum_cache_misses_total",
    labels: &[],
    help: "look-ups in a cache that did not find their entry",
    counts: |measured| measured.hit == Some(false),
};
const SYNC_SUCCESS: Counter = Counter {
    name: "continuum_federation_sync_success_total",
    labels: &[Named],
    help: "synchronisations that did not fail",
    counts: |measured| !measured.failed,
};
const SYNC_ERRORS: Counter = Counter {
    name: "continuum_federation_sync_errors_total",
    labels: &[Named],
    help: "synchronisations that failed",
    counts: failed,
};
const MESSAGES: Counter = Counter {
    name: "continuum_federation_messages_sent_total",
    labels: &[Named],
    help: "messages to peers",
    counts: always,
};
const MESSAGE_ERRORS: Counter = Counter {
    name: "continuum_federation_message_errors_total",
    labels: &[Named],
    help: "messages to peers that failed",
    counts: failed,
};

const CONFLICTS: Counter = Counter {
    name: "continuum_federation_conflicts_total",
    labels: &[],
    help: "conflicts between peers that were resolved",
    counts: always,
};
const PEER_CONNECTIONS: Counter = Counter {
    name: "continuum_federation_peer_connections_total",
    labels: &[],
    help: "peers that came",
    counts: always,
};
const PEER_DISCONNECTIONS: Counter = Counter {
    name: "continuum_federation_peer_disconnections_total",
    labels: &[],
    help: "peers that went",
    counts: always,
};

fn always(_: &Measurement) -> bool {
    true
}

fn failed(measured: &Measurement) -> bool {
    measured.failed
}
