//! A collector of others, rotel, receives what this SDK sends and passes it on as it was recorded.
//!
//! The way of a span: `sent` records it and says what it must be on the wire, the OTLP exporter
//! sends it to the program in `collector`, which decodes it with protobuf types of its own and
//! sends it on to the sink in `collector`; here both ends are compared, field by field.
//!
//! Telemetry is set up once for a process, hence a binary of its own. The test is ignored by a plain
//! `cargo test`; `cargo xtask test` installs the program, puts its path into the variable
//! `CONTINUUM_TEST_ROTEL` and runs it.

#![cfg(all(feature = "gzip", feature = "otlp-grpc", feature = "otlp-http"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod collector;
mod sent;
mod value;

use self::collector::{Collector, Sink};
use continuum_observability::{
    Compression, OtlpConfig, OtlpProtocol, Sampler, SpanLimits, Telemetry, TelemetryBuilder,
};
use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, Span},
};
use prost::Message as _;
use std::{ffi::OsString, time::Duration};

const PLENTY: Duration = Duration::from_secs(30);

#[expect(
    clippy::disallowed_methods,
    reason = "says where the collector is, which is no setting of the SDK"
)]
fn program() -> Option<OsString> {
    std::env::var_os("CONTINUUM_TEST_ROTEL")
}

/// Just enough for the spans that are not meant to exceed them.
fn limits() -> SpanLimits {
    let count = u32::try_from(value::all().len()).unwrap();
    let mut limits = SpanLimits::default();
    limits.attributes = count;
    limits.attributes_per_event = count;
    limits.attributes_per_link = count;
    limits.events = sent::MAX_EVENTS;
    limits.links = sent::MAX_LINKS;
    limits
}

/// Every way in which OTLP is sent, as one after the other is tried.
fn ways(collector: &Collector) -> Vec<OtlpConfig> {
    let over = |protocol, compression| {
        let mut otlp = OtlpConfig::new(match protocol {
            OtlpProtocol::Grpc => collector.grpc_endpoint(),
            _ => collector.http_endpoint(),
        });
        otlp.protocol = Some(protocol);
        otlp.compression = Some(compression);
        otlp
    };
    let protocols = [OtlpProtocol::HttpProtobuf, OtlpProtocol::Grpc];
    let both = |protocol| [Compression::None, Compression::Gzip].map(|c| over(protocol, c));
    protocols.into_iter().flat_map(both).collect()
}

fn telemetry_by(way: OtlpConfig) -> TelemetryBuilder {
    let builder = Telemetry::builder()
        .exporter(way)
        .sampler(Sampler::parent_based(Sampler::AlwaysOn))
        .span_limits(limits())
        .service_name("assistant")
        .service_version("4.5.6");
    value::all()
        .into_iter()
        .fold(builder, |builder, (key, value, _)| {
            builder.resource_attribute(key, value)
        })
}

/// Takes from the sink until there are `count` spans.
fn received(sink: &Sink, count: usize) -> Vec<ResourceSpans> {
    let mut all = Vec::new();
    while spans_of(&all).count() < count {
        all.extend(sink.next(PLENTY).resource_spans);
    }
    all
}

fn spans_of(all: &[ResourceSpans]) -> impl Iterator<Item = sent::Sent> {
    let scopes = all.iter().flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|of_scope| {
        let with_scope = |span: &Span| (of_scope.scope.clone().unwrap(), span.clone());
        of_scope.spans.iter().map(with_scope)
    })
}

fn assert_resource(resource: &Resource) {
    let texts = [
        ("service.name", "assistant"),
        ("service.version", "4.5.6"),
        ("telemetry.sdk.name", "continuum-observability"),
        ("telemetry.sdk.language", "rust"),
    ];
    let texts = texts.map(|(key, text)| value::attribute(key, value::text(text)));
    for expected in value::all_sent().into_iter().chain(texts) {
        let same_key = |found: &&KeyValue| found.key == expected.key;
        let found: Vec<_> = resource.attributes.iter().filter(same_key).collect();
        assert_eq!(found, [&expected]);
    }
    assert_eq!(resource.dropped_attributes_count, 0);
}

#[test]
#[ignore = "needs the collector; `cargo xtask test` brings it and runs this"]
fn a_collector_of_others_receives_every_field_as_it_was_recorded() {
    let program = program().expect("CONTINUUM_TEST_ROTEL says where the collector is");
    let sink = Sink::start();
    let collector = Collector::start(&program, sink.address());
    for way in ways(&collector) {
        compare(way, &sink);
    }
}

fn compare(way: OtlpConfig, sink: &Sink) {
    let telemetry = telemetry_by(way).init().unwrap();
    let mut sent = sent::record();
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    assert_eq!(telemetry.stats().exported, sent.len() as u64);

    let received = received(sink, sent.len());
    for resource in &received {
        assert_resource(resource.resource.as_ref().unwrap());
    }
    let mut spans: Vec<_> = spans_of(&received).collect();
    let by_name = |(_, a): &sent::Sent, (_, b): &sent::Sent| a.name.cmp(&b.name);
    spans.sort_by(by_name);
    sent.sort_by(by_name);
    assert_eq!(spans.len(), sent.len(), "a span came twice");
    for (span, sent) in spans.iter().zip(&sent) {
        assert_eq!(span, sent);
        // Equal numbers can differ on the wire: 0.0 and -0.0.
        assert_eq!(span.1.encode_to_vec(), sent.1.encode_to_vec());
    }
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
}
