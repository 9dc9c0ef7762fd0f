//! Requests that are answered.

use serde_json::json;

use crate::live::Live;

#[test]
fn what_was_learned_is_recalled_in_the_documented_shape() {
    let live = Live::start();
    let key = live.key("acme");
    let learned = live.post(
        "/v1/learn",
        &key,
        r#"{"session_id": "kick-off", "user_message": "We decided to paint the Harbour Boat green.",
            "ai_response": "Green it is.", "speaker": "Ann", "at": "2026-03-01T09:30:00Z"}"#,
    );
    assert_eq!(learned.status, 200, "{learned:?}");
    let learned = learned.json();
    assert_eq!(learned["turn_ids"].as_array().unwrap().len(), 2);
    assert_eq!(learned["decisions_detected"], 1);
    for count in ["concepts_extracted", "links_created", "compounds_found"] {
        assert!(learned[count].is_u64(), "{count} in {learned}");
    }

    let answer = live.ask(&key, "What colour will the boat have?");
    let turn = &answer["turns"][0];
    assert_eq!(turn["turn_id"], learned["turn_ids"][0]);
    assert_eq!(turn["session_id"], "kick-off");
    assert_eq!(turn["speaker"], "Ann");
    assert_eq!(turn["text"], "We decided to paint the Harbour Boat green.");
    for signal in ["fts", "window", "graph"] {
        assert!(turn["signals"][signal].is_f64(), "{signal} in {turn}");
    }
    assert!(turn["score"].as_f64().unwrap() > 0.0);
    assert_eq!(
        answer["concepts_found"],
        answer["concepts"].as_array().unwrap().len()
    );
    assert_eq!(
        answer["relationships_found"],
        answer["relationships"].as_array().unwrap().len()
    );
    assert_eq!(answer["cache"], "miss");
    assert!(answer["reason"].is_null());
    assert!(answer["query_time_ms"].is_f64());
    assert_eq!(
        live.ask(&key, "What colour will the boat have?")["cache"],
        "hit"
    );
}

#[test]
fn metadata_comes_back_as_it_was_sent() {
    let live = Live::start();
    let key = live.key("acme");
    // Spaces, the order of keys, large numbers and escapes survive.
    let metadata = r#"{ "b": 1.10, "a": [null, 12345678901234567890], "c": "\u00e9" }"#;
    let body =
        format!(r#"{{"session_id": "s", "user_message": "a boat", "metadata": {metadata}}}"#);
    assert_eq!(live.post("/v1/learn", &key, &body).status, 200);
    let reply = live.post("/v1/recall", &key, r#"{"query": "boat"}"#);
    assert!(
        reply.text.contains(&format!("\"metadata\":{metadata}")),
        "{}",
        reply.text
    );
}

#[test]
fn limits_of_a_recall_are_kept() {
    let live = Live::start();
    let key = live.key("acme");
    for colour in ["green", "red", "blue"] {
        live.say(&key, &format!("The boat of the harbour is {colour}"));
    }
    let few = live
        .post(
            "/v1/recall",
            &key,
            r#"{"query": "boat", "k": 2, "max_concepts": 1}"#,
        )
        .json();
    assert_eq!(few["turns"].as_array().unwrap().len(), 2);
    assert_eq!(few["concepts_found"], 1);
}

#[test]
fn an_answer_without_turns_says_why() {
    let live = Live::start();
    let key = live.key("acme");
    assert_eq!(live.ask(&key, "boat")["reason"], "no_memories");
    live.say(&key, "The harbour is closed");
    assert_eq!(live.ask(&key, "zebra")["reason"], "no_match");
    assert_eq!(live.ask(&key, "what is it?")["reason"], "only_stop_words");
}

#[test]
fn search_syntax_in_a_query_is_refused_and_punctuation_is_not() {
    let live = Live::start();
    let key = live.key("acme");
    live.say(&key, "The boat is green");
    let ask = |query: &str| {
        let body = json!({ "query": query }).to_string();
        live.post("/v1/recall", &key, &body)
    };
    for query in [
        "boat\" OR \"zebra",
        "boa*",
        "boat NEAR(green, 2)",
        "text:boat",
        "green AND NOT boat",
        "^boat",
    ] {
        let reply = ask(query);
        let problem = reply.json();
        assert_eq!(reply.status, 422, "{query}: {problem}");
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(
            problem["trace_id"],
            json!(reply.header("trace_id").unwrap())
        );
        let text = |member: &str| problem[member].as_str().unwrap().to_owned();
        assert!(text("detail").starts_with("query has search syntax at byte "));
        assert!(text("remedy").starts_with("ask in plain words"));
    }
    for query in [
        "the \"boat",
        "boat); DROP TABLE turns; --",
        "-boat +green {a b}: (",
        "*boat*",
    ] {
        assert_eq!(
            ask(query).json()["turns"][0]["text"],
            "The boat is green",
            "{query}"
        );
    }
}

#[test]
fn health_needs_no_key() {
    let reply = Live::start().get("/healthz");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["status"], "ok");
}

#[test]
fn every_answer_names_its_trace_in_header_and_body() {
    let live = Live::start();
    let key = live.key("acme");
    let learn = live.post(
        "/v1/learn",
        &key,
        r#"{"session_id": "s", "user_message": "a boat"}"#,
    );
    let recall = live.post("/v1/recall", &key, r#"{"query": "boat"}"#);
    let refused = live.post("/v1/recall", "ck_guess", r#"{"query": "boat"}"#);
    let lost = live.get("/nowhere");
    for reply in [learn, recall, refused, lost, live.get("/healthz")] {
        let trace_id = reply.header("trace_id").unwrap();
        assert_eq!(trace_id.len(), 32);
        assert_eq!(reply.json()["trace_id"], json!(trace_id));
    }
}

#[test]
fn the_trace_of_the_caller_is_continued() {
    let live = Live::start();
    let bearer = format!("Bearer {}", live.key("acme"));
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let traceparent = format!("00-{trace_id}-b7ad6b7169203331-01");
    let ask = |traceparent: &str| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json; charset=utf-8"),
            ("traceparent", traceparent),
        ];
        live.post_raw("/v1/recall", &headers, br#"{"query": "boat"}"#)
    };
    let continued = ask(&traceparent);
    assert_eq!(continued.json()["trace_id"], trace_id);
    assert_eq!(continued.header("trace_id"), Some(trace_id));

    let malformed = ask("00-00000000000000000000000000000000-b7ad6b7169203331-01");
    assert_eq!(malformed.status, 200);
    assert_ne!(malformed.json()["trace_id"], trace_id);
}
