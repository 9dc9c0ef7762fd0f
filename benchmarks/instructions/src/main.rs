//! `continuum-instructions SCENARIO COUNT`: does one thing that often, to be counted by Callgrind.
//!
//! Flow: `tests/instructions.rs` runs it with two counts; what a round more costs is the difference
//! between the two, so that nothing of the start and the end is in it.
//!
//! Invariant: only what happens inside of [`measured`] counts, on its thread.

mod edges;

use std::{
    hint::black_box,
    pin::{Pin, pin},
    task::{self, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, FutureExt as _, Sampler, SpanMetrics,
    TailPolicy, Telemetry, TelemetryBuilder, Tracer, get_tracer, span, trace_function,
};
use edges::Edges;

/// More than all spans of a run take, so that none is refused.
const BUDGET_BYTES: usize = 64 << 20;

/// Spent after some hundred spans.
const SMALL_BUDGET_BYTES: usize = 128 << 10;
/// So little that the oldest spans give way soon.
const RING_BYTES: usize = 128 << 10;

const KEYS: [&str; 16] = [
    "http.request.method",
    "http.route",
    "url.path",
    "url.scheme",
    "server.address",
    "server.port",
    "user.id",
    "tenant.id",
    "memory.size",
    "cache.hit",
    "db.system",
    "db.rows",
    "network.peer",
    "retry.count",
    "error.kind",
    "score",
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().context("which scenario?")?;
    let count = arguments.next().context("how often?")?.parse()?;
    let (on, off) = (Sampler::AlwaysOn, Sampler::AlwaysOff);
    let _telemetry = match scenario.as_str() {
        "not_installed" => None,
        "sampled_out" => Some(telemetry(off).init()?),
        "tail" => Some(telemetry(on).tail(TailPolicy::new(1.0)).init()?),
        "flight_recorder" => Some(telemetry(off).flight_recorder(RING_BYTES).init()?),
        "measured" => Some(telemetry(on).metrics(SpanMetrics::new()).init()?),
        "measured_out" => Some(telemetry(off).metrics(SpanMetrics::new()).init()?),
        "refused" => Some(faulty(Fault::Refuses, BUDGET_BYTES)?),
        "stuck" => Some(faulty(Fault::IsStuck, BUDGET_BYTES)?),
        "full" => Some(faulty(Fault::IsStuck, SMALL_BUDGET_BYTES)?),
        _ => Some(telemetry(on).init()?),
    };
    measured(&scenario, &mut Edges::new()?, count)
}

fn telemetry(sampler: Sampler) -> TelemetryBuilder {
    let builder = Telemetry::builder().sampler(Sampler::parent_based(sampler));
    let builder = builder.memory_budget_bytes(BUDGET_BYTES);
    builder.exporter_with("drop", || Box::new(Drop))
}

#[inline(never)]
fn measured(scenario: &str, edges: &mut Edges, count: i64) -> Result<()> {
    let tracer = get_tracer("instructions");
    let round = match scenario {
        "root_and_child" | "tail" | "flight_recorder" | "sampled_out" | "not_installed"
        | "refused" | "stuck" | "full" => root_and_child,
        "measured" | "measured_out" => recall,
        "hundred_children" => hundred_children,
        "hundred_calls" => hundred_calls,
        "hundred_traced" => hundred_traced,
        "sixteen_attributes" => sixteen_attributes,
        "root_and_child_by_macro" => root_and_child_by_macro,
        "sixteen_attributes_by_macro" => sixteen_attributes_by_macro,
        "three_events" => three_events,
        _ => return edges.rounds(scenario, tracer, count),
    };
    for number in 0..count {
        round(tracer, black_box(number));
    }
    Ok(())
}

fn root_and_child(tracer: Tracer, number: i64) {
    let _root = tracer.start_as_current_span("root");
    let child = tracer.start_span("child");
    child.set_attribute("http.method", "GET");
    child.set_attribute("http.route", "/users/{id}");
    child.set_attribute("user.id", number);
    child.set_attribute("score", number as f64);
}

/// The same with attributes that the compiler knows.
fn root_and_child_by_macro(_: Tracer, number: i64) {
    let _root = span!("root").entered();
    let _child = span!(
        "child",
        http.method = "GET",
        http.route = "/users/{id}",
        user.id = number,
        score = number as f64
    );
}

/// A span whose name makes it one that is measured.
fn recall(tracer: Tracer, number: i64) {
    let recall = tracer.start_as_current_span("memory.recall");
    recall.set_attribute("memory.max_concepts", number);
}

fn hundred_children(tracer: Tracer, number: i64) {
    let _root = tracer.start_as_current_span("root");
    for row in 0..100 {
        let child = tracer.start_span("child");
        child.set_attribute("db.system", "postgresql");
        child.set_attribute("db.operation", "SELECT");
        child.set_attribute("row", number + row);
    }
}

fn hundred_calls(tracer: Tracer, number: i64) {
    let _root = tracer.start_as_current_span("root");
    for _ in 0..100 {
        let mut call = pin!(called(number).in_span(tracer.start_span("called")));
        let mut context = task::Context::from_waker(Waker::noop());
        while call.as_mut().poll(&mut context).is_pending() {}
    }
}

fn hundred_traced(tracer: Tracer, number: i64) {
    let _root = tracer.start_as_current_span("root");
    for row in 0..100 {
        black_box(traced(number + row));
    }
}

#[trace_function(
    name = "db.select.turns",
    attributes(db.system = "postgresql", db.operation = "SELECT", db.rows = 10)
)]
fn traced(number: i64) -> i64 {
    black_box(number)
}

async fn called(number: i64) -> i64 {
    PendingOnce::default().await;
    black_box(number)
}

fn sixteen_attributes(tracer: Tracer, number: i64) {
    let span = tracer.start_span("wide");
    for key in KEYS {
        span.set_attribute(key, black_box(number));
    }
}

fn sixteen_attributes_by_macro(_: Tracer, number: i64) {
    let _span = span!(
        "wide",
        http.request.method = black_box(number),
        http.route = black_box(number),
        url.path = black_box(number),
        url.scheme = black_box(number),
        server.address = black_box(number),
        server.port = black_box(number),
        user.id = black_box(number),
        tenant.id = black_box(number),
        memory.size = black_box(number),
        cache.hit = black_box(number),
        db.system = black_box(number),
        db.rows = black_box(number),
        network.peer = black_box(number),
        retry.count = black_box(number),
        error.kind = black_box(number),
        score = black_box(number)
    );
}

fn three_events(tracer: Tracer, number: i64) {
    let span = tracer.start_span("eventful");
    for _ in 0..3 {
        span.add_event(
            "cache.miss",
            &[("key", "search".into()), ("n", number.into())],
        );
    }
}

/// Done at the second poll.
#[derive(Default)]
struct PendingOnce(bool);

impl Future for PendingOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// What is wrong with a backend.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Refuses,
    IsStuck,
}

fn faulty(fault: Fault, budget_bytes: usize) -> Result<Telemetry> {
    let builder = Telemetry::builder().memory_budget_bytes(budget_bytes);
    let builder = builder.schedule_delay(Duration::from_millis(1));
    let builder = builder.diagnostics(|_, _| ());
    Ok(builder
        .exporter_with("faulty", move || Box::new(fault))
        .init()?)
}

impl Exporter for Fault {
    fn export(
        &mut self,
        _: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        if matches!(self, Self::IsStuck) {
            thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        Err(ExportError::Config {
            setting: "backend",
            reason: "is at fault".to_owned(),
        })
    }

    fn name(&self) -> &'static str {
        "faulty"
    }
}

/// Takes every request and does nothing with it.
#[derive(Debug)]
struct Drop;

impl Exporter for Drop {
    fn export(&mut self, _: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "drop"
    }
}
