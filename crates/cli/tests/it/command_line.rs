//! The binary itself: what it prints, and its exit status.

use std::process::{Command, Output};

#[cfg(unix)]
use crate::serving::Serving;

pub(crate) fn continuum(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_continuum"));
    command.args(arguments);
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    continuum(arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn what_cannot_be_understood_is_2_and_what_fails_is_1() {
    for usage in [
        &["fly"][..],
        &[],
        &["serve", "--addr", "here"],
        &["key", "create"],
        &["outbox", "status"],
        &["outbox", "retry", "--tenant", "../acme"],
        &["serve", "--peer", "http://localhost:1"],
        &["serve", "--graph-weight=-1"],
    ] {
        assert_eq!(run(usage).status.code(), Some(2), "{usage:?}");
    }
    let bad_name = run(&["key", "create", "--tenant", "../acme"]);
    assert_eq!(bad_name.status.code(), Some(2));
    assert_eq!(run(&["completions", "teletype"]).status.code(), Some(2));
    let failed = run(&["demo", "--dataset", "no/such/file.json"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).starts_with("error: cannot read the dataset"));
}

#[test]
fn help_teaches_with_examples() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for example in [
        "continuum demo",
        "continuum key create",
        "/v1/learn",
        "/v1/recall",
    ] {
        assert!(text(&help.stdout).contains(example), "{example}");
    }
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(&["completions", shell]);
        assert_eq!(completions.status.code(), Some(0), "{completions:?}");
        let script = text(&completions.stdout);
        for word in ["demo", "outbox", "retry", "trace-id", "peer-key"] {
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let page = run(&["man"]);
    assert_eq!(page.status.code(), Some(0), "{page:?}");
    let page = text(&page.stdout);
    assert!(
        page.contains(".TH continuum 1") && page.contains("continuum\\-run(1)"),
        "{page}"
    );

    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("man1");
    assert_eq!(
        run(&["man", folder.to_str().unwrap()]).status.code(),
        Some(0)
    );
    let page = std::fs::read_to_string(folder.join("continuum-outbox-retry.1")).unwrap();
    assert!(
        page.contains(".SH OPTIONS") && page.contains("tenant"),
        "{page}"
    );
}

#[cfg(unix)]
#[test]
fn bash_understands_its_completions() {
    let script = run(&["completions", "bash"]).stdout;
    let complete = "COMP_WORDS=(continuum outbox re); COMP_CWORD=2\n\
        _continuum continuum re outbox && echo \"${COMPREPLY[*]}\"";
    let script = format!("{}\n{complete}", text(&script));
    let completed = Command::new("bash").args(["-c", &script]).output();
    assert_eq!(text(&completed.unwrap().stdout), "retry\n");
}

#[test]
fn a_created_key_is_alone_on_standard_output_and_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let created = run(&[
        "key",
        "create",
        "--tenant",
        "acme",
        "--data-dir",
        data.to_str().unwrap(),
    ]);
    assert_eq!(created.status.code(), Some(0), "{created:?}");
    let key = text(&created.stdout).trim_end();
    assert!(key.starts_with("ck_") && !key.contains('\n'), "{key}");
    assert!(!text(&created.stderr).contains(key));
    for file in std::fs::read_dir(&data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            !bytes
                .windows(key.len())
                .any(|window| window == key.as_bytes())
        );
    }
}

#[test]
fn a_key_is_for_one_tenant_or_for_a_peer_with_any_number_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let create = |arguments: &[&str]| {
        let all = [&["key", "create", "--data-dir", data][..], arguments].concat();
        let created = run(&all);
        (created.status.code(), text(&created.stdout).to_owned())
    };
    let (status, key) = create(&["--peer", "berlin"]);
    assert!(status == Some(0) && key.starts_with("cp_"), "{key}");
    let (status, key) = create(&["--peer", "berlin", "--tenant", "a", "--tenant", "b"]);
    assert!(status == Some(0) && key.starts_with("cp_"), "{key}");
    assert_eq!(
        create(&["--tenant", "a", "--tenant", "b"]),
        (Some(1), String::new())
    );
}

#[test]
fn the_data_directory_follows_the_data_home_of_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let created = continuum(&["key", "create", "--tenant", "acme"])
        .env("XDG_DATA_HOME", dir.path())
        .output()
        .unwrap();
    assert_eq!(created.status.code(), Some(0), "{created:?}");
    assert!(dir.path().join("continuum/keys.db").exists());
}

#[cfg(unix)]
#[test]
fn a_server_answers_and_delivers_its_spans_when_it_is_told_to_stop() {
    for signal in ["-TERM", "-INT"] {
        let dir = tempfile::tempdir().unwrap();
        let traces = dir.path().join("traces.jsonl");
        let mut server = Serving::start(&dir.path().join("data"), &traces);
        let recalled = server.recall(&server.key());
        assert!(recalled.contains("no_memories"), "{recalled}");
        assert_eq!(server.stop(signal), Some(0), "{signal}");
        let spans = std::fs::read_to_string(traces).unwrap();
        assert!(
            spans.contains("POST /v1/recall") && spans.contains("memory.recall"),
            "{spans}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_server_whose_log_nobody_reads_answers_every_request() {
    let dir = tempfile::tempdir().unwrap();
    let traces = dir.path().join("traces.jsonl");
    for mut server in [
        Serving::start(&dir.path().join("quiet"), &traces),
        Serving::start_on_console(&dir.path().join("talkative")),
    ] {
        let key = server.key();
        server.stop_reading_the_log();
        for _ in 0..20 {
            let recalled = server.recall(&key);
            assert!(recalled.contains("no_memories"), "{recalled}");
        }
        // A signal would leave no status.
        assert!(server.stop("-TERM").is_some());
    }
}

#[cfg(unix)]
#[test]
fn two_servers_do_not_share_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let first = Serving::start(&data, &dir.path().join("traces.jsonl"));
    let second = run(&[
        "serve",
        "--addr",
        "127.0.0.1:0",
        "--data-dir",
        data.to_str().unwrap(),
    ]);
    drop(first);
    assert_eq!(second.status.code(), Some(1));
    let error = text(&second.stderr);
    assert!(
        error.contains("error: another process uses the data directory"),
        "{error}"
    );
}
