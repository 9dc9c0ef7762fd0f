//! The `opentelemetry` API on its own SDK.
use std::future::Future;
use std::hint::black_box;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{FutureExt, Span as _, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span};
use tokio::task::yield_now;

use super::{CACHE_KEY, Helper, KEYS, QUERY, SQL, TEXT, Work};
use crate::peers::otel::{Otel, OtelGlobal};

impl Otel {
    fn tracer(&self) -> &SdkTracer {
        self.sdk.as_ref().expect("this work is done with a provider")
    }
}

fn helper(t: &SdkTracer, helper: Helper) -> Context {
    let with = |name: &'static str, kind: SpanKind, attributes: Vec<KeyValue>| {
        t.span_builder(name).with_kind(kind).with_attributes(attributes).start(t)
    };
    let tenant = KeyValue::new("tenant.id", "acme");
    Context::current_with_span(match helper {
        Helper::Function => unreachable!("the API has no attribute macro"),
        Helper::Recall => with(
            "memory.recall",
            SpanKind::Internal,
            vec![
                KeyValue::new("memory.operation", "recall"),
                KeyValue::new("memory.query_length", QUERY.len() as i64),
                KeyValue::new("memory.max_concepts", 10),
                tenant,
            ],
        ),
        Helper::Query => with(
            "db.select.entities",
            SpanKind::Client,
            vec![
                KeyValue::new("db.operation.name", "SELECT"),
                KeyValue::new("db.collection.name", "entities"),
                KeyValue::new("db.query.text", SQL),
                tenant,
            ],
        ),
        Helper::Cache => with(
            "cache.get",
            SpanKind::Client,
            vec![
                KeyValue::new("cache.operation", "GET"),
                KeyValue::new("cache.key_pattern", "search:*"),
                KeyValue::new("cache.key", CACHE_KEY),
                tenant,
            ],
        ),
    })
}

/// Reads the parent from the headers.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }
    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|key| key.as_str()).collect()
    }
}

impl Work for Otel {
    type Open = Span;

    fn wide(&self, i: u64, attributes: usize, events: usize) -> bool {
        let mut span = self.tracer().start("wide");
        for (n, key) in KEYS[..attributes].iter().enumerate() {
            span.set_attribute(if n % 2 == 0 {
                KeyValue::new(*key, TEXT)
            } else {
                KeyValue::new(*key, black_box(i) as i64)
            });
        }
        for _ in 0..events {
            span.add_event("cache.miss", vec![KeyValue::new("key", TEXT), KeyValue::new("row", black_box(i) as i64)]);
        }
        true
    }

    fn strings(&self, i: u64, texts: &[String; 2]) -> bool {
        let t = self.tracer();
        let _root = Context::current_with_span(t.start("root")).attach();
        let mut child = t.start("child");
        child.set_attribute(KeyValue::new("http.method", texts[0].clone()));
        child.set_attribute(KeyValue::new("http.route", texts[1].clone()));
        child.set_attribute(KeyValue::new("user.id", black_box(i) as i64));
        child.set_attribute(KeyValue::new("score", black_box(0.25 + i as f64)));
        true
    }

    fn helper100(&self, which: Helper, i: u64) -> bool {
        if which == Helper::Function {
            return false;
        }
        let t = self.tracer();
        let _root = Context::current_with_span(t.start("root")).attach();
        for n in 0..100 {
            let _span = helper(t, which).attach();
            black_box(i + n);
        }
        true
    }

    fn open(&self, i: u64) -> Option<Span> {
        let mut span = self.tracer().start("open");
        span.set_attribute(KeyValue::new("http.method", "GET"));
        span.set_attribute(KeyValue::new("http.route", TEXT));
        span.set_attribute(KeyValue::new("user.id", black_box(i) as i64));
        span.set_attribute(KeyValue::new("score", black_box(0.25 + i as f64)));
        Some(span)
    }

    fn task(&'static self, i: u64) -> Option<impl Future<Output = ()> + Send + 'static> {
        let t = self.tracer();
        let step = async move {
            yield_now().await;
            let mut span = t.start("step");
            span.set_attribute(KeyValue::new("db.system", "postgresql"));
            span.set_attribute(KeyValue::new("row", black_box(i) as i64));
            yield_now().await;
            drop(span);
            yield_now().await;
        };
        Some(async move { step.with_context(Context::current_with_span(t.start("task"))).await })
    }

    fn traced(&self, routes: Router) -> Option<Router> {
        let t = self.tracer().clone();
        let serve = move |request: Request, next: Next| {
            let t = t.clone();
            async move {
                let parent = TraceContextPropagator::new().extract(&Headers(request.headers()));
                let attributes = vec![
                    KeyValue::new("http.request.method", request.method().as_str().to_owned()),
                    KeyValue::new("http.route", "/items/{id}"),
                    KeyValue::new("url.path", request.uri().path().to_owned()),
                ];
                let builder = t.span_builder("GET /items/{id}").with_kind(SpanKind::Server);
                let span = builder.with_attributes(attributes).start_with_context(&t, &parent);
                let cx = parent.with_span(span);
                let response = next.run(request).with_context(cx.clone()).await;
                let status = i64::from(response.status().as_u16());
                cx.span().set_attribute(KeyValue::new("http.response.status_code", status));
                response
            }
        };
        Some(routes.layer(from_fn(serve)))
    }
}

impl Work for OtelGlobal {
    type Open = ();
}
