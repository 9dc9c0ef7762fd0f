//! The binary itself: what it prints, and its exit status.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

fn continuum(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_continuum"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    continuum(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn what_cannot_be_understood_is_2_and_what_fails_is_1() {
    for usage in [
        &["fly"][..],
        &[],
        &["serve", "--addr", "here"],
        &["key", "create"],
    ] {
        assert_eq!(run(usage).status.code(), Some(2), "{usage:?}");
    }
    let bad_name = run(&["key", "create", "--tenant", "../acme"]);
    assert_eq!(bad_name.status.code(), Some(2));
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
        let recalled = server.recall();
        assert!(recalled.contains("no_memories"), "{recalled}");

        let pid = server.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
        let spans = std::fs::read_to_string(traces).unwrap();
        assert!(
            spans.contains("POST /v1/recall") && spans.contains("memory.recall"),
            "{spans}"
        );
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

/// A server of the binary, ended when dropped.
#[cfg(unix)]
struct Serving {
    child: Child,
    base: String,
    data: PathBuf,
}

#[cfg(unix)]
impl Serving {
    fn start(data: &Path, traces: &Path) -> Self {
        let mut child = continuum(&["serve", "--addr", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("OTEL_TRACES_EXPORTER", "file")
            .env("CONTINUUM_TRACES_FILE", traces)
            // Far longer than the test, so that only the shutdown can have written the spans.
            .env("OTEL_BSP_SCHEDULE_DELAY", "600000")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = lines.next().unwrap().unwrap();
        let base = listening
            .split([' ', ','])
            .find(|word| word.starts_with("http://"))
            .unwrap();
        Self {
            child,
            base: base.to_owned(),
            data: data.to_owned(),
        }
    }

    /// Creates a key beside the running server and asks with it.
    fn recall(&self) -> String {
        let data = self.data.to_str().unwrap();
        let created = run(&["key", "create", "--tenant", "acme", "--data-dir", data]);
        let mut reply = ureq::post(format!("{}/v1/recall", self.base))
            .header("x-api-key", text(&created.stdout).trim_end())
            .header("content-type", "application/json")
            .config()
            .proxy(None)
            .build()
            .send(r#"{"query": "boat"}"#)
            .unwrap();
        reply.body_mut().read_to_string().unwrap()
    }
}

#[cfg(unix)]
impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}
