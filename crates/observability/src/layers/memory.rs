//! Spans of the memory layer: recall, learn and their steps, and what they found.
//!
//! Invariant: texts of users are recorded as lengths; only where previews are on, the beginning of a
//! question is recorded as well.
//!
//! Source: the tracing guide, "Memory layer"; OpenTelemetry semantic conventions for generative AI,
//! "Memory": what they name stands beside the guide's names, except under the former conventions.

use super::{
    report::{self, Level, Occasion, Whose},
    span::{Always, LayerSpan, layer_span},
};
use crate::{
    context::get_current_span,
    semconv::attribute,
    span::{SpanKind, SpanRef, truncated},
};
use std::time::Duration;

/// Characters of a question that a preview shows.
const PREVIEW_CHARS: usize = 200;

layer_span! {
    /// A look-up of memories; made by [`trace_recall`].
    Recall {
        /// The upper bound asked for; 10 otherwise.
        max_concepts: usize => attribute::MEMORY_MAX_CONCEPTS,
        /// The memory that is searched, where there are several: a namespace, a collection, an index.
        store_id: &'a str => attribute::GEN_AI_MEMORY_STORE_ID,
    }
}

layer_span! {
    /// The storing of a turn; made by [`trace_learn`].
    Learn {
        /// The memory that is changed, where there are several: a namespace, a collection, an index.
        store_id: &'a str => attribute::GEN_AI_MEMORY_STORE_ID,
    }
}

layer_span! {
    /// The finding of concepts in a text; made by [`trace_concept_extraction`].
    ConceptExtraction {}
}

layer_span! {
    /// A walk through the concept graph; made by [`trace_graph_traversal`].
    GraphTraversal {
        /// How many links to follow at most; 3 otherwise.
        max_depth: usize => attribute::GRAPH_MAX_DEPTH,
    }
}

layer_span! {
    /// The computing of an embedding; made by [`trace_embedding_generation`].
    EmbeddingGeneration {
        /// The model; `unknown` otherwise.
        model: &'a str => attribute::EMBEDDING_MODEL,
    }
}

static RECALL: Always = Always::new(
    &[
        (attribute::MEMORY_OPERATION, "recall"),
        (attribute::GEN_AI_OPERATION_NAME, "search_memory"),
    ],
    &[
        attribute::MEMORY_QUERY_LENGTH,
        attribute::MEMORY_MAX_CONCEPTS,
    ],
);
static LEARN: Always = Always::new(
    &[
        (attribute::MEMORY_OPERATION, "learn"),
        (attribute::GEN_AI_OPERATION_NAME, "update_memory"),
    ],
    &[
        attribute::MEMORY_USER_MESSAGE_LENGTH,
        attribute::MEMORY_AI_RESPONSE_LENGTH,
    ],
);
static CONCEPT_EXTRACTION: Always =
    Always::new(&[(attribute::MEMORY_OPERATION, "concept_extraction")], &[]);
static GRAPH_TRAVERSAL: Always = Always::new(
    &[(attribute::MEMORY_OPERATION, "graph_traversal")],
    &[attribute::GRAPH_START_CONCEPT, attribute::GRAPH_MAX_DEPTH],
);
static EMBEDDING: Always = Always::new(
    &[(attribute::MEMORY_OPERATION, "embedding")],
    &[attribute::EMBEDDING_TEXT_LENGTH, attribute::EMBEDDING_MODEL],
);

#[inline]
fn operation<'a>(name: &'static str, always: &'static Always) -> LayerSpan<'a> {
    LayerSpan::new(name, SpanKind::Internal).always(always)
}

/// A `memory.recall` span around a look-up. Of `query`, only the length is recorded.
///
/// With `CONTINUUM_PREVIEWS=true`, or [`previews`](crate::TelemetryBuilder::previews), the first 200
/// characters are recorded too.
///
/// ```
/// use continuum_observability::{layers::memory::*, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     trace_recall("what did we decide?").tenant_id("acme").in_scope(|span| {
///         span.recall_results(RecallResults {
///             concepts_found: 7,
///             relationships_found: 15,
///             query_time_ms: 12.5,
///         });
///     });
/// });
/// assert_eq!(
///     recorder.tree(),
///     "memory.recall memory.operation=recall gen_ai.operation.name=search_memory \
///      memory.query_length=19 memory.max_concepts=10 tenant.id=acme \
///      gen_ai.memory.record.count=7 memory.concepts_found=7 memory.relationships_found=15 \
///      memory.query_time_ms=12.5\n"
/// );
/// ```
pub fn trace_recall(query: &str) -> Recall<'_> {
    let mut span = operation("memory.recall", &RECALL);
    span.set(attribute::MEMORY_QUERY_LENGTH, char_count(query));
    span.set(attribute::MEMORY_MAX_CONCEPTS, 10);
    if span.previews() {
        let preview = truncated(query, PREVIEW_CHARS);
        span.set(attribute::MEMORY_QUERY_PREVIEW, preview);
        span.set(attribute::GEN_AI_MEMORY_QUERY_TEXT, preview);
    }
    Recall(span)
}

/// The length of a text in characters, of which most have one byte.
fn char_count(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// A `memory.learn` span around the storing of a turn; lengths are in characters.
///
/// ```
/// # use continuum_observability::{layers::memory::*, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// trace_learn(35, 120).tenant_id("acme").in_scope(|_| {
///     enrich_span_with_learn_results(4, 1, 6, 0);
/// });
/// # });
/// # assert_eq!(recorder.tree(), "memory.learn memory.operation=learn \
/// # gen_ai.operation.name=update_memory \
/// # memory.user_message_length=35 memory.ai_response_length=120 tenant.id=acme \
/// # gen_ai.memory.record.count=4 \
/// # memory.concepts_extracted=4 memory.decisions_detected=1 memory.links_created=6 \
/// # memory.compounds_found=0\n");
/// ```
pub fn trace_learn<'a>(user_message_length: usize, ai_response_length: usize) -> Learn<'a> {
    Learn(
        operation("memory.learn", &LEARN)
            .with(attribute::MEMORY_USER_MESSAGE_LENGTH, user_message_length)
            .with(attribute::MEMORY_AI_RESPONSE_LENGTH, ai_response_length),
    )
}

/// A `memory.concept_extraction` span.
pub fn trace_concept_extraction<'a>() -> ConceptExtraction<'a> {
    ConceptExtraction(operation("memory.concept_extraction", &CONCEPT_EXTRACTION))
}

/// A `memory.graph_traversal` span.
///
/// The concept is recorded as it is given: it is a word of the graph, not a text of a user.
pub fn trace_graph_traversal(start_concept: &str) -> GraphTraversal<'_> {
    GraphTraversal(
        operation("memory.graph_traversal", &GRAPH_TRAVERSAL)
            .with(attribute::GRAPH_START_CONCEPT, start_concept)
            .with(attribute::GRAPH_MAX_DEPTH, 3),
    )
}

/// A `memory.embedding` span; the length is in characters.
pub fn trace_embedding_generation<'a>(text_length: usize) -> EmbeddingGeneration<'a> {
    EmbeddingGeneration(
        operation("memory.embedding", &EMBEDDING)
            .with(attribute::EMBEDDING_TEXT_LENGTH, text_length)
            .with(attribute::EMBEDDING_MODEL, "unknown"),
    )
}

/// What a recall found.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RecallResults {
    /// Concepts in the answer.
    pub concepts_found: usize,
    /// Relationships between them.
    pub relationships_found: usize,
    /// How long the look-up took, in milliseconds.
    pub query_time_ms: f64,
}

/// What a learn found and stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LearnResults {
    /// Concepts found in the turn.
    pub concepts_extracted: usize,
    /// Decisions found in the turn.
    pub decisions_detected: usize,
    /// Links made between concepts.
    pub links_created: usize,
    /// Compound concepts found in the turn.
    pub compounds_found: usize,
}

/// What a memory holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// Entities in the memory.
    pub total_entities: u64,
    /// Messages in the memory.
    pub total_messages: u64,
    /// Decisions in the memory.
    pub total_decisions: u64,
    /// Links between concepts.
    pub attention_links: u64,
}

/// Tells the [metrics](crate::SpanMetrics), where there are any, what a memory holds.
///
/// What one tenant has is shown where tenants are told apart.
///
/// ```
/// use continuum_observability::layers::memory::{MemoryStats, update_memory_stats};
///
/// let stats = MemoryStats { total_entities: 120, attention_links: 300, ..MemoryStats::default() };
/// update_memory_stats(stats, Some("acme"));
/// ```
pub fn update_memory_stats(stats: MemoryStats, tenant_id: Option<&str>) {
    let levels = [
        (Level::MemoryEntities, stats.total_entities as f64),
        (Level::MemoryMessages, stats.total_messages as f64),
        (Level::MemoryDecisions, stats.total_decisions as f64),
        (Level::AttentionLinks, stats.attention_links as f64),
    ];
    report::set(&levels, tenant_id);
}

/// Counts an operation of the memory in the [metrics](crate::SpanMetrics), where there are any, that was measured
/// elsewhere. Those with a span of this layer are counted by themselves.
///
/// ```
/// use continuum_observability::layers::memory::record_memory_operation;
/// use std::time::Duration;
///
/// record_memory_operation("compact", Duration::from_millis(120), true, Some("acme"));
/// ```
pub fn record_memory_operation(
    operation: &str,
    duration: Duration,
    success: bool,
    tenant_id: Option<&str>,
) {
    let occasion = Occasion::MemoryOperation {
        name: operation,
        duration,
        success,
    };
    report::count(occasion, Whose::Tenant(tenant_id));
}

/// Records on the current span what a recall found.
pub fn enrich_span_with_recall_results(
    concepts_found: usize,
    relationships_found: usize,
    query_time_ms: f64,
) {
    get_current_span().recall_results(RecallResults {
        concepts_found,
        relationships_found,
        query_time_ms,
    });
}

/// Records on the current span what a learn found and stored.
pub fn enrich_span_with_learn_results(
    concepts_extracted: usize,
    decisions_detected: usize,
    links_created: usize,
    compounds_found: usize,
) {
    get_current_span().learn_results(LearnResults {
        concepts_extracted,
        decisions_detected,
        links_created,
        compounds_found,
    });
}

impl SpanRef {
    /// Records what a recall found; each concept counts as a record.
    pub fn recall_results(&self, results: RecallResults) {
        self.memory_record_count(results.concepts_found);
        self.concepts_found(results.concepts_found);
        self.relationships_found(results.relationships_found);
        self.query_time_ms(results.query_time_ms);
    }

    /// Records what a learn found and stored; each concept counts as a record.
    pub fn learn_results(&self, results: LearnResults) {
        self.memory_record_count(results.concepts_extracted);
        self.set_attributes([
            (
                attribute::MEMORY_CONCEPTS_EXTRACTED,
                results.concepts_extracted,
            ),
            (
                attribute::MEMORY_DECISIONS_DETECTED,
                results.decisions_detected,
            ),
            (attribute::MEMORY_LINKS_CREATED, results.links_created),
            (attribute::MEMORY_COMPOUNDS_FOUND, results.compounds_found),
        ]);
    }

    /// Records how many records a search of a memory returned, or an update of it stored or changed.
    pub fn memory_record_count(&self, count: usize) {
        self.set_conventional(attribute::GEN_AI_MEMORY_RECORD_COUNT, count);
    }

    /// Names the operation on a span of your own: `recall`, `learn`.
    ///
    /// ```
    /// use continuum_observability::{get_tracer, testing::TestRecorder};
    ///
    /// let recorder = TestRecorder::new();
    /// recorder.run(|| {
    ///     get_tracer("assistant").in_scope("answer_question", |span| {
    ///         span.memory_operation("recall");
    ///         span.concepts_found(5);
    ///         span.query_time_ms(123.45);
    ///     });
    /// });
    /// assert_eq!(
    ///     recorder.tree(),
    ///     "answer_question memory.operation=recall memory.concepts_found=5 \
    ///      memory.query_time_ms=123.45\n"
    /// );
    /// ```
    pub fn memory_operation(&self, operation: &str) {
        self.set_attribute(attribute::MEMORY_OPERATION, operation);
    }

    /// Records how long a look-up took, in milliseconds.
    pub fn query_time_ms(&self, millis: f64) {
        self.set_attribute(attribute::MEMORY_QUERY_TIME_MS, millis);
    }

    /// Records how many concepts a recall found.
    pub fn concepts_found(&self, count: usize) {
        self.set_attribute(attribute::MEMORY_CONCEPTS_FOUND, count);
    }

    /// Records how many relationships a recall found.
    pub fn relationships_found(&self, count: usize) {
        self.set_attribute(attribute::MEMORY_RELATIONSHIPS_FOUND, count);
    }
}
