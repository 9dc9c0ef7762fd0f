//! What should be connected and is not: parents that are missing, servers that did not join.
//!
//! Source: the guide, "Context Propagation" and "Best Practices: Span Lifecycle".

use super::{Finding, Rule, trace::Traces};
use crate::{AnyValue, SpanKind, SpanRecord};

const HAS_IS_REMOTE_MASK: u32 = 0x100;

pub(super) fn check(traces: &Traces<'_>, findings: &mut Vec<Finding>) {
    for span in traces.spans {
        if !traces.has_parent(span) {
            findings.extend(without_parent(span));
        }
        if span.kind == SpanKind::Client as i32 && traces.children(span).is_empty() {
            findings.extend(without_server(traces, span));
        }
    }
}

/// A remote parent belongs to somebody else, who may export to another place.
fn without_parent(span: &SpanRecord) -> Option<Finding> {
    let is_known_as_local = span.flags & HAS_IS_REMOTE_MASK != 0;
    let (rule, detail) = match (is_known_as_local, span.is_local_root()) {
        (true, true) => return None,
        (true, false) => (Rule::NeverEnded, "its parent in this process never ended"),
        (false, _) => (Rule::MissingParent, "its parent is not among the spans"),
    };
    Some(Finding::new(rule, span, "", detail.to_owned()))
}

/// A root of a server, in another trace, that answers the request that this client sent.
fn without_server(traces: &Traces<'_>, client: &SpanRecord) -> Option<Finding> {
    let method = text(client, &["http.request.method", "http.method"])?;
    let url = text(client, &["url.full", "http.url"])?;
    let answers = |server: &&SpanRecord| {
        server.kind == SpanKind::Server as i32
            && server.trace_id != client.trace_id
            && server.parent_span_id.is_none()
            && client.start_unix_nanos <= server.start_unix_nanos
            && server.end_unix_nanos <= client.end_unix_nanos
            && text(server, &["http.request.method", "http.method"]) == Some(method)
            && text(server, &["url.path", "http.target"])
                .is_some_and(|path| path_of(url) == path_of(path))
    };
    let server = traces.spans.iter().find(answers)?;
    let detail = format!("{:?} answered it in a trace of its own", server.name);
    Some(Finding::new(Rule::UnjoinedServer, client, "", detail))
}

fn text<'a>(span: &'a SpanRecord, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| match span.attribute(key) {
        Some(AnyValue::String(text)) => Some(text.as_str()),
        _ => None,
    })
}

fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| {
        rest.find('/').map_or("/", |at| &rest[at..])
    });
    after_scheme
        .split(['?', '#'])
        .next()
        .unwrap_or(after_scheme)
}
