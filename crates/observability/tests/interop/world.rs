//! What all tests here share: the three ways to start a span, probes, and reading parents back.

use continuum_observability::{
    AnyValue, Sampler, SpanLimits, SpanRecord, Tracer, get_current_span, get_tracer,
    interop::{opentelemetry_0_33, tracing::ContinuumLayer},
    testing::TestRecorder,
};
use opentelemetry::{
    KeyValue, global,
    global::BoxedTracer,
    trace::{Span as _, Tracer as _},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Once,
};
use tracing_subscriber::layer::SubscriberExt as _;

/// The name of each span with the name of its parent.
pub(crate) type Parents = BTreeMap<String, Option<String>>;

/// Installs both bridges, once for the process, and gives a recorder for one test.
pub(crate) fn recorder() -> TestRecorder {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        opentelemetry_0_33::install().unwrap();
        let subscriber = tracing_subscriber::registry().with(ContinuumLayer::new("tracing"));
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
    let mut limits = SpanLimits::default();
    limits.attributes = 10_000;
    TestRecorder::with(Sampler::AlwaysOn, limits)
}

pub(crate) fn native() -> Tracer {
    get_tracer("native")
}

pub(crate) fn api() -> BoxedTracer {
    global::tracer("api")
}

/// A `tracing` span; those have static names, so this one is told by its attribute `id`.
pub(crate) fn tracing_span(name: &str) -> tracing::Span {
    tracing::info_span!("tracing", id = name)
}

/// Starts a short span in each of the three ways, and describes the current one.
pub(crate) fn probe(at: &str, parent: Option<&str>, expected: &mut Parents) {
    native().start_span(&format!("{at} native")).end();
    api().start(format!("{at} api")).end();
    drop(tracing_span(&format!("{at} tracing")));
    for kind in ["native", "api", "tracing"] {
        expected.insert(format!("{at} {kind}"), parent.map(str::to_owned));
    }
    get_current_span().set_attribute(&format!("seen native {at}"), true);
    opentelemetry::trace::get_active_span(|span| {
        span.set_attribute(KeyValue::new(format!("seen api {at}"), true));
    });
}

/// Reads the parents of all spans that were recorded, and checks that each probe described, on
/// either side, the span that it also took for its parent.
pub(crate) fn parents_and_views(recorder: &TestRecorder) -> Parents {
    let parents = parents(recorder);
    let mut described = BTreeMap::new();
    for span in &recorder.spans() {
        for (key, _) in &span.attributes {
            if let Some(seen) = key.strip_prefix("seen ") {
                described.insert(seen.to_owned(), name(span));
            }
        }
    }
    for (probe, parent) in &parents {
        if let Some(at) = probe.strip_suffix(" api") {
            let described = |side: &str| described.get(&format!("{side} {at}"));
            assert_eq!(described("native"), parent.as_ref(), "native side of {at}");
            assert_eq!(described("api"), parent.as_ref(), "API side of {at}");
        }
    }
    parents
}

/// Reads the parents of all spans that were recorded.
pub(crate) fn parents(recorder: &TestRecorder) -> Parents {
    let spans = recorder.spans();
    let names: HashMap<_, _> = spans
        .iter()
        .map(|span| (span.span_id, name(span)))
        .collect();
    assert_eq!(names.len(), spans.len(), "two spans with the same id");
    let parent = |span: &SpanRecord| {
        span.parent_span_id
            .map(|id| names.get(&id).cloned().unwrap_or_else(|| "lost".to_owned()))
    };
    spans
        .iter()
        .map(|span| (name(span), parent(span)))
        .collect()
}

fn name(span: &SpanRecord) -> String {
    let id = span.attributes.iter().find(|attribute| attribute.0 == "id");
    match id {
        Some((_, AnyValue::String(id))) => id.clone(),
        _ => span.name.clone(),
    }
}
