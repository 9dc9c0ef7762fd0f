//! Ours. Where there is a helper for the purpose, it is used.
use std::future::Future;
use std::hint::black_box;

use axum::Router;
use continuum_observability::layers::{
    api::TraceLayer, cache::trace_cache_operation, database::trace_query, memory::trace_recall,
};
use continuum_observability::{FutureExt, Span, span, trace_function};
use tokio::task::yield_now;

use super::{CACHE_KEY, Helper, QUERY, SQL, TEXT, Work};
use crate::peers::bridges::ContinuumTracing;
use crate::peers::continuum::{Continuum, Keeping};

#[trace_function]
fn function(x: u64) -> u64 {
    black_box(x) + 1
}

/// A span with as many attributes, texts and numbers by turns.
macro_rules! wide {
    ($i:ident; $($text:ident $number:ident),+) => {
        span!("wide", $($text = TEXT, $number = black_box($i) as i64),+)
    };
}

#[rustfmt::skip]
fn wide(i: u64, attributes: usize) -> Span {
    match attributes {
        0 => span!("wide"),
        1 => span!("wide", attribute_00 = TEXT),
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
        other => panic!("no call site with {other} attributes"),
    }
}

impl Work for Continuum {
    type Open = Span;

    fn wide(&self, i: u64, attributes: usize, events: usize) -> bool {
        let span = wide(i, attributes);
        for _ in 0..events {
            span.add_event("cache.miss", &[("key", TEXT.into()), ("row", (black_box(i) as i64).into())]);
        }
        true
    }

    fn strings(&self, i: u64, texts: &[String; 2]) -> bool {
        let _root = self.tracer.start_as_current_span("root");
        let child = self.tracer.start_span("child");
        child.set_attribute("http.method", texts[0].as_str());
        child.set_attribute("http.route", texts[1].as_str());
        child.set_attribute("user.id", black_box(i) as i64);
        child.set_attribute("score", black_box(0.25 + i as f64));
        true
    }

    fn helper100(&self, helper: Helper, i: u64) -> bool {
        let _root = self.tracer.start_as_current_span("root");
        for n in 0..100 {
            let work = || black_box(i + n);
            black_box(match helper {
                Helper::Function => function(i + n),
                Helper::Recall => trace_recall(QUERY).max_concepts(10).tenant_id("acme").in_scope(|_| work()),
                Helper::Query => trace_query(SQL).table("entities").tenant_id("acme").in_scope(|_| work()),
                Helper::Cache => trace_cache_operation("GET", CACHE_KEY).tenant_id("acme").in_scope(|_| work()),
            });
        }
        true
    }

    fn open(&self, i: u64) -> Option<Span> {
        let span = self.tracer.start_span("open");
        span.set_attribute("http.method", "GET");
        span.set_attribute("http.route", TEXT);
        span.set_attribute("user.id", black_box(i) as i64);
        span.set_attribute("score", black_box(0.25 + i as f64));
        Some(span)
    }

    fn task(&'static self, i: u64) -> Option<impl Future<Output = ()> + Send + 'static> {
        let step = move || async move {
            yield_now().await;
            let span = self.tracer.start_span("step");
            span.set_attribute("db.system", "postgresql");
            span.set_attribute("row", black_box(i) as i64);
            yield_now().await;
            drop(span);
            yield_now().await;
        };
        Some(async move { step().in_span(self.tracer.start_span("task")).await })
    }

    fn counted_losses(&self) -> Option<u64> {
        Some(self.telemetry.as_ref()?.stats().dropped())
    }

    fn traced(&self, routes: Router) -> Option<Router> {
        Some(routes.layer(TraceLayer::new()))
    }
}

impl<const FLIGHT: bool> Work for Keeping<FLIGHT> {
    type Open = ();
}

impl Work for ContinuumTracing {
    super::tracing::work!();
}

#[cfg(feature = "bridges")]
impl Work for crate::peers::bridges::ContinuumApi {
    type Open = ();
}

#[cfg(feature = "bridges")]
impl Work for crate::peers::bridges::ContinuumBridged {
    type Open = ();
}
