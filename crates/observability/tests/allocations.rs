//! In the steady state a span costs no allocation on the traced thread, whatever is done to it.
//!
//! Counted by the allocator of this binary, for the thread that runs the test only.

#![allow(
    unsafe_code,
    reason = "an allocator is unsafe to implement; this one passes on and counts"
)]

use continuum_observability::{
    Context, FutureExt as _, Sampler, Status, Telemetry, get_tracer, testing::TestRecorder,
    with_context,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    pin::pin,
    task::{self, Poll, Waker},
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    ALLOCATIONS.with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of forty runs, once it is warm: the fewest of eight times, since now and then a thread
/// exchanges a full chunk for an empty one, which there is only where an exporter has emptied one.
fn steady(mut work: impl FnMut()) -> u64 {
    let mut counts = (0..10).map(|_| {
        let before = ALLOCATIONS.get();
        (0..40).for_each(|_| work());
        ALLOCATIONS.get() - before
    });
    counts.by_ref().take(2).for_each(drop);
    counts.min().unwrap_or_default()
}

fn describe() {
    let tracer = get_tracer("allocations");
    let _root = tracer.start_as_current_span("root");
    let span = tracer.start_span("child");
    span.set_attribute("http.method", "GET");
    span.set_attribute("user.id", 42);
    span.set_attribute("user.id", 43);
    span.set_attribute("db.password", "secret");
    span.add_event(
        "cache.miss",
        &[("key", "search".into()), ("rows", 3.into())],
    );
    span.add_link(&span.span_context(), &[("why", "retry".into())]);
    span.set_status(Status::error("refused"));
    span.update_name("renamed");
}

fn children() {
    let tracer = get_tracer("allocations");
    tracer.in_scope("parent", |_| {
        for row in 0..3 {
            tracer.in_scope("row", |span| span.set_attribute("row", row));
        }
    });
}

/// A future that is pending once.
struct Twice(bool);

impl Future for Twice {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

fn attach_to_a_future() {
    let span = get_tracer("allocations").start_span("leaf");
    let mut future = pin!(Twice(false).in_span(span));
    let mut context = task::Context::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(()));
}

#[cfg(feature = "macros")]
mod traced {
    use continuum_observability::trace_function;

    #[trace_function(attributes(component = "memory", rows = 3, text.length = text.len(), text = text))]
    fn search(text: &str) -> Result<usize, std::fmt::Error> {
        Ok(text.len())
    }

    pub(super) fn functions() {
        assert_eq!(search("rust"), Ok(4));
    }
}

/// Spans of the layers, with names, keys and statements that are made anew at each call.
fn helpers() {
    use continuum_observability::layers::{
        cache::trace_cache_operation, database::trace_query, memory::trace_recall,
        messaging::trace_publish,
    };

    let recall = trace_recall("what did we decide?").max_concepts(5);
    recall.tenant_id("acme").in_scope(|span| {
        span.concepts_found(7);
        let key = "search:5d41402abc4b2a76b9719d911017c592";
        trace_cache_operation("GET", key).in_scope(|span| span.cache_miss(key));
        let query = trace_query("SELECT name FROM entities WHERE kind = 'place' AND weight > ?");
        query.table("Entities").in_scope(|span| span.row_count(3));
        trace_publish("memories").start().end();
    });
}

fn recorded(work: fn()) -> u64 {
    // The last of its runs that are not counted fill a large chunk, and all of them do not fill it up.
    let recorder = TestRecorder::new();
    recorder.run(|| steady(work))
}

#[test]
fn spans_for_the_flight_recorder_allocate_nothing_once_it_is_full() {
    // Full after two chunks.
    let builder = Telemetry::builder().sampler(Sampler::AlwaysOff);
    let recorder = TestRecorder::of(builder.flight_recorder(40 << 10));
    let allocations = recorder.run(|| {
        steady(|| {
            for _ in 0..20 {
                describe();
            }
        })
    });
    assert_eq!(allocations, 0);
    assert!(recorder.stats().flight_recorder_bytes > 20 << 10);
}

#[test]
fn spans_with_attributes_events_and_links_allocate_nothing() {
    assert_eq!(recorded(describe), 0);
}

#[test]
fn helpers_of_the_layers_allocate_nothing() {
    assert_eq!(recorded(helpers), 0);
}

#[test]
fn closures_and_many_children_allocate_nothing() {
    assert_eq!(recorded(children), 0);
}

#[test]
fn instrumented_futures_allocate_nothing() {
    assert_eq!(recorded(attach_to_a_future), 0);
}

#[cfg(feature = "macros")]
#[test]
fn traced_functions_allocate_nothing() {
    assert_eq!(recorded(traced::functions), 0);
}

/// Spans of `tracing`, with fields of all kinds, late ones, and an event.
#[cfg(feature = "tracing")]
fn trace() {
    tracing::info_span!("root", method = "GET", path = %"/users/7").in_scope(|| {
        let row = tracing::info_span!("row", n = 7, ok = ?Some(1), late = tracing::field::Empty);
        row.record("late", "now");
        row.in_scope(|| tracing::info!(n = 7, "read {}", "all"));
    });
}

#[cfg(feature = "tracing")]
#[test]
fn spans_and_events_of_tracing_allocate_nothing() {
    use tracing_subscriber::layer::SubscriberExt as _;

    let layer = continuum_observability::interop::tracing::ContinuumLayer::new("allocations");
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || assert_eq!(recorded(trace), 0));
}

#[cfg(feature = "opentelemetry_0_33")]
mod bridged {
    use super::{TestRecorder, describe, steady};
    use continuum_observability::interop::opentelemetry_0_33;
    use std::{env, process::Command};

    const VARIABLE: &str = "CONTINUUM_TEST_BRIDGED";

    /// In a process of its own, since what is installed stays so.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "how it is told that it is one")]
    fn program_with_the_bridge() {
        if env::var(VARIABLE).is_err() {
            return;
        }
        opentelemetry_0_33::install().unwrap();
        let recorder = TestRecorder::new();
        // A scope and a span below it, forty times: what the other API sees is the scope.
        let allocations = recorder.run(|| steady(describe));
        assert_eq!(allocations, 3 * 40);
    }

    #[test]
    fn a_scope_that_the_opentelemetry_api_may_see_takes_three_allocations_and_other_spans_none() {
        let mut program = Command::new(env::current_exe().unwrap());
        program.args(["bridged::program_with_the_bridge", "--exact", "--nocapture"]);
        let ended = program.env(VARIABLE, "1").output().unwrap();
        let said = format!("{ended:?}");
        assert!(
            ended.status.success() && said.contains("1 passed"),
            "{said}"
        );
    }
}

#[test]
fn spans_that_are_sampled_out_allocate_nothing() {
    let off = Telemetry::builder().sampler(Sampler::AlwaysOff);
    let recorder = TestRecorder::of(off);
    recorder.run(|| {
        assert_eq!(
            steady(describe) + steady(children) + steady(attach_to_a_future),
            0
        );
    });
}

#[test]
fn spans_without_a_recorder_allocate_nothing() {
    let plain = || {
        describe();
        children();
    };
    assert_eq!(steady(plain), 0);
    let disabled = Context::current().with_telemetry_disabled();
    assert_eq!(steady(|| with_context(&disabled, describe)), 0);
}

#[test]
fn what_is_counted_is_what_the_program_allocates() {
    assert_eq!(steady(|| drop(Box::new(1u8))), 40);
}
