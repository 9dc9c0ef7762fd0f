//! One picture for each rule: what it finds, and what it leaves alone.

mod secrets;

use super::{Finding, Linter, Rule};
use crate::{
    AnyValue, EventRecord, LinkRecord, SpanKind, SpanRecord, get_tracer, testing::TestRecorder,
};
use std::time::Duration;

/// A span of a trace; `parent` 0 is none.
fn span(name: &str, id: u8, parent: u8) -> SpanRecord {
    SpanRecord {
        trace_id: [1; 16],
        span_id: [id; 8],
        parent_span_id: (parent > 0).then_some([parent; 8]),
        name: name.to_owned(),
        flags: 0x101,
        kind: SpanKind::Internal as i32,
        end_unix_nanos: 1_000_000,
        ..SpanRecord::default()
    }
}

fn with(mut span: SpanRecord, key: &str, value: &str) -> SpanRecord {
    span.attributes
        .push((key.to_owned(), AnyValue::String(value.to_owned())));
    span
}

fn named(name: &str) -> SpanRecord {
    span(name, 1, 0)
}

fn rules(spans: &[SpanRecord]) -> Vec<Rule> {
    Linter::new()
        .lint(spans)
        .iter()
        .map(|finding: &Finding| finding.rule)
        .collect()
}

#[test]
fn names_that_fit_any_span_are_found() {
    for name in ["operation", "process", "query", "Query", " handler ", ""] {
        assert_eq!(rules(&[named(name)]), [Rule::GenericName], "{name:?}");
    }
    for name in ["process_message", "query_database", "memory.operation"] {
        assert_eq!(
            rules(&[with(named(name), "tenant.id", "acme")]),
            [],
            "{name:?}"
        );
    }
}

#[test]
fn names_with_ids_timestamps_and_numbers_in_them_are_found() {
    for name in [
        "query_for_user_12",
        "recall_at_1763900000",
        "recall_20261123",
        "process_item_3",
        "load.7f3a2b1c9d0e",
        "sync 0af76519-16cd-43dd-8448-eb211c80319c",
        "query_for_user123",
        "GET /users/User42/turns",
        "load.01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "fetch_deadbeefcafebabe",
        "user_V1StGXR8_Z5jdHi6B-myT",
        "open_ckpfv8z8w0000qzrmn831i7rn",
    ] {
        assert_eq!(rules(&[named(name)]), [Rule::DynamicName], "{name:?}");
    }
    for name in [
        "POST /v1/recall",
        "sha256",
        "encode_utf8",
        "GET /users/{id}",
        "feedface_loop",
        "s3.get",
        "verify_ed25519",
        "Base64.decode",
        "oauth2_callback",
        "rank_bm25",
        "turns_fts5",
        "http2.connect",
        "getUserPreferencesV2Handler",
        "Handle_Request_For_TheUser2_Of_Them",
        "/continuum.MemoryServiceV2/RecallConcepts",
    ] {
        assert_eq!(rules(&[named(name)]), [], "{name:?}");
    }
}

#[test]
fn a_name_that_repeats_an_id_of_the_span_is_found() {
    let alice = with(named("greet_alice"), "user.id", "alice");
    assert_eq!(rules(&[alice]), [Rule::DynamicName]);
    let greeting = with(named("greet_alice"), "greeting.template", "alice");
    assert_eq!(rules(&[greeting]), []);
}

#[test]
fn keys_without_dots_or_in_other_cases_are_found() {
    for key in [
        "data_size",
        "Memory.Operation",
        "memory.conceptsFound",
        "memory-operation.kind",
        "a..b",
        ".a",
        "a.1b",
    ] {
        assert_eq!(
            rules(&[with(named("load"), key, "x")]),
            [Rule::KeyFormat],
            "{key:?}"
        );
    }
    for key in [
        "memory.concepts_found",
        "http.request.header.x-request-id",
        "k8s.pod.name",
    ] {
        assert_eq!(rules(&[with(named("load"), key, "x")]), [], "{key:?}");
    }
    for key in ["size", "value"] {
        assert_eq!(
            rules(&[with(named("load"), key, "x")]),
            [Rule::VagueKey],
            "{key:?}"
        );
    }
}

#[test]
fn keys_of_events_and_links_are_found_but_not_those_of_the_guides_events() {
    let of = |attributes: &[(&str, &str)]| -> Vec<(String, AnyValue)> {
        let owned = |(key, value): &(&str, &str)| {
            let value = AnyValue::String((*value).to_owned());
            ((*key).to_owned(), value)
        };
        attributes.iter().map(owned).collect()
    };
    let event = |name: &str, attributes: &[(&str, &str)]| SpanRecord {
        events: vec![EventRecord {
            name: name.to_owned(),
            attributes: of(attributes),
            ..EventRecord::default()
        }],
        ..named("load")
    };
    for (name, attributes, rule) in [
        ("loaded", ("size", "3"), Rule::VagueKey),
        ("loaded", ("rowCount", "3"), Rule::KeyFormat),
        ("cache.hit", ("size", "3"), Rule::VagueKey),
        ("attempt_2", ("key", "3"), Rule::VagueKey),
        ("loaded", ("level", "INFO"), Rule::KeyFormat),
    ] {
        assert_eq!(rules(&[event(name, &[attributes])]), [rule], "{name}");
    }
    for (name, attributes) in [
        ("cache.miss", &[("key", "a:*")][..]),
        ("attempt_1_failed", &[("error", "x"), ("retry_after", "2")]),
        ("attempt_1", &[("attempt", "1")]),
        (
            "loaded",
            &[("level", "INFO"), ("target", "app"), ("rows", "3")],
        ),
        ("loaded", &[("load.rows", "3")]),
    ] {
        assert_eq!(rules(&[event(name, attributes)]), [], "{name}");
    }
    let linked = SpanRecord {
        links: vec![LinkRecord {
            attributes: of(&[("size", "3")]),
            ..LinkRecord::default()
        }],
        ..named("load")
    };
    assert_eq!(rules(&[linked]), [Rule::VagueKey]);
}

#[test]
fn what_the_helpers_record_as_events_has_no_findings() {
    use crate::layers::{cache, database, federation};

    let recorder = TestRecorder::new();
    recorder.run(|| {
        let query = database::trace_query("SELECT 1").slow_after(Duration::ZERO);
        query.tenant_id("acme").in_scope(|_| {
            cache::record_cache_hit("a:b");
            cache::record_cache_miss("a:b");
            federation::record_conflict_resolution("concurrent_edit", "last_writer_wins");
            federation::record_peer_connection("node-2", true);
        });
    });
    assert_eq!(recorder.spans()[0].events.len(), 5);
    crate::testing::assert_no_findings(&recorder);
}

#[test]
fn values_that_never_repeat_are_found_once_there_are_enough() {
    let spans = |count: u16, value: fn(u16) -> String| -> Vec<SpanRecord> {
        let one = |n: u16| {
            let mut span = with(named("load"), "job.label", &value(n));
            span.span_id = u64::from(n + 1).to_be_bytes();
            span
        };
        (0..count).map(one).collect()
    };
    assert_eq!(
        rules(&spans(100, |n| format!("v{n}"))),
        [Rule::HighCardinality]
    );
    assert_eq!(rules(&spans(99, |n| format!("v{n}"))), []);
    assert_eq!(rules(&spans(100, |n| format!("v{}", n % 80))), []);
    let uuid = "0af76519-16cd-43dd-8448-eb211c80319c";
    assert_eq!(
        rules(&[with(named("load"), "job.label", uuid)]),
        [Rule::HighCardinality]
    );
    assert_eq!(rules(&[with(named("load"), "job.id", uuid)]), []);
}

#[test]
fn a_long_root_without_children_is_too_coarse() {
    let mut root = named("answer");
    root.end_unix_nanos = 2_000_000_000;
    assert_eq!(rules(std::slice::from_ref(&root)), [Rule::TooCoarse]);
    assert_eq!(rules(&[root.clone(), span("recall", 2, 1)]), []);
    let client = SpanRecord {
        kind: SpanKind::Client as i32,
        ..root.clone()
    };
    assert_eq!(rules(&[client]), []);
    assert_eq!(
        Linter::new()
            .long_root(Duration::from_secs(3))
            .lint(&[root]),
        []
    );
}

#[test]
fn many_spans_that_last_next_to_nothing_are_too_fine() {
    let tiny = |id: u8| SpanRecord {
        end_unix_nanos: 100,
        ..span("add_numbers", id, 1)
    };
    let spans = |count: u8| -> Vec<SpanRecord> {
        let children = (2..2 + count).map(tiny);
        std::iter::once(span("sum_up", 1, 0))
            .chain(children)
            .collect()
    };
    assert_eq!(rules(&spans(20)), [Rule::TooFine]);
    assert_eq!(rules(&spans(19)), []);
    assert_eq!(
        Linter::new()
            .short_spans(Duration::from_nanos(100), 20)
            .lint(&spans(20)),
        []
    );
}

#[test]
fn a_parent_of_this_process_that_is_missing_never_ended() {
    assert_eq!(rules(&[span("recall", 2, 1)]), [Rule::NeverEnded]);
    let remote = SpanRecord {
        flags: 0x301,
        ..span("recall", 2, 1)
    };
    assert_eq!(rules(&[remote]), []);
    let foreign = SpanRecord {
        flags: 1,
        ..span("recall", 2, 1)
    };
    assert_eq!(rules(&[foreign]), [Rule::MissingParent]);
}

#[test]
fn a_parent_of_another_process_is_missed_where_the_trace_began_here() {
    let server = SpanRecord {
        flags: 0x301,
        ..span("receive", 3, 2)
    };
    let root = span("send", 1, 0);
    assert_eq!(
        rules(&[root.clone(), server.clone()]),
        [Rule::MissingParent]
    );
    let client = span("post", 2, 1);
    assert_eq!(rules(&[root.clone(), client, server.clone()]), []);
    // Another trace says nothing about this one, nor does a trace whose root is elsewhere too.
    let other = SpanRecord {
        trace_id: [2; 16],
        ..root
    };
    let before = SpanRecord {
        flags: 0x301,
        ..span("forward", 4, 5)
    };
    assert_eq!(rules(&[other, before, server]), []);
}

#[test]
fn a_server_that_starts_a_trace_of_its_own_is_found() {
    let mut client = with(
        with(named("POST"), "http.request.method", "POST"),
        "url.full",
        "http://peer:80/sync?a=b",
    );
    client.kind = SpanKind::Client as i32;
    let mut server = with(
        with(named("POST /sync"), "http.request.method", "POST"),
        "url.path",
        "/sync",
    );
    server.kind = SpanKind::Server as i32;
    (server.start_unix_nanos, server.end_unix_nanos) = (10, 20);
    server.trace_id = [2; 16];
    assert_eq!(
        rules(&[client.clone(), server.clone()]),
        [Rule::UnjoinedServer]
    );

    let joined = SpanRecord {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent_span_id: Some([1; 8]),
        ..server.clone()
    };
    assert_eq!(rules(&[client.clone(), joined.clone()]), []);

    // What the client does by itself says nothing about its server.
    let own = SpanRecord {
        kind: SpanKind::Internal as i32,
        flags: 0x101,
        ..joined
    };
    assert_eq!(
        rules(&[client.clone(), own.clone(), server.clone()]),
        [Rule::UnjoinedServer]
    );
    let remote = SpanRecord {
        flags: 0x301,
        ..own
    };
    assert_eq!(rules(&[client.clone(), remote, server.clone()]), []);
    let later = SpanRecord {
        end_unix_nanos: 2_000_000,
        ..server.clone()
    };
    assert_eq!(rules(&[client.clone(), later.clone()]), []);

    // The right one among many.
    let mut spans = vec![later, client];
    spans.extend((3..9).map(|id| SpanRecord {
        trace_id: [id; 16],
        end_unix_nanos: 3_000_000,
        ..server.clone()
    }));
    assert_eq!(rules(&spans), []);
    spans.push(SpanRecord {
        start_unix_nanos: 50,
        end_unix_nanos: 60,
        ..server
    });
    assert_eq!(rules(&spans), [Rule::UnjoinedServer]);
}

#[test]
fn spans_of_memory_database_and_cache_without_a_tenant_are_found() {
    for name in ["memory.recall", "db.select.entities", "cache.get"] {
        assert_eq!(rules(&[named(name)]), [Rule::MissingTenant], "{name}");
        assert_eq!(
            rules(&[with(named(name), "tenant.id", "acme")]),
            [],
            "{name}"
        );
    }
    assert_eq!(rules(&[named("federation.sync.push")]), []);
}

#[test]
fn so_are_those_of_libraries_by_what_they_record() {
    for (key, value) in [
        ("db.system.name", "postgresql"),
        ("db.system", "redis"),
        ("cache.operation", "GET"),
        ("gen_ai.memory.store.id", "turns"),
    ] {
        let of_library = with(named("execute_prepared"), key, value);
        assert_eq!(
            rules(std::slice::from_ref(&of_library)),
            [Rule::MissingTenant],
            "{key}"
        );
        assert_eq!(rules(&[with(of_library, "tenant.id", "acme")]), [], "{key}");
    }
    let other = with(named("chat"), "gen_ai.operation.name", "chat");
    assert_eq!(rules(&[other]), []);
}

#[test]
fn who_asks_may_be_looked_up_before_the_tenant_is_known() {
    let look_up = span("db.select.keys", 2, 1);
    assert_eq!(rules(&[named("auth.verify_key"), look_up.clone()]), []);
    assert_eq!(rules(&[named("authorize"), look_up]), [Rule::MissingTenant]);
    let deeper = [
        named("auth.verify_key"),
        span("load_key", 2, 1),
        span("db.select.keys", 3, 2),
    ];
    assert_eq!(rules(&deeper), [Rule::MissingTenant]);
}

#[test]
fn a_finding_says_span_rule_remedy_and_section_once() {
    let mut other = named("query");
    other.span_id = [9; 8];
    let findings = Linter::new().lint(&[other, named("query")]);
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "generic-name: \"query\": the name fits any span; say what the span does, from the general to the \
         particular, such as memory.recall (guide: Best practices: Span naming; trace \
         01010101010101010101010101010101, span 0101010101010101)",
        ]
    );
}

#[test]
fn rules_are_known_by_name_and_can_be_switched_off() {
    for rule in Rule::ALL {
        assert_eq!(rule.name().parse(), Ok(*rule));
    }
    let error = "generic".parse::<Rule>().unwrap_err().to_string();
    assert!(
        error.starts_with("no rule \"generic\"; there are generic-name, dynamic-name"),
        "{error}"
    );
    assert_eq!(
        Linter::new()
            .without(Rule::GenericName)
            .lint(&[named("query")]),
        []
    );
}

#[test]
#[should_panic(expected = "1 spans have not ended")]
fn a_test_with_an_open_span_is_told() {
    let recorder = TestRecorder::new();
    let _open = recorder.run(|| get_tracer("lint").start_span("upload"));
    crate::testing::assert_no_findings(&recorder);
}
