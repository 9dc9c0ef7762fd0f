//! The `tracing` API.

use crate::{PendingOnce, finish};
use std::{hint::black_box, pin::pin};
use tracing::{info, info_span, instrument};

pub(crate) fn round(work: &str) -> Option<fn(i64)> {
    Some(match work {
        "root_and_child" | "sampled_out" => root_and_child,
        "hundred_children" => hundred_children,
        "hundred_calls" => hundred_calls,
        "sixteen_attributes" => |number| drop(wide(number)),
        "three_events" => three_events,
        "client_span" => client_span,
        _ => return None,
    })
}

fn root_and_child(number: i64) {
    let _root = info_span!("root").entered();
    let _child = info_span!(
        "child",
        http.method = "GET",
        http.route = "/users/{id}",
        user.id = number,
        score = number as f64
    )
    .entered();
}

fn hundred_children(number: i64) {
    let _root = info_span!("root").entered();
    for row in 0..100 {
        let _child = info_span!(
            "child",
            db.system = "postgresql",
            db.operation = "SELECT",
            row = number + row
        )
        .entered();
    }
}

fn hundred_calls(number: i64) {
    let _root = info_span!("root").entered();
    for _ in 0..100 {
        finish(pin!(called(number)));
    }
}

#[instrument(skip_all)]
async fn called(number: i64) -> i64 {
    PendingOnce::default().await;
    black_box(number)
}

fn wide(number: i64) -> tracing::Span {
    const TEXT: &str = "/users/{id}";
    info_span!(
        "wide",
        attribute_00 = TEXT,
        attribute_01 = number,
        attribute_02 = TEXT,
        attribute_03 = number,
        attribute_04 = TEXT,
        attribute_05 = number,
        attribute_06 = TEXT,
        attribute_07 = number,
        attribute_08 = TEXT,
        attribute_09 = number,
        attribute_10 = TEXT,
        attribute_11 = number,
        attribute_12 = TEXT,
        attribute_13 = number,
        attribute_14 = TEXT,
        attribute_15 = number
    )
}

fn three_events(number: i64) {
    let span = wide(number);
    for _ in 0..3 {
        info!(parent: &span, key = "/users/{id}", row = number, "cache.miss");
    }
}

fn client_span(number: i64) {
    let span = info_span!(
        "db.select.entities",
        otel.kind = "client",
        db.operation.name = "SELECT",
        db.collection.name = "entities",
        db.response.returned_rows = number,
        tenant.id = "acme"
    );
    span.in_scope(|| black_box(number));
}
