//! `span!`: the same spans as those that are described call by call.

use super::pause;
use continuum_observability::{
    AnyValue, Context, FutureExt as _, Sampler, SamplingParameters, SamplingResult, ShouldSample,
    Span, SpanLimits, get_tracer, span, testing::TestRecorder,
};
use std::{cell::Cell, sync::Arc};

/// A span with literals, one of them a secret, and computed values of each sort.
fn by_macro(text: &str, number: i64) {
    let owned = text.to_owned();
    let _span = span!(
        "work",
        component = "memory",
        api_key = "sk-1",
        text = text,
        number = number,
        half = number as f64 / 2.0,
        "is odd" = number % 2 == 1,
        owned = owned,
        list = vec![number, 2],
    );
}

/// The same, literals first.
fn by_calls(text: &str, number: i64) {
    let span = get_tracer(module_path!()).start_span("work");
    span.set_attribute("component", "memory");
    span.set_attribute("api_key", "sk-1");
    span.set_attribute("text", text);
    span.set_attribute("number", number);
    span.set_attribute("half", number as f64 / 2.0);
    span.set_attribute("is odd", number % 2 == 1);
    span.set_attribute("owned", text.to_owned());
    span.set_attribute("list", vec![number, 2]);
}

fn tree(limits: SpanLimits, work: impl FnOnce()) -> String {
    let recorder = TestRecorder::with(Sampler::AlwaysOn, limits);
    recorder.run(work);
    recorder.tree()
}

#[test]
fn a_span_is_the_same_by_macro_and_by_calls_under_any_limits() {
    let long = "a text that is too long to be written as a whole, beyond 48 bytes";
    for text in ["", "short", long] {
        for attributes in 0..=9 {
            for value_length in (0..=11).chain([40, usize::MAX]) {
                let mut limits = SpanLimits::default();
                (limits.attributes, limits.value_length) = (attributes, value_length);
                for number in [-1, 7, 300, i64::MAX] {
                    let expected = tree(limits, || by_calls(text, number));
                    assert_eq!(tree(limits, || by_macro(text, number)), expected);
                }
            }
        }
    }
}

#[test]
fn a_computed_secret_is_hidden() {
    let shown = tree(SpanLimits::default(), || {
        let text = String::from("hunter2");
        drop(span!(
            "work",
            a = 1,
            user.password = text.as_str(),
            b = text.len()
        ));
    });
    assert_eq!(shown, "work a=1 user.password=[redacted] b=7\n");
}

#[test]
fn a_number_has_the_type_that_it_is_written_with() {
    let recorder = TestRecorder::new();
    recorder.run(|| drop(span!("work", a = 1, b = 1f64, c = 0.5f32, d = 1_u8)));
    let span = &recorder.spans()[0];
    let value = |key| span.attribute(key).unwrap().clone();
    assert_eq!(
        ["a", "b", "c", "d"].map(value),
        [
            AnyValue::Int(1),
            AnyValue::Double(1.0),
            AnyValue::Double(0.5),
            AnyValue::Int(1)
        ]
    );
}

#[test]
fn what_values_borrow_is_free_again_when_the_span_has_started() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let (parent, lock) = (span!("parent"), std::sync::Mutex::new("a text"));
        let work = |_: Span| lock.try_lock().is_ok();
        assert!(work(
            span!(parent: parent.context(), "below", len = lock.lock().unwrap().len())
        ));
        assert!(work(span!("beside", len = lock.lock().unwrap().len())));
    });
    assert_eq!(recorder.tree(), "parent\n  below len=6\nbeside len=6\n");
}

#[test]
fn what_stands_before_the_name_says_how_the_span_starts() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let far = span!("far");
        let _near = span!("near").entered();
        drop(span!(kind: client, tracer: "pool", parent: far.context(), "query", rows = 2));
        drop(span!(kind: SpanKind::Producer, "publish"));
    });
    assert_eq!(
        recorder.tree(),
        "far\n  query [client] rows=2\nnear\n  publish [producer]\n"
    );
    let scope = |name: &str| {
        let mut spans = recorder.spans().into_iter();
        spans
            .find(|span| span.name == name)
            .unwrap()
            .scope
            .name
            .clone()
    };
    assert_eq!(scope("query"), "pool");
    assert_eq!(scope("publish"), module_path!());
}

#[test]
fn values_are_asked_for_where_they_stand_and_only_if_wanted() {
    let asked = Cell::new(0);
    let ask = || -> Result<i64, std::num::ParseIntError> {
        asked.set(asked.get() + 1);
        "7".parse()
    };
    let work = || -> Result<(), std::num::ParseIntError> {
        let name = "kept".to_owned();
        let _span = span!("asks", name = name, answer = ask()?);
        assert_eq!(name, "kept");
        Ok(())
    };
    work().unwrap();
    assert_eq!(asked.get(), 0);
    let recorder = TestRecorder::new();
    recorder.run(|| work().unwrap());
    assert_eq!(asked.get(), 1);
    assert_eq!(recorder.tree(), "asks name=kept answer=7\n");
}

#[tokio::test]
async fn a_future_runs_in_it_and_its_values_may_be_awaited() {
    let recorder = TestRecorder::new();
    let work = async {
        async {
            pause().await;
            let inner = async { span!("inner", five = async { 5 }.await) };
            drop(inner.await);
        }
        .in_span(span!("outer"))
        .await;
    };
    recorder.run_async(work).await;
    assert_eq!(recorder.tree(), "outer\n  inner five=5\n");
}

/// Takes spans of the memory with the number 2.
#[derive(Debug)]
struct Twos;

impl ShouldSample for Twos {
    fn should_sample(&self, span: &SamplingParameters<'_>) -> SamplingResult<'static> {
        let wanted = [("component", "memory".into()), ("number", 2.into())];
        SamplingResult::from_decision(span.attributes == wanted)
    }

    fn description(&self) -> String {
        "Twos".to_owned()
    }
}

#[test]
fn a_sampler_sees_literals_and_computed_values() {
    let wanted = |number: i64| {
        let recorder = TestRecorder::with(Sampler::Custom(Arc::new(Twos)), SpanLimits::default());
        recorder.run(|| drop(span!("asked", component = "memory", number = number)));
        recorder.spans().len()
    };
    assert_eq!((wanted(1), wanted(2)), (0, 1));
}

#[test]
fn a_span_that_was_entered_ends_with_its_guard() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let outer = span!("outer").entered();
        let inner = span!("inner").entered();
        drop(outer);
        inner.set_attribute("still", true);
        drop(inner);
        assert!(!Context::current().span_context().is_valid());
    });
    assert_eq!(recorder.tree(), "outer\n  inner still=true\n");
}
