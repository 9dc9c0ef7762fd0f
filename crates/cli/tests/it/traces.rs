//! The traces of requests, as trees.

use std::{fs::File, io::Write as _};

use axum::{Router, body::Body, http::Request};
use continuum_cli::http::{Service, router};
use continuum_memory::{ApiKeys, TenantId};
use continuum_observability::testing::TestRecorder;
use insta::assert_snapshot;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::guide::assert_kept;

/// The routes of a service, called without a network so that each call has a recorder of its own.
struct Traced {
    dir: TempDir,
    key: String,
    router: Router,
    runtime: Runtime,
}

impl Traced {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = Service::open(dir.path()).unwrap();
        let keys = ApiKeys::open(dir.path()).unwrap();
        let key = keys.create_key(&TenantId::new("acme").unwrap()).unwrap();
        Self {
            key,
            router: router(service),
            runtime: Runtime::new().unwrap(),
            dir,
        }
    }

    /// Posts JSON and returns the status and the tree.
    fn post(&self, path: &str, body: &'static str) -> (u16, String) {
        self.send(self.request(path, body))
    }

    fn request(&self, path: &str, body: &'static str) -> Request<Body> {
        Request::post(path)
            .header("x-api-key", &self.key)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap()
    }

    fn send(&self, request: Request<Body>) -> (u16, String) {
        let (status, recorder) = self.record(request);
        let tree: Vec<_> = recorder.tree().lines().map(shorten).collect();
        (status, tree.join("\n"))
    }

    fn record(&self, request: Request<Body>) -> (u16, TestRecorder) {
        let recorder = TestRecorder::new();
        let answering = recorder.run_async(self.router.clone().oneshot(request));
        let response = self.runtime.block_on(answering).unwrap();
        assert_kept(&recorder.spans());
        (response.status().as_u16(), recorder)
    }
}

/// Attributes that the name of the span repeats, and the tenant, which is checked in each line.
const EVERYWHERE: [&str; 12] = [
    "cache.operation=",
    "db.collection.name=",
    "db.operation.name=",
    "db.system.name=",
    "gen_ai.memory.store.id=",
    "gen_ai.operation.name=",
    "http.request.method=",
    "http.response.body.size=",
    "memory.operation=",
    "network.protocol.version=",
    "tenant.id=",
    "url.scheme=",
];

/// Leaves out what would only make the pictures wide, and the one time.
fn shorten(line: &str) -> String {
    let look_ups = ["db.select.keys ", "db.select.peer_keys "];
    let is_look_up = look_ups
        .iter()
        .any(|name| line.trim_start().starts_with(name));
    let belongs_to_a_tenant = ["memory.", "cache.", "db."]
        .iter()
        .any(|layer| line.trim_start().starts_with(layer));
    assert!(
        !belongs_to_a_tenant || is_look_up || line.contains("tenant.id=acme"),
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

const LEARN: &str =
    r#"{"session_id": "s", "user_message": "We decided to paint the harbour boat green."}"#;
const RECALL: &str = r#"{"query": "which boat?"}"#;

#[test]
fn a_learn() {
    let (status, tree) = Traced::new().post("/v1/learn", LEARN);
    assert_eq!(status, 200);
    assert_snapshot!(tree, @r"
    POST /v1/learn [server] url.path=/v1/learn http.route=/v1/learn http.response.status_code=200
      auth.verify_key OK
        db.select.keys [client] OK db.response.returned_rows=1
      memory.learn OK memory.user_message_length=43 memory.ai_response_length=0 gen_ai.memory.record.count=1 memory.concepts_extracted=5 memory.decisions_detected=1 memory.links_created=10 memory.compounds_found=0
        memory.concept_extraction OK memory.concepts_extracted=5
        db.transaction [client] OK db.transaction.committed=true
          db.select.turns [client] OK db.response.returned_rows=0
          db.insert.turns [client] OK db.response.returned_rows=1
          db.insert.turns_fts [client] OK db.response.returned_rows=1
          db.insert.windows_fts [client] OK db.response.returned_rows=1
          db.insert.compound_concepts [client] OK db.response.returned_rows=2
          db.insert.entities [client] OK db.response.returned_rows=5
          db.insert.entity_turns [client] OK db.response.returned_rows=5
          db.insert.attention_links [client] OK db.response.returned_rows=20
          db.insert.decisions [client] OK db.response.returned_rows=1
    ");
}

#[test]
fn a_recall_and_the_same_again_from_the_cache() {
    let traced = Traced::new();
    traced.post("/v1/learn", LEARN);
    let (status, tree) = traced.post("/v1/recall", RECALL);
    assert_eq!(status, 200);
    assert_snapshot!(tree, @r"
    POST /v1/recall [server] url.path=/v1/recall http.route=/v1/recall http.response.status_code=200
      auth.verify_key OK
        db.select.keys [client] OK db.response.returned_rows=1
      memory.recall OK memory.query_length=11 memory.max_concepts=10 gen_ai.memory.record.count=1 memory.concepts_found=5 memory.relationships_found=10 memory.query_time_ms=*
        cache.get [client] OK cache.key_pattern=memory:search:* cache.key=memory:search:<hash> cache.hit=false
          · cache.miss key=memory:search:<hash>
        db.select.turns_fts [client] OK db.response.returned_rows=1
        db.select.windows_fts [client] OK db.response.returned_rows=1
        db.select.entities [client] OK db.response.returned_rows=1
        memory.graph_traversal OK graph.start_concept=entity:4 graph.max_depth=2
          db.select.attention_links [client] OK db.response.returned_rows=4
          db.select.entities [client] OK db.response.returned_rows=4
          db.select.attention_links [client] OK db.response.returned_rows=12
          db.select.entity_turns [client] OK db.response.returned_rows=5
        db.select.attention_links [client] OK db.response.returned_rows=10
        db.select.turns [client] OK db.response.returned_rows=1
        cache.set [client] OK cache.key_pattern=memory:search:* cache.key=memory:search:<hash>
    ");
    let (status, tree) = traced.post("/v1/recall", RECALL);
    assert_eq!(status, 200);
    assert_snapshot!(tree, @r"
    POST /v1/recall [server] url.path=/v1/recall http.route=/v1/recall http.response.status_code=200
      auth.verify_key OK
        db.select.keys [client] OK db.response.returned_rows=1
      memory.recall OK memory.query_length=11 memory.max_concepts=10 gen_ai.memory.record.count=1 memory.concepts_found=5 memory.relationships_found=10 memory.query_time_ms=*
        cache.get [client] OK cache.key_pattern=memory:search:* cache.key=memory:search:<hash> cache.hit=true
          · cache.hit key=memory:search:<hash>
    ");
}

#[test]
fn a_recall_from_a_damaged_file() {
    let traced = Traced::new();
    traced.post("/v1/learn", LEARN);
    let tenants = traced.dir.path().join("tenants");
    File::options()
        .write(true)
        .truncate(true)
        .open(tenants.join("acme.db-wal"))
        .unwrap();
    let mut file = File::options()
        .write(true)
        .open(tenants.join("acme.db"))
        .unwrap();
    file.write_all(&vec![0xff; 64 * 1024]).unwrap();
    let (status, tree) = traced.post("/v1/recall", RECALL);
    assert_eq!(status, 500);
    assert_snapshot!(tree, @r"
    POST /v1/recall [server] ERROR(Internal Server Error) url.path=/v1/recall http.route=/v1/recall http.response.status_code=500 error.type=500
      auth.verify_key OK
        db.select.keys [client] OK db.response.returned_rows=1
      memory.recall ERROR(storage refused to read: file is not a database) memory.query_length=11 memory.max_concepts=10
        · exception exception.type=continuum_memory::error::MemoryError exception.message=storage refused to read: file is not a database exception.stacktrace=caused by: file is not a database; caused by: Error code 26: file is not a database
        cache.get [client] OK cache.key_pattern=memory:search:* cache.key=memory:search:<hash> cache.hit=false
          · cache.miss key=memory:search:<hash>
        db.select.turns_fts [client] ERROR(storage refused to read: file is not a database)
          · exception exception.type=continuum_memory::error::MemoryError exception.message=storage refused to read: file is not a database exception.stacktrace=caused by: file is not a database; caused by: Error code 26: file is not a database
    ");
}

#[test]
fn a_request_without_a_key_never_reaches_the_memory() {
    let request = Request::post("/v1/recall")
        .body(Body::from(RECALL))
        .unwrap();
    let (status, tree) = Traced::new().send(request);
    assert_eq!(status, 401);
    assert_snapshot!(tree, @r"
    POST /v1/recall [server] url.path=/v1/recall http.route=/v1/recall http.response.status_code=401
    ");
}

#[test]
fn a_route_that_does_not_exist_is_named_by_its_method_alone() {
    let request = Request::get("/v1/tenants/acme")
        .body(Body::empty())
        .unwrap();
    let (status, tree) = Traced::new().send(request);
    assert_eq!(status, 404);
    assert_snapshot!(tree, @r"
    GET [server] url.path=/v1/tenants/acme http.response.status_code=404
    ");
}

#[test]
fn no_span_has_the_key_or_a_word_of_the_user() {
    let traced = Traced::new();
    for (path, body) in [("/v1/learn", LEARN), ("/v1/recall", RECALL)] {
        let (_, recorder) = traced.record(traced.request(path, body));
        // Whole, with the statements and what trees leave out.
        let spans = format!("{:?}", recorder.spans()).to_lowercase();
        assert!(spans.contains("db.query.text") && spans.contains("gen_ai.memory.store.id"));
        for secret in [traced.key.as_str(), "boat", "harbour"] {
            assert!(!spans.contains(secret), "{secret} in {spans}");
        }
    }
}

#[test]
fn refusals_keep_to_the_guide() {
    let traced = Traced::new();
    let learn = |key: &str, kind: &str, body: &'static str| {
        let request = Request::post("/v1/learn")
            .header("x-api-key", key)
            .header("content-type", kind)
            .body(Body::from(body));
        traced.send(request.unwrap()).0
    };
    let (key, json) = (traced.key.as_str(), "application/json");
    assert_eq!(learn("ck_guess", json, LEARN), 401);
    assert_eq!(learn(key, "text/plain", LEARN), 415);
    assert_eq!(learn(key, json, "boat"), 400);
    assert_eq!(learn(key, json, r#"{"session_id": "s"}"#), 422);
    let wrong_method = Request::get("/v1/recall").body(Body::empty()).unwrap();
    assert_eq!(traced.send(wrong_method).0, 405);

    // A node that is known, and tells of a tenant that its key does not open.
    let keys = ApiKeys::open(traced.dir.path()).unwrap();
    let umbrella = TenantId::new("umbrella").unwrap();
    let peer = keys.create_peer_key("berlin", &[umbrella]).unwrap();
    let entry = r#"{"origin": "0123456789abcdef", "entry_id": 7, "tenant": "acme", "session_id": "s", "turns": [
        {"speaker": "Ann", "text": "The boat is green.", "at": "2026-03-01T09:30:00Z"}]}"#;
    let sync = |key: &str| {
        let request = Request::post("/sync")
            .header("x-api-key", key)
            .header("content-type", json)
            .body(Body::from(entry));
        traced.send(request.unwrap()).0
    };
    assert_eq!(sync(&peer), 403);
    assert_eq!(sync("cp_guess"), 401);
}
