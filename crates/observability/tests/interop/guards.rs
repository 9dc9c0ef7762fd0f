//! Guards of all kinds, dropped in any order.

use crate::world::{self, Parents, api, native, probe, recorder, tracing_span};
use continuum_observability::{Context, ContextGuard, SpanGuard};
use opentelemetry::{
    Context as ApiContext, ContextGuard as ApiGuard,
    trace::{TraceContextExt as _, Tracer as _},
};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Native,
    NativeRoot,
    NativeSame,
    Api,
    ApiEmpty,
    ApiSame,
    Tracing,
}

#[derive(Debug, Clone)]
enum Step {
    Open(Kind),
    Close(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    use Kind::*;
    let kind = prop::sample::select(vec![
        Native, NativeRoot, NativeSame, Api, ApiEmpty, ApiSame, Tracing,
    ]);
    prop_oneof![
        kind.prop_map(Step::Open),
        any::<prop::sample::Index>().prop_map(Step::Close)
    ]
}

#[expect(dead_code, reason = "guards are held for their drop")]
enum Guard {
    Native(SpanGuard),
    NativeContext(ContextGuard),
    Api(ApiGuard),
    Tracing(tracing::span::EnteredSpan),
}

/// The guards that are alive, in the order they were made, each with the parent that it makes.
#[derive(Default)]
struct Alive {
    guards: Vec<(Guard, Option<String>)>,
    expected: Parents,
}

impl Alive {
    fn current(&self) -> Option<String> {
        self.guards.last().and_then(|(_, span)| span.clone())
    }

    fn open(&mut self, kind: Kind, name: String) {
        let outside = self.current();
        let (guard, inside) = match kind {
            Kind::Native => (
                Guard::Native(native().start_as_current_span(&name)),
                Some(name),
            ),
            Kind::NativeRoot => (Guard::NativeContext(Context::root().attach()), None),
            Kind::NativeSame => (
                Guard::NativeContext(Context::current().attach()),
                outside.clone(),
            ),
            Kind::Api => {
                let span = api().start(name.clone());
                (
                    Guard::Api(ApiContext::current_with_span(span).attach()),
                    Some(name),
                )
            }
            Kind::ApiEmpty => (Guard::Api(ApiContext::new().attach()), None),
            Kind::ApiSame => (Guard::Api(ApiContext::current().attach()), outside.clone()),
            Kind::Tracing => (Guard::Tracing(tracing_span(&name).entered()), Some(name)),
        };
        if matches!(kind, Kind::Native | Kind::Api | Kind::Tracing) {
            self.expected.insert(inside.clone().unwrap(), outside);
        }
        self.guards.push((guard, inside));
    }
}

proptest! {
    #[test]
    fn the_innermost_open_guard_is_the_parent_in_any_order_of_drops(
        steps in prop::collection::vec(step(), 1..24)
    ) {
        let recorder = recorder();
        let mut alive = Alive::default();
        recorder.run(|| {
            for (number, step) in steps.iter().enumerate() {
                match step {
                    Step::Open(kind) => alive.open(*kind, number.to_string()),
                    Step::Close(index) if !alive.guards.is_empty() => {
                        drop(alive.guards.remove(index.index(alive.guards.len())));
                    }
                    Step::Close(_) => {}
                }
                let parent = alive.current();
                probe(&format!("after {number}"), parent.as_deref(), &mut alive.expected);
            }
            alive.guards.clear();
            probe("after all", None, &mut alive.expected);
        });
        prop_assert_eq!(world::parents(&recorder), alive.expected);
    }
}

#[test]
fn a_context_with_the_same_span_outlives_the_scopes_around_it() {
    let recorder = recorder();
    let mut expected = Parents::new();
    recorder.run(|| {
        let outer = native().start_as_current_span("outer");
        let same = ApiContext::current().attach();
        drop(Context::current().attach());
        drop(outer);
        probe("inside", Some("outer"), &mut expected);
        drop(same);
        probe("outside", None, &mut expected);
    });
    expected.insert("outer".to_owned(), None);
    assert_eq!(world::parents(&recorder), expected);
}
