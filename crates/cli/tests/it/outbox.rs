//! `continuum outbox`, on a data directory that no server has open, and on one that a server has.

use std::path::Path;

use continuum_memory::{LearnRequest, Memory, MemoryConfig, TenantId};
use serde_json::Value;

use crate::command_line::{run, text};

/// A data directory whose tenant `acme` has given up telling something.
fn given_up(data: &Path) {
    let config = MemoryConfig {
        outbox: true,
        ..MemoryConfig::default()
    };
    let memory = Memory::open(data, config).unwrap();
    let acme = memory.tenant(TenantId::new("acme").unwrap());
    let request = LearnRequest::new("s").user_message("The boat is green.");
    acme.learn(&request).unwrap();
    let job = acme.outbox().claim(1).unwrap().remove(0);
    acme.outbox().bury(&job, "nobody wants it").unwrap();
}

/// The exit status, standard output, standard error.
fn outbox(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let of = ["--data-dir", data.to_str().unwrap()];
    let output = run(&[&["outbox"], arguments, &of].concat());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output.status.code(), out.to_owned(), err.to_owned())
}

#[test]
fn what_was_given_up_is_listed_and_due_again_after_a_retry() {
    let dir = tempfile::tempdir().unwrap();
    given_up(dir.path());
    let acme = ["--tenant", "acme"];
    let (status, out, err) = outbox(dir.path(), &[&["status"], &acme[..]].concat());
    assert_eq!(status, Some(0), "{err}");
    assert_eq!(
        out,
        "0 waiting, 1 given up\n  entry 1, 1 attempts: nobody wants it\n"
    );

    let retry = outbox(dir.path(), &[&["retry"], &acme[..]].concat());
    assert_eq!(
        (retry.0, retry.1.as_str()),
        (Some(0), "1 entry is due again\n")
    );
    let (_, out, _) = outbox(dir.path(), &[&["status", "--json"], &acme[..]].concat());
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&status["waiting"], &status["dead"]),
        (&1.into(), &Value::Array(vec![]))
    );
}

#[test]
fn what_is_not_there_is_not_created_and_a_running_server_is_pointed_to() {
    let dir = tempfile::tempdir().unwrap();
    given_up(dir.path());
    let (status, _, err) = outbox(dir.path(), &["status", "--tenant", "emca"]);
    assert!(
        status == Some(1) && err.contains("emca has no memory"),
        "{err}"
    );
    assert!(!dir.path().join("tenants/emca.db").exists());

    let nowhere = dir.path().join("nowhere");
    let (status, _, err) = outbox(&nowhere, &["status", "--tenant", "acme"]);
    assert!(
        status == Some(1) && err.contains("no data directory"),
        "{err}"
    );
    assert!(!nowhere.exists());

    let _open = Memory::open(dir.path(), MemoryConfig::default()).unwrap();
    let (status, _, err) = outbox(dir.path(), &["status", "--tenant", "acme"]);
    assert!(
        status == Some(1) && err.contains("POST /v1/outbox/retry"),
        "{err}"
    );
}
