//! Two nodes: what one learns, the other is told.

mod picture;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
};
use continuum_cli::{
    http::{Service, router},
    worker::{Backoff, Pass, Peer, RetryPolicy},
};
use continuum_memory::{ApiKeys, RecallConfig, TenantId};
use continuum_observability::{Context, FutureExt as _, testing::TestRecorder};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, sync::watch, task::JoinHandle, time::timeout};
use tower::ServiceExt as _;

use self::picture::shorten;
use crate::guide::assert_kept;

/// Tries without waiting.
const AT_ONCE: Backoff = Backoff {
    first: Duration::ZERO,
    longest: Duration::ZERO,
};

/// Two attempts in a delivery, three deliveries.
const POLICY: RetryPolicy = RetryPolicy {
    attempts: 2,
    backoff: AT_ONCE,
    deliveries: 3,
    redelivery: AT_ONCE,
    probe: Duration::ZERO,
};

/// A node whose routes are called without a network, unless it listens.
struct Node {
    _dir: TempDir,
    keys: ApiKeys,
    service: Service,
}

impl Node {
    fn new(peer: Option<Peer>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            keys: ApiKeys::open(dir.path()).unwrap(),
            service: Service::open_with(dir.path(), peer, RecallConfig::default()).unwrap(),
            _dir: dir,
        }
    }

    fn key(&self) -> String {
        self.keys
            .create_key(&TenantId::new("acme").unwrap())
            .unwrap()
    }

    fn peer_key(&self) -> String {
        self.keys.create_peer_key("first", &[]).unwrap()
    }
}

/// One recorder and one runtime for both nodes.
struct World {
    recorder: TestRecorder,
    runtime: Runtime,
    /// Where the second node is, or will be.
    addr: SocketAddr,
    /// Whether the second node does what it is asked and then says that it failed.
    answers_are_lost: Arc<AtomicBool>,
    /// Whether the first node is asked to stop as soon as the second hears from it.
    stops_on_arrival: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        Self {
            recorder: TestRecorder::new(),
            runtime,
            addr: listener.unwrap().local_addr().unwrap(),
            answers_are_lost: Arc::default(),
            stops_on_arrival: Arc::default(),
            stop: watch::Sender::new(false),
        }
    }

    fn peer(&self, key: impl Into<String>) -> Peer {
        Peer::new(&format!("http://{}", self.addr), key).unwrap()
    }

    /// Lets a node answer under the address, its spans in the recorder.
    fn listen(&self, node: &Node) -> JoinHandle<()> {
        let context = self.recorder.context();
        let lost = Arc::clone(&self.answers_are_lost);
        let stops = Arc::clone(&self.stops_on_arrival);
        let stop = self.stop.clone();
        let inside = move |request: Request, next: Next| {
            let answering = next.run(request).with_context(context.clone());
            stop.send_replace(stops.load(Ordering::Relaxed));
            let is_lost = lost.load(Ordering::Relaxed);
            async move {
                let answer = answering.await;
                if is_lost {
                    return StatusCode::SERVICE_UNAVAILABLE.into_response();
                }
                answer
            }
        };
        let app: Router = router(node.service.clone()).layer(from_fn(inside));
        let listener = self.runtime.block_on(TcpListener::bind(self.addr)).unwrap();
        self.runtime.spawn(async {
            axum::serve(listener, app).await.unwrap();
        })
    }

    fn call(&self, node: &Node, request: Request) -> (u16, Value) {
        let answering = async {
            let response: Response = router(node.service.clone()).oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, serde_json::from_slice(&body).unwrap())
        };
        self.runtime.block_on(self.recorder.run_async(answering))
    }

    fn post(&self, node: &Node, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path)
            .header("x-api-key", key)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        self.call(node, request.unwrap())
    }

    fn learn(&self, node: &Node, text: &str) {
        let body = json!({ "session_id": "s", "user_message": text });
        let (status, answer) = self.post(node, "/v1/learn", &node.key(), &body);
        assert_eq!(status, 200, "{answer}");
    }

    fn outbox(&self, node: &Node) -> Value {
        let request = Request::get("/v1/outbox").header("x-api-key", node.key());
        let silent = Context::root().with_telemetry_disabled();
        let request = request.body(Body::empty()).unwrap();
        let response = router(node.service.clone()).oneshot(request);
        let response = self
            .runtime
            .block_on(response.with_context(silent))
            .unwrap();
        let body = self
            .runtime
            .block_on(to_bytes(response.into_body(), usize::MAX));
        serde_json::from_slice(&body.unwrap()).unwrap()
    }

    /// Delivers once what is due.
    fn deliver(&self, node: &Node) -> Pass {
        let worker = node.service.worker().unwrap().policy(POLICY);
        let stop = self.stop.subscribe();
        let delivering = async { worker.deliver_due(&stop).await };
        self.runtime.block_on(self.recorder.run_async(delivering))
    }

    fn tree(&self) -> String {
        let tree = self.recorder.tree();
        tree.lines().map(shorten).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for World {
    /// Whatever a test does, its spans keep to the guide.
    fn drop(&mut self) {
        if !thread::panicking() {
            assert_kept(&self.recorder.spans());
        }
    }
}

/// The texts that a node recalls, without a trace of it.
fn recall(node: &Node, query: &str) -> Vec<String> {
    let silent = World::new();
    let (status, answer) = silent.post(node, "/v1/recall", &node.key(), &json!({ "query": query }));
    assert_eq!(status, 200, "{answer}");
    let turns = answer["turns"].as_array().unwrap();
    let text = |turn: &Value| turn["text"].as_str().unwrap().to_owned();
    turns.iter().map(text).collect()
}

#[test]
fn one_trace_leads_from_the_client_to_the_database_of_the_other_node() {
    let world = World::new();
    let second = Node::new(None);
    let first = Node::new(Some(world.peer(second.peer_key())));
    let _listening = world.listen(&second);
    world.learn(&first, "The boat is green.");
    let pass = world.deliver(&first);
    assert_eq!((pass.delivered, pass.failed, pass.next_due), (1, 0, None));
    assert_eq!(recall(&second, "boat"), ["The boat is green."]);
    assert_snapshot!(world.tree(), @r"
    POST /v1/learn [server] http.response.status_code=200
      auth.verify_key OK
        db.select.keys [client] OK
      memory.learn OK gen_ai.operation.name=update_memory gen_ai.memory.store.id=acme gen_ai.memory.record.count=1
        memory.concept_extraction OK
        db.transaction [client] OK
          db.select.turns [client] OK
          db.insert.turns [client] OK
          db.insert.turns_fts [client] OK
          db.insert.windows_fts [client] OK
          db.insert.entities [client] OK
          db.insert.entity_turns [client] OK
          db.insert.attention_links [client] OK
          publish outbox [producer] OK messaging.message.id=1
            db.insert.outbox [client] OK
            process outbox [consumer] OK messaging.message.id=1
              db.select.turns [client] OK
              federation.sync.push [client] OK server.port=* retry.attempts_used=1 federation.peer.instance_id=* sync.entities_count=2 sync.conflicts_count=0 sync.bytes_transferred=*
                · attempt_1 attempt=1
                POST /sync [server] server.port=* http.response.status_code=200
                  auth.verify_key OK
                    db.select.peer_keys [client] OK
                  memory.learn OK gen_ai.operation.name=update_memory gen_ai.memory.store.id=acme federation.peer.instance_id=* gen_ai.memory.record.count=1
                    memory.concept_extraction OK
                    db.transaction [client] OK
                      db.select.received [client] OK
                      db.insert.received [client] OK
                      db.select.turns [client] OK
                      db.insert.turns [client] OK
                      db.insert.turns_fts [client] OK
                      db.insert.windows_fts [client] OK
                      db.insert.entities [client] OK
                      db.insert.entity_turns [client] OK
                      db.insert.attention_links [client] OK
              db.transaction [client] OK
                db.delete.outbox [client] OK
    ");
}

#[test]
fn what_could_not_be_delivered_is_delivered_later_in_a_batch_with_links() {
    let world = World::new();
    let second = Node::new(None);
    let first = Node::new(Some(world.peer(second.peer_key())));
    world.learn(&first, "The boat is green.");
    world.learn(&first, "The ferry is red.");
    for _ in 0..3 {
        // One job finds out that nobody is there; the other one is not tried.
        let pass = world.deliver(&first);
        assert_eq!((pass.failed, pass.is_peer_up), (1, false));
    }

    let before = world.recorder.spans().len();
    let _listening = world.listen(&second);
    let pass = world.deliver(&first);
    assert_eq!((pass.delivered, pass.failed), (2, 0));
    assert_eq!(recall(&second, "ferry"), ["The ferry is red."]);
    assert_eq!(world.outbox(&first)["waiting"], 0);
    assert!(world.recorder.spans().len() > before);
    let tree = world.tree();
    let (producers, batches) = tree.split_once("\nbatch_process").unwrap();
    let (failed_batch, batch) = batches.split_once("\nbatch_process").unwrap();
    assert_snapshot!(failed_batch.lines().next().unwrap().trim_start(), @"[consumer] ERROR(none of the jobs was delivered) messaging.batch.message_count=2");
    let failed = producers.find("process outbox").unwrap();
    assert_snapshot!(producers[failed..].split("\nPOST").next().unwrap(), @r"
    process outbox [consumer] ERROR(the peer does not answer: io: Connection refused) messaging.message.id=1
              · exception exception.type=continuum_cli::worker::delivery::DeliveryError exception.message=the peer does not answer: io: Connection refused
              db.select.turns [client] OK
              federation.sync.push [client] ERROR(the peer does not answer: io: Connection refused) server.port=* retry.attempts_used=2
                · attempt_1 attempt=1
                · attempt_1_failed error=the peer does not answer: io: Connection refused retry_after=*
                · attempt_2 attempt=2
                · exception exception.type=continuum_cli::worker::peer::PushError exception.message=the peer does not answer: io: Connection refused
              db.transaction [client] OK
                db.update.outbox [client] OK
    ");
    let levels = |line: &&str| line.starts_with("  ") && !line.starts_with("        ");
    let batch: Vec<_> = batch.lines().filter(levels).collect();
    assert_snapshot!(batch.join("\n"), @r"
    → publish outbox #1
    → publish outbox #2
    process_item OK item.index=0 messaging.message.id=1 messaging.message.attempt=3
      db.select.turns [client] OK
      federation.sync.push [client] OK server.port=* retry.attempts_used=1 federation.peer.instance_id=* sync.entities_count=2 sync.conflicts_count=0 sync.bytes_transferred=*
        · attempt_1 attempt=1
        POST /sync [server] server.port=* http.response.status_code=200
      db.transaction [client] OK
        db.delete.outbox [client] OK
    process_item OK item.index=1 messaging.message.id=2 messaging.message.attempt=2
      db.select.turns [client] OK
      federation.sync.push [client] OK server.port=* retry.attempts_used=1 federation.peer.instance_id=* sync.entities_count=2 sync.conflicts_count=0 sync.bytes_transferred=*
        · attempt_1 attempt=1
        POST /sync [server] server.port=* http.response.status_code=200
      db.transaction [client] OK
        db.delete.outbox [client] OK
    ");
}

#[test]
fn an_entry_whose_answer_was_lost_is_stored_once() {
    let world = World::new();
    let second = Node::new(None);
    let first = Node::new(Some(world.peer(second.peer_key())));
    let _listening = world.listen(&second);
    world.learn(&first, "The boat is green.");
    world.answers_are_lost.store(true, Ordering::Relaxed);
    assert_eq!(world.deliver(&first).delivered, 0);
    assert_eq!(recall(&second, "boat").len(), 1);
    world.answers_are_lost.store(false, Ordering::Relaxed);
    assert_eq!(world.deliver(&first).delivered, 1);
    assert_eq!(recall(&second, "boat").len(), 1);
    assert_eq!(world.outbox(&first)["waiting"], 0);
}

#[test]
fn a_job_is_given_up_after_its_last_delivery_and_tried_again_when_somebody_asks() {
    let world = World::new();
    let second = Node::new(None);
    let umbrella = TenantId::new("umbrella").unwrap();
    let key = second.keys.create_peer_key("first", &[umbrella]).unwrap();
    let first = Node::new(Some(world.peer(key)));
    let _listening = world.listen(&second);
    world.learn(&first, "The boat is green.");
    let outbox = world.outbox(&first);
    assert_eq!(
        (&outbox["waiting"], &outbox["dead"]),
        (&json!(1), &json!([]))
    );
    // What it is refused for is the job's: it does not hold up the others, and is due again at once.
    assert_eq!(world.deliver(&first).failed, POLICY.deliveries as usize);
    assert_eq!(world.deliver(&first).failed, 0);
    let outbox = world.outbox(&first);
    assert_eq!(outbox["waiting"], 0);
    let dead = &outbox["dead"][0];
    assert_eq!(
        (&dead["entry_id"], &dead["attempts"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(dead["last_error"], "the peer answered with status 403");
    assert!(dead["carrier"]["traceparent"].is_string(), "{dead}");

    let (status, answer) = world.post(&first, "/v1/outbox/retry", &first.key(), &json!({}));
    assert_eq!((status, &answer["revived"]), (200, &json!(1)));
    let outbox = world.outbox(&first);
    assert_eq!(
        (&outbox["waiting"], &outbox["dead"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(world.deliver(&first).failed, 2);
}

#[test]
fn a_job_is_not_given_up_because_the_other_node_is_away() {
    let world = World::new();
    let second = Node::new(None);
    let first = Node::new(Some(world.peer(second.peer_key())));
    world.learn(&first, "The boat is green.");
    for _ in 0..2 * POLICY.deliveries {
        assert_eq!(world.deliver(&first).failed, 1);
    }
    let _listening = world.listen(&second);
    assert_eq!(world.deliver(&first).delivered, 1);
}

#[test]
fn a_key_that_the_other_node_does_not_know_holds_everything_back() {
    let world = World::new();
    let second = Node::new(None);
    let first = Node::new(Some(world.peer("cp_guess")));
    let _listening = world.listen(&second);
    world.learn(&first, "The boat is green.");
    let pass = world.deliver(&first);
    assert_eq!((pass.failed, pass.is_peer_up), (1, false));
    assert_eq!(world.outbox(&first)["waiting"], 1);
    let tree = world.tree();
    assert!(
        tree.contains("ERROR(the peer answered with status 401)"),
        "{tree}"
    );
    assert!(!tree.contains("cp_guess"), "{tree}");
}

#[test]
fn two_nodes_that_tell_each_other_do_not_go_round() {
    let world = World::new();
    let second = Node::new(Some(world.peer("cp_never_used")));
    let first = Node::new(Some(world.peer(second.peer_key())));
    let _listening = world.listen(&second);
    world.learn(&first, "The boat is green.");
    assert_eq!(world.deliver(&first).delivered, 1);
    assert_eq!(recall(&second, "boat"), ["The boat is green."]);
    let pass = world.deliver(&second);
    assert_eq!((pass.delivered, pass.failed), (0, 0));
}

#[test]
fn asked_to_stop_the_worker_leaves_what_it_has_not_begun() {
    let world = World::new();
    let second = Node::new(None);
    let first = Node::new(Some(world.peer(second.peer_key())));
    let _listening = world.listen(&second);
    world.learn(&first, "The boat is green.");
    world.learn(&first, "The ferry is red.");
    world.stops_on_arrival.store(true, Ordering::Relaxed);
    assert_eq!(world.deliver(&first).delivered, 1);
    assert_eq!(world.outbox(&first)["waiting"], 1);
    assert_eq!(world.deliver(&first).delivered, 0);

    world.stops_on_arrival.store(false, Ordering::Relaxed);
    world.stop.send_replace(false);
    assert_eq!(world.deliver(&first).delivered, 1);
    // It was never tried before, so that it belongs to the trace of its learn.
    assert!(!world.tree().contains("process_item"));
}

#[test]
fn a_worker_ends_with_whoever_would_stop_it() {
    let world = World::new();
    let node = Node::new(Some(world.peer("cp_guess")));
    let (server, stopped) = watch::channel(false);
    drop(server);
    let worker = node.service.worker().unwrap().policy(POLICY);
    // It would go on for ever; how long it takes is not what this is about.
    let ending = async { timeout(Duration::from_mins(1), worker.run(stopped)).await };
    let ended = world.runtime.block_on(world.recorder.run_async(ending));
    assert!(ended.is_ok());
}

#[test]
fn looking_for_something_to_do_leaves_no_trace() {
    let world = World::new();
    let first = Node::new(Some(world.peer("cp_guess")));
    world.learn(&first, "The boat is green.");
    world.deliver(&first);
    let spans = world.recorder.spans();
    let roots = spans.iter().filter(|span| span.parent_span_id.is_none());
    let names: Vec<_> = roots.map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["POST /v1/learn"]);
}

#[test]
fn the_indexes_are_maintained_in_the_background_of_a_learn() {
    let world = World::new();
    let node = Node::new(None);
    for number in 0..64 {
        world.learn(&node, &format!("Boat number {number} is green."));
    }
    world.runtime.block_on(node.service.settled());
    let tree = world.tree();
    let found = tree.find("  memory.index_maintenance").unwrap();
    assert_snapshot!(tree[found..], @r"
      memory.index_maintenance OK
        db.transaction [client] OK
          db.insert.turns_fts [client] OK
          db.insert.windows_fts [client] OK
    ");
    assert_eq!(tree.matches("memory.index_maintenance").count(), 1);
}
