//! `/metrics` of a running server, as Prometheus scrapes it.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::Path,
};

use ureq::Agent;

use crate::serving::Serving;

/// The header and the text of a scrape.
fn scrape(url: &str) -> (String, String) {
    let config = Agent::config_builder().proxy(None).build();
    let mut reply = Agent::from(config).get(url).call().unwrap();
    let content_type = reply.headers()["content-type"].to_str().unwrap().to_owned();
    (content_type, reply.body_mut().read_to_string().unwrap())
}

fn has_sample(text: &str, sample: &str) {
    let found = text.lines().any(|line| line.starts_with(sample));
    assert!(found, "{sample} in {text}");
}

/// Holds the text to the rules of `OpenMetrics` that a scrape depends on: each sample belongs to the metric
/// described last, none is there twice, exemplars are in buckets alone, and it has an end.
fn check_format(text: &str) {
    let (body, end) = text.split_at(text.len() - "# EOF\n".len());
    assert_eq!(end, "# EOF\n");
    let (mut described, mut current, mut seen) = (HashSet::new(), String::new(), HashSet::new());
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            rest.split(' ').next().unwrap().clone_into(&mut current);
            assert!(
                described.insert(current.clone()),
                "{current} is described twice"
            );
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, current);
            let kinds = ["counter", "gauge", "histogram", "info"];
            assert!(kinds.contains(&kind), "{line}");
        } else {
            let (sample, exemplar) = match line.split_once(" # ") {
                Some((sample, exemplar)) => (sample, Some(exemplar)),
                None => (line, None),
            };
            let (series, value) = sample.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            let ending = name.strip_prefix(&*current).unwrap();
            assert!(
                ["", "_total", "_bucket", "_count", "_sum", "_info"].contains(&ending),
                "{line}"
            );
            assert!(exemplar.is_none() || ending == "_bucket", "{line}");
            assert!(seen.insert(series.to_owned()), "{series} is there twice");
        }
    }
}

fn start(dir: &Path, variables: &[(&str, &str)]) -> (Serving, String) {
    Serving::start_with_metrics(&dir.join("data"), &dir.join("traces.jsonl"), variables)
}

#[test]
fn requests_are_counted_also_where_all_are_sampled_out() {
    let dir = tempfile::tempdir().unwrap();
    let variables = [("OTEL_TRACES_SAMPLER", "always_off")];
    let (mut serving, url) = start(dir.path(), &variables);
    let key = serving.key();
    serving.learn(&key);
    serving.recall(&key);
    serving.recall(&key);

    let (content_type, text) = scrape(&url);
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    check_format(&text);
    let target = text.lines().nth(2).unwrap();
    assert!(target.starts_with("target_info{"), "{text}");
    assert!(target.contains("service_name=\""), "{target}");
    let request = r#"method="POST",route="/v1/recall",status="200"} 2"#;
    has_sample(&text, &format!("continuum_requests_total{{{request}"));
    has_sample(
        &text,
        &format!("continuum_request_duration_seconds_count{{{request}"),
    );
    has_sample(&text, "continuum_memory_recalls_total 2");
    has_sample(&text, "continuum_memory_learns_total 1");
    has_sample(
        &text,
        r#"continuum_cache_operations_total{operation="get"} 2"#,
    );
    has_sample(&text, "continuum_cache_misses_total 1");
    has_sample(&text, "continuum_cache_hits_total 1");
    has_sample(
        &text,
        r#"continuum_db_query_duration_seconds_count{operation="insert""#,
    );
    has_sample(&text, "continuum_sdk_spans_exported_total 0");
    assert!(!text.contains("acme"), "no name of a tenant");
    assert!(
        !text.contains("trace_id"),
        "no trace that nobody can look up"
    );
    assert_eq!(serving.stop("-TERM"), Some(0));
    let spans = fs::read_to_string(dir.path().join("traces.jsonl")).unwrap();
    assert_eq!(spans, "", "what is measured is not exported");
}

#[test]
fn an_exemplar_is_in_the_exported_spans_and_tenants_are_told_apart_where_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (mut serving, url) = start(dir.path(), &[("CONTINUUM_METRICS_TENANTS", "10")]);
    let key = serving.key();
    serving.learn(&key);
    serving.recall(&key);
    let (_, text) = scrape(&url);
    check_format(&text);
    has_sample(
        &text,
        r#"continuum_memory_recalls_total{tenant_id="acme"} 1"#,
    );
    let exemplars: BTreeSet<_> = text
        .lines()
        .filter(|line| line.starts_with("continuum_memory_recall_duration_seconds_bucket"))
        .filter_map(|line| line.split_once("trace_id=\"")?.1.split('"').next())
        .collect();
    assert_eq!(exemplars.len(), 1, "{text}");
    assert_eq!(serving.stop("-TERM"), Some(0));
    let spans = fs::read_to_string(dir.path().join("traces.jsonl")).unwrap();
    for trace_id in exemplars {
        assert!(
            spans.contains(&format!("\"traceId\":\"{trace_id}\"")),
            "{trace_id}"
        );
    }
}

#[test]
fn metrics_that_are_switched_off_are_those_of_the_sdk_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (serving, url) = start(dir.path(), &[("OTEL_METRICS_ENABLED", "false")]);
    serving.learn(&serving.key());
    let (_, text) = scrape(&url);
    check_format(&text);
    assert!(!text.contains("continuum_requests"), "{text}");
    has_sample(&text, "continuum_sdk_spans_started_total ");
}

#[test]
fn the_api_itself_has_no_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let (serving, _) = start(dir.path(), &[]);
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None);
    let url = format!("http://{}/metrics", serving.addr);
    let reply = Agent::from(config.build()).get(url).call().unwrap();
    assert_eq!(reply.status().as_u16(), 404);
}
