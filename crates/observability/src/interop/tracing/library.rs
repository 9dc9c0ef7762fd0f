//! The rules for libraries that many services use; the table of the module has them all.
//!
//! Position: the rules that a layer begins with.
//!
//! Source: the libraries' own code: `tower-http` 0.5 and 0.6, `sqlx` 0.8 and 0.9.

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
            .attribute_of_span("status", attribute::HTTP_RESPONSE_STATUS_CODE)
            .ignore(),
        // Of an answer with trailers, where gRPC has its status.
        Rule::events("tower_http::trace::on_eos")
            .attribute_of_span("status", attribute::RPC_GRPC_STATUS_CODE)
            .ignore(),
        Rule::events("tower_http::trace::on_failure")
            .error("classification")
            .omit("latency"),
        // The span says all of this itself: that it began, that it ended, what was sent when.
        Rule::events("tower_http::trace").ignore(),
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
        .attribute("rows_affected", attribute::DB_RESPONSE_AFFECTED_ROWS)
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
    /// its connect options say otherwise. It does not tell whether a statement failed, so that the span has no status:
    /// the error is that of the span around it.
    pub fn sqlx(system: &'static str) -> Self {
        sqlx().constant(attribute::DB_SYSTEM_NAME, system)
    }
}
