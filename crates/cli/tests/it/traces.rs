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
        let request = Request::post(path)
            .header("x-api-key", &self.key)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        self.send(request)
    }

    fn send(&self, request: Request<Body>) -> (u16, String) {
        let recorder = TestRecorder::new();
        let answering = recorder.run_async(self.router.clone().oneshot(request));
        let response = self.runtime.block_on(answering).unwrap();
        (response.status().as_u16(), without_times(&recorder.tree()))
    }
}

/// Replaces the one attribute that differs from run to run.
fn without_times(tree: &str) -> String {
    let word = |word: &str| match word.split_once('=') {
        Some(("memory.query_time_ms", _)) => "memory.query_time_ms=*".to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    tree.lines().map(line).collect::<Vec<_>>().join("\n")
}

const LEARN: &str =
    r#"{"session_id": "s", "user_message": "We decided to paint the harbour boat green."}"#;
const RECALL: &str = r#"{"query": "which boat?"}"#;

#[test]
fn a_learn() {
    let (status, tree) = Traced::new().post("/v1/learn", LEARN);
    assert_eq!(status, 200);
    assert_snapshot!(tree, @"");
}

#[test]
fn a_recall_and_the_same_again_from_the_cache() {
    let traced = Traced::new();
    traced.post("/v1/learn", LEARN);
    let (status, tree) = traced.post("/v1/recall", RECALL);
    assert_eq!(status, 200);
    assert_snapshot!(tree, @"");
    let (status, tree) = traced.post("/v1/recall", RECALL);
    assert_eq!(status, 200);
    assert_snapshot!(tree, @"");
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
    file.write_all(&[0xff; 64 * 1024]).unwrap();
    let (status, tree) = traced.post("/v1/recall", RECALL);
    assert_eq!(status, 500);
    assert_snapshot!(tree, @"");
}

#[test]
fn a_request_without_a_key_never_reaches_the_memory() {
    let request = Request::post("/v1/recall")
        .body(Body::from(RECALL))
        .unwrap();
    let (status, tree) = Traced::new().send(request);
    assert_eq!(status, 401);
    assert_snapshot!(tree, @"");
}

#[test]
fn a_route_that_does_not_exist_is_named_by_its_method_alone() {
    let request = Request::get("/v1/tenants/acme")
        .body(Body::empty())
        .unwrap();
    let (status, tree) = Traced::new().send(request);
    assert_eq!(status, 404);
    assert_snapshot!(tree, @"");
}

#[test]
fn no_span_has_the_key_or_a_word_of_the_user() {
    let traced = Traced::new();
    let (_, learn) = traced.post("/v1/learn", LEARN);
    let (_, recall) = traced.post("/v1/recall", RECALL);
    for tree in [learn, recall] {
        assert!(tree.contains("memory."), "{tree}");
        for secret in [traced.key.as_str(), "boat", "harbour"] {
            assert!(!tree.contains(secret), "{secret} in {tree}");
        }
    }
}
