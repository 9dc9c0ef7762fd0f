//! Whose memory a request sees: the key decides, and nothing else does.

use serde_json::json;

use crate::live::Live;

const ROUTES: [(&str, &str); 2] = [
    (
        "/v1/learn",
        r#"{"session_id": "s", "user_message": "The vault opens with 4711"}"#,
    ),
    ("/v1/recall", r#"{"query": "vault"}"#),
];

#[test]
fn no_route_shows_or_changes_the_memory_of_another_tenant() {
    let live = Live::start();
    let (acme, other) = (live.key("acme"), live.key("other"));
    live.say(&acme, "The vault opens with 1234");
    let of_acme = || live.ask(&acme, "vault")["turns"].clone();
    let before = of_acme();
    for (path, body) in ROUTES {
        let reply = live.post(path, &other, body);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(!reply.text.contains("1234"), "{path}: {}", reply.text);
        assert_eq!(of_acme(), before, "{path}");
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
    for (path, body) in ROUTES {
        for header in wrong {
            let headers = [header, ("content-type", "application/json")];
            let reply = live.post_raw(path, &headers, body.as_bytes());
            assert_eq!(reply.status, 401, "{path} with {header:?}");
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
