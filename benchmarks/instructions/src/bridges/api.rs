//! The `opentelemetry` API.

use crate::{PendingOnce, finish};
use continuum_observability::interop::opentelemetry_0_33::{
    ContinuumTracer, ContinuumTracerProvider,
};
use opentelemetry::{
    Context, KeyValue,
    trace::{FutureExt as _, Span as _, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use std::{hint::black_box, pin::pin, sync::LazyLock};

static TRACER: LazyLock<ContinuumTracer> =
    LazyLock::new(|| ContinuumTracerProvider::new().tracer("bench"));

pub(crate) fn round(work: &str) -> Option<fn(i64)> {
    Some(match work {
        "root_and_child" => root_and_child,
        "hundred_children" => hundred_children,
        "hundred_calls" => hundred_calls,
        _ => return None,
    })
}

fn root_and_child(number: i64) {
    let _root = Context::current_with_span(TRACER.start("root")).attach();
    let mut child = TRACER.start("child");
    child.set_attribute(KeyValue::new("http.method", "GET"));
    child.set_attribute(KeyValue::new("http.route", "/users/{id}"));
    child.set_attribute(KeyValue::new("user.id", number));
    child.set_attribute(KeyValue::new("score", number as f64));
}

fn hundred_children(number: i64) {
    let _root = Context::current_with_span(TRACER.start("root")).attach();
    for row in 0..100 {
        let mut child = TRACER.start("child");
        child.set_attribute(KeyValue::new("db.system", "postgresql"));
        child.set_attribute(KeyValue::new("db.operation", "SELECT"));
        child.set_attribute(KeyValue::new("row", number + row));
    }
}

fn hundred_calls(number: i64) {
    let _root = Context::current_with_span(TRACER.start("root")).attach();
    for _ in 0..100 {
        let context = Context::current_with_span(TRACER.start("called"));
        finish(pin!(called(number).with_context(context)));
    }
}

async fn called(number: i64) -> i64 {
    PendingOnce::default().await;
    black_box(number)
}
