//! fastrace.
use std::future::Future;
use std::hint::black_box;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use fastrace::prelude::*;
use tokio::task::yield_now;

use super::{CACHE_KEY, Helper, KEYS, QUERY, SQL, TEXT, Work};
use crate::peers::fastrace::{Fastrace, Value};

#[fastrace::trace]
fn function(x: u64) -> u64 {
    black_box(x) + 1
}

fn helper(helper: Helper) -> LocalSpan {
    let tenant = ("tenant.id", Value::from("acme"));
    match helper {
        Helper::Function => unreachable!("a function has its own macro"),
        Helper::Recall => LocalSpan::enter_with_local_parent("memory.recall").with_properties(|| {
            [
                ("memory.operation", "recall".into()),
                ("memory.query_length", QUERY.len().to_string().into()),
                ("memory.max_concepts", "10".into()),
                tenant,
            ]
        }),
        Helper::Query => LocalSpan::enter_with_local_parent("db.select.entities").with_properties(|| {
            [
                ("span.kind", Value::from("client")),
                ("db.operation.name", "SELECT".into()),
                ("db.collection.name", "entities".into()),
                ("db.query.text", SQL.into()),
                tenant,
            ]
        }),
        Helper::Cache => LocalSpan::enter_with_local_parent("cache.get").with_properties(|| {
            [
                ("span.kind", Value::from("client")),
                ("cache.operation", "GET".into()),
                ("cache.key_pattern", "search:*".into()),
                ("cache.key", CACHE_KEY.into()),
                tenant,
            ]
        }),
    }
}

async fn serve(request: Request, next: Next) -> Response {
    let header = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let parent = header.and_then(SpanContext::decode_w3c_traceparent).unwrap_or_else(SpanContext::random);
    let root = Span::root("GET /items/{id}", parent).with_properties(|| {
        [
            ("span.kind", Value::from("server")),
            ("http.request.method", request.method().as_str().to_owned().into()),
            ("http.route", "/items/{id}".into()),
            ("url.path", request.uri().path().to_owned().into()),
        ]
    });
    async move {
        let response = next.run(request).await;
        LocalSpan::add_property(|| ("http.response.status_code", response.status().as_u16().to_string()));
        response
    }
    .in_span(root)
    .await
}

impl<const TYPED: bool> Work for Fastrace<TYPED> {
    type Open = Span;

    fn wide(&self, i: u64, attributes: usize, events: usize) -> bool {
        let properties = || {
            let value = |n| if n % 2 == 0 { TEXT.into() } else { Self::int(i) };
            KEYS[..attributes].iter().enumerate().map(move |(n, key)| (*key, value(n)))
        };
        let span = self.root().with_properties(properties);
        for _ in 0..events {
            span.add_event(
                Event::new("cache.miss").with_properties(|| [("key", Value::from(TEXT)), ("row", Self::int(i))]),
            );
        }
        true
    }

    fn strings(&self, i: u64, texts: &[String; 2]) -> bool {
        let root = self.root();
        let _root = root.set_local_parent();
        let _child = LocalSpan::enter_with_local_parent("child").with_properties(|| {
            [
                ("http.method", Value::from(texts[0].clone())),
                ("http.route", texts[1].clone().into()),
                ("user.id", Self::int(i)),
                ("score", Self::float(i)),
            ]
        });
        true
    }

    fn helper100(&self, which: Helper, i: u64) -> bool {
        let root = self.root();
        let _root = root.set_local_parent();
        for n in 0..100 {
            if which == Helper::Function {
                black_box(function(i + n));
            } else {
                let _span = helper(which);
                black_box(i + n);
            }
        }
        true
    }

    fn open(&self, i: u64) -> Option<Span> {
        Some(self.root().with_properties(|| {
            [
                ("http.method", Value::from("GET")),
                ("http.route", TEXT.into()),
                ("user.id", Self::int(i)),
                ("score", Self::float(i)),
            ]
        }))
    }

    fn task(&'static self, i: u64) -> Option<impl Future<Output = ()> + Send + 'static> {
        let step = async move {
            yield_now().await;
            let properties = || [("db.system", Value::from("postgresql")), ("row", Self::int(i))];
            let span = Span::enter_with_local_parent("step").with_properties(properties);
            yield_now().await;
            drop(span);
            yield_now().await;
        };
        Some(async move { step.in_span(self.root()).await })
    }

    fn traced(&self, routes: Router) -> Option<Router> {
        Some(routes.layer(from_fn(serve)))
    }
}
