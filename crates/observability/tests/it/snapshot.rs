//! Looking at a span in progress.

use continuum_observability::{AnyValue, Status, get_tracer, testing::TestRecorder};

#[test]
fn a_look_shows_what_was_said_so_far_and_changes_nothing() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        get_tracer("looked at").in_scope("first name", |span| {
            span.set_attribute("a", 1);
            span.add_event("seen", &[("by", "me".into())]);
            span.update_name("second name");
            span.set_status(Status::error("broken"));
            let so_far = span.snapshot().unwrap();
            assert_eq!(
                (&*so_far.name, &*so_far.scope.name),
                ("second name", "looked at")
            );
            assert_eq!(so_far.attribute("a"), Some(&AnyValue::Int(1)));
            assert_eq!(so_far.events[0].name, "seen");
            assert_eq!((so_far.is_error(), so_far.end_unix_nanos), (true, 0));
            span.set_attribute("a", 2);
        });
    });
    assert_eq!(
        recorder.tree(),
        "second name ERROR(broken) a=2\n  · seen by=me\n"
    );
}

#[test]
fn there_is_nothing_to_see_of_a_span_that_has_ended_or_is_not_recorded() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let span = get_tracer("looked at").start_span("gone");
        let view = span.view().clone();
        span.end();
        assert!(view.snapshot().is_none());
    });
    assert!(
        continuum_observability::SpanRef::default()
            .snapshot()
            .is_none()
    );
}
