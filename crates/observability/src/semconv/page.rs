//! The page `docs/semantic-conventions.md`, compared with the code, both ways.
//!
//! One of each helper is run with everything that can be set, and what comes out is looked up on the
//! page; what the page lists has to come out. `<operation>` and the like on the page are what the
//! helpers are called with here.

use super::{
    attribute::ALL,
    event, former,
    naming::{Conventions, RENAMED},
};
use crate::{
    AnyValue, SpanRecord,
    layers::{cache::*, client::*, database::*, federation::*, memory::*, messaging::*},
    testing::TestRecorder,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt,
    time::Duration,
};

/// The page as tables: each row as its cells, under the heading that it stands below.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let page = include_str!("../../../../docs/semantic-conventions.md");
    let section = page.split("\n## ").find(|part| part.starts_with(heading));
    let is_row = |line: &&str| line.starts_with("| `");
    section
        .unwrap_or_else(|| panic!("no section {heading}"))
        .lines()
        .filter(is_row)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// What stands between backticks.
fn quoted(cell: &'static str) -> BTreeSet<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn only_quoted(cell: &'static str) -> &'static str {
    let found = quoted(cell);
    assert_eq!(found.len(), 1, "{cell}");
    found.first().copied().unwrap_or_default()
}

#[test]
fn the_page_lists_every_attribute_with_its_former_name_and_no_other() {
    let rows = rows("Attributes");
    let listed: Vec<_> = rows.iter().map(|row| only_quoted(row[0])).collect();
    let names: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(names.len(), listed.len(), "an attribute is listed twice");
    assert_eq!(names, ALL.iter().copied().collect());
    let whole_cell = |cell: &str| cell.starts_with('`') && cell.ends_with('`');
    let renamed: BTreeSet<_> = rows
        .iter()
        .filter(|row| whole_cell(row[1]))
        .map(|row| (only_quoted(row[0]), only_quoted(row[1])))
        .collect();
    let expected = RENAMED
        .iter()
        .map(|(_, current, former)| (*current, *former));
    assert_eq!(renamed, expected.collect());
    let former: BTreeSet<_> = rows.iter().flat_map(|row| quoted(row[1])).collect();
    let mut expected: BTreeSet<_> = former::ALL.iter().copied().collect();
    assert!(
        expected.remove(former::EXCEPTION_ESCAPED),
        "it has no successor"
    );
    assert_eq!(former, expected);
}

/// One of each helper, with everything that can be set.
fn every_helper() {
    #[cfg(feature = "tower_service_0_3")]
    serve_request();
    trace_http_request("BREW", "https://peer.example/pot")
        .template("<template>")
        .in_scope(|span| span.http_response_status(503));
    trace_recall("?")
        .max_concepts(3)
        .store_id("s")
        .in_scope(|span| span.recall_results(RecallResults::default()));
    trace_learn(1, 2)
        .store_id("s")
        .in_scope(|span| span.learn_results(LearnResults::default()));
    trace_concept_extraction().in_scope(|_| ());
    trace_graph_traversal("c").max_depth(1).in_scope(|_| ());
    trace_embedding_generation(1).model("m").in_scope(|_| ());
    trace_query("SELECT 1")
        .operation("<operation>")
        .table("<table>")
        .system("sqlite")
        .slow_after(Duration::ZERO)
        .in_scope(|span| {
            span.row_count(1);
            span.affected_row_count(1);
            span.query_plan("SCAN entities");
        });
    trace_transaction()
        .system("sqlite")
        .in_scope(|span| span.transaction_committed(true));
    trace_cache_operation("<operation>", "k")
        .system("redis")
        .in_scope(|span| {
            record_cache_hit("k");
            record_cache_miss("k");
            span.cache_value_size(1);
        });
    trace_pipeline(1).system("redis").in_scope(|_| ());
    trace_publish("d")
        .temporary()
        .template("<destination>")
        .system("nats")
        .message_id("m")
        .batch_message_count(1)
        .in_scope(|_| ());
    trace_request("d")
        .temporary()
        .template("<destination>")
        .system("nats")
        .message_id("m")
        .in_scope(|_| ());
    trace_process("d")
        .temporary()
        .template("<destination>")
        .system("nats")
        .message_id("m")
        .attempt(1)
        .batch_message_count(1)
        .in_scope(|_| ());
    trace_sync_operation("<type>")
        .peer_instance_id("p")
        .in_scope(|span| {
            record_conflict_resolution("c", "r");
            record_peer_connection("p", false);
            span.sync_stats(SyncStats::default());
        });
    trace_peer_communication("p", "<type>").in_scope(|_| ());
    trace_consensus_operation("<operation>", 3).in_scope(|_| ());
}

/// A request that says all that the layer records, of a method that nobody knows.
#[cfg(feature = "tower_service_0_3")]
fn serve_request() {
    use crate::layers::api::TraceLayer;
    use http::{Request, Response};
    use tower::{Layer as _, ServiceExt as _, service_fn};

    let layer = TraceLayer::new()
        .route_by(|_| Some("<route>".to_owned()))
        .client_by(|_| Some("10.0.0.1".to_owned()))
        .user_header("x-user");
    let answer = Response::builder().status(503).header("content-length", 2);
    let answer = answer.body(String::from("no")).unwrap();
    let service = layer.layer(service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, String>(answer.clone()))
    }));
    let request = Request::builder()
        .method("BREW")
        .uri("/pot?milk=1")
        .header("host", "api.example")
        .header("user-agent", "kettle")
        .header("content-length", 12)
        .header("x-user", "u1");
    let answered = service.oneshot(request.body(()).unwrap());
    futures_util::FutureExt::now_or_never(answered)
        .unwrap()
        .unwrap();
}

/// An error with a cause.
#[derive(Debug)]
struct Caused(fmt::Error);

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("caused")
    }
}

impl Error for Caused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// What can happen to any span.
fn fail_and_cancel() {
    trace_pipeline(1)
        .start()
        .record_exception(&Caused(fmt::Error));
    drop(trace_pipeline(1).run_future(std::future::pending::<Result<(), String>>()));
}

fn spans_of(recorder: &TestRecorder) -> Vec<SpanRecord> {
    recorder.run(every_helper);
    recorder.spans()
}

fn keys(attributes: &[(String, AnyValue)]) -> BTreeSet<&str> {
    attributes.iter().map(|(key, _)| key.as_str()).collect()
}

#[test]
fn the_page_lists_every_span_with_its_kind_and_attributes_and_no_other() {
    const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];
    let spans = spans_of(&TestRecorder::with_previews());
    let made: BTreeSet<_> = spans
        .iter()
        .map(|span| {
            let kind = KINDS[usize::try_from(span.kind).unwrap()];
            // What stands in place of an unknown method.
            let name = span.name.replace("HTTP <", "<METHOD> <");
            (name, kind, keys(&span.attributes))
        })
        .collect();
    let listed: BTreeSet<_> = rows("Spans")
        .into_iter()
        .filter(|row| cfg!(feature = "tower_service_0_3") || row[1] != "server")
        .map(|row| (only_quoted(row[0]).to_owned(), row[1], quoted(row[3])))
        .collect();
    assert_eq!(made, listed);
}

#[test]
fn the_page_lists_every_event_with_its_attributes_and_no_other() {
    let rows = rows("Events");
    let listed: BTreeMap<_, _> = rows
        .iter()
        .map(|row| (only_quoted(row[0]), quoted(row[1])))
        .collect();
    let names: Vec<_> = listed.keys().copied().collect();
    let mut expected = event::ALL.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let recorder = TestRecorder::new();
    recorder.run(fail_and_cancel);
    let added: Vec<_> = spans_of(&recorder)
        .into_iter()
        .flat_map(|span| span.events)
        .collect();
    for event in &added {
        let attributes = listed.get(event.name.as_str());
        assert_eq!(attributes, Some(&keys(&event.attributes)));
    }
    let added: BTreeSet<_> = added.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(added, names.into_iter().collect());
}

#[test]
fn the_former_conventions_set_nothing_that_the_page_does_not_name() {
    let with_successor: BTreeSet<_> = RENAMED.iter().map(|(_, current, _)| *current).collect();
    let recorder = TestRecorder::with_conventions(Conventions::Legacy);
    for span in spans_of(&recorder) {
        for key in keys(&span.attributes) {
            let same =
                ALL.contains(&key) && !with_successor.contains(key) && !key.starts_with("gen_ai.");
            assert!(same || former::ALL.contains(&key), "{key} of {}", span.name);
        }
    }
}
