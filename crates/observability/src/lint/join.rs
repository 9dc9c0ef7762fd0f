//! What should be connected and is not: parents that are missing, servers that did not join.
//!
//! Invariant: the time is that of sorting, however many clients and servers there are.
//!
//! Source: the guide, "Context propagation" and "Best practices: Span lifecycle".

use super::{Finding, Rule, trace::Traces};
use crate::{AnyValue, SpanKind, SpanRecord};
use std::collections::BTreeMap;

const HAS_IS_REMOTE_MASK: u32 = 0x100;
const METHOD: &[&str] = &["http.request.method", "http.method"];

pub(super) fn check(traces: &Traces<'_>, findings: &mut Vec<Finding>) {
    let unjoined = Unjoined::new(traces.spans);
    for span in traces.spans {
        if traces.misses_parent(span) {
            findings.extend(without_parent(traces, span));
        }
        if span.kind == SpanKind::Client as i32 && !has_joined(traces.children(span)) {
            findings.extend(without_server(&unjoined, span));
        }
    }
}

/// Whether the server's part is among the children, which may also be what the client does by itself.
fn has_joined(children: &[&SpanRecord]) -> bool {
    let is_of_server =
        |child: &&SpanRecord| child.kind == SpanKind::Server as i32 || child.is_local_root();
    children.iter().any(is_of_server)
}

/// A remote parent belongs to somebody else, who may export to another place; but not where the
/// beginning of the trace is at hand.
fn without_parent(traces: &Traces<'_>, span: &SpanRecord) -> Option<Finding> {
    let is_known_as_local = span.flags & HAS_IS_REMOTE_MASK != 0;
    let (rule, detail) = match (is_known_as_local, span.is_local_root()) {
        (true, false) => (
            Rule::NeverEnded,
            "its parent in this process never ended, or was dropped",
        ),
        (true, true) if traces.has_root(span) => (
            Rule::MissingParent,
            "the root of its trace is among the spans, its parent is not",
        ),
        (true, true) => return None,
        (false, _) => (Rule::MissingParent, "its parent is not among the spans"),
    };
    Some(Finding::new(rule, span, "", detail.to_owned()))
}

/// A root of a server, in another trace, that answers the request that this client sent.
fn without_server(servers: &Unjoined<'_>, client: &SpanRecord) -> Option<Finding> {
    let method = text(client, METHOD)?;
    let url = text(client, &["url.full", "http.url"])?;
    let server = servers.within(client, method, path_of(url))?;
    let detail = format!("{:?} answered it in a trace of its own", server.name);
    Some(Finding::new(Rule::UnjoinedServer, client, "", detail))
}

/// Servers that began a trace, by method and path, in the order they started.
struct Unjoined<'a>(BTreeMap<(&'a str, &'a str), Vec<&'a SpanRecord>>);

impl<'a> Unjoined<'a> {
    fn new(spans: &'a [SpanRecord]) -> Self {
        let mut servers: BTreeMap<_, Vec<&SpanRecord>> = BTreeMap::new();
        let roots = spans
            .iter()
            .filter(|span| span.kind == SpanKind::Server as i32 && span.parent_span_id.is_none());
        for server in roots {
            let path = text(server, &["url.path", "http.target"]).map(path_of);
            if let Some(request) = text(server, METHOD).zip(path) {
                servers.entry(request).or_default().push(server);
            }
        }
        for servers in servers.values_mut() {
            servers.sort_by_key(|server| (server.start_unix_nanos, server.span_id));
        }
        Self(servers)
    }

    /// The first server that has done such a request while the client waited.
    fn within(&self, client: &SpanRecord, method: &str, path: &str) -> Option<&'a SpanRecord> {
        let servers = self.0.get(&(method, path))?;
        let first =
            servers.partition_point(|server| server.start_unix_nanos < client.start_unix_nanos);
        servers[first..]
            .iter()
            .take_while(|server| server.start_unix_nanos <= client.end_unix_nanos)
            .find(|server| {
                server.end_unix_nanos <= client.end_unix_nanos && server.trace_id != client.trace_id
            })
            .copied()
    }
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
