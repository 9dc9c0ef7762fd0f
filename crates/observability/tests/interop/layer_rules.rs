//! What a layer of one's own can be told: filters, places in the code, rules for libraries.

use crate::world::native;
use continuum_observability::{
    AnyValue, Sampler, SpanKind, SpanLimits,
    interop::tracing::{ContinuumLayer, Rule},
    testing::TestRecorder,
};
use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

/// Runs with a layer of one's own, and gives the tree.
fn tree(layer: ContinuumLayer, work: impl FnOnce()) -> String {
    let recorder = TestRecorder::new();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || recorder.run(work));
    recorder.tree()
}

fn layer() -> ContinuumLayer {
    ContinuumLayer::new("own")
}

#[test]
fn a_filter_decides_by_level_and_what_is_filtered_out_is_passed_over() {
    let recorder = TestRecorder::new();
    let subscriber = tracing_subscriber::registry()
        .with(layer().with_filter(LevelFilter::INFO))
        .with(ContinuumLayer::new("other").with_filter(LevelFilter::OFF));
    tracing::subscriber::with_default(subscriber, || {
        recorder.run(|| {
            tracing::info_span!("outer").in_scope(|| {
                tracing::debug_span!("hidden").in_scope(|| {
                    tracing::debug!(target: "t", "hidden");
                    tracing::info!(target: "t", "seen");
                    drop(tracing::info_span!("inner"));
                });
            });
        });
    });
    assert_eq!(
        recorder.tree(),
        "outer\n  · seen level=INFO target=t\n  inner\n"
    );
}

#[test]
fn events_have_a_level_of_their_own() {
    let seen = tree(layer().with_events(Level::WARN), || {
        tracing::debug_span!("work").in_scope(|| {
            tracing::info!(target: "t", "hidden");
            tracing::warn!(target: "t", "seen");
        });
    });
    assert_eq!(seen, "work\n  · seen level=WARN target=t\n");
}

#[test]
fn places_in_the_code_are_recorded_where_that_is_wanted() {
    let recorder = TestRecorder::new();
    let subscriber = tracing_subscriber::registry().with(layer().with_code(true));
    let line = line!() + 3;
    tracing::subscriber::with_default(subscriber, || {
        recorder.run(|| {
            tracing::info_span!("work", a = 1).in_scope(|| tracing::info!("event"));
        });
    });
    let [span] = &recorder.spans()[..] else {
        panic!("one span")
    };
    let text = |text: &str| AnyValue::String(text.to_owned());
    let expected = [
        ("code.file.path".to_owned(), text(file!())),
        ("code.line.number".to_owned(), AnyValue::Int(line.into())),
        ("code.module.name".to_owned(), text(module_path!())),
    ];
    assert_eq!(span.attributes[1..], expected);
    assert_eq!(span.events[0].attributes[2..], expected);
}

#[test]
fn a_request_of_tower_http_is_a_server_span_by_the_conventions() {
    let seen = tree(layer(), || {
        let uri = "/orders/7?token=abc&page=2";
        let request = tracing::debug_span!(
            target: "tower_http::trace::make_span", "request",
            method = %"GET", uri = %uri, version = ?format_args!("HTTP/1.1"),
            headers = ?["cookie: secret"]
        );
        request.in_scope(|| {
            tracing::debug!(target: "tower_http::trace::on_request", "started processing request");
            tracing::debug!(
                target: "tower_http::trace::on_response", latency = %"3 ms", status = 503,
                "finished processing request"
            );
            tracing::error!(
                target: "tower_http::trace::on_failure", latency = %"3 ms",
                classification = %"Status code: 503 Service Unavailable", "response failed"
            );
        });
    });
    assert_eq!(
        seen,
        "GET [server] ERROR(Status code: 503 Service Unavailable) http.request.method=GET \
         url.path=/orders/7 url.query=token=REDACTED&page=2 network.protocol.version=1.1 \
         http.response.status_code=503\n  \
           · exception exception.message=Status code: 503 Service Unavailable level=ERROR \
         target=tower_http::trace::on_failure message=response failed\n"
    );
}

#[test]
fn a_url_and_other_versions_are_told_apart() {
    let request = |uri: &str, version: &str| {
        drop(tracing::info_span!(target: "tower_http::trace::make_span", "request", uri, version));
    };
    let seen = tree(layer(), || {
        request("https://user:pw@api.example/a?key=1", "HTTP/2.0");
        request("*", "HTTP/1.0");
    });
    assert_eq!(
        seen,
        "request [server] url.full=https://REDACTED:REDACTED@api.example/a?key=1 \
         network.protocol.version=2\n\
         request [server] url.path=* network.protocol.version=1.0\n"
    );
}

#[test]
fn a_statement_that_sqlx_tells_of_is_a_span_without_literals() {
    let statement = |summary: &str, sql: &str| {
        tracing::debug!(
            target: "sqlx::query", summary, db.statement = sql, rows_affected = 0_u64, rows_returned = 2_u64,
            elapsed = ?std::time::Duration::from_millis(2), elapsed_secs = 0.002,
        );
    };
    let work = || {
        native().in_scope("work", |_| {
            statement(
                "SELECT id FROM orders …",
                "\n\nSELECT id FROM orders WHERE customer = 'ann@example.org'\n",
            );
            statement("BEGIN", "");
        });
    };
    let statements = |system: &str| {
        format!(
            "work\n  db.select [client] db.response.affected_rows=0 db.response.returned_rows=2{system} \
             db.operation.name=SELECT db.query.text=SELECT id FROM orders WHERE customer = ?\n  \
               db.begin [client] db.response.affected_rows=0 db.response.returned_rows=2{system} \
             db.operation.name=BEGIN db.query.text=BEGIN\n"
        )
    };
    assert_eq!(tree(layer(), work), statements(""));
    let known = layer().with_rule(Rule::sqlx("postgresql"));
    assert_eq!(tree(known, work), statements(" db.system.name=postgresql"));
}

#[test]
fn a_span_of_an_event_began_as_long_ago_as_the_event_says() {
    let recorder = TestRecorder::new();
    let rule = Rule::events("jobs").as_span("seconds").rename("job {id}");
    let subscriber = tracing_subscriber::registry().with(layer().with_rule(rule));
    tracing::subscriber::with_default(subscriber, || {
        recorder.run(|| {
            native().in_scope(
                "work",
                |_| tracing::info!(target: "jobs", id = 7, seconds = 2.5),
            );
            tracing::info!(target: "jobs", id = 8, seconds = -1.0);
        });
    });
    let lasted = |name: &str| {
        let spans = recorder.spans();
        let span = spans.iter().find(|span| span.name == name).unwrap();
        span.end_unix_nanos - span.start_unix_nanos
    };
    assert_eq!((lasted("job 7"), lasted("job 8")), (2_500_000_000, 0));
}

#[test]
fn what_is_ignored_passes_its_parent_on() {
    let seen = tree(layer(), || {
        native().in_scope("request", |_| {
            tracing::info_span!(target: "h2::proto", "Connection").in_scope(|| {
                tracing::info!(target: "hyper::proto", "flushed");
                drop(tracing::info_span!("inner"));
            });
        });
    });
    assert_eq!(seen, "request\n  inner\n");
}

#[test]
fn the_rule_that_came_last_counts_and_without_rules_nothing_is_changed() {
    let request = || {
        drop(
            tracing::info_span!(target: "tower_http::trace::make_span", "request", method = "GET"),
        );
    };
    let own = Rule::spans("tower_http")
        .kind(SpanKind::Consumer)
        .rename("own");
    assert_eq!(
        tree(layer().with_rule(own), request),
        "own [consumer] method=GET\n"
    );
    assert_eq!(
        tree(layer().without_rules(), request),
        "request method=GET\n"
    );
}

#[test]
fn a_rule_is_for_whole_modules() {
    let rule = || Rule::spans("app::db").rename("db");
    let spans = || {
        drop(tracing::info_span!(target: "app::db", "a"));
        drop(tracing::info_span!(target: "app::db::pool", "b"));
        drop(tracing::info_span!(target: "app::dbx", "c"));
    };
    assert_eq!(tree(layer().with_rule(rule()), spans), "db\ndb\nc\n");
    assert_eq!(
        tree(layer().with_rule(rule().named("b")), spans),
        "a\ndb\nc\n"
    );
}

/// Spans and events with fields of all kinds: long, secret, repeated, without a place.
fn all_kinds() {
    let long = "ä".repeat(100);
    let span = tracing::info_span!(
        target: "t", "work", int = -1, unsigned = u64::MAX, float = 0.5, truth = true, text = "a", shown = %7,
        empty = "", long, db.password = "secret", late = tracing::field::Empty
    );
    let _inside = span.enter();
    drop(tracing::info_span!(target: "t", "bare"));
    drop(
        tracing::info_span!(target: "t", "failed", a = 1, cause = &std::fmt::Error as &dyn std::error::Error),
    );
    tracing::info!(target: "t", rows = 7, long, "said {}", 7);
    tracing::info!(name: "named", target: "t", a = 1, "and said");
    tracing::info!(name: "exception", target: "t", rows = 1);
    tracing::info!(target: "t", level = "own", "twice");
    tracing::info!(target: "t", a = 1, b = 2, c = 3, d = 4, "many");
    tracing::warn!(target: "t", error = "refused", "again");
    span.record("late", "value");
}

#[test]
fn fields_are_the_same_whether_they_are_encoded_as_they_come_or_gathered() {
    let seen = |layer: ContinuumLayer, limits: SpanLimits| {
        let recorder = TestRecorder::with(Sampler::AlwaysOn, limits);
        let subscriber = tracing_subscriber::registry().with(layer.with_code(true));
        tracing::subscriber::with_default(subscriber, || recorder.run(all_kinds));
        (recorder.tree(), recorder.spans())
    };
    let mut small = SpanLimits::default();
    (small.attributes, small.value_length) = (3, 5);
    (small.events, small.attributes_per_event) = (4, 4);
    for limits in [SpanLimits::default(), small] {
        let (tree, spans) = seen(layer(), limits);
        // With a rule, one that says nothing, the fields are gathered.
        let gathered = layer()
            .with_rule(Rule::spans("t"))
            .with_rule(Rule::events("t"));
        let (expected, all) = seen(gathered, limits);
        assert_eq!(tree, expected);
        let dropped = |span: &continuum_observability::SpanRecord| {
            (span.dropped_attributes_count, span.dropped_events_count)
        };
        let counts = |spans: &[_]| spans.iter().map(dropped).collect::<Vec<_>>();
        assert_eq!(counts(&spans), counts(&all));
    }
}
