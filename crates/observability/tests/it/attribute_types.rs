//! The types of what typed methods and ready-made spans record, which a tree of spans does not show.
//!
//! A backend that has once seen a number under a key may refuse a text there.

use continuum_observability::{
    AnyValue::{self, Bool, Double, Int},
    SpanRecord, SpanRef, get_tracer,
    layers::{
        ErrorSeverity, cache::*, client::trace_http_request, database::*, federation::*, memory::*,
        messaging::*,
    },
    testing::TestRecorder,
};
use std::time::Duration;

type Expected<'a> = &'a [(&'a str, AnyValue)];

fn text(text: &str) -> AnyValue {
    AnyValue::String(text.to_owned())
}

/// The first span of some work.
fn span_of(work: impl FnOnce()) -> SpanRecord {
    let recorder = TestRecorder::new();
    recorder.run(work);
    recorder.spans().remove(0)
}

fn assert_same(found: &[(String, AnyValue)], expected: Expected<'_>) {
    let found: Vec<_> = found
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect();
    assert_eq!(found, expected);
}

/// Asserts what a method of a span records.
fn records(set: impl FnOnce(&SpanRef), expected: Expected<'_>) {
    let span = span_of(|| get_tracer("types").in_scope("work", set));
    assert_same(&span.attributes, expected);
}

#[test]
fn of_any_span() {
    records(|s| s.tenant_id("1"), &[("tenant.id", text("1"))]);
    records(|s| s.tenant_tier("2"), &[("tenant.tier", text("2"))]);
    records(|s| s.enduser_id("3"), &[("enduser.id", text("3"))]);
    records(|s| s.cost_tokens_used(4), &[("cost.tokens_used", Int(4))]);
    records(|s| s.cost_api_calls(5), &[("cost.api_calls", Int(5))]);
    let tokens = [
        ("gen_ai.usage.input_tokens", Int(6)),
        ("gen_ai.usage.output_tokens", Int(7)),
    ];
    records(|s| s.gen_ai_usage_input_tokens(6), &tokens[..1]);
    records(|s| s.gen_ai_usage_output_tokens(7), &tokens[1..]);
    records(|s| s.error_type("500"), &[("error.type", text("500"))]);
    let severity = [("error.severity", text("critical"))];
    records(|s| s.error_severity(ErrorSeverity::Critical), &severity);
    let recoverable = [("error.recoverable", Bool(false))];
    records(|s| s.error_recoverable(false), &recoverable);
}

#[test]
fn of_requests() {
    let failed = [
        ("http.response.status_code", Int(503)),
        ("error.type", text("503")),
    ];
    records(|s| s.http_response_status(503), &failed);
    let size = [("http.response.body.size", Int(9))];
    records(|s| s.http_response_body_size(9), &size);
    let request = span_of(|| trace_http_request("GET", "http://peer:80/7").in_scope(|_| ()));
    let expected = [
        ("http.request.method", text("GET")),
        ("url.full", text("http://peer:80/7")),
        ("server.address", text("peer")),
        ("server.port", Int(80)),
    ];
    assert_same(&request.attributes, &expected);
}

#[test]
fn of_the_memory() {
    records(
        |s| s.memory_operation("1"),
        &[("memory.operation", text("1"))],
    );
    let records_count = [("gen_ai.memory.record.count", Int(2))];
    records(|s| s.memory_record_count(2), &records_count);
    records(
        |s| s.query_time_ms(3.0),
        &[("memory.query_time_ms", Double(3.0))],
    );
    records(
        |s| s.concepts_found(4),
        &[("memory.concepts_found", Int(4))],
    );
    let relationships = [("memory.relationships_found", Int(5))];
    records(|s| s.relationships_found(5), &relationships);
    let recalled = [
        ("gen_ai.memory.record.count", Int(7)),
        ("memory.concepts_found", Int(7)),
        ("memory.relationships_found", Int(15)),
        ("memory.query_time_ms", Double(12.0)),
    ];
    records(|_| enrich_span_with_recall_results(7, 15, 12.0), &recalled);
    let learned = [
        ("gen_ai.memory.record.count", Int(4)),
        ("memory.concepts_extracted", Int(4)),
        ("memory.decisions_detected", Int(1)),
        ("memory.links_created", Int(6)),
        ("memory.compounds_found", Int(0)),
    ];
    records(|_| enrich_span_with_learn_results(4, 1, 6, 0), &learned);

    let recall = span_of(|| {
        let recall = trace_recall("12").max_concepts(5).store_id("6");
        recall.tenant_id("7").in_scope(|_| ());
    });
    let expected = [
        ("memory.operation", text("recall")),
        ("gen_ai.operation.name", text("search_memory")),
        ("memory.query_length", Int(2)),
        ("memory.max_concepts", Int(5)),
        ("gen_ai.memory.store.id", text("6")),
        ("tenant.id", text("7")),
    ];
    assert_same(&recall.attributes, &expected);
    let learn = span_of(|| trace_learn(3, 4).in_scope(|_| ()));
    let expected = [
        ("memory.operation", text("learn")),
        ("gen_ai.operation.name", text("update_memory")),
        ("memory.user_message_length", Int(3)),
        ("memory.ai_response_length", Int(4)),
    ];
    assert_same(&learn.attributes, &expected);
    let walk = span_of(|| trace_graph_traversal("8").max_depth(9).in_scope(|_| ()));
    let expected = [
        ("memory.operation", text("graph_traversal")),
        ("graph.start_concept", text("8")),
        ("graph.max_depth", Int(9)),
    ];
    assert_same(&walk.attributes, &expected);
    let embedding = span_of(|| trace_embedding_generation(3).model("4").in_scope(|_| ()));
    let expected = [
        ("memory.operation", text("embedding")),
        ("embedding.text_length", Int(3)),
        ("embedding.model", text("4")),
    ];
    assert_same(&embedding.attributes, &expected);
}

#[test]
fn of_the_database() {
    records(|s| s.row_count(3), &[("db.response.returned_rows", Int(3))]);
    records(
        |s| s.query_plan("SCAN t"),
        &[("db.query_plan", text("SCAN t"))],
    );
    let committed = [("db.transaction.committed", Bool(true))];
    records(|s| s.transaction_committed(true), &committed);
    let query = span_of(|| {
        let query = trace_query("SELECT 1").table("2").system("sqlite");
        query.slow_after(Duration::ZERO).in_scope(|_| ());
    });
    let expected = [
        ("db.system.name", text("sqlite")),
        ("db.operation.name", text("SELECT")),
        ("db.collection.name", text("2")),
        ("db.query.text", text("SELECT ?")),
    ];
    assert_same(&query.attributes, &expected);
    let slow = &query.events[0];
    assert!(matches!(
        slow.attribute("duration_seconds"),
        Some(Double(_))
    ));
    assert_eq!(slow.attribute("threshold_seconds"), Some(&Double(0.0)));
}

#[test]
fn of_the_cache() {
    records(|s| s.cache_value_size(3), &[("cache.value_size", Int(3))]);
    let get = span_of(|| {
        trace_cache_operation("GET", "a:1").in_scope(|span| span.cache_hit("a:1"));
    });
    let expected = [
        ("cache.operation", text("GET")),
        ("cache.key_pattern", text("a:*")),
        ("cache.key", text("a:1")),
        ("cache.hit", Bool(true)),
    ];
    assert_same(&get.attributes, &expected);
    assert_same(&get.events[0].attributes, &[("key", text("a:1"))]);
    let pipeline = span_of(|| trace_pipeline(3).in_scope(|_| ()));
    let expected = [("cache.pipeline.command_count", Int(3))];
    assert_same(&pipeline.attributes, &expected);
}

#[test]
fn of_the_federation() {
    let stats = [
        ("sync.entities_count", Int(12)),
        ("sync.conflicts_count", Int(1)),
        ("sync.bytes_transferred", Int(4_096)),
    ];
    records(|_| enrich_span_with_sync_stats(12, 1, 4_096), &stats);
    let sync = span_of(|| {
        trace_sync_operation("push")
            .peer_instance_id("2")
            .in_scope(|_| {
                record_conflict_resolution("1", "2");
                record_peer_connection("3", true);
            });
    });
    let expected = [
        ("federation.operation", text("push")),
        ("federation.peer.instance_id", text("2")),
    ];
    assert_same(&sync.attributes, &expected);
    let settled = [
        ("conflict_type", text("1")),
        ("resolution_strategy", text("2")),
    ];
    assert_same(&sync.events[0].attributes, &settled);
    let came = [("peer_id", text("3")), ("connected", Bool(true))];
    assert_same(&sync.events[1].attributes, &came);
    let vote = span_of(|| trace_consensus_operation("4", 3).in_scope(|_| ()));
    let expected = [
        ("consensus.operation", text("4")),
        ("consensus.participant_count", Int(3)),
    ];
    assert_same(&vote.attributes, &expected);
    let message = span_of(|| trace_peer_communication("5", "6").in_scope(|_| ()));
    let expected = [
        ("messaging.system", text("continuum")),
        ("messaging.operation.name", text("publish")),
        ("messaging.operation.type", text("send")),
        ("messaging.destination.name", text("5")),
        ("messaging.message_type", text("6")),
        ("federation.peer.instance_id", text("5")),
    ];
    assert_same(&message.attributes, &expected);
}

#[test]
fn of_messages() {
    let process = span_of(|| {
        let process = trace_process("1").system("2").message_id("3");
        process.attempt(4).batch_message_count(5).in_scope(|_| ());
    });
    let expected = [
        ("messaging.operation.name", text("process")),
        ("messaging.operation.type", text("process")),
        ("messaging.destination.name", text("1")),
        ("messaging.system", text("2")),
        ("messaging.message.id", text("3")),
        ("messaging.message.attempt", Int(4)),
        ("messaging.batch.message_count", Int(5)),
    ];
    assert_same(&process.attributes, &expected);
    let publish = span_of(|| {
        let publish = trace_publish("1").system("2").message_id("3");
        publish.batch_message_count(5).in_scope(|_| ());
    });
    let expected = [
        ("messaging.operation.name", text("publish")),
        ("messaging.operation.type", text("send")),
        ("messaging.destination.name", text("1")),
        ("messaging.system", text("2")),
        ("messaging.message.id", text("3")),
        ("messaging.batch.message_count", Int(5)),
    ];
    assert_same(&publish.attributes, &expected);
}
