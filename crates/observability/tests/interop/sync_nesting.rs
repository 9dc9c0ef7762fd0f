//! Random trees of scopes of all kinds, on one thread and handed over to others.

use crate::world::{self, Parents, api, native, probe, recorder, tracing_span};
use continuum_observability::{Context, with_context};
use opentelemetry::{
    Context as ApiContext,
    trace::{Span as _, TraceContextExt as _, Tracer as _},
};
use proptest::prelude::*;

/// How a scope is opened, and what is the parent inside it.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// The scope's own span.
    NativeClosure,
    NativeGuard,
    ApiClosure,
    ApiAttached,
    ApiActive,
    /// The parent is the outermost span, named on purpose.
    ApiUnderOutermost,
    Tracing,
    TracingGuard,
    /// The parent is what it was outside.
    ApiValue,
    NativeAttached,
    NativeThread,
    ApiThread,
    /// No parent.
    NativeRoot,
    ApiEmpty,
}

#[derive(Debug, Clone)]
struct Node {
    form: Form,
    children: Vec<Self>,
}

fn node() -> impl Strategy<Value = Node> {
    use Form::*;
    let form = prop::sample::select(vec![
        NativeClosure,
        NativeGuard,
        ApiClosure,
        ApiAttached,
        ApiActive,
        ApiUnderOutermost,
        Tracing,
        TracingGuard,
        ApiValue,
        NativeAttached,
        NativeThread,
        ApiThread,
        NativeRoot,
        ApiEmpty,
    ]);
    let leaf = form.clone().prop_map(|form| Node {
        form,
        children: Vec::new(),
    });
    leaf.prop_recursive(6, 24, 3, move |inner| {
        (form.clone(), prop::collection::vec(inner, 0..3))
            .prop_map(|(form, children)| Node { form, children })
    })
}

/// One walk through a tree: opens the scopes and notes what the parents must be.
#[derive(Default)]
struct Walk {
    expected: Parents,
    outermost: Option<(String, ApiContext)>,
}

impl Walk {
    fn run(&mut self, node: &Node, name: &str, outside: Option<&str>) {
        let inside = |walk: &mut Self, parent: Option<&str>| {
            probe(&format!("{name} start"), parent, &mut walk.expected);
            for (number, child) in node.children.iter().enumerate() {
                walk.run(child, &format!("{name}.{number}"), parent);
            }
            probe(&format!("{name} end"), parent, &mut walk.expected);
        };
        let own = Some(name);
        match node.form {
            Form::NativeClosure => {
                self.expect(name, outside);
                native().in_scope(name, |_| inside(self, own));
            }
            Form::NativeGuard => {
                self.expect(name, outside);
                let _guard = native().start_as_current_span(name);
                inside(self, own);
            }
            Form::ApiClosure => {
                self.expect(name, outside);
                api().in_span(name.to_owned(), |_| inside(self, own));
            }
            Form::ApiAttached => {
                self.expect(name, outside);
                let span = api().start(name.to_owned());
                let _guard = ApiContext::current_with_span(span).attach();
                inside(self, own);
            }
            Form::ApiActive => {
                self.expect(name, outside);
                let span = api().start(name.to_owned());
                let _guard = opentelemetry::trace::mark_span_as_active(span);
                inside(self, own);
            }
            Form::ApiUnderOutermost => {
                let (parent, context) = self.outermost.clone().unwrap();
                self.expect(name, Some(&parent));
                let span = api().start_with_context(name.to_owned(), &context);
                let _guard = context.with_span(span).attach();
                inside(self, own);
            }
            Form::Tracing => {
                self.expect(name, outside);
                tracing_span(name).in_scope(|| inside(self, own));
            }
            Form::TracingGuard => {
                self.expect(name, outside);
                let _guard = tracing_span(name).entered();
                inside(self, own);
            }
            Form::ApiValue => {
                let _guard = ApiContext::current_with_value(7_u8).attach();
                inside(self, outside);
            }
            Form::NativeAttached => {
                let _guard = Context::current().attach();
                inside(self, outside);
            }
            Form::NativeThread => {
                let context = Context::current();
                on_another_thread(|| with_context(&context, || inside(self, outside)));
            }
            // Without a span an API context does not name a test's recorder.
            Form::ApiThread if outside.is_none() => inside(self, outside),
            Form::ApiThread => {
                let context = ApiContext::current();
                on_another_thread(|| {
                    let _guard = context.attach();
                    inside(self, outside);
                });
            }
            Form::NativeRoot => {
                let _guard = Context::root().attach();
                inside(self, None);
            }
            Form::ApiEmpty => {
                let _guard = ApiContext::new().attach();
                inside(self, None);
            }
        }
    }

    fn expect(&mut self, name: &str, parent: Option<&str>) {
        self.expected
            .insert(name.to_owned(), parent.map(str::to_owned));
    }
}

fn on_another_thread(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap();
    });
}

proptest! {
    #[test]
    fn every_parent_is_right_in_any_nesting(trees in prop::collection::vec(node(), 1..4)) {
        let recorder = recorder();
        let mut walk = Walk::default();
        recorder.run(|| {
            walk.expect("outermost", None);
            native().in_scope("outermost", |_| {
                walk.outermost = Some(("outermost".to_owned(), ApiContext::current()));
                for (number, tree) in trees.iter().enumerate() {
                    walk.run(tree, &number.to_string(), Some("outermost"));
                }
            });
            probe("after", None, &mut walk.expected);
        });
        walk.outermost = None;
        prop_assert_eq!(world::parents_and_views(&recorder), walk.expected);
    }
}

#[test]
fn an_ended_api_span_stays_a_parent_while_it_is_attached() {
    let recorder = recorder();
    recorder.run(|| {
        api().in_span("request", |context| {
            context.span().end();
            assert!(!context.span().is_recording());
            native().in_scope("late", |_| ());
        });
        let mut span = api().start("alone");
        span.end();
        assert!(!span.is_recording());
    });
    assert_eq!(recorder.tree(), "request\n  late\nalone\n");
}
