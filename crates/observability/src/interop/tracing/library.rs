//! The rules for libraries that many services use.
//!
//! | target | name | becomes |
//! |---|---|---|
//! | `tower_http::trace::make_span` | `request` | `[server] {http.request.method}` with `url.path`, `url.query`, `network.protocol.version`; headers are left out |
//! | `tower_http::trace::on_response` | event | `http.response.status_code` of the request's span |
//! | `sqlx::query` | event | `[client] db.<operation>` with `db.query.text` and the numbers of rows, begun when the statement was |
//! | `h2`, `hyper`, `hyper_util`, `tower` | any span, any event | nothing: the inside of connections |
//!
//! What `reqwest-tracing`, `axum-tracing-opentelemetry` and others say in fields named `otel.*` needs no rule.

use super::Rule;
use crate::{SpanKind, semconv::attribute};

/// The rules that every layer has, unless it is told otherwise.
pub(super) fn rules() -> Vec<Rule> {
    let mut rules = vec![
        Rule::spans("tower_http::trace::make_span")
            .named("request")
            .kind(SpanKind::Server)
            .attribute("method", attribute::HTTP_REQUEST_METHOD)
            .attribute("uri", attribute::URL_PATH)
            .attribute("version", attribute::NETWORK_PROTOCOL_VERSION)
            .omit("headers")
            .rename("{http.request.method}"),
        Rule::events("tower_http::trace::on_response")
            .attribute_of_span("status", attribute::HTTP_RESPONSE_STATUS_CODE),
        sqlx(),
    ];
    for inside in ["h2", "hyper", "hyper_util", "tower"] {
        rules.push(Rule::spans(inside).ignore());
        rules.push(Rule::events(inside).ignore());
    }
    rules
}

fn sqlx() -> Rule {
    Rule::events("sqlx::query")
        .as_span("elapsed_secs")
        .kind(SpanKind::Client)
        // The first words of the statement; the whole of it follows only if there is more.
        .attribute("summary", attribute::DB_QUERY_TEXT)
        .attribute("db.statement", attribute::DB_QUERY_TEXT)
        .attribute("rows_returned", attribute::DB_RESPONSE_RETURNED_ROWS)
        .attribute("rows_affected", "db.response.affected_rows")
        .omit("elapsed")
        .omit("slow_threshold")
        .omit("message")
        .rename("db.{db.operation.name}")
}

impl Rule {
    /// The rule for the statements of `sqlx`, which then know their database: `"postgresql"`,
    /// `"mysql"`, `"sqlite"`.
    ///
    /// The layer has a rule for any database already; with this one the spans have `db.system.name`, and a
    /// statement is read in the database's own way. `sqlx` tells of statements at the level `DEBUG`, unless
    /// its connect options say otherwise.
    pub fn sqlx(system: &'static str) -> Self {
        sqlx().constant(attribute::DB_SYSTEM_NAME, system)
    }
}
