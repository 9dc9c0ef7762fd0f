//! Results that are failures: what is recorded of each type of error.

use crate::tree;
use anyhow::Context as _;
use continuum_observability::{
    AnyValue, Status, get_current_span, testing::TestRecorder, trace_function,
};
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    error::Error,
    fmt, io,
    process::Command,
};

#[derive(Debug)]
struct Broken(io::Error);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the index is broken")
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn broken() -> Broken {
    Broken(io::Error::other("disk full"))
}

#[trace_function]
fn standard() -> Result<(), Broken> {
    Err(broken())
}

#[trace_function]
fn in_a_box() -> Result<(), Box<dyn Error + Send + Sync>> {
    Err(broken().into())
}

#[trace_function]
fn in_a_local_box() -> Result<(), Box<dyn Error>> {
    Err(broken().into())
}

#[trace_function]
fn any_error() -> anyhow::Result<()> {
    Err(broken()).context("cannot recall")
}

const CAUSES: &str = "exception.message=the index is broken exception.stacktrace=caused by: disk \
                      full\n";

#[test]
fn an_error_is_recorded_with_its_causes() {
    let recorder = TestRecorder::new();
    assert_eq!(
        recorder.run(standard).unwrap_err().to_string(),
        "the index is broken"
    );
    assert_eq!(
        tree(&recorder),
        format!(
            "standard ERROR(the index is broken)\n  · exception \
             exception.type=trace_function::failures::Broken {CAUSES}"
        )
    );
}

#[test]
fn a_box_of_any_error_is_recorded_with_its_causes() {
    for work in [|| in_a_box().is_err(), || in_a_local_box().is_err()] {
        let recorder = TestRecorder::new();
        assert!(recorder.run(work));
        assert!(tree(&recorder).ends_with(CAUSES), "{}", recorder.tree());
        assert!(
            tree(&recorder).contains("exception.type=alloc::boxed::Box<dyn core::error::Error")
        );
    }
}

#[test]
fn anyhow_is_recorded_with_its_causes() {
    let recorder = TestRecorder::new();
    let error = recorder.run(any_error).unwrap_err();
    assert!(error.downcast_ref::<Broken>().is_some());
    let picture = tree(&recorder);
    let expected = "any_error ERROR(cannot recall)\n  · exception exception.type=anyhow::Error \
                    exception.message=cannot recall exception.stacktrace=caused by: the index is \
                    broken; caused by: disk full\n";
    assert!(picture.starts_with(expected), "{picture}");
}

/// Backtraces are switched on for a whole process, hence the test runs itself again as one.
#[test]
fn the_backtrace_of_an_error_is_recorded_where_it_was_captured() {
    if Backtrace::capture().status() != BacktraceStatus::Captured {
        let test = "failures::the_backtrace_of_an_error_is_recorded_where_it_was_captured";
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", test]).env("RUST_LIB_BACKTRACE", "1");
        let output = again.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let recorder = TestRecorder::new();
    assert!(recorder.run(any_error).is_err());
    let picture = recorder.tree();
    assert!(picture.ends_with("caused by: disk full\n"), "{picture}");
    let spans = recorder.spans();
    let Some(AnyValue::String(stacktrace)) = spans[0].events[0].attribute("exception.stacktrace")
    else {
        panic!("{picture}");
    };
    let (causes, backtrace) = stacktrace.split_once("\nStack backtrace:").unwrap();
    assert!(causes.ends_with("caused by: disk full"), "{causes}");
    assert!(backtrace.contains("any_error"), "{backtrace}");
}

struct Shown;

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shown only")
    }
}

struct Mute;

#[trace_function]
fn can_be_shown() -> Result<u32, Shown> {
    Err(Shown)
}

#[trace_function]
fn says_nothing() -> Result<u32, Mute> {
    Err(Mute)
}

#[trace_function]
fn of_a_parameter<E>(error: E) -> Result<(), E> {
    Err(error)
}

#[trace_function]
fn of_a_shown_parameter<E: fmt::Display>(error: E) -> Result<(), E> {
    Err(error)
}

#[test]
fn what_is_no_standard_error_is_shown_or_named() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        assert!(can_be_shown().is_err());
        assert!(says_nothing().is_err());
        assert!(of_a_parameter(1).is_err());
        assert!(of_a_shown_parameter("two").is_err());
    });
    assert_eq!(
        tree(&recorder),
        "can_be_shown ERROR(shown only)\n  · exception \
         exception.type=trace_function::failures::Shown exception.message=shown only\n\
         says_nothing ERROR(trace_function::failures::Mute)\n  · exception \
         exception.type=trace_function::failures::Mute\n\
         of_a_parameter ERROR(i32)\n  · exception exception.type=i32\n\
         of_a_shown_parameter ERROR(two)\n  · exception exception.type=&str \
         exception.message=two\n"
    );
}

#[trace_function(record_exception = false)]
fn quiet() -> Result<(), Broken> {
    Err(broken())
}

#[test]
fn without_record_exception_an_error_sets_the_status_only() {
    let recorder = TestRecorder::new();
    assert!(recorder.run(quiet).is_err());
    assert_eq!(tree(&recorder), "quiet ERROR(the index is broken)\n");
}

#[trace_function]
fn absent() -> Option<u32> {
    None
}

#[trace_function]
fn parameter<T>(value: T) -> T {
    value
}

#[test]
fn only_an_err_of_the_function_itself_is_a_failure() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        assert!(absent().is_none());
        assert!(parameter(Err::<(), _>("handed through")).is_err());
    });
    assert_eq!(tree(&recorder), "absent\nparameter\n");
}

#[test]
fn a_status_of_ok_is_final() {
    #[trace_function]
    fn forgiven() -> Result<(), Shown> {
        get_current_span().set_status(Status::Ok);
        Err(Shown)
    }

    let recorder = TestRecorder::new();
    assert!(recorder.run(forgiven).is_err());
    assert!(tree(&recorder).starts_with("forgiven OK\n  · exception "));
}

#[test]
fn an_error_recorded_by_hand_is_not_recorded_again_when_it_leaves() {
    #[trace_function]
    fn told() -> Result<(), Broken> {
        let error = broken();
        get_current_span().record_exception(&error);
        Err(error)
    }

    #[trace_function]
    fn told_and_boxed() -> anyhow::Result<()> {
        Ok(told().inspect_err(|error| get_current_span().record_exception(error))?)
    }

    #[trace_function]
    fn told_of_another() -> Result<(), Broken> {
        get_current_span().record_exception(&io::Error::other("retrying"));
        Err(broken())
    }

    let recorder = TestRecorder::new();
    recorder.run(|| {
        assert!(told_and_boxed().is_err());
        assert!(told_of_another().is_err());
    });
    let event = "· exception exception.type=trace_function::failures::Broken";
    assert_eq!(
        tree(&recorder),
        format!(
            "told_and_boxed ERROR(the index is broken)\n  {event} {CAUSES}  told ERROR(the index is \
             broken)\n    {event} {CAUSES}told_of_another ERROR(the index is broken)\n  \
             · exception exception.type=std::io::error::Error exception.message=retrying\n  \
             {event} {CAUSES}"
        )
    );
}

struct Hostile;

impl fmt::Display for Hostile {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::panic::resume_unwind(Box::new("hostile"))
    }
}

#[test]
fn an_error_that_panics_when_shown_is_recorded_without_its_text() {
    #[trace_function]
    fn hostile() -> Result<(), Hostile> {
        Err(Hostile)
    }

    let recorder = TestRecorder::new();
    assert!(recorder.run(hostile).is_err());
    assert_eq!(
        tree(&recorder),
        "hostile ERROR\n  · exception exception.type=trace_function::failures::Hostile \
         exception.message=\n"
    );
}
