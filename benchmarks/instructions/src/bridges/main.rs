//! `continuum-instructions-bridges SCENARIO COUNT`: as `continuum-instructions`, through the APIs of others.
//!
//! Flow: `tests/bridges.rs` runs it with two counts. A scenario is named by the interface and the work:
//! `layer` is `tracing` on our layer, `registry` the same without any layer, which is the floor; `api` is
//! `opentelemetry` on our provider, `bridged` our own interface while that provider is installed.
//!
//! Invariant: only what happens inside of [`measured`] counts, on its thread.

mod api;
mod layer;
mod native;

use anyhow::{Context as _, Result, bail};
use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, Sampler, Telemetry,
    interop::{opentelemetry_0_33, tracing::ContinuumLayer},
};
use std::{
    hint::black_box,
    pin::Pin,
    task::{self, Poll, Waker},
    time::Instant,
};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

/// More than all spans of a run take, so that none is refused.
const BUDGET_BYTES: usize = 64 << 20;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().context("which scenario?")?;
    let count = arguments.next().context("how often?")?.parse()?;
    let (interface, work) = scenario.split_once('.').context("interface.work")?;
    let sampler = match work {
        "sampled_out" => Sampler::AlwaysOff,
        _ => Sampler::AlwaysOn,
    };
    let builder = Telemetry::builder().sampler(Sampler::parent_based(sampler));
    let builder = builder.memory_budget_bytes(BUDGET_BYTES);
    let _telemetry = builder.exporter_with("drop", || Box::new(Drop)).init()?;
    let registry = tracing_subscriber::registry().with(LevelFilter::INFO);
    match interface {
        "layer" => {
            tracing::subscriber::set_global_default(registry.with(ContinuumLayer::new("bench")))?;
        }
        "registry" => tracing::subscriber::set_global_default(registry)?,
        _ => opentelemetry_0_33::install()?,
    }
    let round = match interface {
        "layer" | "registry" => layer::round(work),
        "api" => api::round(work),
        "bridged" => native::round(work),
        _ => None,
    };
    let Some(round) = round else {
        bail!("no scenario {scenario}");
    };
    measured(round, count);
    Ok(())
}

#[inline(never)]
fn measured(round: fn(i64), count: i64) {
    for number in 0..count {
        round(black_box(number));
    }
}

fn finish<F: Future>(call: Pin<&mut F>) {
    let mut call = call;
    let mut context = task::Context::from_waker(Waker::noop());
    while call.as_mut().poll(&mut context).is_pending() {}
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
