//! What `tracing` says about its spans arrives.

use crate::world::{native, recorder};
use continuum_observability::AnyValue;

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
        span.in_scope(|| tracing::warn!(target: "shop", shelf = 3, "not found"));
    });
    assert_eq!(
        recorder.tree(),
        "before\nwork text=a flag=true late=7\n  · not found level=WARN target=shop shelf=3\n  → before\n"
    );
}

#[test]
fn values_keep_their_type() {
    let recorder = recorder();
    recorder.run(|| {
        drop(tracing::info_span!(
            "work",
            int = -1_i8,
            unsigned = 7_u64,
            beyond = u64::MAX,
            wide = i128::MAX,
            float = 0.5,
            shown = %"text",
            debug = ?Some(1),
            list = ?[1, 2],
        ));
    });
    assert_eq!(
        recorder.tree(),
        "work int=-1 unsigned=7 beyond=18446744073709551615 \
         wide=170141183460469231731687303715884105727 float=0.5 shown=text debug=Some(1) list=[1, 2]\n"
    );
    let [span] = &recorder.spans()[..] else {
        panic!("one span")
    };
    let is_text = |value: &AnyValue| matches!(value, AnyValue::String(_));
    let texts: Vec<bool> = span.attributes.iter().map(|(_, v)| is_text(v)).collect();
    assert_eq!(texts, [false, false, true, true, false, true, true, true]);
}

#[test]
fn an_event_goes_to_the_current_span_of_whatever_kind() {
    let recorder = recorder();
    recorder.run(|| {
        tracing::info_span!("outer").in_scope(|| {
            native().in_scope("inner", |_| tracing::info!(target: "t", "hello"));
        });
    });
    assert_eq!(
        recorder.tree(),
        "outer\n  inner\n    · hello level=INFO target=t\n"
    );
}

#[test]
fn an_event_is_named_by_its_name_its_message_or_where_it_comes_from() {
    let recorder = recorder();
    recorder.run(|| {
        native().in_scope("work", |_| {
            tracing::info!(name: "cache.miss", target: "t", "not there: {}", 7);
            tracing::info!(target: "t", "said {}", 7);
            tracing::info!(target: "t", rows = 7);
        });
    });
    assert_eq!(
        recorder.tree(),
        "work\n  · cache.miss level=INFO target=t message=not there: 7\n  \
           · said 7 level=INFO target=t\n  · t level=INFO target=t rows=7\n"
    );
}

#[test]
fn a_parent_that_is_named_wins_over_the_current_span() {
    let recorder = recorder();
    recorder.run(|| {
        let named = tracing::info_span!("named");
        native().in_scope("current", |_| {
            drop(tracing::info_span!(parent: &named, "child"));
            drop(tracing::info_span!(parent: None, "root"));
            tracing::info!(target: "t", parent: &named, "event");
        });
    });
    assert_eq!(
        recorder.tree(),
        "named\n  · event level=INFO target=t\n  child\ncurrent\nroot\n"
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

#[test]
fn a_field_whose_text_makes_spans_itself_disturbs_nothing() {
    struct Busy;
    impl std::fmt::Debug for Busy {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let inner = tracing::info_span!("inner", a = 1, b = "two");
            inner.in_scope(|| tracing::info!(target: "t", c = 3, "inside"));
            f.write_str("busy")
        }
    }
    let recorder = recorder();
    recorder.run(|| {
        let work = tracing::info_span!("work", first = "1", busy = ?Busy, last = 2);
        work.in_scope(|| tracing::info!(target: "t", busy = ?Busy, "after"));
    });
    assert_eq!(
        recorder.tree(),
        "work first=1 busy=busy last=2\n  · after level=INFO target=t busy=busy\n  \
           inner a=1 b=two\n    · inside level=INFO target=t c=3\n\
         inner a=1 b=two\n  · inside level=INFO target=t c=3\n"
    );
}

#[test]
fn more_fields_than_usual_arrive_all() {
    let recorder = recorder();
    recorder.run(|| {
        let span = tracing::info_span!(
            "wide",
            f01 = 1,
            f02 = 2,
            f03 = 3,
            f04 = 4,
            f05 = 5,
            f06 = 6,
            f07 = 7,
            f08 = 8,
            f09 = 9,
            f10 = 10,
            f11 = 11,
            f12 = 12,
            f13 = 13,
            f14 = 14,
            f15 = 15,
            f16 = 16,
            f17 = "x",
            f18 = "y",
        );
        drop(span);
    });
    let spans = recorder.spans();
    assert_eq!(spans[0].attributes.len(), 18);
    assert_eq!(
        spans[0].attributes[17],
        ("f18".to_owned(), AnyValue::String("y".to_owned()))
    );
}

#[test]
fn the_fields_of_tracing_opentelemetry_mean_the_same() {
    let recorder = recorder();
    recorder.run(|| {
        let span = tracing::info_span!(
            "static",
            otel.name = "GET /users",
            otel.kind = "Server",
            otel.status_code = tracing::field::Empty,
            otel.status_description = tracing::field::Empty,
            a = 1
        );
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_description", "gone");
        let fine = tracing::info_span!("fine", otel.status_code = "ok", otel.kind = %"client");
        drop((span, fine));
        let late = tracing::info_span!("early", otel.name = tracing::field::Empty);
        late.record("otel.name", "late");
    });
    assert_eq!(
        recorder.tree(),
        "GET /users [server] ERROR(gone) a=1\nfine [client] OK\nlate\n"
    );
}

#[test]
fn an_error_that_a_span_is_told_of_is_its_exception_and_status() {
    let recorder = recorder();
    recorder.run(|| {
        let error = std::io::Error::other(Outer(std::fmt::Error));
        let span = tracing::info_span!("typed", error = tracing::field::Empty);
        span.record("error", &error as &dyn std::error::Error);
        let text = tracing::info_span!("text", error = "refused");
        drop((span, text, tracing::info_span!("flag", error = true)));
    });
    assert_eq!(
        recorder.tree(),
        "typed ERROR(outer)\n  · exception exception.message=outer \
         exception.stacktrace=caused by: an error occurred when formatting an argument\n\
         text ERROR(refused)\n  · exception exception.message=refused\n\
         flag ERROR error=true\n"
    );
}

#[test]
fn an_error_in_an_event_is_an_exception_and_the_status_where_it_is_final() {
    let recorder = recorder();
    recorder.run(|| {
        let error = &Outer(std::fmt::Error) as &dyn std::error::Error;
        native().in_scope(
            "retried",
            |_| tracing::warn!(target: "t", error, attempt = 1, "trying again"),
        );
        native().in_scope("failed", |_| tracing::error!(target: "t", cause = error));
        let other = &std::fmt::Error as &dyn std::error::Error;
        native().in_scope("both", |_| {
            tracing::error!(target: "t", cause = error, error = other);
            tracing::error!(target: "t", error, cause = other);
        });
        native().in_scope(
            "complaint",
            |_| tracing::error!(target: "t", "no error in it"),
        );
    });
    let exception = "exception exception.message=outer \
         exception.stacktrace=caused by: an error occurred when formatting an argument";
    let other = std::fmt::Error;
    assert_eq!(
        recorder.tree(),
        format!(
            "retried\n  · {exception} level=WARN target=t attempt=1 message=trying again\n\
             failed ERROR(outer)\n  · {exception} level=ERROR target=t\n\
             both ERROR(outer)\n  · {exception} level=ERROR target=t error={other}\n  \
               · {exception} level=ERROR target=t cause={other}\n\
             complaint\n  · no error in it level=ERROR target=t\n"
        )
    );
}

#[test]
fn what_an_instrumented_function_returns_and_fails_with_is_recorded() {
    #[tracing::instrument(target = "t", err, ret)]
    fn divide(number: i32, by: i32) -> Result<i32, &'static str> {
        number.checked_div(by).ok_or("by zero")
    }
    let recorder = recorder();
    recorder.run(|| {
        divide(6, 3).unwrap();
        divide(6, 0).unwrap_err();
    });
    assert_eq!(
        recorder.tree(),
        "divide number=6 by=3\n  · return level=INFO target=t return=2\n\
         divide ERROR(by zero) number=6 by=0\n  \
           · exception exception.message=by zero level=ERROR target=t\n"
    );
}

#[derive(Debug)]
struct Outer(std::fmt::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
