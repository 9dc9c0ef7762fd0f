//! W3C Trace Context level 2 from header to header: a service that is called and calls another.
//!
//! The cases are those of the public harness, `test/test.py` of the w3c/trace-context repository, at
//! its strictest; `cargo xtask conformance w3c` runs the harness itself. What HTTP does before we
//! see a header (white space around a value) is done here by nobody.

use continuum_observability::testing::TestRecorder;
use continuum_observability::{
    SpanContext, extract_trace_context, get_tracer, inject_trace_context, link_spans,
};

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";
const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-00";

type Headers = Vec<(String, String)>;

/// What the called service sends to `count` others, one after the other.
fn calls(headers: &[(&str, &str)], count: usize) -> Vec<SpanContext> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let received: Headers = headers.iter().map(owned).collect();
    let call = |_| {
        let mut sent = Headers::new();
        get_tracer("w3c").in_scope("POST", |_| inject_trace_context(&mut sent));
        let traceparents = sent.iter().filter(|(key, _)| key == "traceparent");
        assert_eq!(traceparents.count(), 1);
        link_spans(&sent).unwrap()
    };
    TestRecorder::new().run(|| {
        let parent = extract_trace_context(&received);
        let server = get_tracer("w3c").span_builder("POST /").parent(&parent);
        server.in_scope(|_| (0..count).map(call).collect())
    })
}

fn call(headers: &[(&str, &str)]) -> SpanContext {
    calls(headers, 1).remove(0)
}

fn continues(headers: &[(&str, &str)]) -> bool {
    let sent = call(headers);
    assert_ne!(sent.span_id().to_string(), SPAN);
    sent.trace_id().to_string() == TRACE
}

/// The `tracestate` that is passed on for the given ones.
fn state(states: &[&str]) -> String {
    let states = states.iter().map(|state| ("tracestate", *state));
    let headers: Vec<_> = [("traceparent", PARENT)]
        .into_iter()
        .chain(states)
        .collect();
    let sent = call(&headers);
    assert_eq!(sent.trace_id().to_string(), TRACE);
    sent.trace_state().header().to_owned()
}

#[test]
fn a_well_formed_traceparent_is_continued() {
    for name in ["traceparent", "TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        assert!(continues(&[(name, PARENT)]), "{name}");
    }
    for traceparent in [
        format!("00-{TRACE}-{SPAN}-01"),
        format!("cc-{TRACE}-{SPAN}-01"),
        format!("cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
    ] {
        assert!(continues(&[("traceparent", &traceparent)]), "{traceparent}");
    }
}

#[test]
fn anything_else_starts_a_new_trace() {
    assert!(!continues(&[]));
    let first = format!("00-{}1-{SPAN}-01", &TRACE[..31]);
    let twice = [("traceparent", PARENT), ("traceparent", &first)];
    assert!(!continues(&twice));
    for name in ["trace-parent", "trace.parent"] {
        assert!(!continues(&[(name, PARENT)]), "{name}");
    }
    let (no_trace, no_span) = ("0".repeat(32), "0".repeat(16));
    for traceparent in [
        format!("00-{TRACE}-{SPAN}-01."),
        format!("00-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
        format!("cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like"),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!(".0-{TRACE}-{SPAN}-01"),
        format!("0.-{TRACE}-{SPAN}-01"),
        format!("000-{TRACE}-{SPAN}-01"),
        format!("0000-{TRACE}-{SPAN}-01"),
        format!("0-{TRACE}-{SPAN}-01"),
        format!("00-{no_trace}-{SPAN}-01"),
        format!("00-.{}-{SPAN}-01", &TRACE[1..]),
        format!("00-{}.-{SPAN}-01", &TRACE[..31]),
        format!("00-{TRACE}3-{SPAN}-01"),
        format!("00-{}-{SPAN}-01", &TRACE[..31]),
        format!("00-{TRACE}-{no_span}-01"),
        format!("00-{TRACE}-.{}-01", &SPAN[1..]),
        format!("00-{TRACE}-{}.-01", &SPAN[..15]),
        format!("00-{TRACE}-{SPAN}7-01"),
        format!("00-{TRACE}-{}-01", &SPAN[..15]),
        format!("00-{TRACE}-{SPAN}-.0"),
        format!("00-{TRACE}-{SPAN}-0."),
        format!("00-{TRACE}-{SPAN}-001"),
        format!("00-{TRACE}-{SPAN}-1"),
    ] {
        let headers = [
            ("traceparent", traceparent.as_str()),
            ("tracestate", "foo=1"),
        ];
        let sent = call(&headers);
        assert_ne!(sent.trace_id().to_string(), TRACE, "{traceparent}");
        assert!(sent.trace_state().is_empty(), "{traceparent}");
    }
}

#[test]
fn a_tracestate_is_passed_on_in_any_case_of_its_name() {
    for name in ["tracestate", "TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        let sent = call(&[("traceparent", PARENT), (name, "foo=1,bar=2")]);
        assert_eq!(sent.trace_state().header(), "foo=1,bar=2", "{name}");
    }
    for headers in [
        &[("tracestate", "foo=1")][..],
        &[("traceparent", PARENT), ("trace-state", "foo=1")],
        &[("traceparent", PARENT), ("trace.state", "foo=1")],
    ] {
        assert!(call(headers).trace_state().is_empty(), "{headers:?}");
    }
}

#[test]
fn several_tracestates_are_one_list() {
    let keys = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let (low, high): (String, String) = (('!'..'=').collect(), ('>'..='~').collect());
    let value = format!(" {}{high}", low.replace(',', ""));
    let all = format!("{keys}={value}");
    let with_at = format!("{keys}@a-z0-9_-*/={value}");
    for (states, expected) in [
        (&[""][..], ""),
        (&["foo=1", ""], "foo=1"),
        (&["", "foo=1"], "foo=1"),
        (
            &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            "foo=1,bar=2,rojo=1,congo=2,baz=3",
        ),
        (&["foo=1,foo=1"], "foo=1"),
        (&["foo=1,foo=2"], "foo=1"),
        (&["foo=1", "foo=1"], "foo=1"),
        (&["foo=1", "foo=2"], "foo=1"),
        (&[&all], &all),
        (&[&with_at], &with_at),
        (&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3"),
        (&[" foo=1"], "foo=1"),
        (&["\tfoo=1"], "foo=1"),
        (&["foo=1 "], "foo=1"),
        (&["foo=1\t"], "foo=1"),
        (&["\t foo=1 \t"], "foo=1"),
        (&["foo@=1,bar=2"], "foo@=1,bar=2"),
        (&["foo@@bar=1,bar=2"], "foo@@bar=1,bar=2"),
        (&["foo@bar@baz=1,bar=2"], "foo@bar@baz=1,bar=2"),
    ] {
        assert_eq!(state(states), expected, "{states:?}");
    }
}

#[test]
fn one_bad_member_discards_the_tracestate() {
    for member in [
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1,bar=2",
        "foo=bar=baz",
        "foo=,bar=3",
        "foo",
    ] {
        assert_eq!(state(&["rojo=1", member]), "", "{member}");
    }
}

#[test]
fn members_and_keys_of_a_tracestate_have_limits() {
    let list = |members: std::ops::RangeInclusive<usize>| {
        let members: Vec<_> = members.map(|i| format!("bar{i:02}={i:02}")).collect();
        members.join(",")
    };
    let (start, full, over) = (list(1..=30), list(31..=32), list(31..=33));
    assert_eq!(state(&[&start, &full]), list(1..=32));
    assert_eq!(state(&[&start, &over]), "");
    for (key, fits) in [
        ("z".repeat(256), true),
        ("z".repeat(257), false),
        (format!("{}@{}", "t".repeat(241), "v".repeat(14)), true),
        (format!("{}@v", "t".repeat(242)), true),
        (format!("t@{}", "v".repeat(15)), true),
    ] {
        let member = format!("{key}=1");
        let expected = format!("foo=1,{member}");
        let passed_on = state(&["foo=1", &member]);
        assert_eq!(passed_on, if fits { expected.as_str() } else { "" });
    }
}

#[test]
fn every_call_has_a_span_of_its_own() {
    for (traceparent, is_continued) in [
        (Some(PARENT), true),
        (None, false),
        (
            Some("00-00000000000000000000000000000000-1234567890123456-01"),
            false,
        ),
    ] {
        let header = traceparent.map(|value| ("traceparent", value));
        let sent = calls(&Vec::from_iter(header), 3);
        let mut spans: Vec<_> = sent.iter().map(SpanContext::span_id).collect();
        spans.sort_unstable();
        spans.dedup();
        assert_eq!(spans.len(), 3);
        assert!(
            sent.iter()
                .all(|call| call.trace_id() == sent[0].trace_id())
        );
        assert!(sent.iter().all(SpanContext::is_valid));
        assert_eq!(sent[0].trace_id().to_string() == TRACE, is_continued);
    }
}

#[test]
fn the_random_flag_is_passed_on_and_not_made_up() {
    for (flags, is_random) in [("00", false), ("01", false), ("02", true), ("03", true)] {
        let traceparent = format!("00-{TRACE}-{SPAN}-{flags}");
        let sent = call(&[("traceparent", &traceparent)]);
        assert_eq!(sent.trace_flags().is_random(), is_random, "{flags}");
    }
    assert!(call(&[]).trace_flags().is_random());
}
