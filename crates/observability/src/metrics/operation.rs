//! Which spans are measured.
//!
//! Position: asked at the start of a span, whether it has to be recorded for the sake of metrics, and at
//! its end.
//!
//! The last of them are no spans: what the layers tell of by themselves.
//!
//! Invariant: the name and the kind decide, whoever made the span: a helper, the layer for `tracing`, the
//! `opentelemetry` API.

use super::catalogue::Label;
use crate::span::SpanKind;

/// What a span is about, as far as it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Request,
    Recall,
    Learn,
    ConceptExtraction,
    GraphTraversal,
    Embedding,
    Query,
    Transaction,
    Cache,
    Pipeline,
    Sync,
    Message,
    Consensus,
    /// One of the memory that was measured elsewhere.
    Memory,
    /// One in a cache without a span of its own.
    LookUp,
    Conflict,
    PeerConnection,
    PeerDisconnection,
}

impl Operation {
    pub(crate) const ALL: [Self; 18] = [
        Self::Request,
        Self::Recall,
        Self::Learn,
        Self::ConceptExtraction,
        Self::GraphTraversal,
        Self::Embedding,
        Self::Query,
        Self::Transaction,
        Self::Cache,
        Self::Pipeline,
        Self::Sync,
        Self::Message,
        Self::Consensus,
        Self::Memory,
        Self::LookUp,
        Self::Conflict,
        Self::PeerConnection,
        Self::PeerDisconnection,
    ];

    /// What a span of that name and kind is about; `None` when it is not measured.
    pub(crate) fn of(name: &str, kind: SpanKind) -> Option<Self> {
        if kind == SpanKind::Server {
            return Some(Self::Request);
        }
        let (layer, rest) = name.split_once('.')?;
        match (layer, kind) {
            ("memory", SpanKind::Internal) => match rest {
                "recall" => Some(Self::Recall),
                "learn" => Some(Self::Learn),
                "concept_extraction" => Some(Self::ConceptExtraction),
                "graph_traversal" => Some(Self::GraphTraversal),
                "embedding" => Some(Self::Embedding),
                _ => None,
            },
            ("db", SpanKind::Client) if rest == "transaction" => Some(Self::Transaction),
            ("db", SpanKind::Client) => Some(Self::Query),
            ("cache", SpanKind::Client) if rest == "pipeline" => Some(Self::Pipeline),
            ("cache", SpanKind::Client) => Some(Self::Cache),
            ("federation", _) => match (rest.split_once('.')?.0, kind) {
                ("sync", SpanKind::Client) => Some(Self::Sync),
                ("message", SpanKind::Producer) => Some(Self::Message),
                ("consensus", SpanKind::Internal) => Some(Self::Consensus),
                _ => None,
            },
            _ => None,
        }
    }

    /// The part of the span's name that tells runs of the operation apart.
    pub(super) fn part_of_name(self, name: &str) -> &str {
        let mut parts = name.split('.');
        let part = match self {
            Self::Sync | Self::Message | Self::Consensus => parts.nth(2),
            _ => parts.nth(1),
        };
        part.unwrap_or_default()
    }

    /// The labels of all metrics of the operation, in the order in which their values are gathered.
    pub(crate) fn labels(self) -> &'static [Label] {
        match self {
            Self::Request => &[
                Label::Method,
                Label::Route,
                Label::Status,
                Label::ErrorType,
                Label::Tenant,
            ],
            _ => &[Label::Operation, Label::Success, Label::Tenant],
        }
    }
}
