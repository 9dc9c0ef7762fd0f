//! Metrics of what libraries tell `tracing`.
#![cfg(feature = "metrics")]

use continuum_observability::{
    SpanMetrics, Telemetry, interop::tracing::ContinuumLayer, semconv::Conventions,
    testing::TestRecorder,
};
use tracing::subscriber::with_default;
use tracing_subscriber::{layer::SubscriberExt as _, registry};

/// The lines of the metrics that begin with `name`, after some work.
fn counted(conventions: Conventions, name: &str, work: impl FnOnce()) -> Vec<String> {
    let builder = Telemetry::builder().conventions(conventions);
    let recorder = TestRecorder::of(builder.metrics(SpanMetrics::new()));
    let subscriber = registry().with(ContinuumLayer::new("own"));
    with_default(subscriber, || recorder.run(work));
    let text = recorder.render_metrics();
    let lines = text.lines().filter(|line| line.starts_with(name));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

fn request(method: &str) {
    let request = tracing::info_span!(target: "tower_http::trace::make_span", "request", method);
    request.in_scope(|| {
        tracing::debug!(target: "tower_http::trace::on_response", status = 200, "finished");
    });
}

#[test]
fn requests_count_under_whatever_names_they_are_recorded() {
    for conventions in [Conventions::Stable, Conventions::Legacy, Conventions::Dup] {
        assert_eq!(
            counted(conventions, "continuum_requests_total", || request("GET")),
            ["continuum_requests_total{method=\"GET\",route=\"\",status=\"200\"} 1"]
        );
    }
}

#[test]
fn methods_that_anybody_can_make_up_are_one_series_whoever_made_the_span() {
    let seen = counted(Conventions::Stable, "continuum_requests_total", || {
        (0..3).for_each(|number| request(&format!("BREW{number}")));
        let by_hand =
            tracing::info_span!("own", otel.kind = "server", http.request.method = "POUR");
        drop(by_hand);
    });
    assert_eq!(
        seen,
        [
            "continuum_requests_total{method=\"_OTHER\",route=\"\",status=\"\"} 1",
            "continuum_requests_total{method=\"_OTHER\",route=\"\",status=\"200\"} 3",
        ]
    );
}

#[test]
fn a_statement_of_sqlx_counts_neither_as_a_success_nor_as_a_failure() {
    let seen = counted(
        Conventions::Stable,
        "continuum_db_query_duration_seconds_count",
        || {
            tracing::debug!(target: "sqlx::query", summary = "SELECT 1", elapsed_secs = 0.002);
        },
    );
    assert_eq!(
        seen,
        ["continuum_db_query_duration_seconds_count{operation=\"select\",success=\"\"} 1"]
    );
}
