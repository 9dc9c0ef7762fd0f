//! The context in and out of carriers that other tests do not look at: child processes, and spans
//! that are not recorded.

use continuum_observability::propagation::Propagators;
use continuum_observability::testing::TestRecorder;
use continuum_observability::{
    Carrier, Context, PropagationFormat, SpanContext, create_carrier_from_span,
    extract_from_environment, extract_trace_context, get_baggage, get_span_id, get_trace_id,
    get_traceparent, get_tracer, get_tracestate, inject_context, inject_trace_context, link_spans,
    set_baggage, with_trace_context,
};
use std::process::Command;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn carrier() -> Carrier {
    [
        ("traceparent", PARENT),
        ("tracestate", "a=1"),
        ("baggage", "tenant_id=user%20123"),
    ]
    .into_iter()
    .collect()
}

/// Runs itself as the child, which prints what it finds.
#[test]
fn a_child_process_continues_the_trace() {
    let expected = format!("found {:?}", extract_trace_context(&carrier()));
    let found = format!("found {:?}", extract_from_environment());
    if found == expected {
        println!("{found}");
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let test = "propagation::a_child_process_continues_the_trace";
    child.args([test, "--exact", "--nocapture"]);
    with_trace_context(&carrier(), || inject_trace_context(&mut child));
    let said = child.output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains(&expected), "{said}");
}

/// Runs itself as the child, which has another context in its environment, and as the child of that one.
#[test]
fn a_child_gets_nothing_of_what_its_parent_was_started_with() {
    let sent: Carrier = [("traceparent", PARENT.replace("0af7", "1bf8"))]
        .into_iter()
        .collect();
    let sent = extract_trace_context(&sent);
    let found = extract_from_environment();
    if found.span_context().trace_id() == sent.span_context().trace_id() {
        println!("found {found:?}");
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let test = "propagation::a_child_gets_nothing_of_what_its_parent_was_started_with";
    child.args([test, "--exact", "--nocapture"]);
    let has_stale = format!("{found:?}") == format!("{:?}", extract_trace_context(&carrier()));
    if has_stale {
        inject_context(&sent, &mut child);
    } else {
        with_trace_context(&carrier(), || inject_trace_context(&mut child));
    }
    let said = String::from_utf8(child.output().unwrap().stdout).unwrap();
    if has_stale {
        println!("{said}");
    } else {
        assert!(said.contains(&format!("found {sent:?}")), "{said}");
    }
}

#[test]
fn without_a_recorder_the_context_passes_through() {
    let sent = with_trace_context(&carrier(), || {
        get_tracer("test").in_scope("unrecorded", |_| {
            assert_eq!(get_traceparent().as_deref(), Some(PARENT));
            assert_eq!(get_tracestate().as_deref(), Some("a=1"));
            assert_eq!(get_trace_id().unwrap().to_string(), PARENT[3..35]);
            assert_eq!(get_span_id().unwrap().to_string(), PARENT[36..52]);
            assert_eq!(get_baggage("tenant_id").as_deref(), Some("user 123"));
            let mut sent = Carrier::new();
            inject_trace_context(&mut sent);
            sent
        })
    });
    assert_eq!(sent, carrier());
    assert_eq!(get_traceparent(), None);
    assert_eq!(get_tracestate(), None);
}

#[test]
fn nothing_is_written_where_there_is_no_context() {
    let mut carrier = Carrier::new();
    inject_trace_context(&mut carrier);
    assert!(carrier.is_empty());
    assert_eq!(link_spans(&carrier), None);
    let malformed: Carrier = [("traceparent", "x")].into_iter().collect();
    assert_eq!(link_spans(&malformed), None);
}

#[test]
fn a_carrier_of_a_span_has_that_span_and_the_current_baggage() {
    TestRecorder::new().run(|| {
        let tracer = get_tracer("test");
        let other = tracer.start_span("other");
        tracer.in_scope("current", |_| {
            assert!(set_baggage("tenant_id", "user_123"));
            let carrier = create_carrier_from_span(&other);
            let linked = link_spans(&carrier).unwrap();
            assert_eq!(linked.span_id(), other.span_context().span_id());
            assert!(linked.is_remote());
            assert_eq!(carrier.get("baggage"), Some("tenant_id=user_123"));
        });
        let span: SpanContext = other.span_context();
        let traceparent = create_carrier_from_span(&other);
        let traceparent = traceparent.get("traceparent").unwrap();
        assert!(traceparent.contains(&span.trace_id().to_string()));
    });
}

#[test]
fn the_debug_flag_goes_on_to_the_next_service_but_not_to_the_exporter() {
    let b3 = Propagators::new([PropagationFormat::B3]);
    let received: Carrier = [("b3", "00000000000000010000000000000002-0000000000000003-d")]
        .into_iter()
        .collect();
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let parent = b3.extract(&received);
        let server = get_tracer("test").span_builder("server").parent(&parent);
        server.in_scope(|_| {
            let mut sent = Carrier::new();
            b3.inject(&Context::current(), &mut sent);
            assert!(sent.get("b3").unwrap().ends_with("-d"));
            assert!(get_traceparent().unwrap().ends_with("-01"));
        });
        let linked = get_tracer("test").span_builder("linked");
        linked.link(parent.span_context().clone()).in_scope(|_| ());
    });
    let spans = recorder.spans();
    assert_eq!(spans[0].flags & 0xff, 1);
    assert_eq!(spans[1].links[0].flags & 0xff, 1);
}
