//! Spans of the memory layer: recall, learn and their steps.
//!
//! Texts of users are recorded as lengths, never as text.

use super::span::{LayerSpan, layer_span};
use crate::span::{SpanKind, SpanRef};

layer_span! {
    /// A look-up of memories; made by [`trace_recall`].
    Recall {
        /// The upper bound asked for; 10 otherwise.
        max_concepts: usize => "memory.max_concepts",
    }
}

layer_span! {
    /// The storing of a turn; made by [`trace_learn`].
    Learn {
    }
}

layer_span! {
    /// The finding of concepts in a text; made by [`trace_concept_extraction`].
    ConceptExtraction {
    }
}

layer_span! {
    /// A walk through the concept graph; made by [`trace_graph_traversal`].
    GraphTraversal {
        /// How many links to follow at most; 3 otherwise.
        max_depth: usize => "graph.max_depth",
    }
}

layer_span! {
    /// The computing of an embedding; made by [`trace_embedding_generation`].
    EmbeddingGeneration {
        /// The model; `unknown` otherwise.
        model: &'a str => "embedding.model",
    }
}

fn operation<'a>(name: &'static str, operation: &'static str) -> LayerSpan<'a> {
    LayerSpan::new(name, SpanKind::Internal).with("memory.operation", operation)
}

/// A `memory.recall` span around a look-up. Only the length of `query` is recorded.
///
/// ```
/// # use continuum_observability::{layers::memory::trace_recall, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// trace_recall("what did we decide?").tenant_id("acme").in_scope(|span| {
///     span.set_attribute("memory.concepts_found", 7);
/// });
/// # });
/// # assert_eq!(recorder.tree(), "memory.recall memory.operation=recall memory.query_length=19 \
/// # memory.max_concepts=10 tenant.id=acme memory.concepts_found=7\n");
/// ```
pub fn trace_recall<'a>(query: &str) -> Recall<'a> {
    Recall(
        operation("memory.recall", "recall")
            .with("memory.query_length", query.chars().count())
            .with("memory.max_concepts", 10),
    )
}

/// A `memory.learn` span around the storing of a turn; lengths are in characters.
pub fn trace_learn<'a>(user_message_length: usize, ai_response_length: usize) -> Learn<'a> {
    Learn(
        operation("memory.learn", "learn")
            .with("memory.user_message_length", user_message_length)
            .with("memory.ai_response_length", ai_response_length),
    )
}

/// A `memory.concept_extraction` span.
pub fn trace_concept_extraction<'a>() -> ConceptExtraction<'a> {
    ConceptExtraction(operation("memory.concept_extraction", "concept_extraction"))
}

/// A `memory.graph_traversal` span.
pub fn trace_graph_traversal(start_concept: &str) -> GraphTraversal<'_> {
    GraphTraversal(
        operation("memory.graph_traversal", "graph_traversal")
            .with("graph.start_concept", start_concept)
            .with("graph.max_depth", 3),
    )
}

/// A `memory.embedding` span; the length is in characters.
pub fn trace_embedding_generation<'a>(text_length: usize) -> EmbeddingGeneration<'a> {
    EmbeddingGeneration(
        operation("memory.embedding", "embedding")
            .with("embedding.text_length", text_length)
            .with("embedding.model", "unknown"),
    )
}

impl SpanRef {
    /// Records how many concepts a recall found.
    pub fn concepts_found(&self, count: usize) {
        self.set_attribute("memory.concepts_found", count);
    }

    /// Records how many relationships a recall found.
    pub fn relationships_found(&self, count: usize) {
        self.set_attribute("memory.relationships_found", count);
    }
}
