//! The binary as a server, in a process of its own.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::command_line::{continuum, run, text};

/// A server of the binary, killed when dropped.
pub(crate) struct Serving {
    child: Child,
    /// None once nobody reads it.
    stderr: Option<BufReader<ChildStderr>>,
    pub(crate) addr: String,
    data: PathBuf,
}

impl Serving {
    pub(crate) fn start(data: &Path, traces: &Path) -> Self {
        Self::start_with(data, traces, "127.0.0.1:0", &[])
    }

    pub(crate) fn start_with(data: &Path, traces: &Path, addr: &str, more: &[&str]) -> Self {
        let mut serve = continuum(&["serve", "--addr", addr]);
        serve
            .args(more)
            .env("OTEL_TRACES_EXPORTER", "file")
            .env("CONTINUUM_TRACES_FILE", traces)
            // Far longer than the test, so that only the shutdown can have written the spans.
            .env("OTEL_BSP_SCHEDULE_DELAY", "600000");
        Self::of(serve, data)
    }

    /// Starts a server with metrics, that records no span, and returns where they are.
    pub(crate) fn start_with_metrics(
        data: &Path,
        traces: &Path,
        variables: &[(&str, &str)],
    ) -> (Self, String) {
        let mut serve = continuum(&[
            "serve",
            "--addr",
            "127.0.0.1:0",
            "--metrics-addr",
            "127.0.0.1:0",
        ]);
        serve
            .env("OTEL_TRACES_EXPORTER", "file")
            .env("CONTINUUM_TRACES_FILE", traces)
            .envs(variables.iter().copied());
        let mut serving = Self::of(serve, data);
        let mut line = String::new();
        serving
            .stderr
            .as_mut()
            .unwrap()
            .read_line(&mut line)
            .unwrap();
        let (_, url) = line.split_once("metrics at ").unwrap();
        (serving, url.trim_end().to_owned())
    }

    /// Starts a server that writes its spans to standard error as soon as they end.
    pub(crate) fn start_on_console(data: &Path) -> Self {
        let mut serve = continuum(&["serve", "--addr", "127.0.0.1:0"]);
        serve
            .env("OTEL_TRACES_EXPORTER", "console")
            .env("OTEL_BSP_SCHEDULE_DELAY", "1");
        Self::of(serve, data)
    }

    fn of(mut serve: Command, data: &Path) -> Self {
        let mut child = serve
            .arg("--data-dir")
            .arg(data)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut listening = String::new();
        stderr.read_line(&mut listening).unwrap();
        let (_, rest) = listening.split_once("http://").unwrap();
        Self {
            child,
            stderr: Some(stderr),
            addr: rest.split(',').next().unwrap().to_owned(),
            data: data.to_owned(),
        }
    }

    /// Creates a key beside the running server.
    pub(crate) fn key(&self) -> String {
        self.create_key(&["--tenant", "acme"])
    }

    pub(crate) fn create_key(&self, of: &[&str]) -> String {
        let data = self.data.to_str().unwrap();
        let created = run(&[&["key", "create", "--data-dir", data], of].concat());
        text(&created.stdout).trim_end().to_owned()
    }

    pub(crate) fn recall(&self, key: &str) -> String {
        self.post("/v1/recall", key, r#"{"query": "boat"}"#)
    }

    /// Learns about a boat and returns the trace.
    pub(crate) fn learn(&self, key: &str) -> String {
        let body = r#"{"session_id": "s", "user_message": "The boat is green"}"#;
        let learned: Value = serde_json::from_str(&self.post("/v1/learn", key, body)).unwrap();
        learned["trace_id"].as_str().unwrap().to_owned()
    }

    fn post(&self, path: &str, key: &str, body: &str) -> String {
        let mut reply = ureq::post(format!("http://{}{path}", self.addr))
            .header("x-api-key", key)
            .header("content-type", "application/json")
            .config()
            .proxy(None)
            .build()
            .send(body)
            .unwrap();
        reply.body_mut().read_to_string().unwrap()
    }

    /// The number of turns about a boat, as soon as there is one.
    pub(crate) fn wait_for_boats(&self, key: &str) -> usize {
        loop {
            let answer: Value = serde_json::from_str(&self.recall(key)).unwrap();
            match answer["turns"].as_array().unwrap().len() {
                0 => thread::sleep(Duration::from_millis(5)),
                turns => return turns,
            }
        }
    }

    /// Waits until nothing is left to be told.
    pub(crate) fn wait_for_empty_outbox(&self, key: &str) {
        let waiting = || {
            let mut reply = ureq::get(format!("http://{}/v1/outbox", self.addr))
                .header("x-api-key", key)
                .config()
                .proxy(None)
                .build()
                .call()
                .unwrap();
            let status: Value =
                serde_json::from_str(&reply.body_mut().read_to_string().unwrap()).unwrap();
            status["waiting"].as_u64().unwrap()
        };
        while waiting() > 0 {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal and returns the exit status.
    pub(crate) fn stop(&mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }

    /// What was logged after the first line, once the server has ended.
    pub(crate) fn log(&mut self) -> String {
        let mut log = String::new();
        let stderr = self.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        log
    }

    /// Closes the pipe that the server logs to.
    pub(crate) fn stop_reading_the_log(&mut self) {
        drop(self.stderr.take());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}
