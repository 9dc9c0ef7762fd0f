//! The spans of a learn and of a recall, as trees.

use continuum_memory::{LearnRequest, RecallRequest, TenantMemory};
use continuum_observability::lint::{Linter, Rule};
use continuum_observability::testing::TestRecorder;
use insta::assert_snapshot;
use rusqlite::Connection;

use crate::{acme, say};

/// What every span has; checked once for each, so that the pictures stay small.
const EVERYWHERE: [&str; 7] = [
    "tenant.id=",
    "gen_ai.memory.store.id=",
    "gen_ai.operation.name=",
    "memory.operation=",
    "db.system.name=",
    "db.operation.name=",
    "db.collection.name=",
];

/// The tree of what a closure did, with the one time in it replaced.
fn tree(work: impl FnOnce()) -> String {
    let recorder = TestRecorder::new();
    recorder.run(work);
    let timed = [Rule::TooCoarse, Rule::TooFine];
    let linter = timed.into_iter().fold(Linter::new(), Linter::without);
    assert_eq!(linter.lint(&recorder.spans()), []);
    let tree = recorder.tree();
    tree.lines().map(shorten).collect::<Vec<_>>().join("\n")
}

fn shorten(line: &str) -> String {
    let is_event = line.trim_start().starts_with('·');
    assert!(is_event || line.contains("tenant.id=acme"), "{line}");
    assert!(
        !line.contains("db.") || line.contains("db.system.name=sqlite"),
        "{line}"
    );
    let line = without_statement(line);
    let kept = line
        .split(' ')
        .filter(|word| !EVERYWHERE.iter().any(|key| word.starts_with(key)));
    let word = |word: &str| match word.split_once('=') {
        Some(("memory.query_time_ms", _)) => "memory.query_time_ms=*".to_owned(),
        _ => word.to_owned(),
    };
    kept.map(word).collect::<Vec<_>>().join(" ")
}

/// The statement is the one in the source; that it is there is checked once for each query.
fn without_statement(line: &str) -> String {
    let is_query = line.contains("db.operation.name=");
    let Some((before, statement)) = line.split_once(" db.query.text=") else {
        assert!(!is_query, "{line}");
        return line.to_owned();
    };
    let rows = statement.find(" db.response.returned_rows=");
    format!("{before}{}", rows.map_or("", |at| &statement[at..]))
}

fn ask(tenant: &TenantMemory, query: &str) {
    tenant.recall(&RecallRequest::new(query)).unwrap();
}

#[test]
fn a_learn_shows_its_extraction_and_every_table_of_its_transaction() {
    let (_dir, _memory, tenant) = acme();
    let request = LearnRequest::new("s").user_message("We decided to paint the boat green.");
    let learn = tree(|| drop(tenant.learn(&request).unwrap()));
    assert_snapshot!(learn, @r"
    memory.learn OK memory.user_message_length=35 memory.ai_response_length=0 gen_ai.memory.record.count=1 memory.concepts_extracted=4 memory.decisions_detected=1 memory.links_created=6 memory.compounds_found=0
      memory.concept_extraction OK memory.concepts_extracted=4
      db.transaction [client] OK db.transaction.committed=true
        db.select.turns [client] OK db.response.returned_rows=0
        db.insert.turns [client] OK db.response.returned_rows=1
        db.insert.turns_fts [client] OK db.response.returned_rows=1
        db.insert.windows_fts [client] OK db.response.returned_rows=1
        db.insert.compound_concepts [client] OK db.response.returned_rows=1
        db.insert.entities [client] OK db.response.returned_rows=4
        db.insert.entity_turns [client] OK db.response.returned_rows=4
        db.insert.attention_links [client] OK db.response.returned_rows=12
        db.insert.decisions [client] OK db.response.returned_rows=1
    ");
}

#[test]
fn the_conventions_of_generative_ai_name_the_operation_the_tenants_store_and_its_records() {
    let (_dir, _memory, tenant) = acme();
    let recorder = TestRecorder::new();
    recorder.run(|| {
        say(&tenant, "the harbour boat is green");
        ask(&tenant, "which boat?");
    });
    let tree = recorder.tree();
    for (span, operation) in [
        ("memory.learn", "update_memory"),
        ("memory.recall", "search_memory"),
    ] {
        let line = tree.lines().find(|line| line.starts_with(span)).unwrap();
        for attribute in [
            &*format!(" gen_ai.operation.name={operation} "),
            " gen_ai.memory.store.id=acme ",
            " gen_ai.memory.record.count=1 ",
        ] {
            assert!(line.contains(attribute), "{attribute} {line}");
        }
    }
}

#[test]
fn a_recall_shows_cache_search_and_graph() {
    let (_dir, _memory, tenant) = acme();
    say(&tenant, "the harbour boat is green");
    let recall = tree(|| ask(&tenant, "which boat?"));
    assert_snapshot!(recall, @r"
    memory.recall OK memory.query_length=11 memory.max_concepts=10 gen_ai.memory.record.count=1 memory.concepts_found=3 memory.relationships_found=3 memory.query_time_ms=*
      cache.get [client] OK cache.operation=GET cache.key_pattern=memory:search:* cache.key=memory:search:<hash> cache.hit=false
        · cache.miss key=memory:search:<hash>
      db.select.turns_fts [client] OK db.response.returned_rows=1
      db.select.windows_fts [client] OK db.response.returned_rows=1
      db.select.entities [client] OK db.response.returned_rows=1
      memory.graph_traversal OK graph.start_concept=entity:2 graph.max_depth=2
        db.select.attention_links [client] OK db.response.returned_rows=2
        db.select.entities [client] OK db.response.returned_rows=2
        db.select.attention_links [client] OK db.response.returned_rows=4
        db.select.entity_turns [client] OK db.response.returned_rows=3
      db.select.attention_links [client] OK db.response.returned_rows=3
      db.select.turns [client] OK db.response.returned_rows=1
      cache.set [client] OK cache.operation=SET cache.key_pattern=memory:search:* cache.key=memory:search:<hash>
    ");
}

#[test]
fn a_cached_recall_touches_no_table() {
    let (_dir, _memory, tenant) = acme();
    say(&tenant, "the harbour boat is green");
    ask(&tenant, "which boat?");
    let cached = tree(|| ask(&tenant, "which boat?"));
    assert_snapshot!(cached, @r"
    memory.recall OK memory.query_length=11 memory.max_concepts=10 gen_ai.memory.record.count=1 memory.concepts_found=3 memory.relationships_found=3 memory.query_time_ms=*
      cache.get [client] OK cache.operation=GET cache.key_pattern=memory:search:* cache.key=memory:search:<hash> cache.hit=true
        · cache.hit key=memory:search:<hash>
    ");
}

#[test]
fn a_failing_recall_shows_where_it_failed() {
    let (dir, _memory, tenant) = acme();
    say(&tenant, "the harbour boat is green");
    let file = Connection::open(dir.path().join("tenants/acme.db")).unwrap();
    file.execute_batch("DROP TABLE windows_fts").unwrap();
    let request = RecallRequest::new("which boat?");
    let failing = tree(|| drop(tenant.recall(&request).unwrap_err()));
    assert_snapshot!(failing, @r"
    memory.recall ERROR(storage refused to read: no such table: windows_fts) memory.query_length=11 memory.max_concepts=10
      · exception exception.type=continuum_memory::error::MemoryError exception.message=storage refused to read: no such table: windows_fts exception.stacktrace=caused by: no such table: windows_fts; caused by: Error code 1: SQL logic error
      cache.get [client] OK cache.operation=GET cache.key_pattern=memory:search:* cache.key=memory:search:<hash> cache.hit=false
        · cache.miss key=memory:search:<hash>
      db.select.turns_fts [client] OK db.response.returned_rows=1
      db.select.windows_fts [client] ERROR(storage refused to read: no such table: windows_fts)
        · exception exception.type=continuum_memory::error::MemoryError exception.message=storage refused to read: no such table: windows_fts exception.stacktrace=caused by: no such table: windows_fts; caused by: Error code 1: SQL logic error
    ");
}

#[test]
fn a_learn_that_is_refused_shows_a_transaction_that_was_not_committed() {
    let (dir, _memory, tenant) = acme();
    say(&tenant, "the harbour boat is green");
    let file = Connection::open(dir.path().join("tenants/acme.db")).unwrap();
    file.execute_batch("DROP TABLE turns_fts").unwrap();
    let request = LearnRequest::new("s").user_message("the boat is red");
    let refused = tree(|| drop(tenant.learn(&request).unwrap_err()));
    assert!(
        refused.contains("db.insert.turns_fts [client] ERROR"),
        "{refused}"
    );
    assert!(
        refused.contains("db.transaction.committed=false"),
        "{refused}"
    );
}

#[test]
fn no_span_has_a_word_of_the_user() {
    let (_dir, _memory, tenant) = acme();
    let spans = tree(|| {
        let request = LearnRequest::new("secretsession")
            .speaker("Secretspeaker")
            .user_message("We decided on \"secretterm\" in Secretplace.");
        tenant.learn(&request).unwrap();
        ask(
            &tenant,
            "what about Secretplace and secretterm, Secretspeaker?",
        );
        tenant.recall(&RecallRequest::new("secret\0")).unwrap_err();
    });
    assert!(spans.contains("memory.graph_traversal"), "{spans}");
    assert!(!spans.to_lowercase().contains("secret"), "{spans}");
}
