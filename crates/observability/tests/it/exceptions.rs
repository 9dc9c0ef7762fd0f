//! What is recorded of an error: as much as its type gives, once, and without the secrets of URLs.

use crate::executors::block_on;
use continuum_observability::{
    Status, get_current_span, get_tracer, layers::memory::trace_recall, testing::TestRecorder,
};
use std::{
    error::Error,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

/// An error with a cause.
#[derive(Debug, Clone)]
struct Broken(Rc<io::Error>);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the index is broken")
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

fn broken() -> Broken {
    Broken(Rc::new(io::Error::other("disk full")))
}

/// The first line without its attributes, and the events.
fn outcome(work: impl FnOnce()) -> String {
    let recorder = TestRecorder::new();
    recorder.run(work);
    let tree = recorder.tree();
    tree.replace(
        " memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=1 memory.max_concepts=10",
        "",
    )
}

const BROKEN: &str = "  · exception exception.type=it::exceptions::Broken exception.message=the \
                      index is broken exception.stacktrace=caused by: disk full\n";
const FAILED: &str = "memory.recall ERROR(the index is broken)\n";

#[test]
fn a_ready_made_span_records_an_error_with_its_causes() {
    let failed = outcome(|| {
        let result = trace_recall("q").run_sync(|_| Err::<(), _>(broken()));
        assert_eq!(result.unwrap_err().to_string(), "the index is broken");
    });
    assert_eq!(failed, format!("{FAILED}{BROKEN}"));
}

#[test]
fn a_ready_made_span_records_what_points_to_an_error_with_its_causes() {
    let boxed = outcome(|| {
        let result = trace_recall("q").run_sync(|_| Err::<(), Box<dyn Error>>(broken().into()));
        assert!(result.unwrap_err().is::<Broken>());
    });
    let any = outcome(|| {
        let error = || anyhow::Error::from(io::Error::other("disk full")).context("cannot recall");
        assert!(
            trace_recall("q")
                .run_sync(|_| Err::<(), _>(error()))
                .is_err()
        );
    });
    assert!(boxed.starts_with(FAILED), "{boxed}");
    assert!(
        boxed.ends_with("exception.stacktrace=caused by: disk full\n"),
        "{boxed}"
    );
    let expected = "memory.recall ERROR(cannot recall)\n  · exception exception.type=anyhow::Error \
                    exception.message=cannot recall exception.stacktrace=caused by: disk full";
    assert!(any.starts_with(expected), "{any}");
}

#[test]
fn a_ready_made_span_records_an_owned_text_too() {
    let failed = outcome(|| {
        let result = trace_recall("q").run_sync(|_| Err::<(), _>("gone".to_owned()));
        assert_eq!(result, Err("gone".to_owned()));
    });
    let expected = "memory.recall ERROR(gone)\n  · exception exception.type=alloc::string::String \
                    exception.message=gone\n";
    assert_eq!(failed, expected);
}

#[tokio::test]
async fn an_error_recorded_by_hand_is_not_recorded_again_when_it_leaves() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let work = || {
            let error = broken();
            get_current_span().record_exception(&error);
            Err::<(), _>(error)
        };
        assert!(trace_recall("q").run_sync(|_| work()).is_err());
    });
    let later = trace_recall("q").run(async |span| {
        let error = broken();
        span.record_exception(&error);
        tokio::task::yield_now().await;
        Err::<(), Box<dyn Error>>(error.into())
    });
    assert!(recorder.run_async(later).await.is_err());
    let spans = recorder.spans();
    assert_eq!(spans.len(), 2);
    for span in spans {
        assert_eq!((span.events.len(), span.is_error()), (1, true), "{span:?}");
        assert_eq!(span.status_message, "the index is broken");
    }
}

#[test]
fn an_error_that_leaves_is_recorded_if_the_last_one_was_another() {
    let same_text = || io::Error::other("the index is broken");
    let another_type = outcome(|| {
        let result = trace_recall("q").run_sync(|span| {
            span.record_exception(&broken());
            Err::<(), _>(same_text())
        });
        assert!(result.is_err());
    });
    let io_error = "  · exception exception.type=std::io::error::Error \
                    exception.message=the index is broken\n";
    assert_eq!(another_type, format!("{FAILED}{BROKEN}{io_error}"));
    let in_between = outcome(|| {
        let result = trace_recall("q").run_sync(|span| {
            span.record_exception(&broken());
            span.record_exception(&same_text());
            Err::<(), _>(broken())
        });
        assert!(result.is_err());
    });
    assert_eq!(in_between, format!("{FAILED}{BROKEN}{io_error}{BROKEN}"));
}

#[test]
fn what_is_recorded_by_hand_is_recorded_as_often_as_that() {
    let twice = outcome(|| {
        for _ in 0..2 {
            let work = |span: &continuum_observability::SpanRef| {
                span.record_exception(&broken());
                span.record_error(&broken());
            };
            trace_recall("q").in_scope(work);
        }
    });
    assert_eq!(twice, format!("{FAILED}{BROKEN}{BROKEN}").repeat(2));
}

#[test]
fn a_span_of_any_name_records_the_error_that_its_run_forms_return() {
    let span = || get_tracer("exceptions").span_builder("work");
    let sync = outcome(|| {
        assert!(span().run_sync(|_| Err::<(), _>(broken())).is_err());
        assert!(span().run_sync(|_| Ok::<_, Broken>(())).is_ok());
    });
    let future = outcome(|| {
        assert!(block_on(span().run(async |_| Err::<(), _>(broken()))).is_err());
        assert!(block_on(span().run(async |_| Ok::<_, Broken>(()))).is_ok());
    });
    assert_eq!(
        sync,
        format!("work ERROR(the index is broken)\n{BROKEN}work\n")
    );
    assert_eq!(sync, future);
}

#[test]
fn a_failure_that_leaves_a_span_does_not_replace_the_status_that_was_set() {
    let recorder = TestRecorder::new();
    let tell = || get_current_span().set_status(Status::error("as given"));
    let _results = recorder.run(|| {
        let error = trace_recall("error").run_sync(|_| {
            tell();
            Err::<(), _>(broken())
        });
        let panic = catch_unwind(AssertUnwindSafe(|| {
            get_tracer("exceptions").in_scope("panic", |_| {
                tell();
                panic!("on purpose")
            })
        }));
        let future = trace_recall("future").run(async |_| {
            tell();
            Err::<(), _>(broken())
        });
        (error, panic.is_err(), block_on(future))
    });
    let spans = recorder.spans();
    let texts: Vec<_> = spans
        .iter()
        .map(|span| span.status_message.as_str())
        .collect();
    assert_eq!(texts, ["as given"; 3]);
}

/// An error like that of an HTTP client, whose text holds the URL.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error sending request for url (http://ann:hunter2@peer/sync?token=hunter2)")
    }
}

impl Error for Refused {}

#[derive(Debug)]
struct NotSynced(Refused);

impl fmt::Display for NotSynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not synced: {}", self.0)
    }
}

impl Error for NotSynced {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn no_secret_of_a_url_is_recorded_wherever_the_error_goes() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let result = trace_recall("outer").run_sync(|_| {
            let inner = trace_recall("inner").run_sync(|_| Err::<(), _>(Refused));
            inner.map_err(NotSynced)
        });
        assert!(result.unwrap_err().to_string().contains("hunter2"));
        get_tracer("exceptions").in_scope("by hand", |span| {
            span.record_error(&NotSynced(Refused));
            span.add_event(
                "exception",
                &[("exception.message", Refused.to_string().into())],
            );
            span.set_status(Status::error(Refused.to_string()));
        });
    });
    let spans = format!("{:?}", recorder.spans());
    assert!(!spans.contains("hunter2"), "{spans}");
    let shown = "http://REDACTED:REDACTED@peer/sync?token=REDACTED)";
    assert_eq!(spans.matches(shown).count(), 9, "{spans}");
}
