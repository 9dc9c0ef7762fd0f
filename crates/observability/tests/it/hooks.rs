//! Hooks, filters and id generators: what they add, and that they can harm nobody.

use crate::executors::{on_every_executor, yield_now};
use continuum_observability::{
    Context, FutureExt as _, IdGenerator, SpanId, Status, Telemetry, TraceId, Tracer,
    get_current_span, get_tracer, set_baggage, testing::TestRecorder,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, OnceLock},
};

fn tracer() -> Tracer {
    get_tracer("hooks")
}

fn fail() -> ! {
    resume_unwind(Box::new("failure of the user's code"))
}

#[test]
fn start_and_end_hooks_see_the_span_and_add_to_it_in_order() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let at_end = seen.clone();
    let builder = Telemetry::builder()
        .on_start(|span, start| {
            let (key, value) = &start.attributes[0];
            span.set_attribute("copied", format!("{key}={value:?}"));
            span.set_attribute("kind", format!("{:?} of {}", start.kind, start.tracer));
        })
        .on_start(|span, start| span.update_name(&format!("{} (enriched)", start.name)))
        .on_end(move |span, end| {
            span.set_attribute("error", end.is_error);
            span.add_event("ending", &[]);
            let facts = (
                end.name.to_owned(),
                end.tracer.to_owned(),
                end.duration.as_nanos(),
            );
            at_end.lock().unwrap().push(facts);
        });
    let recorder = TestRecorder::of(builder);
    recorder.run(|| {
        let builder = tracer().span_builder("work").attribute("size", 3);
        let span = builder.start_time_unix_nanos(1_000).start();
        span.set_status(Status::error("failed"));
        span.end_with_timestamp(3_000);
        span.end();
    });
    let expected = "work (enriched) ERROR(failed) size=3 copied=size=I64(3) kind=Internal of \
                    hooks error=true\n  · ending\n";
    assert_eq!(recorder.tree(), expected);
    let facts = ("work (enriched)".to_owned(), "hooks".to_owned(), 2_000);
    assert_eq!(*seen.lock().unwrap(), [facts]);
}

on_every_executor! {
    async fn hooks_run_for_async_spans_in_the_spans_own_context() {
        let builder = Telemetry::builder()
            .baggage_attributes(["tenant_id", "absent"])
            .on_end(|span, _| {
                let current = get_current_span().span_context().span_id();
                span.set_attribute("is_current", current == span.span_context().span_id());
            });
        let recorder = TestRecorder::of(builder);
        async {
            set_baggage("tenant_id", "user_123");
            tracer().in_span("outer", async |_| {
                yield_now().await;
                set_baggage("tenant_id", "user_456");
                tracer().in_span("inner", async |_| yield_now().await).await;
            }).await;
        }.with_context(recorder.context()).await;
        let expected = "outer tenant_id=user_123 is_current=true\n  \
                        inner tenant_id=user_456 is_current=true\n";
        assert_eq!(recorder.tree(), expected);
    }
}

#[test]
fn a_start_hook_is_told_the_parents_id_and_the_baggage() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let at_start = seen.clone();
    let builder = Telemetry::builder().on_start(move |span, start| {
        let parent = span.snapshot().unwrap().parent_span_id;
        let tenant = start.baggage.get("tenant_id").map(str::to_owned);
        at_start.lock().unwrap().push((parent, tenant));
    });
    let recorder = TestRecorder::of(builder);
    let outer = recorder.run(|| {
        tracer().in_scope("outer", |outer| {
            set_baggage("tenant_id", "acme");
            tracer().in_scope("inner", |_| ());
            outer.span_context().span_id().to_bytes()
        })
    });
    let acme = Some("acme".to_owned());
    assert_eq!(*seen.lock().unwrap(), [(None, None), (Some(outer), acme)]);
}

#[test]
fn a_hook_that_panics_costs_what_it_would_have_added() {
    let builder = Telemetry::builder()
        .on_start(|_, _| fail())
        .on_start(|span, _| span.set_attribute("second", true))
        .on_end(|_, _| fail())
        .filter_tracers(|_| fail());
    let recorder = TestRecorder::of(builder);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        recorder.run(|| {
            tracer().in_scope("calm", |_| ());
            tracer().in_scope("unwinding", |_| fail())
        })
    }));
    assert!(outcome.is_err());
    let spans = recorder.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["calm", "unwinding"]);
    assert!(spans.iter().all(|span| span.attributes[0].0 == "second"));
}

#[test]
fn what_hooks_do_is_not_traced_and_calls_no_hook() {
    let busy = || tracer().in_scope("made by a hook", |_| ());
    let builder = Telemetry::builder()
        .on_start(move |_, _| busy())
        .on_end(move |_, _| busy());
    let recorder = TestRecorder::of(builder);
    recorder.run(|| tracer().in_scope("work", |_| ()));
    assert_eq!(recorder.tree(), "work\n");
    assert_eq!(recorder.stats().started, 1);
}

#[test]
fn a_span_that_is_not_recorded_calls_no_hook() {
    let calls = Arc::new(Mutex::new(0));
    let (started, ended) = (calls.clone(), calls.clone());
    let builder = Telemetry::builder()
        .sampler(continuum_observability::Sampler::AlwaysOff)
        .on_start(move |_, _| *started.lock().unwrap() += 1)
        .on_end(move |_, _| *ended.lock().unwrap() += 1);
    TestRecorder::of(builder).run(|| tracer().in_scope("work", |_| ()));
    assert_eq!(*calls.lock().unwrap(), 0);
}

#[test]
fn a_filtered_tracer_leaves_no_gap_and_is_asked_about_once() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ask = asked.clone();
    let builder = Telemetry::builder().filter_tracers(move |name| {
        // A filter that traces does not ask itself, about no tracer.
        get_tracer(name).in_scope("made by the filter", |_| ());
        get_tracer("hooks.unasked").in_scope("made by the filter", |_| ());
        ask.lock().unwrap().push(name.to_owned());
        name != "hooks.noise"
    });
    let recorder = TestRecorder::of(builder);
    let noise = get_tracer("hooks.noise");
    recorder.run(|| {
        noise.in_scope("dropped root", |_| {
            tracer().in_scope("root", |root| {
                noise.in_scope("dropped", |span| {
                    assert_eq!(span.span_context(), root.span_context());
                    assert!(!span.is_recording());
                    let explicit = Context::current();
                    drop(noise.span_builder("dropped too").parent(&explicit).start());
                    tracer().in_scope("child", |_| ());
                });
            });
        });
    });
    assert_eq!(recorder.tree(), "root\n  child\n");
    assert_eq!(*asked.lock().unwrap(), ["hooks.noise", "hooks"]);
}

/// Refuses all tracers but one.
fn only_hooks(name: &str) -> bool {
    name == "hooks"
}

#[test]
fn what_a_hook_does_with_another_tracer_leaves_the_filter_to_decide_later() {
    let noise = || get_tracer("hooks.busy");
    let elsewhere = Arc::new(OnceLock::<Context>::new());
    let context = elsewhere.clone();
    let builder = Telemetry::builder().filter_tracers(only_hooks);
    let recorder = TestRecorder::of(builder.on_start(move |_, _| {
        // In a context of somebody else's telemetry is not disabled.
        let context = context.get().unwrap();
        drop(noise().span_builder("noise").parent(context).start());
    }));
    elsewhere.set(recorder.context()).unwrap();
    recorder.run(|| {
        tracer().in_scope("work", |_| ());
        noise().in_scope("noise", |_| ());
    });
    assert_eq!(recorder.tree(), "work\n");
}

/// An id generator that traces.
#[derive(Debug)]
struct Busy;

impl IdGenerator for Busy {
    fn new_trace_id(&self) -> TraceId {
        tracer().in_scope("made by the generator", |_| ());
        TraceId::from(7_u128)
    }

    fn new_span_id(&self) -> SpanId {
        get_tracer("hooks.busy").in_scope("made by the generator", |_| ());
        SpanId::from(7_u64)
    }
}

#[test]
fn what_an_id_generator_does_is_not_traced_and_answers_no_filter() {
    let builder = Telemetry::builder().filter_tracers(only_hooks);
    let recorder = TestRecorder::of(builder.id_generator(Busy));
    recorder.run(|| {
        tracer().in_scope("work", |_| ());
        get_tracer("hooks.busy").in_scope("noise", |_| ());
    });
    assert_eq!(recorder.tree(), "work\n");
    assert_eq!(recorder.stats().started, 1);
}

/// Gives the same ids each time.
#[derive(Debug)]
struct Fixed {
    id: u64,
    is_random: bool,
}

impl IdGenerator for Fixed {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(u128::from(self.id))
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.id)
    }

    fn is_random(&self) -> bool {
        self.is_random
    }
}

#[test]
fn ids_of_a_generator_are_used_with_the_flag_that_it_states() {
    for is_random in [false, true] {
        let generator = Fixed { id: 5, is_random };
        let recorder = TestRecorder::of(Telemetry::builder().id_generator(generator));
        recorder.run(|| {
            tracer().in_scope("root", |span| {
                let context = span.span_context();
                assert_eq!(context.trace_id(), TraceId::from(5_u128));
                assert_eq!(context.span_id(), SpanId::from(5_u64));
                assert_eq!(context.trace_flags().is_random(), is_random);
            });
        });
    }
}

#[derive(Debug)]
struct Failing;

impl IdGenerator for Failing {
    fn new_trace_id(&self) -> TraceId {
        fail()
    }

    fn new_span_id(&self) -> SpanId {
        fail()
    }
}

#[test]
fn ids_that_cannot_be_used_are_replaced_by_random_ones() {
    let zero = Fixed {
        id: 0,
        is_random: false,
    };
    for builder in [
        Telemetry::builder().id_generator(zero),
        Telemetry::builder().id_generator(Failing),
    ] {
        TestRecorder::of(builder).run(|| {
            tracer().in_scope("root", |span| {
                let context = span.span_context();
                assert!(context.is_valid() && context.trace_flags().is_random());
            });
        });
    }
}
