//! Two servers in two processes, and what they do when one of them dies.

use std::fs;

use serde_json::Value;

use crate::serving::Serving;

#[test]
fn one_trace_is_in_the_spans_of_both_processes_and_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mut second = Serving::start(&path("second"), &path("second.jsonl"));
    let peer_key = second.create_key(&["--peer", "first"]);
    let url = format!("http://{}", second.addr);
    let arguments = [
        "--peer",
        &url,
        "--peer-key",
        &peer_key,
        "--log-format",
        "json",
    ];
    let traces = path("first.jsonl");
    let mut first = Serving::start_with(&path("first"), &traces, "127.0.0.1:0", &arguments);

    let key = first.key();
    let trace_id = first.learn(&key);
    assert_eq!(second.wait_for_boats(&second.key()), 1);
    first.wait_for_empty_outbox(&key);
    assert_eq!(
        (first.stop("-TERM"), second.stop("-TERM")),
        (Some(0), Some(0))
    );

    let [first_spans, second_spans] =
        ["first.jsonl", "second.jsonl"].map(|name| fs::read_to_string(path(name)).unwrap());
    let names = |spans: &str| {
        let mut names: Vec<_> = spans
            .split("\"traceId\":")
            .filter(|span| span.contains(&trace_id))
            .filter_map(|span| span.split("\"name\":\"").nth(1)?.split('"').next())
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    };
    let first_names = names(&first_spans);
    for name in ["POST /v1/learn", "process outbox", "federation.sync.push"] {
        assert!(
            first_names.iter().any(|n| n == name),
            "{name} in {first_names:?}"
        );
    }
    let second_names = names(&second_spans);
    for name in ["POST /sync", "db.insert.received", "db.insert.turns"] {
        assert!(
            second_names.iter().any(|n| n == name),
            "{name} in {second_names:?}"
        );
    }

    let log = first.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let learned = lines
        .iter()
        .find(|line| line["route"] == "/v1/learn")
        .unwrap();
    assert_eq!(learned["trace_id"], trace_id);
    assert_eq!(
        (&learned["level"], &learned["status"]),
        (&"INFO".into(), &200.into())
    );
    for secret in [key, peer_key, "green".to_owned()] {
        assert!(!log.contains(&secret), "{secret} in {log}");
    }
}

#[test]
fn what_was_committed_before_a_crash_is_told_after_it_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let traces = path("traces.jsonl");
    // The other node is away while the first one learns.
    let mut second = Serving::start(&path("second"), &traces);
    let (addr, peer_key) = (second.addr.clone(), second.create_key(&["--peer", "first"]));
    second.stop("-KILL");
    let url = format!("http://{addr}");
    let arguments = ["--peer", &url, "--peer-key", &peer_key];
    let start = || Serving::start_with(&path("first"), &traces, "127.0.0.1:0", &arguments);
    let mut first = start();
    let key = first.key();
    first.learn(&key);
    first.stop("-KILL");

    let second = Serving::start_with(&path("second"), &traces, &addr, &[]);
    let first = start();
    first.wait_for_empty_outbox(&key);
    assert_eq!(second.wait_for_boats(&second.key()), 1);
}
