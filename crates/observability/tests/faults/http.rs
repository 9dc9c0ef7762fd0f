//! Faults of a receiver of OTLP over HTTP.

use crate::{
    PLENTY, alone,
    backend::{Backend, Fault, Protocol},
    ordeal::{
        BUDGET_BYTES, FLOOD, Lines, builder, endure, ordeal, over_grpc, over_http, prompt, recover,
    },
    record,
};
use continuum_observability::{FlushError, OtlpConfig, OtlpProtocol, Stats, Telemetry};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use std::thread;

/// What the sockets of both sides hold of an answer by themselves.
const ON_THE_WAY: u64 = 12 << 20;

fn survives(fault: Fault, remedy: &str) -> Stats {
    let backend = Backend::start(Protocol::Http, Fault::None);
    ordeal(over_http(&backend), &backend, fault, remedy)
}

#[test]
fn a_backend_that_is_down_costs_spans_until_it_is_up_again() {
    let _alone = alone();
    let address = Backend::nowhere();
    let mut otlp = OtlpConfig::new(format!("http://{address}"));
    otlp.protocol = Some(OtlpProtocol::HttpProtobuf);
    let (builder, lines) = builder(otlp);
    let telemetry = builder.init().unwrap();
    let (stats, line) = endure(&telemetry, &lines);
    assert_eq!(stats.dropped(), FLOOD, "{stats:?}");
    let remedy = "start the collector or correct the endpoint";
    assert!(
        line.contains(&address.to_string()) && line.contains(remedy),
        "{line}"
    );
    let backend = Backend::start_at(address, Protocol::Http, Fault::None);
    recover(&telemetry, &lines, &backend);
}

#[test]
fn a_backend_that_says_nothing_is_waited_for_by_the_export_thread_alone() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, lines) = builder(over_http(&backend));
    let telemetry = prompt(builder).init().unwrap();
    record(1);
    backend.wait_for_request();

    // The answer is held back until all of these have ended.
    let flood = || record(FLOOD);
    let threads: Vec<_> = (0..4)
        .map(|_| thread::Builder::new().spawn(flood).unwrap())
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let stats = telemetry.stats();
    assert_eq!((stats.started, stats.exported), (4 * FLOOD + 1, 0));
    assert_eq!(backend.requests(), 1);
    assert!(stats.dropped_budget_spent > 0, "{stats:?}");
    assert!(stats.peak_queued_bytes <= BUDGET_BYTES, "{stats:?}");

    backend.set(Fault::None);
    // Tried again, since the connection broke, and taken with what was kept.
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()), "{:?}", lines.all());
    let stats = telemetry.stats();
    assert_eq!((stats.exported, stats.pending), (backend.spans(), 0));
    assert_eq!(stats.dropped(), stats.dropped_budget_spent);
}

#[test]
fn a_backend_that_never_answers_in_time_is_given_up_at_the_deadline() {
    survives(
        Fault::Silent,
        "raise the export timeout or check the collector",
    );
}

#[test]
fn a_backend_that_answers_with_one_byte_a_second_is_given_up_at_the_deadline() {
    survives(
        Fault::Drip,
        "raise the export timeout or check the collector",
    );
}

#[test]
fn a_backend_that_asks_for_a_long_pause_is_not_waited_for() {
    let overloaded = "the receiver is overloaded or restarting";
    let busy = survives(Fault::Status(429, "Retry-After: 3600\r\n", ""), overloaded);
    assert!(busy.dropped_export_failed > 0);
    assert_eq!(busy.refused, 0, "it may come later");
    survives(
        Fault::Status(503, "Retry-After: 3600\r\n", "busy"),
        overloaded,
    );
}

#[test]
fn a_backend_that_refuses_spans_is_asked_once_and_quoted() {
    let refused = survives(
        Fault::Status(400, "", "cannot parse spans"),
        "cannot parse spans",
    );
    assert!(refused.refused > 0);
    assert_eq!(refused.refused, refused.dropped_export_failed);
    survives(Fault::Status(401, "", ""), "check the credentials");
    survives(Fault::Status(404, "", ""), "check the path");
    survives(Fault::Status(413, "", ""), "lower the batch size");
}

#[test]
fn a_backend_that_hangs_up_is_named() {
    survives(
        Fault::HangUp,
        "look into the collector's log or correct the endpoint",
    );
}

#[test]
fn a_backend_that_closes_its_half_of_the_connection_is_named() {
    survives(
        Fault::HalfClosed,
        "look into the collector's log or correct the endpoint",
    );
}

#[test]
fn headers_that_never_end_are_not_read_to_their_end() {
    survives(Fault::EndlessHeaders, "not a receiver for this exporter");
}

#[test]
fn something_that_speaks_another_protocol_is_recognised() {
    survives(Fault::Nonsense, "not a receiver for this exporter");
}

#[test]
fn a_backend_that_reads_one_byte_a_second_is_given_up_at_the_deadline() {
    survives(
        Fault::Sip,
        "raise the export timeout or check the collector",
    );
}

#[test]
fn a_body_that_never_ends_does_not_undo_a_success() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::EndlessBody);
    let (builder, lines) = builder(over_http(&backend));
    let telemetry = builder.export_timeout(PLENTY).init().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| thread::Builder::new().spawn(|| record(FLOOD)).unwrap())
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()), "{:?}", lines.all());
    let stats = telemetry.stats();
    assert!(stats.exported > 0, "{stats:?}");
    assert_eq!(stats.exported + stats.dropped_budget_spent, 4 * FLOOD);
    assert!(stats.peak_queued_bytes <= BUDGET_BYTES, "{stats:?}");
    let sent = backend.longest_answer();
    assert!((1..ON_THE_WAY).contains(&sent), "{sent}");
    let said = lines.all();
    let summaries = said.iter().filter(|line| line.contains("were lost:"));
    assert_eq!(summaries.count(), said.len(), "{said:?}");
}

/// Takes a request but for three of its spans.
fn partial_success() -> Fault {
    let partial_success = Some(ExportTracePartialSuccess {
        rejected_spans: 3,
        error_message: "too old".to_owned(),
    });
    Fault::Says(ExportTraceServiceResponse { partial_success }.encode_to_vec())
}

#[test]
fn of_a_flood_that_a_backend_takes_in_part_every_span_is_counted() {
    for (protocol, otlp) in [
        (Protocol::Http, over_http as fn(&Backend) -> OtlpConfig),
        (Protocol::Grpc, over_grpc),
    ] {
        let _alone = alone();
        let backend = Backend::start(protocol, partial_success());
        let (builder, lines) = builder(otlp(&backend));
        let telemetry = builder.export_timeout(PLENTY).init().unwrap();
        let (stats, line) = endure(&telemetry, &lines);
        // The last request may have fewer spans than that.
        let rejected = 3 * backend.requests();
        assert!(
            (rejected - 2..=rejected).contains(&stats.dropped_rejected),
            "{stats:?}"
        );
        assert!(stats.exported > stats.dropped_rejected, "{stats:?}");
        assert!(line.contains("spans rejected: too old; "), "{line}");
        backend.set(Fault::None);
        recover(&telemetry, &lines, &backend);
    }
}

#[test]
fn spans_that_a_backend_rejects_are_counted_and_the_others_are_delivered() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, partial_success());
    let (builder, lines) = builder(over_http(&backend));
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record(10);
    assert_eq!(telemetry.force_flush(PLENTY), Err(FlushError::SpansLost));
    let stats = telemetry.stats();
    assert_eq!(
        (stats.dropped_rejected, stats.exported),
        (3, 7),
        "{stats:?}"
    );
    let expected = format!(
        "3 of 10 spans rejected: too old; look into the receiver's log, and at its limits \
         [http://{}/v1/traces]",
        backend.address
    );
    assert_eq!(lines.all(), [expected]);
    backend.set(Fault::None);
    recover(&telemetry, &lines, &backend);
}

/// Names below `invalid` have no address, by RFC 2606.
fn to_an_unknown_host(protocol: OtlpProtocol) -> (Telemetry, Lines) {
    let mut otlp = OtlpConfig::new("http://collector.invalid:4319");
    otlp.protocol = Some(protocol);
    let (builder, lines) = builder(otlp);
    (builder.init().unwrap(), lines)
}

#[test]
fn a_host_without_an_address_is_named_with_the_remedy() {
    for protocol in [OtlpProtocol::HttpProtobuf, OtlpProtocol::Grpc] {
        let _alone = alone();
        let (telemetry, lines) = to_an_unknown_host(protocol);
        let (stats, line) = endure(&telemetry, &lines);
        assert_eq!(stats.dropped(), FLOOD);
        // By a name server; one that is away is spoken of otherwise.
        let reason = "the name of the host ";
        assert!(
            line.contains(reason) && line.contains("collector.invalid:4319"),
            "{line}"
        );
    }
}
