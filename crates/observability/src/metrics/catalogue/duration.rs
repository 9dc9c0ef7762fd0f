//! The histograms of durations.
//!
//! Position: the part of the catalogue that says what the time of an operation goes to.

use super::{
    Duration,
    Label::{Method, Operation as Named, Route, Status, Success},
};
use crate::metrics::Operation;

impl Operation {
    /// The histograms that the operation's duration goes to.
    pub(crate) fn durations(self) -> &'static [Duration] {
        match self {
            Self::Request => &[REQUEST],
            Self::Recall => &[MEMORY, RECALL],
            Self::Learn => &[MEMORY, LEARN],
            Self::ConceptExtraction => &[MEMORY, CONCEPT_EXTRACTION],
            Self::GraphTraversal => &[MEMORY, GRAPH_TRAVERSAL],
            Self::Embedding => &[MEMORY, EMBEDDING],
            Self::Query => &[QUERY],
            Self::Transaction => &[TRANSACTION],
            Self::Cache => &[CACHE],
            Self::Pipeline => &[PIPELINE],
            Self::Sync => &[FEDERATION, SYNC],
            Self::Message => &[FEDERATION, MESSAGE],
            Self::Consensus => &[FEDERATION, CONSENSUS],
            Self::Memory => &[MEMORY],
            Self::LookUp | Self::Conflict | Self::PeerConnection | Self::PeerDisconnection => &[],
        }
    }
}

const REQUEST: Duration = Duration {
    name: "continuum_request_duration_seconds",
    labels: &[Method, Route, Status],
    help: "how long requests took to be answered",
};
const MEMORY: Duration = named(
    "continuum_memory_operation_duration_seconds",
    "how long operations of the memory took",
);
const RECALL: Duration = alone(
    "continuum_memory_recall_duration_seconds",
    "how long recalls took",
);
const LEARN: Duration = alone(
    "continuum_memory_learn_duration_seconds",
    "how long learning took",
);
const CONCEPT_EXTRACTION: Duration = alone(
    "continuum_memory_concept_extraction_duration_seconds",
    "how long it took to find concepts in a text",
);
const GRAPH_TRAVERSAL: Duration = alone(
    "continuum_memory_graph_traversal_duration_seconds",
    "how long walks through the concept graph took",
);
const EMBEDDING: Duration = alone(
    "continuum_memory_embedding_duration_seconds",
    "how long embeddings took to be computed",
);
const QUERY: Duration = named(
    "continuum_db_query_duration_seconds",
    "how long queries took",
);
const TRANSACTION: Duration = alone(
    "continuum_db_transaction_duration_seconds",
    "how long transactions took",
);
const CACHE: Duration = named(
    "continuum_cache_operation_duration_seconds",
    "how long cache operations took",
);
const PIPELINE: Duration = alone(
    "continuum_cache_pipeline_duration_seconds",
    "how long commands took that were sent to a cache at once",
);
const FEDERATION: Duration = named(
    "continuum_federation_operation_duration_seconds",
    "how long operations between peers took",
);
const SYNC: Duration = named(
    "continuum_federation_sync_duration_seconds",
    "how long synchronisations took",
);
const MESSAGE: Duration = named(
    "continuum_federation_message_latency_seconds",
    "how long messages to peers took to be sent",
);
const CONSENSUS: Duration = named(
    "continuum_federation_consensus_duration_seconds",
    "how long steps of a consensus took",
);

/// A histogram that tells success from failure.
const fn alone(name: &'static str, help: &'static str) -> Duration {
    let labels = &[Success];
    Duration { name, labels, help }
}

/// A histogram that tells operations apart as well.
const fn named(name: &'static str, help: &'static str) -> Duration {
    let labels = &[Named, Success];
    Duration { name, labels, help }
}
