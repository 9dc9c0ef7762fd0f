//! The names that ready-made spans give to their attributes, in each of the conventions.

use continuum_observability::{
    get_tracer,
    layers::{cache::*, federation::*, memory::*, messaging::*},
    semconv::Conventions,
    testing::TestRecorder,
};

/// The helpers that have attributes with former names, once each.
fn renamed() {
    let key = "search:5d41402abc4b2a76b9719d911017c592";
    trace_cache_operation("GET", key)
        .system("redis")
        .in_scope(|span| {
            span.cache_value_size(512);
            record_cache_hit(key);
        });
    trace_pipeline(3).in_scope(|_| ());
    trace_publish("jobs")
        .system("nats")
        .message_id("m1")
        .in_scope(|_| ());
    trace_process("jobs")
        .attempt(2)
        .batch_message_count(5)
        .in_scope(|_| ());
    trace_peer_communication("node-2", "Heartbeat").in_scope(|_| ());
}

fn tree(conventions: Conventions) -> String {
    let recorder = TestRecorder::with_conventions(conventions);
    recorder.run(renamed);
    recorder.tree()
}

#[test]
fn stable_conventions_have_the_current_names() {
    assert_eq!(
        tree(Conventions::Stable),
        "\
cache.get [client] cache.operation=GET cache.key_pattern=search:* cache.key=search:<hash> \
db.system.name=redis cache.value_size=512 cache.hit=true
  · cache.hit key=search:<hash>
cache.pipeline [client] cache.pipeline.command_count=3
publish jobs [producer] messaging.operation.name=publish messaging.operation.type=send \
messaging.destination.name=jobs messaging.system=nats messaging.message.id=m1
process jobs [consumer] messaging.operation.name=process messaging.operation.type=process \
messaging.destination.name=jobs messaging.message.attempt=2 messaging.batch.message_count=5
federation.message.heartbeat [producer] messaging.system=continuum \
messaging.operation.name=publish messaging.operation.type=send messaging.destination.name=node-2 \
messaging.message_type=Heartbeat federation.peer.instance_id=node-2
"
    );
}

#[test]
fn legacy_conventions_have_the_guides_names() {
    assert_eq!(
        tree(Conventions::Legacy),
        "\
cache.get [client] db.operation=GET db.redis.key_pattern=search:* db.redis.key=search:<hash> \
db.system=redis cache.value_size=512 cache.hit=true
  · cache.hit key=search:<hash>
cache.pipeline [client] db.redis.pipeline.command_count=3
publish jobs [producer] messaging.operation=publish messaging.destination=jobs \
messaging.system=nats messaging.message.id=m1
process jobs [consumer] messaging.operation=process messaging.destination=jobs \
messaging.message.attempt=2 messaging.batch.message_count=5
federation.message.heartbeat [producer] messaging.system=continuum messaging.operation=publish \
messaging.destination=node-2 messaging.message_type=Heartbeat federation.peer.instance_id=node-2
"
    );
}

#[test]
fn dup_conventions_have_both() {
    assert_eq!(
        tree(Conventions::Dup),
        "\
cache.get [client] cache.operation=GET db.operation=GET cache.key_pattern=search:* \
db.redis.key_pattern=search:* cache.key=search:<hash> db.redis.key=search:<hash> \
db.system.name=redis db.system=redis cache.value_size=512 cache.hit=true
  · cache.hit key=search:<hash>
cache.pipeline [client] cache.pipeline.command_count=3 db.redis.pipeline.command_count=3
publish jobs [producer] messaging.operation.name=publish messaging.operation.type=send \
messaging.operation=publish messaging.destination.name=jobs messaging.destination=jobs \
messaging.system=nats messaging.message.id=m1
process jobs [consumer] messaging.operation.name=process messaging.operation.type=process \
messaging.operation=process messaging.destination.name=jobs messaging.destination=jobs \
messaging.message.attempt=2 messaging.batch.message_count=5
federation.message.heartbeat [producer] messaging.system=continuum \
messaging.operation.name=publish messaging.operation.type=send messaging.operation=publish \
messaging.destination.name=node-2 messaging.destination=node-2 \
messaging.message_type=Heartbeat federation.peer.instance_id=node-2
"
    );
}

#[test]
fn of_an_operation_without_a_key_no_key_is_recorded() {
    let recorder = TestRecorder::with_conventions(Conventions::Dup);
    recorder.run(|| trace_cache_operation("FLUSHALL", "").in_scope(|_| ()));
    assert_eq!(
        recorder.tree(),
        "cache.flushall [client] cache.operation=FLUSHALL db.operation=FLUSHALL\n"
    );
}

#[test]
fn what_a_user_sets_by_name_is_never_renamed() {
    let recorder = TestRecorder::with_conventions(Conventions::Legacy);
    recorder.run(|| {
        get_tracer("layer_names").in_scope("upload", |span| {
            span.set_attribute("http.request.method", "POST");
        });
        trace_pipeline(1)
            .attribute("db.system.name", "redis")
            .in_scope(|span| {
                span.set_attribute("cache.key", "a");
            });
    });
    assert_eq!(
        recorder.tree(),
        "upload http.request.method=POST\n\
         cache.pipeline [client] db.redis.pipeline.command_count=1 db.system.name=redis cache.key=a\n"
    );
}

#[test]
fn two_recorders_can_have_different_conventions() {
    let stable = TestRecorder::new();
    let legacy = TestRecorder::with_conventions(Conventions::Legacy);
    stable.run(|| {
        trace_pipeline(1).in_scope(|_| legacy.run(|| trace_pipeline(2).in_scope(|_| ())));
    });
    assert_eq!(
        stable.tree(),
        "cache.pipeline [client] cache.pipeline.command_count=1\n"
    );
    assert_eq!(
        legacy.tree(),
        "cache.pipeline [client] db.redis.pipeline.command_count=2\n"
    );
}

#[test]
fn a_question_is_shown_only_where_previews_are_on_and_then_in_part() {
    let question = "ä".repeat(201);
    let ask = || trace_recall(&question).in_scope(|_| ());
    let silent = TestRecorder::new();
    silent.run(ask);
    assert_eq!(
        silent.tree(),
        "memory.recall memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=201 memory.max_concepts=10\n"
    );
    let open = TestRecorder::with_previews();
    open.run(ask);
    let preview = "ä".repeat(200);
    assert_eq!(
        open.tree(),
        format!(
            "memory.recall memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=201 \
             memory.max_concepts=10 memory.query_preview={preview} \
             gen_ai.memory.query.text={preview}\n"
        )
    );
}

#[test]
fn every_step_of_the_memory_has_its_span() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        trace_recall("q")
            .max_concepts(5)
            .tenant_id("acme")
            .in_scope(|_| {
                enrich_span_with_recall_results(7, 15, 12.5);
                trace_embedding_generation(19).in_scope(|_| ());
                trace_embedding_generation(19)
                    .model("small")
                    .in_scope(|_| ());
                trace_graph_traversal("harbour").in_scope(|_| ());
                trace_graph_traversal("harbour")
                    .max_depth(2)
                    .in_scope(|_| ());
            });
        trace_learn(35, 120).in_scope(|span| {
            trace_concept_extraction().in_scope(|_| ());
            span.learn_results(LearnResults {
                concepts_extracted: 4,
                decisions_detected: 1,
                links_created: 6,
                compounds_found: 0,
            });
        });
    });
    assert_eq!(
        recorder.tree(),
        "\
memory.recall memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=1 memory.max_concepts=5 tenant.id=acme \
gen_ai.memory.record.count=7 memory.concepts_found=7 memory.relationships_found=15 memory.query_time_ms=12.5
  memory.embedding memory.operation=embedding embedding.text_length=19 embedding.model=unknown
  memory.embedding memory.operation=embedding embedding.text_length=19 embedding.model=small
  memory.graph_traversal memory.operation=graph_traversal graph.start_concept=harbour graph.max_depth=3
  memory.graph_traversal memory.operation=graph_traversal graph.start_concept=harbour graph.max_depth=2
memory.learn memory.operation=learn gen_ai.operation.name=update_memory memory.user_message_length=35 memory.ai_response_length=120 \
gen_ai.memory.record.count=4 memory.concepts_extracted=4 memory.decisions_detected=1 memory.links_created=6 memory.compounds_found=0
  memory.concept_extraction memory.operation=concept_extraction
"
    );
}

#[test]
fn every_step_of_the_federation_has_its_span() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        trace_sync_operation("PULL")
            .peer_instance_id("node-2")
            .in_scope(|_| {
                record_peer_connection("node-2", true);
                record_conflict_resolution("concurrent_edit", "last_writer_wins");
                enrich_span_with_sync_stats(12, 1, 4_096);
            });
        trace_consensus_operation("Vote", 3)
            .tenant_id("acme")
            .in_scope(|_| ());
    });
    assert_eq!(
        recorder.tree(),
        "\
federation.sync.pull [client] federation.operation=PULL federation.peer.instance_id=node-2 \
sync.entities_count=12 sync.conflicts_count=1 sync.bytes_transferred=4096
  · peer_connection_changed peer_id=node-2 connected=true
  · conflict_resolved conflict_type=concurrent_edit resolution_strategy=last_writer_wins
federation.consensus.vote consensus.operation=Vote consensus.participant_count=3 tenant.id=acme
"
    );
}
