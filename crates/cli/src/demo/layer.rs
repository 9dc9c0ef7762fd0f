//! The layers of the service, and how long their spans took.
//!
//! Position: spans → **here** → `report`.
//!
//! Invariant: a span belongs to at most one layer, by its name.

use continuum_observability::SpanRecord;
use serde::Serialize;

use crate::evaluation::Latency;

/// `SPAN_KIND_SERVER` of the protocol.
const SERVER: i32 = 2;

/// A layer, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Layer {
    Api,
    Memory,
    Cache,
    Db,
    Graph,
    Federation,
}

/// How long the spans of one layer took.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct LayerLatency {
    pub(super) layer: Layer,
    #[serde(flatten)]
    pub(super) latency: Latency,
}

impl Layer {
    const ALL: [Self; 6] = [
        Self::Api,
        Self::Memory,
        Self::Cache,
        Self::Db,
        Self::Graph,
        Self::Federation,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Memory => "memory",
            Self::Cache => "cache",
            Self::Db => "db",
            Self::Graph => "graph",
            Self::Federation => "federation",
        }
    }

    fn of(span: &SpanRecord) -> Option<Self> {
        if span.kind == SERVER {
            return Some(Self::Api);
        }
        match span.name.split_once('.')? {
            ("memory", "graph_traversal") => Some(Self::Graph),
            ("memory", _) => Some(Self::Memory),
            ("cache", _) => Some(Self::Cache),
            ("db", _) => Some(Self::Db),
            ("federation", _) => Some(Self::Federation),
            _ => None,
        }
    }
}

/// The latency of every layer that has spans.
pub(super) fn latencies(spans: &[SpanRecord]) -> Vec<LayerLatency> {
    let latency = |layer| {
        let own = spans.iter().filter(|span| Layer::of(span) == Some(layer));
        let latency = Latency::of(own.map(SpanRecord::duration_nanos).collect())?;
        Some(LayerLatency { layer, latency })
    };
    Layer::ALL.into_iter().filter_map(latency).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &str, kind: i32) -> SpanRecord {
        SpanRecord {
            name: name.to_owned(),
            kind,
            end_unix_nanos: 1_000_000,
            ..Default::default()
        }
    }

    #[test]
    fn a_span_belongs_to_the_layer_of_its_name() {
        let cases = [
            ("POST /v1/recall", SERVER, Some(Layer::Api)),
            ("memory.recall", 1, Some(Layer::Memory)),
            ("memory.graph_traversal", 1, Some(Layer::Graph)),
            ("cache.get", 3, Some(Layer::Cache)),
            ("db.select.turns_fts", 3, Some(Layer::Db)),
            ("db.transaction", 3, Some(Layer::Db)),
            ("federation.sync.push", 3, Some(Layer::Federation)),
            ("answer_question", 1, None),
        ];
        for (name, kind, layer) in cases {
            assert_eq!(Layer::of(&span(name, kind)), layer, "{name}");
        }
    }

    #[test]
    fn layers_without_spans_are_left_out() {
        let latencies = latencies(&[span("cache.get", 3), span("cache.get", 3)]);
        assert_eq!(latencies.len(), 1);
        assert_eq!(latencies[0].layer.name(), "cache");
        assert_eq!(latencies[0].latency.count, 2);
    }
}
