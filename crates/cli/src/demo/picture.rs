//! The traces that are shown, each as a tree.
//!
//! Position: spans and the trace ids of the client → **here** → `report`.
//!
//! Invariants:
//! - a tree has every span of its trace;
//! - what is the same in every trace of the demo is not shown, so that a line has room for what is
//!   worth reading.

use std::cmp::Reverse;

use anyhow::{Context as _, Result};
use continuum_observability::{Palette, SpanRecord, TraceId, TreeStyle, render_tree};

use super::report::Picture;

/// Attributes that the names of our spans are made of, or that say nothing new in the demo.
const ELSEWHERE: [&str; 25] = [
    "cache.key",
    "cache.operation",
    "db.collection.name",
    "db.operation.name",
    "db.query.text",
    "db.system.name",
    "federation.operation",
    "gen_ai.memory.record.count",
    "gen_ai.memory.store.id",
    "gen_ai.operation.name",
    "http.request.body.size",
    "http.request.method",
    "http.response.body.size",
    "http.route",
    "memory.operation",
    "messaging.destination.name",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.system",
    "network.protocol.version",
    "server.address",
    "server.port",
    "url.path",
    "url.scheme",
    "user_agent.original",
];

/// The traces that the steps of the demo point out.
pub(super) struct Shown<'a> {
    pub(super) cached: &'a str,
    pub(super) failed: &'a str,
    pub(super) federated: &'a str,
}

/// The trees of a learn, the slowest recall, one from the cache, the one that failed, and the one that
/// reaches the second node.
pub(super) fn pictures(
    spans: &[SpanRecord],
    shown: &Shown<'_>,
    palette: Palette,
) -> Result<Vec<Picture>> {
    let style = TreeStyle {
        ids: false,
        ..TreeStyle::terminal(palette)
    };
    let picture = |title, trace_id| picture(title, trace_id, spans, &style);
    let learn = median(spans, "memory.learn", shown.federated).context("no learn was traced")?;
    let slowest = slowest(spans, "memory.recall", shown.failed).context("no recall was traced")?;
    Ok(vec![
        picture("A learn", &learn),
        picture("The slowest recall", &slowest),
        picture("A question asked again, from the cache", shown.cached),
        picture("A recall from a damaged file", shown.failed),
        picture("A learn that reaches the second node", shown.federated),
    ])
}

fn picture(
    title: &'static str,
    trace_id: &str,
    spans: &[SpanRecord],
    style: &TreeStyle,
) -> Picture {
    let own = spans.iter().filter(|span| hex(span) == trace_id);
    let shown: Vec<_> = own.map(without_what_is_elsewhere).collect();
    Picture {
        title,
        trace_id: trace_id.to_owned(),
        tree: render_tree(&shown, style),
    }
}

fn without_what_is_elsewhere(span: &SpanRecord) -> SpanRecord {
    let mut shown = span.clone();
    shown
        .attributes
        .retain(|(key, _)| !ELSEWHERE.contains(&key.as_str()));
    shown
}

/// The trace of the span of that name that is neither slow nor fast.
fn median(spans: &[SpanRecord], name: &str, except: &str) -> Option<String> {
    let mut named: Vec<_> = spans
        .iter()
        .filter(|span| span.name == name && hex(span) != except)
        .collect();
    named.sort_by_key(|span| span.duration_nanos());
    Some(hex(named.get(named.len() / 2)?))
}

fn slowest(spans: &[SpanRecord], name: &str, except: &str) -> Option<String> {
    let mut named: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    named.sort_by_key(|span| Reverse(span.duration_nanos()));
    named
        .into_iter()
        .map(hex)
        .find(|trace_id| trace_id != except)
}

fn hex(span: &SpanRecord) -> String {
    TraceId::from_bytes(span.trace_id).to_string()
}

#[cfg(test)]
mod tests {
    use continuum_observability::AnyValue;

    use super::*;

    fn span(trace: u8, name: &str, nanos: u64) -> SpanRecord {
        SpanRecord {
            trace_id: [trace; 16],
            span_id: [trace; 8],
            name: name.to_owned(),
            end_unix_nanos: nanos,
            ..SpanRecord::default()
        }
    }

    fn id(trace: u8) -> String {
        TraceId::from_bytes([trace; 16]).to_string()
    }

    #[test]
    fn the_traces_are_chosen_by_their_spans() {
        let spans = [
            span(1, "memory.learn", 10),
            span(2, "memory.learn", 30),
            span(3, "memory.learn", 20),
            span(4, "memory.recall", 50),
            span(5, "memory.recall", 70),
            span(6, "memory.recall", 90),
            span(7, "memory.recall", 1),
        ];
        let (cached, failed, federated) = (id(7), id(6), id(8));
        let shown = Shown {
            cached: &cached,
            failed: &failed,
            federated: &federated,
        };
        let pictures = pictures(&spans, &shown, Palette::Plain).unwrap();
        let ids: Vec<_> = pictures
            .iter()
            .map(|picture| picture.trace_id.as_str())
            .collect();
        assert_eq!(ids, [id(3), id(5), id(7), id(6), id(8)]);
        assert!(
            pictures[1].tree.contains("memory.recall"),
            "{}",
            pictures[1].tree
        );
    }

    #[test]
    fn what_says_nothing_new_is_left_out() {
        let text = |key: &str| (key.to_owned(), AnyValue::String("text".to_owned()));
        let recall = SpanRecord {
            attributes: vec![text("server.address"), text("memory.strategy")],
            ..span(1, "memory.recall", 10)
        };
        let picture = picture("", &id(1), &[recall], &TreeStyle::snapshot());
        assert_eq!(picture.tree, "memory.recall memory.strategy=text\n");
    }

    #[test]
    fn a_demo_without_a_learn_is_an_error() {
        let shown = Shown {
            cached: "",
            failed: "",
            federated: "",
        };
        assert!(pictures(&[], &shown, Palette::Plain).is_err());
    }
}
