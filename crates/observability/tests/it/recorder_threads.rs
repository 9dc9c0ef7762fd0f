//! Spans and threads: where a span ends, and when in the life of its thread, makes no difference.

use continuum_observability::{
    FutureExt as _, Span, SpanRef, Tracer, get_tracer, spawn, testing::TestRecorder,
};
use std::{
    cell::RefCell,
    collections::HashSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

fn tracer() -> Tracer {
    get_tracer("recorder_threads")
}

/// Runs `work` on a thread of its own and waits until the thread is gone, destructors and all.
fn on_a_thread<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    thread::Builder::new().spawn(work).unwrap().join().unwrap()
}

#[track_caller]
fn assert_everything_arrived(recorder: &TestRecorder, spans: usize) {
    assert_eq!(recorder.spans().len(), spans);
    let stats = recorder.stats();
    assert_eq!(
        (stats.started, stats.exported),
        (spans as u64, spans as u64)
    );
    assert_eq!(
        (stats.dropped(), stats.sampled_out, stats.pending),
        (0, 0, 0)
    );
}

/// Makes and ends spans when its thread's locals are destroyed.
struct AtThreadExit {
    recorder: Arc<TestRecorder>,
    open: Option<Span>,
}

impl Drop for AtThreadExit {
    fn drop(&mut self) {
        self.open
            .take()
            .expect("set by the test")
            .set_attribute("ended", "at exit");
        self.recorder.run(|| {
            tracer().in_scope("late", |span| {
                span.set_attribute("attribute", 1);
                tracer().in_scope("late child", |_| ());
            });
        });
    }
}

thread_local! {
    static AT_EXIT: RefCell<Option<AtThreadExit>> = const { RefCell::new(None) };
}

fn leave_for_the_exit(recorder: &Arc<TestRecorder>) {
    let span = recorder.run(|| tracer().start_span("open"));
    let at_exit = AtThreadExit {
        recorder: recorder.clone(),
        open: Some(span),
    };
    AT_EXIT.with(|slot| slot.replace(Some(at_exit)));
}

const AT_EXIT_TREE: &str = "open ended=at exit\nlate attribute=1\n  late child\n";

#[test]
fn spans_made_in_a_destructor_that_runs_after_the_recorders_arrive() {
    let recorder = Arc::new(TestRecorder::new());
    let on_thread = recorder.clone();
    on_a_thread(move || {
        // Destructors run in the order of registration or its reverse, as the platform likes: this
        // thread-local comes before the recorder's, that of the next test after it.
        AT_EXIT.with(|_| ());
        leave_for_the_exit(&on_thread);
    });
    assert_eq!(recorder.tree(), AT_EXIT_TREE);
    assert_everything_arrived(&recorder, 3);
}

#[test]
fn spans_made_in_a_destructor_that_runs_before_the_recorders_arrive() {
    let recorder = Arc::new(TestRecorder::new());
    let on_thread = recorder.clone();
    on_a_thread(move || {
        on_thread.run(|| tracer().in_scope("first", |_| ()));
        leave_for_the_exit(&on_thread);
    });
    assert_eq!(recorder.tree(), format!("first\n{AT_EXIT_TREE}"));
    assert_everything_arrived(&recorder, 4);
}

#[test]
fn spans_of_threads_that_exit_at_once_all_arrive() {
    const ROUNDS: usize = 10;
    const THREADS: usize = 50;
    const SPANS: usize = 20;
    let recorder = Arc::new(TestRecorder::new());
    let at_once = Arc::new(Barrier::new(THREADS));
    let work = |recorder: Arc<TestRecorder>, at_once: Arc<Barrier>| {
        move || {
            at_once.wait();
            recorder.run(|| {
                for number in 0..SPANS {
                    tracer().in_scope("short", |span| span.set_attribute("number", number));
                }
            });
        }
    };
    beside_a_reader(|| {
        for _ in 0..ROUNDS {
            let start = |_| {
                let work = work(recorder.clone(), at_once.clone());
                thread::Builder::new().spawn(work).unwrap()
            };
            let threads: Vec<_> = (0..THREADS).map(start).collect();
            for thread in threads {
                thread.join().unwrap();
            }
        }
    });
    assert_everything_arrived(&recorder, ROUNDS * THREADS * SPANS);
    let ids: HashSet<_> = recorder.spans().iter().map(|span| span.span_id).collect();
    assert_eq!(
        ids.len(),
        ROUNDS * THREADS * SPANS,
        "every thread draws ids of its own"
    );
}

/// Runs `work` while another recorder looks through the chunks of all threads.
fn beside_a_reader(work: impl FnOnce()) {
    let go_on = AtomicBool::new(true);
    thread::scope(|scope| {
        let read = || {
            let other = TestRecorder::new();
            while go_on.load(Ordering::Relaxed) {
                assert!(other.spans().is_empty());
            }
        };
        thread::Builder::new().spawn_scoped(scope, read).unwrap();
        work();
        go_on.store(false, Ordering::Relaxed);
    });
}

#[test]
fn a_reader_that_empties_the_chunks_of_busy_threads_loses_and_doubles_nothing() {
    const THREADS: usize = 4;
    const SPANS: usize = 5_000;
    let recorder = TestRecorder::new();
    thread::scope(|scope| {
        let busy = || {
            recorder.run(|| (0..SPANS).for_each(|_| tracer().in_scope("busy", |_| ())));
        };
        let threads: Vec<_> = (0..THREADS)
            .map(|_| thread::Builder::new().spawn_scoped(scope, busy).unwrap())
            .collect();
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            recorder.spans();
        }
    });
    let ids: HashSet<_> = recorder.spans().iter().map(|span| span.span_id).collect();
    assert_eq!(ids.len(), THREADS * SPANS);
}

#[test]
fn a_span_started_here_may_end_on_another_thread() {
    let recorder = TestRecorder::new();
    let mut spans: Vec<Span> =
        recorder.run(|| (0..100).map(|_| tracer().start_span("moved")).collect());
    for span in &spans {
        span.set_attribute("here", 1);
    }
    on_a_thread(move || {
        for span in &mut spans {
            span.set_attribute("there", 2);
            span.end();
        }
    });
    assert_eq!(recorder.tree(), "moved here=1 there=2\n".repeat(100));
    assert_everything_arrived(&recorder, 100);
}

#[test]
fn a_span_outlives_the_thread_that_started_it() {
    let recorder = Arc::new(TestRecorder::new());
    let on_thread = recorder.clone();
    let span = on_a_thread(move || on_thread.run(|| tracer().start_span("orphan")));
    span.set_attribute("after", true);
    drop(span);
    assert_eq!(recorder.tree(), "orphan after=true\n");
}

#[test]
fn what_many_threads_say_about_one_span_all_arrives() {
    const THREADS: usize = 8;
    const EACH: usize = 12;
    let recorder = TestRecorder::new();
    let span = Arc::new(recorder.run(|| tracer().start_span("shared")));
    let describe = |view: SpanRef, thread: usize| {
        move || {
            for number in 0..EACH {
                view.set_attribute(&format!("key.{thread}.{number}"), number);
                view.add_event(
                    "step",
                    &[("thread", thread.into()), ("number", number.into())],
                );
            }
        }
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let work = describe(span.view().clone(), thread);
            thread::Builder::new().spawn_scoped(scope, work).unwrap();
        }
        // The owner goes on meanwhile.
        describe(span.view().clone(), THREADS)();
    });
    drop(span);
    let spans = recorder.spans();
    let keys: HashSet<_> = spans[0]
        .attributes
        .iter()
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(keys.len(), (THREADS + 1) * EACH);
    assert_eq!(spans[0].events.len(), (THREADS + 1) * EACH);
    assert_eq!(
        (
            spans[0].dropped_attributes_count,
            spans[0].dropped_events_count
        ),
        (0, 0)
    );
}

#[test]
fn a_span_that_ends_while_others_describe_it_is_whole() {
    let recorder = TestRecorder::new();
    for _ in 0..200 {
        let span = recorder.run(|| tracer().start_span("raced"));
        let (first, second) = (span.view().clone(), span.view().clone());
        thread::scope(|scope| {
            let describe =
                |view: SpanRef| move || (0..20).for_each(|i: u32| view.set_attribute("i", i));
            thread::Builder::new()
                .spawn_scoped(scope, describe(first))
                .unwrap();
            thread::Builder::new()
                .spawn_scoped(scope, describe(second))
                .unwrap();
            drop(span);
        });
        // A span in the same place must not get what was meant for the one before.
        recorder.run(|| tracer().in_scope("next", |_| ()));
    }
    let spans = recorder.spans();
    assert_eq!(spans.len(), 400);
    for span in spans {
        let most = usize::from(span.name == "raced");
        assert!(span.attributes.len() <= most, "{span:?}");
    }
    assert_eq!(recorder.stats().pending, 0);
}

#[test]
fn a_span_moved_between_tasks_and_threads_keeps_everything() {
    let recorder = TestRecorder::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let span = recorder.run(|| tracer().start_span("moved"));
    let view = span.view().clone();
    runtime.block_on(
        async move {
            spawn(
                async {
                    for step in 0..20 {
                        continuum_observability::get_current_span()
                            .set_attribute(&format!("inside.{step}"), step);
                        tokio::task::yield_now().await;
                    }
                }
                .in_span(span),
            )
            .await
            .unwrap();
        }
        .with_context(recorder.context()),
    );
    view.set_attribute("after", "the end");
    let spans = recorder.spans();
    assert_eq!((spans.len(), spans[0].attributes.len()), (1, 20));
}
