//! The `tracing` API, whatever records it.
use std::future::Future;
use std::hint::black_box;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tokio::task::yield_now;
use tracing::field::Empty;
use tracing::{Instrument, Span, info, info_span, instrument};

use super::{CACHE_KEY, Helper, QUERY, SQL, TEXT, Work};
use crate::peers::tracing::{Tracing, TracingOtel};

/// The fields of a span are part of its call site: one for each number.
macro_rules! wide {
    ($i:expr; $($text:ident $int:ident),*) => {
        info_span!("wide", $($text = TEXT, $int = black_box($i) as i64),*)
    };
}

#[rustfmt::skip]
pub fn wide(i: u64, attributes: usize, events: usize) -> bool {
    let span = match attributes {
        0 => info_span!("wide"),
        1 => info_span!("wide", attribute_00 = TEXT),
        2 => wide!(i; attribute_00 attribute_01),
        4 => wide!(i; attribute_00 attribute_01, attribute_02 attribute_03),
        8 => wide!(i; attribute_00 attribute_01, attribute_02 attribute_03, attribute_04 attribute_05,
            attribute_06 attribute_07),
        16 => wide!(i; attribute_00 attribute_01, attribute_02 attribute_03, attribute_04 attribute_05,
            attribute_06 attribute_07, attribute_08 attribute_09, attribute_10 attribute_11,
            attribute_12 attribute_13, attribute_14 attribute_15),
        32 => wide!(i; attribute_00 attribute_01, attribute_02 attribute_03, attribute_04 attribute_05,
            attribute_06 attribute_07, attribute_08 attribute_09, attribute_10 attribute_11,
            attribute_12 attribute_13, attribute_14 attribute_15, attribute_16 attribute_17,
            attribute_18 attribute_19, attribute_20 attribute_21, attribute_22 attribute_23,
            attribute_24 attribute_25, attribute_26 attribute_27, attribute_28 attribute_29,
            attribute_30 attribute_31),
        other => panic!("no call site with {other} fields"),
    };
    for _ in 0..events {
        info!(parent: &span, key = TEXT, row = black_box(i) as i64, "cache.miss");
    }
    true
}

pub fn strings(i: u64, texts: &[String; 2]) -> bool {
    let _root = info_span!("root").entered();
    let _child = info_span!(
        "child",
        http.method = texts[0].as_str(),
        http.route = texts[1].as_str(),
        user.id = black_box(i) as i64,
        score = black_box(0.25 + i as f64)
    )
    .entered();
    true
}

#[instrument(skip_all)]
fn function(x: u64) -> u64 {
    black_box(x) + 1
}

pub fn helper100(helper: Helper, i: u64) -> bool {
    let _root = info_span!("root").entered();
    for n in 0..100 {
        let span = match helper {
            Helper::Function => {
                black_box(function(i + n));
                continue;
            }
            Helper::Recall => info_span!(
                "memory.recall",
                memory.operation = "recall",
                memory.query_length = QUERY.len() as i64,
                memory.max_concepts = 10_i64,
                tenant.id = "acme"
            ),
            Helper::Query => info_span!(
                "db.select.entities",
                otel.kind = "client",
                db.operation.name = "SELECT",
                db.collection.name = "entities",
                db.query.text = SQL,
                tenant.id = "acme"
            ),
            Helper::Cache => info_span!(
                "cache.get",
                otel.kind = "client",
                cache.operation = "GET",
                cache.key_pattern = "search:*",
                cache.key = CACHE_KEY,
                tenant.id = "acme"
            ),
        };
        span.in_scope(|| black_box(i + n));
    }
    true
}

pub fn open(i: u64) -> Option<Span> {
    Some(info_span!(
        "open",
        http.method = "GET",
        http.route = TEXT,
        user.id = black_box(i) as i64,
        score = black_box(0.25 + i as f64)
    ))
}

pub fn task(i: u64) -> Option<impl Future<Output = ()> + Send + 'static> {
    let step = async move {
        yield_now().await;
        let span = info_span!("step", db.system = "postgresql", row = black_box(i) as i64);
        yield_now().await;
        drop(span);
        yield_now().await;
    };
    Some(async move { step.instrument(info_span!("task")).await })
}

async fn serve(request: Request, next: Next) -> Response {
    let span = info_span!(
        "GET /items/{id}",
        otel.kind = "server",
        http.request.method = request.method().as_str(),
        http.route = "/items/{id}",
        url.path = request.uri().path(),
        http.response.status_code = Empty
    );
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", i64::from(response.status().as_u16()));
    response
}

/// The parent in the headers is not read: `tracing` has no name for it.
pub fn traced(routes: Router) -> Option<Router> {
    Some(routes.layer(from_fn(serve)))
}

/// The methods of [`Work`] for whatever is behind the API.
macro_rules! work {
    () => {
        type Open = ::tracing::Span;
        fn wide(&self, i: u64, attributes: usize, events: usize) -> bool {
            crate::work::tracing::wide(i, attributes, events)
        }
        fn strings(&self, i: u64, texts: &[String; 2]) -> bool {
            crate::work::tracing::strings(i, texts)
        }
        fn helper100(&self, helper: crate::work::Helper, i: u64) -> bool {
            crate::work::tracing::helper100(helper, i)
        }
        fn open(&self, i: u64) -> Option<::tracing::Span> {
            crate::work::tracing::open(i)
        }
        fn task(&'static self, i: u64) -> Option<impl Future<Output = ()> + Send + 'static> {
            crate::work::tracing::task(i)
        }
        fn traced(&self, routes: ::axum::Router) -> Option<::axum::Router> {
            crate::work::tracing::traced(routes)
        }
    };
}
pub(super) use work;

impl Work for Tracing {
    work!();
}

impl<const FULL: bool> Work for TracingOtel<FULL> {
    work!();
}
