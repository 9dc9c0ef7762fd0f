//! `continuum run`, around programs that trace themselves: this one, and one in Python.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use continuum_observability::{get_tracer, init_telemetry};
use serde_json::Value;

use crate::{
    command_line::{continuum, text},
    receiver,
};

/// Set in the process that is the traced program.
const INSIDE: &str = "CONTINUUM_TRACED_PROGRAM";

/// A folder that the program and the test tell each other things in.
const FOLDER: &str = "CONTINUUM_TRACED_PROGRAM_FOLDER";

/// Where the test of the Python SDK finds a Python that has it.
const PYTHON: &str = "CONTINUUM_TEST_OPENTELEMETRY_PYTHON";

/// Not a test by itself: the program that the tests start, with the role that they give it.
#[test]
fn the_traced_program() {
    let variable = |wanted: &str| {
        env::vars()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    };
    let Some(role) = variable(INSIDE) else { return };
    let _telemetry = init_telemetry().unwrap();
    match role.as_str() {
        "answers" => answer(),
        "fails" => {
            answer();
            panic!("as it was told to");
        }
        "waits" => {
            answer();
            let folder = variable(FOLDER).unwrap();
            fs::write(
                Path::new(&folder).join("ready"),
                std::process::id().to_string(),
            )
            .unwrap();
            thread::sleep(Duration::from_mins(10));
        }
        "sends zstd" => send_zstd(&variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").unwrap()),
        role => panic!("{role}"),
    }
}

fn answer() {
    get_tracer("program").in_scope("answer_question", |span| {
        span.set_attribute("question.length", 42);
        get_tracer("program").in_scope("memory.recall", |span| {
            span.set_attribute("tenant.id", "acme");
        });
    });
}

/// Sends a message in a compression that no receiver has to know.
fn send_zstd(endpoint: &str) {
    let (address, path) = endpoint["http://".len()..].split_once('/').unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 1\r\n\
         content-type: application/json\r\ncontent-encoding: zstd\r\n\r\nx"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
}

/// `continuum run` with options around the program in a role.
fn run(options: &[&str], role: &str) -> Command {
    let mut command = continuum(&["run"]);
    command
        .args(options)
        .arg("--")
        .arg(env::current_exe().unwrap());
    command.args(["--exact", "run::the_traced_program", "--nocapture"]);
    command.env(INSIDE, role);
    command
}

fn output(options: &[&str], role: &str) -> Output {
    run(options, role).output().unwrap()
}

const UNITS: [&str; 4] = ["ns", "µs", "ms", "s"];

/// The lines of a tree without what differs from run to run: trace ids, and numbers with a unit of time.
fn without_measures(err: &str) -> String {
    let line = |line: &str| {
        let words = line
            .split(" trace ")
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let words: Vec<_> = words.collect();
        let is_time = |at: usize| words.get(at).is_some_and(|word| UNITS.contains(word));
        let stable = (0..words.len()).filter(|&at| !is_time(at) && !is_time(at + 1));
        stable.map(|at| words[at]).collect::<Vec<_>>().join(" ") + "\n"
    };
    err.lines().map(line).collect()
}

const TREE: &str = "\
answer_question question.length=42
└─ memory.recall tenant.id=acme
no findings in 2 spans
";

#[test]
fn the_trace_of_a_program_is_shown_and_checked() {
    let ran = output(&[], "answers");
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(without_measures(text(&ran.stderr)), TREE);
    assert!(text(&ran.stdout).contains("1 passed"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn every_protocol_that_a_program_may_be_set_to_is_understood() {
    // After the variables that are set for it, as a program with settings of its own does.
    for own in [
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc",
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION=gzip",
    ] {
        let mut command = continuum(&["run", "--", "env", own]);
        command.arg(env::current_exe().unwrap());
        command
            .args(["--exact", "run::the_traced_program"])
            .env(INSIDE, "answers");
        let ran = command.output().unwrap();
        assert_eq!(without_measures(text(&ran.stderr)), TREE, "{own}");
    }
}

#[test]
fn what_is_refused_or_never_recorded_is_said() {
    let mut command = run(&[], "sends zstd");
    let ran = command.env("OTEL_SDK_DISABLED", "true").output().unwrap();
    let said = "continuum: 1 requests were refused, the last one because the compression is not \
                gzip, deflate or identity\n\
                continuum: no spans arrived; OTEL_SDK_DISABLED=true is set, which has the program \
                record none\n";
    assert!(text(&ran.stderr).ends_with(said), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn the_exit_status_is_the_programs() {
    let failed = output(&["--no-lint"], "fails");
    // The status of a test that panics.
    assert_eq!(failed.status.code(), Some(101));
    let shown = without_measures(text(&failed.stderr));
    assert!(
        shown.contains("└─ memory.recall") && !shown.contains("findings"),
        "{shown}"
    );

    let missing = continuum(&["run", "--", "no-such-program"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).starts_with("error: cannot start no-such-program: "));

    let silent = continuum(&["run", "true"]).output().unwrap();
    assert_eq!(silent.status.code(), Some(0));
    assert!(text(&silent.stderr).contains("no spans arrived"));
    assert_eq!(continuum(&["run"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_configuration_file_does_not_keep_the_spans_away() {
    let script = "test -z \"${OTEL_CONFIG_FILE+set}${OTEL_EXPERIMENTAL_CONFIG_FILE+set}\"";
    let mut command = continuum(&["run", "--", "sh", "-c", script]);
    command.env("OTEL_CONFIG_FILE", "telemetry.yaml");
    command.env("OTEL_EXPERIMENTAL_CONFIG_FILE", "telemetry.yaml");
    assert_eq!(command.output().unwrap().status.code(), Some(0));
}

#[test]
fn what_is_kept_can_be_looked_at_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("spans.jsonl");
    let ran = output(
        &["--quiet", "--no-lint", "--keep", file.to_str().unwrap()],
        "answers",
    );
    assert_eq!((ran.status.code(), text(&ran.stderr)), (Some(0), ""));
    let shown = continuum(&["trace"]).arg(&file).output().unwrap();
    assert!(
        text(&shown.stdout).contains("└─ memory.recall"),
        "{shown:?}"
    );
}

#[cfg(unix)]
#[test]
fn what_arrives_is_sent_on_to_another_receiver() {
    // The other receiver is a second `continuum run`, around the one that sends on.
    let script = "exec \"$0\" run --quiet --no-lint --forward \"$OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\" -- \"$@\"";
    let mut command = continuum(&["run", "--", "sh", "-c", script]);
    command.arg(env!("CARGO_BIN_EXE_continuum"));
    command.arg(env::current_exe().unwrap());
    command
        .args(["--exact", "run::the_traced_program"])
        .env(INSIDE, "answers");
    let ran = command.output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(without_measures(text(&ran.stderr)), TREE);

    let nobody = format!("http://127.0.0.1:{}", receiver::nobody());
    let ran = output(&["--forward", &nobody], "answers");
    assert_eq!(ran.status.code(), Some(0), "the program's, as always");
    let shown = text(&ran.stderr);
    assert!(
        shown.contains("continuum: 2 spans were not sent on: "),
        "{shown}"
    );
    let wrong = continuum(&["run", "--forward", "collector", "true"]).output();
    assert_eq!(wrong.unwrap().status.code(), Some(2));
}

#[test]
fn scripts_get_a_line_for_each_trace_and_one_for_the_findings() {
    let ran = output(&["--json"], "answers");
    let lines: Vec<Value> = text(&ran.stderr)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["spans"][1]["name"], "memory.recall");
    assert_eq!((lines[1]["spans"].as_u64(), lines.len()), (Some(2), 2));
}

/// What a shell does to send one span of a name that says nothing, as JSON.
const POST_A_SPAN: &str = r#"
body='{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"operation",
  "traceId":"01010101010101010101010101010101","spanId":"0101010101010101"}]}]}]}'
host=${OTEL_EXPORTER_OTLP_TRACES_ENDPOINT#http://}
port=${host#*:}
port=${port%%/*}
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %s\r\nconnection: close\r\n\r\n%s' "${#body}" "$body" >&3
cat <&3 > /dev/null
"#;

#[cfg(unix)]
#[test]
fn findings_fail_a_run_that_is_strict() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("spans.jsonl");
    let keep = ["run", "--keep", file.to_str().unwrap()];
    let post = ["--", "bash", "-c", POST_A_SPAN];
    let lenient = continuum(&[&keep[..], &post].concat()).output().unwrap();
    assert_eq!(lenient.status.code(), Some(0), "{lenient:?}");
    assert!(
        text(&lenient.stderr).contains("generic-name"),
        "{lenient:?}"
    );
    let strict = continuum(&[&keep[..], &["--lint-strict"], &post].concat())
        .output()
        .unwrap();
    assert_eq!(strict.status.code(), Some(3));
    // JSON that came on several lines is kept on one.
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);
    let shown = continuum(&["trace"]).arg(&file).output().unwrap();
    assert_eq!(
        text(&shown.stdout).matches("operation").count(),
        2,
        "{shown:?}"
    );
}

#[cfg(unix)]
#[test]
fn signals_reach_the_program_and_are_told_by_the_exit_status() {
    use std::os::unix::process::CommandExt as _;

    for (signal, status) in [("-HUP", 1), ("-INT", 2), ("-TERM", 15)] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = run(&["--no-lint"], "waits");
        let running = command
            // Where the system does not tell who sent an interrupt, the foreground counts.
            .process_group(0)
            .env(FOLDER, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let running = running.spawn().unwrap();
        let ready = dir.path().join("ready");
        while fs::read_to_string(&ready).unwrap_or_default().is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        let sent = Command::new("kill")
            .args([signal, &running.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let ended = running.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(128 + status), "{signal}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_stays_so_for_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let waits = run(&["--no-lint"], "waits");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    command.arg(waits.get_program()).args(waits.get_args());
    command.envs(
        waits
            .get_envs()
            .filter_map(|(key, value)| Some((key, value?))),
    );
    let running = command
        .env(FOLDER, dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let running = running.spawn().unwrap();
    let ready = dir.path().join("ready");
    let program = loop {
        match fs::read_to_string(&ready) {
            Ok(program) if !program.is_empty() => break program,
            _ => thread::sleep(Duration::from_millis(5)),
        }
    };
    let own = running.id().to_string();
    for (signal, to) in [("-HUP", &own), ("-HUP", &program), ("-TERM", &own)] {
        let sent = Command::new("kill").args([signal, to]).status();
        assert!(sent.unwrap().success(), "{signal}");
    }
    let ended = running.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(128 + 15), "{ended:?}");
}

/// What a person writes who has read the documentation of OpenTelemetry for Python.
const APP: &str = r#"
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("app")

with tracer.start_as_current_span("answer_question") as span:
    span.set_attribute("question.length", 42)
    try:
        with tracer.start_as_current_span("memory.recall", attributes={"tenant.id": "acme"}):
            raise TimeoutError("the store did not answer")
    except TimeoutError as error:
        span.add_event("gave_up", {"retry.attempts": 1})
print("said")
"#;

#[test]
#[ignore = "needs the Python SDK of OpenTelemetry; `cargo xtask test` brings it and runs this"]
fn a_program_with_the_sdk_of_opentelemetry_for_python_is_shown() {
    let python = env::vars_os()
        .find(|(name, _)| name == PYTHON)
        .expect(PYTHON)
        .1;
    let dir = tempfile::tempdir().unwrap();
    let app = dir.path().join("app.py");
    fs::write(&app, APP).unwrap();
    let ran = continuum(&["run", "--"])
        .arg(python)
        .arg(&app)
        .output()
        .unwrap();
    assert_eq!(
        (ran.status.code(), text(&ran.stdout)),
        (Some(0), "said\n"),
        "{ran:?}"
    );
    let shown = without_measures(text(&ran.stderr));
    let shown: Vec<_> = shown
        .lines()
        .filter(|line| !line.contains("exception"))
        .collect();
    let expected = [
        "answer_question question.length=42",
        "│ · gave_up retry.attempts=1",
        "└─ memory.recall ERROR TimeoutError: the store did not answer tenant.id=acme",
        "no findings in 2 spans",
    ];
    assert_eq!(shown, expected);
}
