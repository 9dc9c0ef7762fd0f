//! Whose memory a request sees: the key decides, and nothing else does.

use continuum_cli::http::{Access, Route, routes};
use continuum_memory::{LearnRequest, Memory, MemoryConfig, TenantId};
use serde_json::json;
use tempfile::TempDir;

use crate::live::{Live, Reply};

/// The routes of tenants, all of them: one that is added fails here until it has a request.
fn tenant_routes() -> impl Iterator<Item = Route> {
    routes().filter(|route| route.access == Access::Tenant)
}

/// What is sent to a route; a secret of the caller is in it where it can be.
fn body_of(route: Route) -> &'static str {
    match route.path {
        "/v1/learn" => r#"{"session_id": "s", "user_message": "The vault opens with 4711"}"#,
        "/v1/recall" => r#"{"query": "vault"}"#,
        "/v1/outbox" | "/v1/outbox/retry" => "",
        path => panic!("{path} is not covered"),
    }
}

fn send(live: &Live, route: Route, headers: &[(&str, &str)]) -> Reply {
    match route.method {
        "GET" => live.get_with(route.path, headers),
        _ => live.post_raw(route.path, headers, body_of(route).as_bytes()),
    }
}

/// A data directory whose tenant `acme` has told another node one thing in vain, and another one not yet.
fn with_an_outbox() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config = MemoryConfig {
        outbox: true,
        ..MemoryConfig::default()
    };
    let memory = Memory::open(dir.path(), config).unwrap();
    let acme = memory.tenant(TenantId::new("acme").unwrap());
    for text in ["The vault opens with 1234", "The vault is green"] {
        let request = LearnRequest::new("s").user_message(text);
        acme.learn(&request).unwrap();
    }
    let job = acme.outbox().claim(1).unwrap().remove(0);
    acme.outbox().bury(&job, "nobody wants 1234").unwrap();
    dir
}

#[test]
fn no_route_shows_or_changes_the_memory_of_another_tenant() {
    let live = Live::start_with_peer(with_an_outbox());
    let (acme, other) = (live.key("acme"), live.key("other"));
    let of_acme = || {
        let outbox = live
            .get_with("/v1/outbox", &[("x-api-key", acme.as_str())])
            .json();
        let told = (outbox["waiting"].clone(), outbox["dead"].clone());
        (live.ask(&acme, "vault")["turns"].clone(), told)
    };
    let before = of_acme();
    assert!(
        before.1.1.to_string().contains("nobody wants 1234"),
        "{before:?}"
    );
    for route in tenant_routes() {
        let headers = [
            ("x-api-key", other.as_str()),
            ("content-type", "application/json"),
        ];
        let reply = send(&live, route, &headers);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(!reply.text.contains("1234"), "{route:?}: {}", reply.text);
        assert_eq!(of_acme(), before, "{route:?}");
    }
    assert_eq!(
        live.ask(&other, "vault")["turns"][0]["text"],
        "The vault opens with 4711"
    );
}

#[test]
fn two_keys_of_a_tenant_open_the_same_memory() {
    let live = Live::start();
    live.say(&live.key("acme"), "The boat is green");
    assert_eq!(
        live.ask(&live.key("acme"), "boat")["turns"][0]["text"],
        "The boat is green"
    );
}

#[test]
fn a_tenant_named_in_a_request_is_not_believed() {
    let live = Live::start();
    let (acme, other) = (live.key("acme"), live.key("other"));
    live.say(&acme, "The vault opens with 1234");
    for field in ["tenant", "tenant_id"] {
        let body = json!({ "query": "vault", field: "acme" }).to_string();
        assert_eq!(live.post("/v1/recall", &other, &body).status, 422);
    }
    let bearer = format!("Bearer {other}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("x-tenant-id", "acme"),
        ("baggage", "tenant.id=acme"),
    ];
    let reply = live.post_raw("/v1/recall?tenant=acme", &headers, br#"{"query": "vault"}"#);
    assert_eq!(reply.json()["reason"], "no_memories");
}

#[test]
fn a_key_may_come_in_either_header() {
    let live = Live::start();
    let key = live.key("acme");
    let headers = [
        ("x-api-key", key.as_str()),
        ("content-type", "application/json"),
    ];
    assert_eq!(
        live.post_raw("/v1/recall", &headers, br#"{"query": "boat"}"#)
            .status,
        200
    );
}

#[test]
fn without_a_known_key_every_route_is_closed_and_nothing_is_stored() {
    let live = Live::start();
    let acme = live.key("acme");
    let wrong = [
        ("x-other", "1"),
        ("authorization", "Bearer"),
        ("authorization", "Basic YWNtZTphY21l"),
        ("authorization", "Bearer ck_guess"),
        ("x-api-key", "acme"),
        ("x-api-key", "' OR 1=1 --"),
    ];
    for route in routes().filter(|route| route.access != Access::Open) {
        for header in wrong {
            let headers = [header, ("content-type", "application/json")];
            let reply = match route.access {
                Access::Peer => live.post_raw(route.path, &headers, b"{}"),
                _ => send(&live, route, &headers),
            };
            assert_eq!(reply.status, 401, "{route:?} with {header:?}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            assert!(!reply.text.contains("ck_guess"));
        }
    }
    assert_eq!(live.ask(&acme, "vault")["reason"], "no_memories");
    let files = std::fs::read_dir(live.dir.path().join("tenants")).unwrap();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with("acme.db"), "{name}");
    }
}

fn entry(tenant: &str) -> String {
    let turn =
        json!({ "speaker": "Ann", "text": "The boat is green", "at": "2026-03-01T09:30:00Z" });
    json!({
        "origin": "0123456789abcdef", "entry_id": 7, "tenant": tenant, "session_id": "s",
        "turns": [turn],
    })
    .to_string()
}

#[test]
fn a_peer_writes_to_the_memories_that_its_key_opens_and_to_no_other() {
    let live = Live::start();
    let peer = live.peer_key(&["acme"]);
    let stored = live.post("/sync", &peer, &entry("acme"));
    assert_eq!(
        (stored.status, &stored.json()["outcome"]),
        (200, &json!("stored"))
    );
    let again = live.post("/sync", &peer, &entry("acme"));
    assert_eq!(
        (again.status, &again.json()["outcome"]),
        (200, &json!("known"))
    );
    let refused = live.post("/sync", &peer, &entry("other"));
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        live.ask(&live.key("other"), "boat")["reason"],
        "no_memories"
    );
    let answer = live.ask(&live.key("acme"), "boat");
    assert_eq!(answer["turns"].as_array().unwrap().len(), 1);
}

#[test]
fn the_key_of_a_tenant_is_not_that_of_a_peer_nor_the_other_way_round() {
    let live = Live::start();
    let (acme, peer) = (live.key("acme"), live.peer_key(&[]));
    assert_eq!(live.post("/sync", &acme, &entry("acme")).status, 401);
    for route in tenant_routes() {
        let headers = [
            ("x-api-key", peer.as_str()),
            ("content-type", "application/json"),
        ];
        assert_eq!(send(&live, route, &headers).status, 401, "{route:?}");
    }
    assert_eq!(live.ask(&acme, "boat")["reason"], "no_memories");
}
