//! A host whose name has no address for a while: no name server answers, or none knows it.
//!
//! A process cannot bring a resolver of its own along. What the system's looks into is changed for one
//! process: this binary once more, in a namespace where files of the test lie over those in `/etc`, and
//! where the network is its own. That takes no rights, but a system that lets users make namespaces;
//! where it does not, the test says that it was left out.

use crate::{
    alone,
    backend::{Backend, Fault, Protocol},
    ordeal::{FLOOD, builder, endure, prompt, recover},
    record,
};
use continuum_observability::{FlushError, OtlpConfig, OtlpProtocol};
use std::{
    env, fs,
    net::{Ipv4Addr, UdpSocket},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

const FOLDER: &str = "CONTINUUM_TEST_NAMES";
const REMEDY: &str = "CONTINUUM_TEST_REMEDY";
const NOBODY: &str = "127.0.0.1 localhost\n";
/// A name server has the longest time there is, where anybody listens at its port.
const SERVERS: &str = "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n";
/// Puts the files over the system's, and becomes the program that is named next.
const NAMESPACE: &str = "ip link set lo up || exit
for file in hosts resolv.conf nsswitch.conf; do
    mount --bind \"$1/$file\" \"/etc/$file\" || exit
done
shift
exec \"$@\"";
const PROTOCOLS: [(Protocol, OtlpProtocol); 2] = [
    (Protocol::Http, OtlpProtocol::HttpProtobuf),
    (Protocol::Grpc, OtlpProtocol::Grpc),
];

/// Runs a program whose resolver looks into the files of `folder`.
fn with_names_of(folder: &Path, remedy: &str, program: &[&str]) -> Output {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--net"]);
    command.args(["sh", "-c", NAMESPACE, "sh"]);
    command.arg(folder).args(program);
    let prepared = command.env(FOLDER, folder).env(REMEDY, remedy);
    prepared.output().unwrap()
}

#[expect(clippy::print_stdout, reason = "who reads the results is to know")]
fn leave_out(tried: &Output) {
    let said = String::from_utf8_lossy(&tried.stderr);
    println!("left out, since it takes a namespace: {}", said.trim());
}

/// Runs one of the programs below, for which `services` look up the names of hosts.
fn run(program: &str, services: &str, remedy: &str) {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("hosts", NOBODY),
        ("resolv.conf", SERVERS),
        ("nsswitch.conf", services),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let tried = with_names_of(folder.path(), remedy, &["true"]);
    if !tried.status.success() {
        return leave_out(&tried);
    }
    let (binary, test) = (env::current_exe().unwrap(), format!("names::{program}"));
    let program = [binary.to_str().unwrap(), &test, "--exact", "--nocapture"];
    let ended = with_names_of(folder.path(), remedy, &program);
    let said = format!("{ended:?}");
    assert!(
        ended.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "how this program is told what it is"
)]
fn told(what: &str) -> Option<String> {
    env::var(what).ok()
}

fn to(endpoint: &str, protocol: OtlpProtocol) -> OtlpConfig {
    let mut otlp = OtlpConfig::new(endpoint);
    otlp.protocol = Some(protocol);
    otlp
}

#[test]
fn program_whose_collector_has_an_address_later() {
    let (Some(folder), Some(remedy)) = (told(FOLDER), told(REMEDY)) else {
        return;
    };
    let hosts = PathBuf::from(folder).join("hosts");
    for (spoken, protocol) in PROTOCOLS {
        let _alone = alone();
        fs::write(&hosts, NOBODY).unwrap();
        let backend = Backend::start(spoken, Fault::None);
        let endpoint = format!("http://collector.invalid:{}", backend.address.port());
        let (builder, lines) = builder(to(&endpoint, protocol));
        let telemetry = builder.init().unwrap();
        let (stats, line) = endure(&telemetry, &lines);
        assert_eq!((stats.dropped(), backend.spans()), (FLOOD, 0), "{stats:?}");
        assert!(line.contains(&endpoint) && line.contains(&remedy), "{line}");
        fs::write(&hosts, format!("{NOBODY}127.0.0.1 collector.invalid\n")).unwrap();
        recover(&telemetry, &lines, &backend);
    }
}

#[test]
fn a_name_server_that_is_away_costs_spans_until_the_host_has_an_address() {
    run(
        "program_whose_collector_has_an_address_later",
        "hosts: files dns\n",
        "no name server answers; check the network and the name servers of this machine",
    );
}

#[test]
fn a_host_that_is_not_known_yet_costs_spans_until_it_is() {
    run(
        "program_whose_collector_has_an_address_later",
        "hosts: files\n",
        "the name of the host is not known; correct the endpoint",
    );
}

#[test]
fn program_whose_name_server_says_nothing() {
    const SHORT: Duration = Duration::from_millis(1);
    const TIMED_OUT: Result<(), FlushError> = Err(FlushError::TimedOut { timeout: SHORT });
    if told(FOLDER).is_none() {
        return;
    }
    let _alone = alone();
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).unwrap();
    for (label, protocol) in ["first", "second"].into_iter().zip(PROTOCOLS) {
        let endpoint = format!("http://{label}.invalid:4318");
        let (builder, lines) = builder(to(&endpoint, protocol.1));
        let telemetry = prompt(builder).init().unwrap();
        record(5);
        wait_for_question(&server, label);
        assert_eq!(telemetry.force_flush(SHORT), TIMED_OUT);
        assert_eq!(telemetry.force_flush(SHORT), TIMED_OUT);
        assert_eq!(telemetry.shutdown(SHORT), TIMED_OUT);
        let said = lines.all();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("5 of 5 spans were lost"), "{said:?}");
        assert!(said[0].contains(&endpoint), "{said:?}");
    }
}

/// Blocks until the name server is asked for a host, which it never answers.
fn wait_for_question(server: &UdpSocket, label: &str) {
    let mut question = [0; 512];
    loop {
        let length = server.recv(&mut question).unwrap();
        let text = String::from_utf8_lossy(&question[..length]);
        if text.contains(label) {
            return;
        }
    }
}

#[test]
fn a_name_server_that_says_nothing_holds_up_neither_flush_nor_shutdown() {
    run("program_whose_name_server_says_nothing", "hosts: dns\n", "");
}
