//! Who the parent of a `tracing` span is: named later, on other threads, in other tasks, in any order.

use crate::world::{native, recorder};
use continuum_observability::{
    Composable, Context, Sampler, SamplingRule, SpanContext, SpanLimits, SpanRef, SpanStart,
    Status, Telemetry, TelemetryBuilder, TraceFlags, TraceState, get_baggage, get_current_span,
    interop::tracing::SpanExt as _, set_baggage, testing::TestRecorder,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tracing::Instrument as _;

fn remote(flags: TraceFlags) -> Context {
    let state: TraceState = "vendor=1".parse().unwrap();
    let span = SpanContext::new(0xabcd_u128.into(), 0x1234_u64.into(), flags, true, state);
    let mut baggage = continuum_observability::Baggage::new();
    baggage.insert("tenant", "acme").unwrap();
    Context::current()
        .with_remote_span_context(span)
        .with_baggage(baggage)
}

#[test]
fn a_parent_that_is_named_later_counts_and_nothing_said_before_is_lost() {
    let recorder = recorder();
    recorder.run(|| {
        native().in_scope("around", |around| {
            let span = tracing::info_span!(
                "request",
                otel.kind = "server",
                a = 1,
                late = tracing::field::Empty
            );
            span.record("late", "said before");
            span.set_attribute("a", 2);
            span.add_event("before", &[("n", 1.into())]);
            span.add_link(&around.span_context(), &[]);
            span.set_status(Status::error("broken"));
            assert!(span.set_parent(&remote(TraceFlags::SAMPLED)));
            span.set_attribute("after", true);
            span.in_scope(|| {
                assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
                native().in_scope("inside", |_| ());
            });
        });
    });
    assert_eq!(
        recorder.tree(),
        "around\n\
         request [server] ERROR(broken) late=said before a=2 after=true\n  \
           · before n=1\n  → around\n  inside\n"
    );
    let spans = recorder.spans();
    let request = spans.iter().find(|span| span.name == "request").unwrap();
    assert_eq!(request.trace_id, 0xabcd_u128.to_be_bytes());
    assert_eq!(request.parent_span_id, Some(0x1234_u64.to_be_bytes()));
    assert_eq!(request.trace_state, "vendor=1");
    let stats = recorder.stats();
    assert_eq!((stats.started, stats.sampled_out, stats.pending), (4, 1, 0));
}

#[test]
fn a_span_that_was_sampled_out_is_recorded_whole_under_a_parent_that_is() {
    drop(recorder());
    let recorder = TestRecorder::with(
        Sampler::parent_based(Sampler::AlwaysOff),
        SpanLimits::default(),
    );
    recorder.run(|| {
        let span = tracing::info_span!("request", a = 1, text = "b", late = tracing::field::Empty);
        span.record("late", 3);
        assert!(!span.native().is_recording());
        assert!(span.set_parent(&remote(TraceFlags::SAMPLED)));
        span.in_scope(|| tracing::info!(target: "t", "inside"));
    });
    assert_eq!(
        recorder.tree(),
        "request a=1 text=b late=3\n  · inside level=INFO target=t\n"
    );
}

#[test]
fn a_span_below_one_that_was_sampled_out_has_what_is_said_after_its_parent_is_named() {
    drop(recorder());
    let recorder = TestRecorder::with(
        Sampler::parent_based(Sampler::AlwaysOff),
        SpanLimits::default(),
    );
    recorder.run(|| {
        native().in_scope("around", |around| {
            assert!(!around.is_recording());
            let span = tracing::info_span!("request", before = 1);
            assert!(span.set_parent(&remote(TraceFlags::SAMPLED)));
            span.set_attribute("after", true);
        });
    });
    assert_eq!(recorder.tree(), "request after=true\n");
}

#[test]
fn a_span_is_not_recorded_any_more_under_a_parent_that_is_not() {
    drop(recorder());
    let recorder = TestRecorder::with(
        Sampler::parent_based(Sampler::AlwaysOn),
        SpanLimits::default(),
    );
    recorder.run(|| {
        let span = tracing::info_span!("request", a = 1);
        assert!(span.native().is_recording());
        assert!(span.set_parent(&remote(TraceFlags::NONE)));
        assert!(!span.native().is_recording());
        assert_eq!(span.span_context().trace_id(), 0xabcd_u128.into());
    });
    assert_eq!(recorder.spans().len(), 0);
    let stats = recorder.stats();
    assert_eq!((stats.started, stats.sampled_out, stats.pending), (2, 2, 0));
}

#[test]
fn what_is_kept_for_a_parent_that_may_be_named_is_bounded_and_gone_when_none_can_be() {
    struct Counted<'a>(&'a std::cell::Cell<usize>);
    impl std::fmt::Debug for Counted<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.set(self.0.get() + 1);
            f.write_str("shown")
        }
    }
    let recorder = recorder();
    // How often a field is shown that is recorded a thousand times.
    let shown = |is_entered: bool| {
        let times = std::cell::Cell::new(0);
        let span = tracing::info_span!("of jobs", otel.name = "job", at = tracing::field::Empty);
        if is_entered {
            span.in_scope(|| ());
        }
        for _ in 0..1_000 {
            span.record("at", tracing::field::debug(Counted(&times)));
        }
        times.get()
    };
    recorder.run(|| {
        assert_eq!(shown(true), 1_000);
        let kept = shown(false) - 1_000;
        assert!((100..300).contains(&kept), "{kept}");
    });
}

#[test]
fn a_span_that_others_may_know_keeps_its_parent() {
    let recorder = recorder();
    recorder.run(|| {
        let entered = tracing::info_span!("entered");
        entered.in_scope(|| ());
        let parent = tracing::info_span!("parent");
        drop(tracing::info_span!(parent: &parent, "child"));
        let asked = tracing::info_span!("asked");
        let identity = asked.span_context();
        for span in [&entered, &parent, &asked] {
            assert!(!span.set_parent(&remote(TraceFlags::SAMPLED)));
        }
        assert_eq!(asked.span_context(), identity);
        assert!(!tracing::Span::none().set_parent(&Context::root()));
    });
    assert_eq!(recorder.tree(), "entered\nparent\n  child\nasked\n");
}

#[test]
fn a_sampler_and_a_start_hook_see_the_fields_the_kind_and_the_name() {
    #[derive(Debug)]
    struct OnlyAdmins;
    impl continuum_observability::ShouldSample for OnlyAdmins {
        fn should_sample(
            &self,
            span: &continuum_observability::SamplingParameters<'_>,
        ) -> continuum_observability::SamplingResult<'static> {
            let is_admin = span.attributes.contains(&("role", "admin".into()));
            let is_server = span.kind == continuum_observability::SpanKind::Server;
            continuum_observability::SamplingResult::from_decision(
                is_admin && is_server && span.name == "GET /",
            )
        }

        fn description(&self) -> String {
            "OnlyAdmins".to_owned()
        }
    }
    drop(recorder());
    let sampler = Sampler::Custom(Arc::new(OnlyAdmins));
    let recorder = TestRecorder::of(Telemetry::builder().sampler(sampler).on_start(
        |span, start| {
            span.set_attribute("seen", start.attributes.len());
        },
    ));
    recorder.run(|| {
        for role in ["guest", "admin"] {
            drop(tracing::info_span!(
                "s",
                otel.name = "GET /",
                otel.kind = "server",
                role
            ));
        }
    });
    assert_eq!(recorder.tree(), "GET / [server] role=admin seen=1\n");
}

#[test]
fn the_context_of_a_span_goes_where_it_is_taken() {
    let recorder = recorder();
    recorder.run(|| {
        let span = tracing::info_span!("request");
        let context = span.context();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _guard = context.attach();
                drop(tracing::info_span!("elsewhere"));
            });
        });
        let disabled = tracing::Span::none();
        native().in_scope("native", |native| {
            assert_eq!(disabled.context().span_context(), &native.span_context());
            assert!(!disabled.span_context().is_valid());
        });
    });
    assert_eq!(recorder.tree(), "request\n  elsewhere\nnative\n");
}

#[test]
fn a_span_that_is_entered_on_several_threads_is_the_parent_on_each() {
    let recorder = recorder();
    recorder.run(|| {
        let span = tracing::info_span!("shared");
        let _here = span.enter();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| span.in_scope(|| drop(tracing::info_span!("child"))));
            }
        });
        drop(tracing::info_span!("child"));
    });
    assert_eq!(
        recorder.tree(),
        "shared\n  child\n  child\n  child\n  child\n"
    );
}

#[test]
fn spans_that_are_left_in_another_order_leave_their_own_scopes() {
    let recorder = recorder();
    recorder.run(|| {
        let (a, b) = (tracing::info_span!("a"), tracing::info_span!("b"));
        let in_a = a.enter();
        let in_b = b.enter();
        drop(in_a);
        drop(tracing::info_span!("in b"));
        let in_a = a.enter();
        drop(in_b);
        drop(tracing::info_span!("in a"));
        drop(in_a);
        drop(tracing::info_span!("outside"));
        assert!(!get_current_span().span_context().is_valid());
    });
    assert_eq!(recorder.tree(), "a\n  in a\nb\n  in b\noutside\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instrumented_task_has_its_span_wherever_it_runs() {
    let recorder = recorder();
    let work = async {
        let outer = tracing::info_span!("outer");
        let tasks = (0..8).map(|number| {
            let task = async move {
                tokio::task::yield_now().await;
                let inner = tracing::info_span!("inner");
                tokio::task::yield_now().instrument(inner).await;
                native().start_span("native").end();
            };
            let span = tracing::info_span!(parent: &outer, "task", number);
            tokio::spawn(task.instrument(span))
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    };
    recorder.run_async(work).await;
    let tree = recorder.tree();
    assert_eq!(tree.matches("  task number=").count(), 8, "{tree}");
    assert_eq!(tree.matches("    inner\n    native\n").count(), 8, "{tree}");
    assert_eq!(tree.lines().count(), 25, "{tree}");
}

#[tokio::test]
async fn baggage_that_is_set_in_a_span_is_there_after_each_pause() {
    let recorder = recorder();
    let request = async {
        assert!(set_baggage("tenant_id", "acme"));
        tokio::task::yield_now().await;
        assert_eq!(get_baggage("tenant_id").as_deref(), Some("acme"));
        let inner = async {
            assert!(set_baggage("tenant_id", "inner"));
            tokio::task::yield_now().await;
            get_baggage("tenant_id")
        };
        let inner = inner.instrument(tracing::info_span!("inner")).await;
        assert_eq!(inner.as_deref(), Some("inner"));
        tokio::task::yield_now().await;
        get_baggage("tenant_id")
    };
    let around = async {
        let span = tracing::info_span!("request");
        let outer = request.instrument(span.clone()).await;
        assert_eq!(outer.as_deref(), Some("acme"));
        assert_eq!(span.context().baggage().get("tenant_id"), Some("acme"));
        assert_eq!(get_baggage("tenant_id"), None);
    };
    recorder.run_async(around).await;
}

/// A request for a tenant, which is told of whose it is after it was made among the work of another one.
fn told_later(builder: TelemetryBuilder) -> TestRecorder {
    drop(recorder());
    let recorder = TestRecorder::of(builder);
    recorder.run(|| {
        native().in_scope("consumer", |_| {
            set_baggage("tenant", "another");
            let span = tracing::info_span!("request", a = 1);
            span.set_attribute("b", 2);
            span.add_event("said", &[]);
            assert!(span.set_parent(&remote(TraceFlags::SAMPLED)));
        });
    });
    recorder
}

#[test]
fn what_is_recorded_of_baggage_is_that_of_the_parent_that_is_named_later() {
    let recorder = told_later(Telemetry::builder().baggage_attributes(["tenant"]));
    let tree = recorder.tree();
    assert!(
        tree.contains("request a=1 tenant=acme b=2\n  · said\n"),
        "{tree}"
    );
}

#[test]
fn hooks_are_asked_again_and_leave_nothing_of_the_first_time() {
    let asked = Arc::new(AtomicU64::new(0));
    let hook = move |span: &SpanRef, _: &SpanStart<'_>| {
        let time = asked.fetch_add(1, Ordering::Relaxed);
        span.set_attribute("a", "by a hook");
        span.set_attribute("time", time);
        span.add_event("hooked", &[("time", time.into())]);
        span.update_name(&format!("{time}. request"));
    };
    let recorder = told_later(Telemetry::builder().on_start(hook));
    let tree = recorder.tree();
    let request = "2. request a=by a hook time=2 b=2\n  · hooked time=2\n  · said\n";
    assert!(tree.contains(request), "{tree}");
}

#[test]
fn a_field_that_the_baggage_of_the_later_parent_has_too_is_that_one() {
    drop(recorder());
    let recorder = TestRecorder::of(Telemetry::builder().baggage_attributes(["tenant"]));
    recorder.run(|| {
        let span = tracing::info_span!("request", tenant = "unknown", a = 1);
        assert!(span.set_parent(&remote(TraceFlags::SAMPLED)));
    });
    assert_eq!(recorder.tree(), "request a=1 tenant=acme\n");
}

#[test]
fn an_error_that_a_span_began_with_is_one_exception_under_its_later_parent() {
    drop(recorder());
    let recorder = TestRecorder::of(Telemetry::builder().baggage_attributes(["tenant"]));
    recorder.run(|| {
        let span = tracing::info_span!("request", error = "refused");
        assert!(span.set_parent(&remote(TraceFlags::SAMPLED)));
    });
    assert_eq!(
        recorder.tree(),
        "request ERROR(refused) tenant=acme\n  · exception exception.message=refused\n"
    );
}

#[test]
fn what_is_taken_over_keeps_to_the_limits() {
    let mut limits = SpanLimits::default();
    (limits.attributes, limits.events) = (1, 1);
    let hook = |span: &SpanRef, _: &SpanStart<'_>| {
        span.set_attribute("hooked", true);
        span.add_event("hooked", &[]);
    };
    let recorder = told_later(Telemetry::builder().on_start(hook).span_limits(limits));
    let spans = recorder.spans();
    let request = spans.iter().find(|span| span.name == "request").unwrap();
    // Of `a`, `hooked` and `b`, and of the hook's event and the one that was said before.
    assert_eq!((request.attributes.len(), request.events.len()), (1, 1));
    assert_eq!(
        (
            request.dropped_attributes_count,
            request.dropped_events_count
        ),
        (2, 1)
    );
}

#[test]
fn what_a_sampler_notes_on_roots_is_not_on_a_span_that_has_a_parent_later() {
    drop(recorder());
    let noting = Composable::annotating([("root", true.into())], Composable::AlwaysOn);
    let rules = Composable::rule_based([
        SamplingRule::new(noting).root(true),
        SamplingRule::new(Composable::AlwaysOn),
    ]);
    let recorder = TestRecorder::of(Telemetry::builder().sampler(Sampler::composite(rules)));
    recorder.run(|| {
        let alone = tracing::info_span!("alone");
        drop(alone);
        let span = tracing::info_span!("request", a = 1);
        assert!(span.set_parent(&remote(TraceFlags::SAMPLED)));
    });
    assert_eq!(recorder.tree(), "alone root=true\nrequest a=1\n");
}
