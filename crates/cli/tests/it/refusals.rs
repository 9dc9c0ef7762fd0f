//! Requests that are refused: the status, the document, and that nothing was stored.

use continuum_cli::http::routes;
use serde_json::json;

use crate::live::{Live, Reply};

/// Checks the form of a problem document.
fn assert_problem(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    let document = reply.json();
    assert_eq!(document["status"], status);
    assert_eq!(document["type"], "about:blank");
    assert!(!document["title"].as_str().unwrap().is_empty());
    assert!(!document["detail"].as_str().unwrap().is_empty());
    assert!(!document["remedy"].as_str().unwrap().is_empty());
    assert_eq!(
        document["trace_id"].as_str().unwrap(),
        reply.header("trace_id").unwrap()
    );
}

/// Sends what must be refused and checks that the memory stays empty.
fn refuse(path: &str, status: u16, bodies: &[String]) {
    let live = Live::start();
    let key = live.key("acme");
    for body in bodies {
        let reply = live.post(path, &key, body);
        assert_problem(&reply, status);
    }
    assert_eq!(live.ask(&key, "boat")["reason"], "no_memories");
}

fn texts<const N: usize>(bodies: [&str; N]) -> Vec<String> {
    bodies.map(str::to_owned).to_vec()
}

#[test]
fn a_body_that_is_not_json_is_400() {
    let bodies = texts(["", "{", "boat", "{'query': 'boat'}"]);
    refuse("/v1/learn", 400, &bodies);
    refuse("/v1/recall", 400, &bodies);
    refuse("/v1/recall", 400, &texts([r#"{"query": "boat"} x"#]));
    // A NUL byte itself is not JSON, and half of a surrogate pair is no text.
    refuse(
        "/v1/learn",
        400,
        &texts(["{\"session_id\": \"s\", \"user_message\": \"a\0boat\"}"]),
    );
    refuse("/v1/recall", 400, &texts([r#"{"query": "\ud800"}"#]));
}

#[test]
fn json_of_another_shape_is_422() {
    let learn = [
        "null",
        "[]",
        r#"{"user_message": "a boat"}"#,
        r#"{"session_id": 7, "user_message": "a boat"}"#,
        r#"{"session_id": "s", "user_message": "a boat", "colour": "green"}"#,
    ];
    refuse("/v1/learn", 422, &texts(learn));
    let recall = [
        "{}",
        r#"{"query": "boat", "k": -1}"#,
        r#"{"query": ["boat"]}"#,
    ];
    refuse("/v1/recall", 422, &texts(recall));
}

#[test]
fn a_learn_without_text_is_422() {
    let bodies = [
        r#"{"session_id": "s"}"#,
        r#"{"session_id": "s", "user_message": ""}"#,
        r#"{"session_id": "s", "user_message": " \n\t "}"#,
        r#"{"session_id": "s", "user_message": "a boat", "ai_response": ""}"#,
        r#"{"session_id": "", "user_message": "a boat"}"#,
        r#"{"session_id": "s", "user_message": "a boat", "at": "yesterday"}"#,
    ];
    refuse("/v1/learn", 422, &texts(bodies));
    let live = Live::start();
    let reply = live.post("/v1/learn", &live.key("acme"), bodies[0]);
    assert_eq!(
        reply.json()["detail"],
        "neither user_message nor ai_response has a text"
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_told_by_its_field_and_not_repeated() {
    let live = Live::start();
    let key = live.key("acme");
    for private in ["my private words".to_owned(), "x".repeat(900_000)] {
        let body = json!({ "query": "boat", "k": private }).to_string();
        let reply = live.post("/v1/recall", &key, &body);
        assert_problem(&reply, 422);
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with("the body is not as expected: k: invalid type: string, expected "),
            "{detail}"
        );
        assert!(!reply.text.contains(&private), "{detail}");
    }
}

#[test]
fn a_recall_without_words_is_422() {
    let bodies = [
        r#"{"query": ""}"#,
        r#"{"query": "   "}"#,
        r#"{"query": "\"*()^:-"}"#,
        r#"{"query": "boat", "k": 0}"#,
        r#"{"query": "boat", "k": 1000000}"#,
    ];
    refuse("/v1/recall", 422, &texts(bodies));
}

#[test]
fn nul_characters_are_422_wherever_they_are() {
    let learn = [
        r#"{"session_id": "s", "user_message": "a\u0000boat"}"#,
        r#"{"session_id": "s", "ai_response": "a\u0000boat"}"#,
        r#"{"session_id": "s\u0000", "user_message": "a boat"}"#,
        r#"{"session_id": "s", "user_message": "a boat", "speaker": "\u0000Ann"}"#,
        r#"{"session_id": "s", "user_message": "a boat", "metadata": {"a": ["\u0000"]}}"#,
    ];
    refuse("/v1/learn", 422, &texts(learn));
    refuse("/v1/recall", 422, &texts([r#"{"query": "boat\u0000"}"#]));
}

#[test]
fn a_text_over_its_limit_is_422_and_the_answer_names_the_field() {
    let live = Live::start();
    let text = "boat ".repeat(100_000);
    let body = json!({ "session_id": "s", "user_message": text }).to_string();
    let reply = live.post("/v1/learn", &live.key("acme"), &body);
    assert_problem(&reply, 422);
    let document = reply.json();
    assert!(
        document["detail"]
            .as_str()
            .unwrap()
            .starts_with("user_message has 500000 bytes")
    );
    assert!(!document["remedy"].as_str().unwrap().is_empty());
}

#[test]
fn a_body_over_one_mebibyte_is_413() {
    let body = |bytes: usize| {
        let rest = json!({ "session_id": "s", "user_message": "" })
            .to_string()
            .len();
        json!({ "session_id": "s", "user_message": "x".repeat(bytes - rest) }).to_string()
    };
    let limit = 1024 * 1024;
    refuse("/v1/learn", 413, &[body(limit + 1), body(4 * limit)]);
    // Within the limit of the body it is the text that is too long.
    refuse("/v1/learn", 422, &[body(limit)]);
    refuse(
        "/v1/recall",
        413,
        &[json!({ "query": "x".repeat(limit) }).to_string()],
    );
}

#[test]
fn a_refused_caller_that_waits_is_not_asked_for_its_body() {
    let request = "POST /v1/learn HTTP/1.1\r\nhost: x\r\nx-api-key: ck_guess\r\n\
        expect: 100-continue\r\ncontent-length: 1000000\r\n\r\n";
    let answer = Live::start().send_bytes(request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized"), "{answer}");
}

#[test]
fn deep_nesting_is_400_and_kept_as_it_is_in_metadata() {
    let live = Live::start();
    let key = live.key("acme");
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    assert_problem(
        &live.post("/v1/recall", &key, &format!(r#"{{"query": {deep}}}"#)),
        422,
    );
    let body = format!(r#"{{"session_id": "s", "user_message": "a boat", "metadata": {deep}}}"#);
    assert_eq!(live.post("/v1/learn", &key, &body).status, 200);
    let recalled = live.post("/v1/recall", &key, r#"{"query": "boat"}"#);
    assert!(recalled.text.contains(&deep));
}

#[test]
fn another_content_type_is_415() {
    let live = Live::start();
    let key = live.key("acme");
    let body = br#"{"session_id": "s", "user_message": "a boat"}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "",
    ] {
        let headers = [("x-api-key", key.as_str()), ("content-type", kind)];
        assert_problem(&live.post_raw("/v1/learn", &headers, body), 415);
    }
    let headers = [
        ("x-api-key", key.as_str()),
        ("content-type", "Application/JSON;charset=utf-8"),
    ];
    assert_eq!(live.post_raw("/v1/learn", &headers, body).status, 200);
}

#[test]
fn an_unknown_route_is_404_and_another_method_is_405() {
    let live = Live::start();
    let key = live.key("acme");
    for path in ["/", "/v1", "/v1/learn/", "/v2/learn", "/v1/tenants/acme"] {
        let reply = live.post(path, &key, "{}");
        assert_problem(&reply, 404);
        for route in routes() {
            let route = format!("{} {}", route.method, route.path);
            assert!(reply.text.contains(&route), "{route} in {}", reply.text);
        }
    }
    let wrong = live.get("/v1/recall");
    assert_problem(&wrong, 405);
    assert_eq!(wrong.header("allow"), Some("POST"));
    assert!(
        wrong.text.contains("use GET /healthz, POST /v1/learn"),
        "{wrong:?}"
    );
    assert_problem(&live.post("/healthz", &key, "{}"), 405);
}

#[test]
fn a_damaged_file_is_500_without_details_and_other_tenants_go_on() {
    let live = Live::start();
    let (acme, other) = (live.key("acme"), live.key("other"));
    live.say(&other, "The boat is green");
    std::fs::write(live.dir.path().join("tenants/acme.db"), vec![7; 8192]).unwrap();
    let reply = live.post("/v1/recall", &acme, r#"{"query": "boat"}"#);
    assert_problem(&reply, 500);
    assert!(
        !reply.text.contains(live.dir.path().to_str().unwrap()),
        "{}",
        reply.text
    );
    assert_eq!(
        live.ask(&other, "boat")["turns"][0]["text"],
        "The boat is green"
    );
}
