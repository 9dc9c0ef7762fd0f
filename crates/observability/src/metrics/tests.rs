//! What is counted of which spans, read as it is scraped.

use super::{Operation, SpanMetrics, sdk, series::MAX_SERIES};
use crate::{
    Context, Sampler, SpanId, SpanKind, SpanRef, Status, Telemetry, TelemetryBuilder, TraceId,
    get_tracer,
    layers::{cache::*, database::*, federation::*, memory::*, report::Level},
    semconv::Conventions,
    testing::TestRecorder,
};
use std::{collections::BTreeSet, time::Duration};

fn measured(sampler: Sampler) -> TelemetryBuilder {
    Telemetry::builder()
        .sampler(sampler)
        .metrics(SpanMetrics::new())
}

fn recorder(sampler: Sampler) -> TestRecorder {
    TestRecorder::of(measured(sampler))
}

/// The samples of the metrics whose names contain `name`, without buckets and sums.
fn samples(recorder: &TestRecorder, name: &str) -> Vec<String> {
    let text = recorder.render_metrics();
    let is_wanted = |line: &&str| {
        let is_number =
            !line.starts_with('#') && !line.contains("_bucket") && !line.contains("_sum");
        is_number && line.contains(name)
    };
    let mut lines: Vec<_> = text.lines().filter(is_wanted).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn operate() {
    trace_recall("?").in_scope(|_| ());
    let _failed = trace_recall("?").run_sync(|_| Err::<(), _>("no"));
    trace_graph_traversal("c").in_scope(|_| ());
    drop(trace_query("SELECT 1").table("turns").start());
    let slow = trace_query("DELETE FROM t").slow_after(Duration::ZERO);
    slow.in_scope(|_| ());
    let _rolled_back = trace_transaction().run_sync(|_| Err::<(), _>("no"));
    trace_cache_operation("GET", "k").in_scope(|span| span.cache_hit("k"));
    let guard = trace_cache_operation("GET", "k").start_as_current();
    guard.cache_miss("k");
    guard.set_status(Status::error("gone"));
    drop(guard);
    trace_sync_operation("push").in_scope(|_| ());
    trace_peer_communication("p", "heartbeat").in_scope(|_| ());
    trace_consensus_operation("vote", 3).in_scope(|_| ());
}

const OPERATED: [&str; 24] = [
    "continuum_cache_errors_total{operation=\"get\"} 1",
    "continuum_cache_hits_total 1",
    "continuum_cache_misses_total 1",
    "continuum_cache_operation_duration_seconds_count{operation=\"get\",success=\"false\"} 1",
    "continuum_cache_operation_duration_seconds_count{operation=\"get\",success=\"true\"} 1",
    "continuum_cache_operations_total{operation=\"get\"} 2",
    "continuum_db_errors_total",
    "continuum_db_query_duration_seconds_count{operation=\"delete\",success=\"true\"} 1",
    "continuum_db_query_duration_seconds_count{operation=\"select\",success=\"true\"} 1",
    "continuum_db_slow_queries_total{operation=\"delete\"} 1",
    "continuum_db_transaction_duration_seconds_count{success=\"false\"} 1",
    "continuum_db_transaction_errors_total 1",
    "continuum_federation_consensus_duration_seconds_count{operation=\"vote\",success=\"true\"} 1",
    "continuum_federation_message_latency_seconds_count{operation=\"heartbeat\",success=\"true\"} 1",
    "continuum_federation_messages_sent_total{operation=\"heartbeat\"} 1",
    "continuum_federation_operation_duration_seconds_count{operation=\"push\",success=\"true\"} 1",
    "continuum_federation_sync_success_total{operation=\"push\"} 1",
    "continuum_memory_graph_traversal_duration_seconds_count{success=\"true\"} 1",
    "continuum_memory_operations_total{operation=\"graph_traversal\",success=\"true\"} 1",
    "continuum_memory_operations_total{operation=\"recall\",success=\"false\"} 1",
    "continuum_memory_recall_duration_seconds_count{success=\"false\"} 1",
    "continuum_memory_recall_duration_seconds_count{success=\"true\"} 1",
    "continuum_memory_recall_errors_total 1",
    "continuum_memory_recalls_total 2",
];

#[test]
fn spans_are_measured_whether_or_not_they_are_sampled() {
    let parent_based = Sampler::parent_based(Sampler::TraceIdRatio(0.0));
    for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff, parent_based] {
        let recorder = recorder(sampler);
        recorder.run(operate);
        let samples = samples(&recorder, "continuum_");
        for expected in OPERATED {
            let is_there = samples.iter().any(|sample| sample.starts_with(expected));
            assert!(is_there, "{expected} in {samples:#?}");
        }
    }
}

#[test]
fn what_is_sampled_out_is_measured_and_goes_nowhere() {
    let recorder = recorder(Sampler::AlwaysOff);
    recorder.run(|| {
        trace_recall("?").in_scope(|span| {
            assert!(!span.span_context().is_sampled());
            let child = get_tracer("test").start_span("child");
            assert!(!child.is_recording(), "of which there are no metrics");
            trace_cache_operation("GET", "k").in_scope(|_| ());
        });
    });
    assert_eq!(recorder.tree(), "");
    let stats = recorder.stats();
    assert_eq!((stats.started, stats.sampled_out, stats.pending), (3, 3, 0));
    assert_eq!(
        samples(&recorder, "recalls"),
        ["continuum_memory_recalls_total 1"]
    );
    assert!(!recorder.render_metrics().contains("trace_id"));
}

#[test]
fn a_span_ends_once_and_is_measured_once() {
    let recorder = recorder(Sampler::AlwaysOn);
    recorder.run(|| {
        let span = trace_recall("?").start();
        span.end();
        span.end();
    });
    assert_eq!(
        samples(&recorder, "recalls"),
        ["continuum_memory_recalls_total 1"]
    );
}

#[test]
fn spans_that_others_made_are_measured_by_name_and_kind() {
    let recorder = recorder(Sampler::AlwaysOff);
    let start = |name: &str, kind| drop(get_tracer("other").span_builder(name).kind(kind).start());
    recorder.run(|| {
        start("memory.recall", SpanKind::Internal);
        start("memory.recall", SpanKind::Client);
        start("memory.warm_up", SpanKind::Internal);
        start("db.select", SpanKind::Client);
        start("db.select", SpanKind::Internal);
        start("federation.sync", SpanKind::Client);
        start("POST /rpc", SpanKind::Server);
    });
    assert_eq!(
        samples(&recorder, "_count"),
        [
            "continuum_db_query_duration_seconds_count{operation=\"select\",success=\"true\"} 1",
            "continuum_memory_operation_duration_seconds_count{operation=\"recall\",success=\"true\"} 1",
            "continuum_memory_recall_duration_seconds_count{success=\"true\"} 1",
        ]
    );
}

fn request(route: &str, status: i64, more: impl FnOnce(&SpanRef)) {
    let request = get_tracer("server")
        .span_builder("GET")
        .kind(SpanKind::Server);
    request.in_scope(|span| {
        span.set_conventional("http.request.method", "GET");
        span.set_conventional("http.response.status_code", status);
        span.set_attribute("http.route", route);
        more(span);
    });
}

#[test]
fn a_request_has_its_method_route_and_status_under_any_names() {
    for conventions in [Conventions::Stable, Conventions::Legacy, Conventions::Dup] {
        let builder = measured(Sampler::AlwaysOff).conventions(conventions);
        let recorder = TestRecorder::of(builder);
        recorder.run(|| {
            request("/a", 200, |_| ());
            request("/a", 503, |span| {
                span.error_type("503");
                span.set_status(Status::error(""));
            });
        });
        assert_eq!(
            samples(&recorder, "s_total{method"),
            [
                "continuum_api_errors_total{method=\"GET\",route=\"/a\",error_type=\"503\"} 1",
                "continuum_errors_total{method=\"GET\",route=\"/a\",status=\"200\"} 0",
                "continuum_errors_total{method=\"GET\",route=\"/a\",status=\"503\"} 1",
                "continuum_requests_total{method=\"GET\",route=\"/a\",status=\"200\"} 1",
                "continuum_requests_total{method=\"GET\",route=\"/a\",status=\"503\"} 1",
            ]
        );
    }
}

#[test]
fn there_are_so_many_tenants_and_the_others() {
    let metrics = SpanMetrics::new().tenants(2);
    let recorder = TestRecorder::of(Telemetry::builder().metrics(metrics));
    recorder.run(|| {
        for tenant in ["a", "b", "c", "d", "a"] {
            trace_recall("?").tenant_id(tenant).in_scope(|_| ());
        }
        trace_recall("?").in_scope(|_| ());
    });
    assert_eq!(
        samples(&recorder, "recalls"),
        [
            "continuum_memory_recalls_total{tenant_id=\"\"} 1",
            "continuum_memory_recalls_total{tenant_id=\"a\"} 2",
            "continuum_memory_recalls_total{tenant_id=\"b\"} 1",
            "continuum_memory_recalls_total{tenant_id=\"other\"} 2",
        ]
    );
}

#[test]
fn tenants_are_no_label_unless_asked_for() {
    let recorder = recorder(Sampler::AlwaysOn);
    recorder.run(|| trace_recall("?").tenant_id("acme").in_scope(|_| ()));
    assert!(!recorder.render_metrics().contains("acme"));
}

#[test]
fn routes_without_end_share_a_series() {
    let recorder = recorder(Sampler::AlwaysOff);
    recorder.run(|| {
        for number in 0..MAX_SERIES + 50 {
            request(&format!("/{number}"), 200, |_| ());
        }
    });
    let requests = samples(&recorder, "requests_total");
    assert_eq!(requests.len(), MAX_SERIES + 1);
    let other = "continuum_requests_total{method=\"other\",route=\"other\",status=\"other\"} 50";
    assert!(requests.iter().any(|sample| sample == other));
}

#[test]
fn labels_are_short_and_stay_on_their_line() {
    let recorder = recorder(Sampler::AlwaysOff);
    recorder.run(|| {
        request(&"ä".repeat(1_000), 200, |_| ());
        request("a\"b\\c\nd\u{1f}e", 200, |_| ());
    });
    let routes = samples(&recorder, "requests_total");
    let cut = format!("route=\"{}\"", "ä".repeat(64));
    assert!(routes.iter().any(|sample| sample.contains(&cut)));
    let escaped = "route=\"a\\\"b\\\\c\\nd\"";
    assert!(
        routes.iter().any(|sample| sample.contains(escaped)),
        "{routes:?}"
    );
}

#[test]
fn an_exemplar_is_a_span_that_is_exported() {
    let recorder = recorder(Sampler::AlwaysOn);
    recorder.run(|| trace_recall("?").in_scope(|_| ()));
    let span = recorder.spans().remove(0);
    let trace = TraceId::from_bytes(span.trace_id);
    let id = SpanId::from_bytes(span.span_id);
    let exemplar = format!("# {{trace_id=\"{trace}\",span_id=\"{id}\"}} ");
    let text = recorder.render_metrics();
    let marked: Vec<_> = text
        .lines()
        .filter(|line| line.contains(&exemplar))
        .collect();
    assert_eq!(marked.len(), 2, "{text}");
    assert!(marked[0].starts_with("continuum_memory_operation_duration_seconds_bucket{le="));
}

#[test]
fn a_trace_that_may_be_thrown_away_is_no_exemplar_unless_it_fails() {
    let metrics = SpanMetrics::new();
    let recorder = TestRecorder::of(Telemetry::builder().sampling_rate(0.0).metrics(metrics));
    recorder.run(|| trace_recall("?").in_scope(|_| ()));
    assert!(!recorder.render_metrics().contains("trace_id"));
    let _failed = recorder.run(|| trace_recall("?").run_sync(|_| Err::<(), _>("no")));
    let text = recorder.render_metrics();
    let failed = TraceId::from_bytes(recorder.spans().remove(0).trace_id);
    assert!(text.contains(&format!("trace_id=\"{failed}\"")), "{text}");
}

#[test]
fn what_must_not_be_traced_is_not_measured() {
    let recorder = recorder(Sampler::AlwaysOn);
    recorder.run(|| {
        let _quiet = Context::current().with_telemetry_disabled().attach();
        trace_recall("?").in_scope(|_| ());
    });
    assert_eq!(samples(&recorder, "recalls"), Vec::<String>::new());
}

#[test]
fn threads_that_count_at_once_lose_nothing() {
    let recorder = recorder(Sampler::AlwaysOff);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                recorder.run(|| (0..500).for_each(|_| trace_recall("?").in_scope(|_| ())));
            });
        }
        scope.spawn(|| (0..20).for_each(|_| drop(recorder.render_metrics())));
    });
    assert_eq!(
        samples(&recorder, "recalls"),
        ["continuum_memory_recalls_total 2000"]
    );
}

#[test]
fn the_sdk_tells_of_its_spans_also_without_other_metrics() {
    let recorder = TestRecorder::with(Sampler::AlwaysOff, crate::SpanLimits::default());
    recorder.run(|| trace_recall("?").in_scope(|_| ()));
    let text = recorder.render_metrics();
    assert!(
        text.contains("\ncontinuum_sdk_spans_started_total 1\n"),
        "{text}"
    );
    assert!(text.contains("\ncontinuum_sdk_spans_sampled_out_total 1\n"));
    assert!(text.contains("\ncontinuum_sdk_spans_dropped_total{reason=\"budget_spent\"} 0\n"));
    assert!(text.ends_with("\n# EOF\n"));
    assert!(!text.contains("recall"));
}

/// Name, type and labels of every metric.
fn described() -> BTreeSet<(String, &'static str, Vec<&'static str>)> {
    let of_operation = Operation::ALL.iter().flat_map(|operation| {
        let names =
            |labels: &[super::catalogue::Label]| labels.iter().map(|it| it.name()).collect();
        let durations = operation.durations().iter();
        let durations =
            durations.map(move |it| (it.name.to_owned(), "histogram", names(it.labels)));
        let counters = operation.counters().iter();
        durations.chain(counters.map(move |it| (it.name.to_owned(), "counter", names(it.labels))))
    });
    let counter = |name: &str, labels| (format!("{name}_total"), "counter", labels);
    let of_sdk = sdk::COUNTERS.map(|(name, ..)| counter(name, vec![]));
    let gauges = sdk::GAUGES.map(|(name, ..)| (name.to_owned(), "gauge", vec![]));
    let levels = Level::ALL.map(|level| (level.gauge().name.to_owned(), "gauge", vec![]));
    let dropped = counter(sdk::DROPPED, vec!["reason"]);
    of_operation
        .chain(of_sdk)
        .chain(gauges)
        .chain(levels)
        .chain([dropped])
        .collect()
}

#[test]
fn the_page_lists_every_metric_with_its_type_and_labels_and_no_other() {
    let page = include_str!("../../../../docs/semantic-conventions.md");
    let (_, section) = page.split_once("\n## Metrics\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let quoted = |cell: &'static str| cell.split('`').skip(1).step_by(2);
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let mut listed = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let name = quoted(cells[0]).next().unwrap();
        let is_new = listed.insert((name.to_owned(), cells[1], quoted(cells[2]).collect()));
        assert!(is_new, "{name} is listed twice");
    }
    assert_eq!(listed, described());
}

#[test]
fn each_metric_is_described_once_with_its_type_and_its_unit() {
    let recorder = recorder(Sampler::AlwaysOff);
    recorder.run(|| {
        operate();
        request("/a", 200, |_| ());
    });
    let text = recorder.render_metrics();
    let told = |what: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(what));
        let told: Vec<_> = lines.filter_map(|line| line.split_once(' ')).collect();
        let names: BTreeSet<_> = told.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), told.len(), "one is described twice: {text}");
        told
    };
    let helped = told("# HELP ");
    assert!(helped.iter().all(|(_, help)| !help.is_empty()), "{text}");
    for (name, help) in &helped {
        let is_in_bytes = help.contains("memory of ") || help.contains("bytes");
        assert_eq!(name.ends_with("_bytes"), is_in_bytes, "{name}: {help}");
    }
    let expected: BTreeSet<_> = described()
        .into_iter()
        .map(|(name, kind, _)| match kind {
            "counter" => (name.trim_end_matches("_total").to_owned(), kind),
            "histogram" => {
                assert!(name.ends_with("_seconds"), "{name}");
                (name, kind)
            }
            _ => (name, kind),
        })
        .collect();
    let types: BTreeSet<_> = told("# TYPE ")
        .into_iter()
        .map(|(name, kind)| (name.to_owned(), kind))
        .collect();
    // What nothing was counted of yet is left out.
    assert!(types.is_subset(&expected), "{types:?}");
    assert!(types.contains(&("continuum_sdk_spans_pending".to_owned(), "gauge")));
    assert_eq!(helped.len(), types.len());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let is_of = |(family, kind): &(String, &str)| match *kind {
            "counter" => name == format!("{family}_total"),
            "histogram" => ["_bucket", "_sum", "_count"]
                .iter()
                .any(|end| name == format!("{family}{end}")),
            _ => name == family.as_str(),
        };
        assert_eq!(types.iter().filter(|it| is_of(it)).count(), 1, "{line}");
    }
}
