//! What a Zipkin gets to see.

use super::{
    super::{network::server, sample},
    *,
};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue as ProtoValue, ArrayValue, any_value::Value},
    trace::v1::{Span, Status, span::Link},
};
use serde_json::{Value as Json, json};
use std::time::Duration;

fn zipkin(spans: impl IntoIterator<Item = Span>) -> Json {
    let decoded = decode_request(&sample::request(spans)).unwrap();
    let mut text = String::new();
    span::write_all(&mut text, &decoded);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_span_is_described_in_the_words_of_zipkin() {
    let item = ProtoValue {
        value: Some(Value::IntValue(7)),
    };
    let list = Value::ArrayValue(ArrayValue { values: vec![item] });
    let spans = zipkin([Span {
        kind: 3,
        attributes: vec![
            sample::string("peer.service", "store"),
            sample::string("server.address", "10.0.0.1"),
            sample::entry("list", list),
            sample::entry("flag", Value::BoolValue(true)),
            sample::entry("ratio", Value::DoubleValue(0.5)),
            sample::entry("bytes", Value::BytesValue(vec![1, 2])),
            sample::string("error", "of the user"),
        ],
        dropped_attributes_count: 2,
        events: vec![
            sample::event("plain", 5, vec![]),
            sample::event("retry", 6, vec![sample::string("why", "busy")]),
        ],
        status: Some(sample::failed("it broke")),
        ..sample::span("db.select", 2, Some(1))
    }]);
    let expected = json!([{
        "traceId": "ab".repeat(16),
        "id": "02".repeat(8),
        "parentId": "01".repeat(8),
        "name": "db.select",
        "kind": "CLIENT",
        "timestamp": 2_000,
        "duration": 10_000,
        "localEndpoint": {"serviceName": "tests"},
        "remoteEndpoint": {"serviceName": "store"},
        "annotations": [
            {"timestamp": 5_000, "value": "plain"},
            {"timestamp": 6_000, "value": "\"retry\":{\"why\":\"busy\"}"},
        ],
        "tags": {
            "bytes": "AQI=",
            "error": "it broke",
            "flag": "true",
            "list": "[7]",
            "otel.dropped_attributes_count": "2",
            "otel.scope.name": "sample",
            "otel.status_code": "ERROR",
            "peer.service": "store",
            "ratio": "0.5",
            "server.address": "10.0.0.1",
        },
    }]);
    assert_eq!(spans, expected);
}

#[test]
fn a_span_without_an_error_has_no_error_tag_whatever_it_says() {
    for (code, text) in [(0, None), (1, Some("OK"))] {
        let spans = zipkin([Span {
            attributes: vec![sample::string("error", "false")],
            status: Some(Status {
                code,
                ..Status::default()
            }),
            ..sample::span("s", 1, None)
        }]);
        let tags = &spans[0]["tags"];
        assert_eq!(tags.get("error"), None);
        assert_eq!(tags["otel.status_code"].as_str(), text);
    }
}

#[test]
fn links_are_tags_by_which_a_collector_finds_them_again() {
    let link = |id: u8, attributes| Link {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        trace_state: "a=1".to_owned(),
        attributes,
        dropped_attributes_count: id.into(),
        ..Link::default()
    };
    let spans = zipkin([Span {
        links: vec![
            link(1, vec![]),
            link(2, vec![sample::string("queue", "of \"ours\"")]),
        ],
        ..sample::span("s", 1, None)
    }]);
    let tags = &spans[0]["tags"];
    let (first, second) = (&tags["otlp.link.0"], &tags["otlp.link.1"]);
    let ids = |id: &str| format!("{}|{}", id.repeat(16), id.repeat(8));
    assert_eq!(first, &json!(format!("{}|a=1|{{}}|1", ids("01"))));
    let attributes = r#"{"queue":"of \"ours\""}"#;
    assert_eq!(second, &json!(format!("{}|a=1|{attributes}|2", ids("02"))));
}

#[test]
fn the_kind_is_one_of_four_or_absent() {
    let kinds = [0, 1, 2, 3, 4, 5, 9].map(|kind| {
        let span = Span {
            kind,
            ..sample::span("s", 1, None)
        };
        zipkin([span])[0]["kind"].as_str().map(str::to_owned)
    });
    let expected = [
        None,
        None,
        Some("SERVER"),
        Some("CLIENT"),
        Some("PRODUCER"),
        Some("CONSUMER"),
        None,
    ];
    assert_eq!(kinds.each_ref().map(Option::as_deref), expected);
}

#[test]
fn the_other_side_is_the_first_that_is_known_and_an_address_where_it_is_one() {
    let remote = |kind, attributes: &[(&str, &str)]| {
        let attributes = attributes.iter();
        let span = Span {
            kind,
            attributes: attributes
                .map(|(key, value)| sample::string(key, value))
                .collect(),
            ..sample::span("s", 1, None)
        };
        zipkin([span])[0]["remoteEndpoint"].clone()
    };
    let host = [("server.address", "db.internal"), ("server.port", "5432")];
    assert_eq!(
        remote(3, &host),
        json!({"serviceName": "db.internal", "port": 5432})
    );
    let address = [("network.peer.address", "10.1.2.3"), ("db.name", "store")];
    assert_eq!(remote(4, &address), json!({"ipv4": "10.1.2.3"}));
    let address = [("net.sock.peer.addr", "fe80::1"), ("server.address", "")];
    assert_eq!(remote(3, &address), json!({"ipv6": "fe80::1"}));
    assert_eq!(remote(2, &host), Json::Null);
    assert_eq!(remote(3, &[]), Json::Null);
}

#[test]
fn the_shortest_span_lasts_a_microsecond_and_no_spans_are_an_empty_list() {
    let span = sample::span("s", 1, None);
    let end_time_unix_nano = span.start_time_unix_nano + 3;
    let spans = zipkin([Span {
        end_time_unix_nano,
        ..span
    }]);
    assert_eq!(spans[0]["duration"], 1);
    assert_eq!(zipkin([]), json!([]));
}

#[test]
fn spans_are_posted_as_json_and_again_where_that_may_help() {
    let replies = [503, 202].map(|status| server::Reply::Answer(status, "", Vec::new()));
    let server = server::Server::start(replies.into());
    let mut config = EndpointConfig::new(format!("http://127.0.0.1:{}/api/v2/spans", server.port));
    config.retry.initial_backoff = Duration::from_millis(1);
    let bytes = sample::request([sample::span("root", 1, None)]);
    let result = ZipkinExporter::new(config).unwrap().export(
        &EncodedRequest::new(&bytes, 1),
        Instant::now() + Duration::from_secs(20),
    );
    assert_eq!(result.unwrap(), Exported::default());
    for received in server.finish() {
        assert_eq!(received.request_line, "POST /api/v2/spans HTTP/1.1");
        assert_eq!(received.header("content-type"), Some("application/json"));
        let spans: Json = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(spans[0]["name"], "root");
    }
}

#[test]
fn a_refusal_is_explained_in_the_words_of_the_server() {
    let refusal = server::Reply::Answer(400, "", b"no such field".to_vec());
    let server = server::Server::start(vec![refusal]);
    let config = EndpointConfig::new(format!("http://127.0.0.1:{}/", server.port));
    let bytes = sample::request([]);
    let result = ZipkinExporter::new(config).unwrap().export(
        &EncodedRequest::new(&bytes, 0),
        Instant::now() + Duration::from_secs(20),
    );
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with("answered 400 after 1 attempt: no such field ["),
        "{error}"
    );
}
