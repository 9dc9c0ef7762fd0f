//! Log records and metrics as OTLP, up to what a receiver gets. A process of its own: the meter provider and the
//! bridge are global.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "faults/certified.rs"]
mod certified;

use certified::certified;
use continuum_observability::{
    ExporterConfig, OtlpConfig, Sampler, SpanMetrics, Telemetry, get_span_id, get_trace_id,
    get_tracer,
    interop::opentelemetry_sdk_0_33::{OtlpError, OtlpLogs, OtlpMetrics},
    layers::federation::update_peer_count,
};
use log::Log as _;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::any_value::Value,
    logs::v1::LogRecord,
    metrics::v1::Metric,
    resource::v1::Resource,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    collections::HashMap,
    env, fs,
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use tracing_subscriber::layer::SubscriberExt as _;

/// The bodies that came, by path.
type Received = Arc<Mutex<HashMap<String, Vec<Vec<u8>>>>>;

/// Takes every request, on each connection as long as it lasts; with a configuration over TLS.
fn receive(tls: Option<Arc<ServerConfig>>) -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let received = Received::default();
    let keep = Arc::clone(&received);
    let accept = move || {
        for connection in listener.incoming().flatten() {
            let (keep, tls) = (Arc::clone(&keep), tls.clone());
            let serve = move || match tls {
                None => serve(connection, &keep),
                Some(tls) => {
                    let session = ServerConnection::new(tls).unwrap();
                    serve(StreamOwned::new(session, connection), &keep);
                }
            };
            drop(thread::Builder::new().spawn(serve).unwrap());
        }
    };
    drop(thread::Builder::new().spawn(accept).unwrap());
    (address, received)
}

fn serve(connection: impl Read + Write, received: &Received) {
    let mut reader = BufReader::new(connection);
    while take(&mut reader, received).is_some() {}
}

/// Reads one request over HTTP/1.1, keeps its body, and says that it was taken; `None` at the end.
fn take(reader: &mut BufReader<impl Read + Write>, received: &Received) -> Option<()> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length?.1.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    let mut kept = received.lock().unwrap();
    kept.entry(path).or_default().push(body);
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let connection = reader.get_mut();
    connection.write_all(answer).ok()?;
    connection.flush().ok()
}

fn decoded<M: prost::Message + Default>(received: &Received, path: &str) -> Vec<M> {
    let kept = received.lock().unwrap();
    let bodies = kept.get(path).into_iter().flatten();
    bodies.map(|body| M::decode(&body[..]).unwrap()).collect()
}

fn records(request: &ExportLogsServiceRequest) -> impl Iterator<Item = &LogRecord> {
    let scopes = request.resource_logs.iter().flat_map(|it| &it.scope_logs);
    scopes.flat_map(|scope| &scope.log_records)
}

fn metrics(request: &ExportMetricsServiceRequest) -> impl Iterator<Item = &Metric> {
    let resources = request.resource_metrics.iter();
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics)
}

fn text(resource: Option<&Resource>, key: &str) -> String {
    let mut attributes = resource.unwrap().attributes.iter();
    let value = attributes.find(|attribute| attribute.key == key).unwrap();
    match value.value.clone().unwrap().value {
        Some(Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    }
}

#[test]
fn logs_and_metrics_arrive_beside_the_spans_and_say_of_which_they_are() {
    let (address, received) = receive(None);
    let url = |path: &str| format!("http://{address}/v1/{path}");
    let spans = OtlpConfig::new(url("traces"));
    let telemetry = Telemetry::builder()
        .service_name("memory")
        .exporter(ExporterConfig::Otlp(spans))
        .sampler(Sampler::AlwaysOn)
        .metrics(SpanMetrics::new())
        .init()
        .unwrap();
    let logs = OtlpLogs::start_at(telemetry.handle(), &url("logs")).unwrap();
    let sent = OtlpMetrics::start_at(telemetry.handle(), &url("metrics")).unwrap();
    let subscriber = tracing_subscriber::registry().with(logs.layer());
    let ids = tracing::subscriber::with_default(subscriber, || {
        get_tracer("assistant").in_scope("memory.recall", |_| {
            tracing::warn!("nothing was found");
            let mut record = log::Record::builder();
            let record = record
                .level(log::Level::Warn)
                .args(format_args!("nor here"));
            logs.logger().log(&record.build());
            (get_trace_id().unwrap(), get_span_id().unwrap())
        })
    });
    let refused = OtlpLogs::start_at(telemetry.handle(), "no url");
    assert!(
        matches!(refused, Err(OtlpError::Setting { .. })),
        "{refused:?}"
    );
    update_peer_count(3, None);
    opentelemetry::global::meter("app")
        .u64_counter("own")
        .build()
        .add(1, &[]);
    logs.force_flush().unwrap();
    sent.force_flush().unwrap();
    drop((logs, sent));
    drop(telemetry);

    let requests: Vec<ExportLogsServiceRequest> = decoded(&received, "/v1/logs");
    let found: Vec<_> = requests.iter().flat_map(records).collect();
    assert_eq!(found.len(), 2);
    for record in found {
        assert_eq!(record.trace_id, ids.0.to_bytes());
        assert_eq!(record.span_id, ids.1.to_bytes());
    }
    let of_metrics: Vec<ExportMetricsServiceRequest> = decoded(&received, "/v1/metrics");
    let names: Vec<_> = of_metrics
        .iter()
        .flat_map(metrics)
        .map(|it| &it.name)
        .collect();
    for name in [
        "continuum_federation_active_peers",
        "continuum_memory_recalls_total",
        "otel.sdk.span.started",
        "own",
    ] {
        assert!(
            names.iter().any(|known| *known == name),
            "{name} in {names:?}"
        );
    }
    let of_spans: Vec<ExportTraceServiceRequest> = decoded(&received, "/v1/traces");
    for key in ["service.name", "service.instance.id"] {
        let of_spans = text(of_spans[0].resource_spans[0].resource.as_ref(), key);
        let of_logs = text(requests[0].resource_logs[0].resource.as_ref(), key);
        let of_metrics = text(of_metrics[0].resource_metrics[0].resource.as_ref(), key);
        assert_eq!((&of_logs, &of_metrics), (&of_spans, &of_spans), "{key}");
    }
}

const IS_PROGRAM: &str = "CONTINUUM_TEST_IS_PROGRAM";

#[test]
fn where_telemetry_is_switched_off_nothing_is_set_up() {
    let mut program = Command::new(env::current_exe().unwrap());
    program.args(["a_program_without_telemetry", "--exact"]);
    program
        .env(IS_PROGRAM, "1")
        .env("OTEL_SDK_DISABLED", "true");
    let ended = program.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

/// Waits until so many requests came to a path.
fn wait_for(received: &Received, path: &str, requests: usize) {
    let patience = Instant::now() + Duration::from_secs(30);
    let count = || received.lock().unwrap().get(path).map_or(0, Vec::len);
    while count() < requests {
        assert!(Instant::now() < patience, "{} came to {path}", count());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_the_environment_says_holds_for_logs_and_metrics_with_the_certificates_of_the_spans() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, server) = certified();
    let file = folder.path().join("authority.pem");
    fs::write(&file, authority).unwrap();
    for exporter in ["otlp", "none"] {
        let (address, received) = receive(Some(Arc::clone(&server)));
        let mut program = Command::new(env::current_exe().unwrap());
        program.args(["a_program_that_sends_where_the_environment_says", "--exact"]);
        let mut running = program
            .env(IS_PROGRAM, "sends")
            .env("OTEL_TRACES_EXPORTER", exporter)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("https://{address}"))
            .env("OTEL_EXPORTER_OTLP_CERTIFICATE", &file)
            .env(
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
                format!("https://{address}/own/metrics"),
            )
            .env("OTEL_METRIC_EXPORT_INTERVAL", "20")
            .env(
                "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
                format!("https://{address}/own/logs"),
            )
            .env("OTEL_BLRP_SCHEDULE_DELAY", "20")
            .env("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Without being asked to, and each record by itself.
        wait_for(&received, "/own/metrics", 2);
        wait_for(&received, "/own/logs", 2);
        drop(running.stdin.take());
        assert!(running.wait().unwrap().success());
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how this program is told what it is"
)]
fn a_program_that_sends_where_the_environment_says() {
    if env::var(IS_PROGRAM).as_deref() != Ok("sends") {
        return;
    }
    let telemetry = Telemetry::builder().init().unwrap();
    let logs = OtlpLogs::start(telemetry.handle()).unwrap();
    let _metrics = OtlpMetrics::start(telemetry.handle()).unwrap();
    let subscriber = tracing_subscriber::registry().with(logs.layer());
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!("one");
        tracing::warn!("two");
    });
    // Until the other side has seen enough.
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how this program is told what it is"
)]
fn a_program_without_telemetry() {
    if env::var(IS_PROGRAM).as_deref() != Ok("1") {
        return;
    }
    let telemetry = Telemetry::builder().init().unwrap();
    drop(OtlpLogs::start_at(telemetry.handle(), "no url").unwrap());
    drop(OtlpMetrics::start_at(telemetry.handle(), "no url").unwrap());
}
