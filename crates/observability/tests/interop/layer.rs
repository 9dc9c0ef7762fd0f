//! What `tracing` says about its spans arrives.

use crate::world::{native, recorder};

#[test]
fn fields_events_and_links_arrive() {
    let recorder = recorder();
    recorder.run(|| {
        let before = tracing::info_span!("before");
        let span = tracing::info_span!(
            "work",
            text = "a",
            flag = true,
            late = tracing::field::Empty
        );
        span.follows_from(&before);
        span.record("late", 7);
        span.in_scope(|| tracing::warn!(shelf = 3, "not found"));
    });
    assert_eq!(
        recorder.tree(),
        "before\nwork text=a flag=true late=7\n  · not found level=WARN shelf=3\n  → before\n"
    );
}

#[test]
fn an_event_goes_to_the_current_span_of_whatever_kind() {
    let recorder = recorder();
    recorder.run(|| {
        tracing::info_span!("outer").in_scope(|| {
            native().in_scope("inner", |_| tracing::info!("hello"));
        });
    });
    assert_eq!(recorder.tree(), "outer\n  inner\n    · hello level=INFO\n");
}

#[test]
fn a_parent_that_is_named_wins_over_the_current_span() {
    let recorder = recorder();
    recorder.run(|| {
        let named = tracing::info_span!("named");
        native().in_scope("current", |_| {
            drop(tracing::info_span!(parent: &named, "child"));
            drop(tracing::info_span!(parent: None, "root"));
            tracing::info!(parent: &named, "event");
        });
    });
    assert_eq!(
        recorder.tree(),
        "named\n  · event level=INFO\n  child\ncurrent\nroot\n"
    );
}

#[test]
fn a_field_whose_text_panics_is_empty() {
    struct Hostile;
    impl std::fmt::Debug for Hostile {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("the text of a field");
        }
    }
    let recorder = recorder();
    recorder.run(|| drop(tracing::info_span!("work", bad = ?Hostile, good = 1)));
    assert_eq!(recorder.tree(), "work bad= good=1\n");
}
