//! Log records as OTLP, in the trace in which they were written.
//!
//! ```console
//! $ OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 cargo run --example otlp_logs
//! ```
//!
//! The records go through the OpenTelemetry SDK for logs, the spans through CONTINUUM. What to look at:
//! `install()` makes the span of either side the current one of the `opentelemetry` API, where the SDK
//! finds its id; nothing else has to be said.

use anyhow::Result;
use continuum_observability::{
    init_telemetry, interop::opentelemetry_0_33, layers::memory::trace_recall,
};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, Protocol, WithExportConfig as _};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing_subscriber::{Layer as _, filter::LevelFilter, layer::SubscriberExt as _};

fn main() -> Result<()> {
    let _telemetry = init_telemetry()?;
    opentelemetry_0_33::install()?;
    // Takes the same variables, such as OTEL_EXPORTER_OTLP_ENDPOINT.
    let logs = logger(
        LogExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .build()?,
    );
    tracing::subscriber::set_global_default(subscriber(&logs))?;
    recall();
    logs.shutdown()?;
    Ok(())
}

/// Sends what it is given in the background.
fn logger(exporter: LogExporter) -> SdkLoggerProvider {
    SdkLoggerProvider::builder()
        .with_batch_exporter(exporter)
        .build()
}

/// The events of `tracing` become log records. The exporter's own do not: they would never end.
fn subscriber(logs: &SdkLoggerProvider) -> impl tracing::Subscriber + Send + Sync + use<> {
    let own = tracing_subscriber::filter::Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(
            ["h2", "hyper", "opentelemetry", "reqwest"].map(|target| (target, LevelFilter::OFF)),
        );
    let records = OpenTelemetryTracingBridge::new(logs).with_filter(own);
    tracing_subscriber::registry().with(records)
}

fn recall() {
    let recall = trace_recall("where is the boat?").tenant_id("acme");
    recall.in_scope(|_| tracing::warn!(concepts = 0, "nothing was found"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::{
        get_span_id, get_trace_id,
        testing::{TestRecorder, assert_no_findings},
    };
    use opentelemetry_proto::tonic::{
        collector::logs::v1::ExportLogsServiceRequest, logs::v1::LogRecord,
    };
    use prost::Message as _;
    use std::{
        io::{BufRead as _, BufReader, Read as _, Write as _},
        net::{TcpListener, TcpStream},
        thread,
    };

    /// Reads one request over HTTP/1.1, says that it was taken, and returns path and body.
    fn receive(connection: TcpStream) -> (String, Vec<u8>) {
        let mut connection = BufReader::new(connection);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(connection.read_line(&mut head).unwrap(), 0);
        }
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.unwrap().1.parse().unwrap()];
        connection.read_exact(&mut body).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        connection.get_mut().write_all(answer).unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), body)
    }

    fn records(body: &[u8]) -> Vec<LogRecord> {
        let request = ExportLogsServiceRequest::decode(body).unwrap();
        let resources = request.resource_logs.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_logs);
        scopes.flat_map(|scope| scope.log_records).collect()
    }

    #[test]
    fn a_record_arrives_with_the_trace_of_the_native_span() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/logs", listener.local_addr().unwrap());
        let receive = move || receive(listener.accept().unwrap().0);
        let received = thread::Builder::new().spawn(receive).unwrap();
        opentelemetry_0_33::install().unwrap();
        let exporter = LogExporter::builder()
            .with_http()
            .with_endpoint(endpoint)
            .with_protocol(Protocol::HttpBinary);
        let logs = logger(exporter.build().unwrap());
        let recorder = TestRecorder::new();
        tracing::subscriber::with_default(subscriber(&logs), || {
            recorder.run(|| {
                recall();
                tracing::info!("outside");
                assert_eq!((get_trace_id(), get_span_id()), (None, None));
            });
        });
        logs.force_flush().unwrap();
        let (path, body) = received.join().unwrap();
        assert_eq!(path, "/v1/logs");
        let mut records = records(&body);
        // They come by scope, in no order.
        records.sort_by_key(|record| record.severity_number);
        let span = recorder.spans().remove(0);
        let ids: Vec<_> = records
            .iter()
            .map(|record| {
                (
                    record.trace_id.as_slice(),
                    record.span_id.as_slice(),
                    record.flags,
                )
            })
            .collect();
        let in_span: (&[u8], &[u8], u32) = (&span.trace_id, &span.span_id, 3);
        assert_eq!(ids, [(&[][..], &[][..], 0), in_span]);
        assert_eq!(records[1].severity_text, "WARN");
        assert_no_findings(&recorder);
    }
}
