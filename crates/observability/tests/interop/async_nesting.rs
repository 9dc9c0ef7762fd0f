//! Random trees of futures of all kinds, awaited, joined and spawned, with tasks interleaved.

use crate::world::{self, Parents, api, native, probe, recorder, tracing_span};
use continuum_observability::{FutureExt as _, spawn};
use futures_util::future::{BoxFuture, join_all};
use opentelemetry::{
    Context as ApiContext,
    context::FutureExt as ApiFutureExt,
    trace::{TraceContextExt as _, Tracer as _},
};
use proptest::prelude::*;
use std::{
    pin::pin,
    sync::{Arc, Mutex},
};
use tokio::{runtime, task::yield_now};
use tracing::Instrument as _;

/// How a future gets its span.
#[derive(Debug, Clone, Copy)]
enum Form {
    NativeClosure,
    NativeFuture,
    Api,
    Tracing,
    /// None of its own: the context that was current is carried.
    NativeCarried,
    ApiCarried,
}

/// How the futures inside are run.
#[derive(Debug, Clone, Copy)]
enum Way {
    OneAfterTheOther,
    Joined,
    NativeSpawn,
    ApiSpawn,
}

#[derive(Debug, Clone)]
struct Node {
    form: Form,
    way: Way,
    yields: u8,
    children: Vec<Self>,
}

fn node() -> impl Strategy<Value = Node> {
    use {Form::*, Way::*};
    let form = prop::sample::select(vec![
        NativeClosure,
        NativeFuture,
        Api,
        Tracing,
        NativeCarried,
        ApiCarried,
    ]);
    let way = prop::sample::select(vec![OneAfterTheOther, Joined, NativeSpawn, ApiSpawn]);
    let head = (form, way, 0..3_u8);
    let make = |((form, way, yields), children)| Node {
        form,
        way,
        yields,
        children,
    };
    let leaf = head.clone().prop_map(move |head| make((head, Vec::new())));
    leaf.prop_recursive(5, 24, 3, move |inner| {
        (head.clone(), prop::collection::vec(inner, 0..4)).prop_map(make)
    })
}

type Expected = Arc<Mutex<Parents>>;

/// Runs a tree; `outside` is the span that must be the parent.
fn run(
    node: Node,
    name: String,
    outside: Option<String>,
    expected: Expected,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let carried = matches!(node.form, Form::NativeCarried | Form::ApiCarried);
        let form = node.form;
        let parent = if carried {
            outside.clone()
        } else {
            Some(name.clone())
        };
        if !carried {
            expected.lock().unwrap().insert(name.clone(), outside);
        }
        let inside = inside(node, name.clone(), parent, expected);
        match form {
            Form::NativeClosure => native().in_span(&name, |_| inside).await,
            Form::NativeFuture => inside.in_span(native().start_span(&name)).await,
            Form::Api => {
                let context = ApiContext::current_with_span(api().start(name));
                ApiFutureExt::with_context(inside, context).await;
            }
            Form::Tracing => inside.instrument(tracing_span(&name)).await,
            Form::NativeCarried => inside.in_current_context().await,
            Form::ApiCarried => inside.with_current_context().await,
        }
    })
}

/// What happens in a future: probes, yields and the futures inside it.
async fn inside(node: Node, name: String, parent: Option<String>, expected: Expected) {
    let check = |at: String| probe(&at, parent.as_deref(), &mut expected.lock().unwrap());
    check(format!("{name} start"));
    for number in 0..node.yields {
        yield_now().await;
        check(format!("{name} yield {number}"));
    }
    let children = node
        .children
        .into_iter()
        .enumerate()
        .map(|(number, child)| {
            run(
                child,
                format!("{name}.{number}"),
                parent.clone(),
                expected.clone(),
            )
        });
    match node.way {
        Way::OneAfterTheOther => {
            for child in children {
                child.await;
                yield_now().await;
            }
        }
        Way::Joined => drop(join_all(children).await),
        Way::NativeSpawn => drop(join_all(children.map(spawn).collect::<Vec<_>>()).await),
        Way::ApiSpawn => {
            let spawned = children.map(|child| tokio::spawn(child.with_current_context()));
            drop(join_all(spawned.collect::<Vec<_>>()).await);
        }
    }
    check(format!("{name} end"));
}

/// Runs the trees as tasks of one runtime and compares all parents.
fn check(runtime: &runtime::Runtime, trees: Vec<Node>) -> Result<(), TestCaseError> {
    let recorder = recorder();
    let expected = Expected::default();
    let tasks = trees.into_iter().enumerate().map(|(number, tree)| {
        let (name, expected) = (format!("task {number}"), expected.clone());
        expected.lock().unwrap().insert(name.clone(), None);
        let span = native()
            .span_builder(&name)
            .parent(&recorder.context())
            .start();
        run(tree, number.to_string(), Some(name), expected).in_span(span)
    });
    runtime.block_on(async {
        for outcome in join_all(tasks.map(tokio::spawn).collect::<Vec<_>>()).await {
            outcome.unwrap();
        }
    });
    prop_assert_eq!(
        &world::parents_and_views(&recorder),
        &*expected.lock().unwrap()
    );
    Ok(())
}

proptest! {
    #[test]
    fn every_parent_is_right_among_interleaved_tasks(trees in prop::collection::vec(node(), 1..5)) {
        check(&runtime::Builder::new_current_thread().build().unwrap(), trees)?;
    }

    #[test]
    fn every_parent_is_right_among_tasks_that_change_threads(
        trees in prop::collection::vec(node(), 1..5)
    ) {
        check(&runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap(), trees)?;
    }

    #[test]
    fn a_cancelled_tree_leaves_both_stacks_as_they_were(tree in node(), polls in 0..6_usize) {
        let recorder = recorder();
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let mut after = Parents::new();
        recorder.run(|| {
            native().in_scope("outer", |_| {
                let outside = Some("outer".to_owned());
                let work = run(tree, "0".to_owned(), outside, Expected::default());
                runtime.block_on(async {
                    let mut work = pin!(work.in_current_context());
                    for _ in 0..polls {
                        if futures_util::poll!(&mut work).is_ready() {
                            break;
                        }
                        yield_now().await;
                    }
                });
                probe("outer", Some("outer"), &mut after);
            });
            probe("after", None, &mut after);
        });
        drop(runtime);
        let parents = world::parents(&recorder);
        for (name, parent) in after {
            prop_assert_eq!(parents.get(&name), Some(&parent), "{}", name);
        }
    }
}
