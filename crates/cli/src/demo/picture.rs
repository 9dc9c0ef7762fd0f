//! The traces that are shown, each as a tree.
//!
//! Position: spans and the trace ids of the client → **here** → `report`.
//!
//! Invariant: a tree has every span of its trace.

use std::cmp::Reverse;

use anyhow::{Context as _, Result};
use continuum_observability::{Palette, SpanRecord, TraceId, TreeStyle, render_tree};

use super::report::Picture;

/// The trees of a learn, the slowest recall, one from the cache, and the one that failed.
pub(super) fn pictures(
    spans: &[SpanRecord],
    cached: &[String],
    failed: &str,
    palette: Palette,
) -> Result<Vec<Picture>> {
    let style = TreeStyle {
        ids: false,
        ..TreeStyle::terminal(palette)
    };
    let picture = |title, trace_id| picture(title, trace_id, spans, &style);
    let learn = median(spans, "memory.learn").context("no learn was traced")?;
    let slowest = slowest(spans, "memory.recall", failed).context("no recall was traced")?;
    let cached = cached.first().context("no recall came from the cache")?;
    Ok(vec![
        picture("A learn", &learn),
        picture("The slowest recall", &slowest),
        picture("The same question again, from the cache", cached),
        picture("A recall from a damaged file", failed),
    ])
}

fn picture(
    title: &'static str,
    trace_id: &str,
    spans: &[SpanRecord],
    style: &TreeStyle,
) -> Picture {
    let own: Vec<_> = spans
        .iter()
        .filter(|span| hex(span) == trace_id)
        .cloned()
        .collect();
    Picture {
        title,
        trace_id: trace_id.to_owned(),
        tree: render_tree(&own, style),
    }
}

/// The trace of the span of that name that is neither slow nor fast.
fn median(spans: &[SpanRecord], name: &str) -> Option<String> {
    let mut named: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
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
        let pictures = pictures(&spans, &[id(7)], &id(6), Palette::Plain).unwrap();
        let ids: Vec<_> = pictures
            .iter()
            .map(|picture| picture.trace_id.as_str())
            .collect();
        assert_eq!(ids, [id(3), id(5), id(7), id(6)]);
        assert!(
            pictures[1].tree.contains("memory.recall"),
            "{}",
            pictures[1].tree
        );
    }

    #[test]
    fn a_demo_without_a_learn_is_an_error() {
        assert!(pictures(&[], &[], "", Palette::Plain).is_err());
    }
}
