//! What libraries say in their own words is recorded in those of the semantic conventions, whenever it is said.

use crate::world::{native, recorder};
use continuum_observability::{
    Context, Sampler, SpanContext, SpanKind, SpanLimits, Telemetry, TraceFlags, TraceState,
    interop::tracing::{ContinuumLayer, Rule, SpanExt as _},
    semconv::Conventions,
    testing::TestRecorder,
};
use tracing::{field::Empty, subscriber::with_default};
use tracing_subscriber::{layer::SubscriberExt as _, registry};

/// Runs with some rules more, and gives the tree.
fn tree(
    recorder: &TestRecorder,
    rules: impl IntoIterator<Item = Rule>,
    work: impl FnOnce(),
) -> String {
    let layer = ContinuumLayer::new("own");
    let layer = rules.into_iter().fold(layer, ContinuumLayer::with_rule);
    with_default(registry().with(layer), || recorder.run(work));
    recorder.tree()
}

fn statement() -> Rule {
    Rule::spans("db").attribute("sql", "db.query.text")
}

#[test]
fn a_statement_that_comes_late_has_no_literals_either() {
    let postgres = statement()
        .named("pg")
        .constant("db.system.name", "postgresql");
    let seen = tree(&TestRecorder::new(), [statement(), postgres], || {
        let span = tracing::info_span!(target: "db", "late", sql = Empty);
        span.record("sql", "SELECT id FROM t WHERE name = 'ann'");
        let other = tracing::info_span!(target: "db", "pg", sql = Empty);
        other.record("sql", "SELECT \"id\" FROM t WHERE name = 'ann'");
    });
    assert_eq!(
        seen,
        "late db.operation.name=SELECT db.query.text=SELECT id FROM t WHERE name = ?\n\
         pg db.system.name=postgresql db.operation.name=SELECT \
         db.query.text=SELECT \"id\" FROM t WHERE name = ?\n"
    );
}

#[test]
fn a_statement_that_came_before_the_parent_was_known_has_no_literals_either() {
    drop(recorder());
    let recorder = TestRecorder::with(
        Sampler::parent_based(Sampler::AlwaysOff),
        SpanLimits::default(),
    );
    let id = (0xabcd_u128.into(), 0x1234_u64.into());
    let remote = SpanContext::new(id.0, id.1, TraceFlags::SAMPLED, true, TraceState::EMPTY);
    let seen = tree(&recorder, [statement()], || {
        let span = tracing::info_span!(target: "db", "late", sql = Empty);
        span.record("sql", "SELECT id FROM t WHERE name = 'ann'");
        assert!(span.set_parent(&Context::root().with_remote_span_context(remote)));
    });
    assert_eq!(
        seen,
        "late db.operation.name=SELECT db.query.text=SELECT id FROM t WHERE name = ?\n"
    );
}

#[test]
fn what_an_event_says_of_its_span_has_no_literals_and_no_secrets_either() {
    let rule = Rule::events("db")
        .attribute_of_span("sql", "db.query.text")
        .attribute_of_span("uri", "url.path")
        .attribute_of_span("address", "url.full")
        .attribute_of_span("query", "url.query")
        .ignore();
    let seen = tree(&TestRecorder::new(), [rule], || {
        native().in_scope("statement", |_| {
            tracing::info!(target: "db", sql = "DELETE FROM t WHERE key = 'k'", uri = "/a?token=abc");
        });
        native().in_scope("address", |_| {
            tracing::info!(target: "db", address = "https://ann:pw@api.example/?token=abc");
        });
        native().in_scope(
            "query",
            |_| tracing::info!(target: "db", query = "token=abc"),
        );
    });
    assert_eq!(
        seen,
        "statement url.path=/a url.query=token=REDACTED db.operation.name=DELETE \
         db.query.text=DELETE FROM t WHERE key = ?\n\
         address url.full=https://REDACTED:REDACTED@api.example/?token=REDACTED\n\
         query url.query=token=REDACTED\n"
    );
}

/// A request as `tower-http` tells of it, and its answer.
fn request(method: &str, status: i64) {
    let request = tracing::info_span!(
        target: "tower_http::trace::make_span", "request", method, uri = "/", version = "HTTP/2.0"
    );
    request.in_scope(|| {
        tracing::debug!(target: "tower_http::trace::on_response", status, "finished");
    });
}

#[test]
fn a_method_that_anybody_can_make_up_is_one_value() {
    let seen = tree(&TestRecorder::new(), [], || request("BREW", 200));
    assert_eq!(
        seen,
        "HTTP [server] http.request.method=_OTHER http.request.method_original=BREW url.path=/ \
         network.protocol.version=2 http.response.status_code=200\n"
    );
}

#[test]
fn the_status_of_a_call_of_grpc_is_none_of_http() {
    let seen = tree(&TestRecorder::new(), [], || {
        request("POST", 5);
        native().in_scope("streamed", |_| {
            tracing::debug!(target: "tower_http::trace::on_eos", status = 0, "end of stream");
        });
    });
    assert_eq!(
        seen,
        "POST [server] http.request.method=POST url.path=/ network.protocol.version=2 \
         rpc.grpc.status_code=5\n\
         streamed rpc.grpc.status_code=0\n"
    );
}

#[test]
fn attributes_of_rules_have_the_names_of_the_conventions_that_are_asked_for() {
    let rules = || {
        [
            statement()
                .kind(SpanKind::Client)
                .constant("db.system.name", "sqlite"),
            Rule::events("db").attribute("rows", "db.response.returned_rows"),
        ]
    };
    let work = || {
        request("GET", 204);
        let query = tracing::info_span!(target: "db", "query", sql = "BEGIN", late = Empty);
        query.in_scope(|| tracing::info!(target: "db", rows = 7, "read"));
    };
    let event = |rows: &str| format!("  · read level=INFO target=db {rows}\n");
    let legacy = TestRecorder::with_conventions(Conventions::Legacy);
    assert_eq!(
        tree(&legacy, rules(), work),
        format!(
            "GET [server] http.method=GET url.path=/ http.flavor=2 http.status_code=204\n\
             query [client] db.system=sqlite db.operation=BEGIN db.statement=BEGIN\n{}",
            event("db.row_count=7")
        )
    );
    let both = TestRecorder::with_conventions(Conventions::Dup);
    assert_eq!(
        tree(&both, rules(), work),
        format!(
            "GET [server] http.request.method=GET http.method=GET url.path=/ \
             network.protocol.version=2 http.flavor=2 http.response.status_code=204 \
             http.status_code=204\n\
             query [client] db.system.name=sqlite db.system=sqlite db.operation.name=BEGIN \
             db.operation=BEGIN db.query.text=BEGIN db.statement=BEGIN\n{}",
            event("db.response.returned_rows=7 db.row_count=7")
        )
    );
}

#[test]
fn a_start_hook_sees_them_under_those_names_and_what_a_program_names_itself_stays() {
    let builder = Telemetry::builder().conventions(Conventions::Legacy);
    let recorder = TestRecorder::of(builder.on_start(|span, start| {
        let keys: Vec<_> = start.attributes.iter().map(|(key, _)| *key).collect();
        span.set_attribute("seen", keys.join(" "));
    }));
    let seen = tree(&recorder, [], || {
        drop(
            tracing::info_span!(target: "tower_http::trace::make_span", "request", method = "GET"),
        );
        drop(tracing::info_span!(target: "t", "own", http.request.method = "GET"));
    });
    assert_eq!(
        seen,
        "GET [server] http.method=GET seen=http.method\n\
         own http.request.method=GET seen=http.request.method\n"
    );
}
