//! `continuum-soak SECONDS`: records at full load on all threads, through OTLP/HTTP to a receiver that
//! fails now and then, and fails unless memory is flat and every span is counted.
//!
//! Flow: `main` starts itself again as the [`receiver`], whose memory is thereby not counted → [`load`]
//! records on every core → [`memory`] is sampled each second → the accounts are compared with what the
//! receiver took.
//!
//! Invariant: the exit status is zero only if all of it held.

#![expect(
    clippy::print_stdout,
    reason = "a command line tool speaks on its standard streams"
)]

mod load;
mod memory;
mod receiver;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use continuum_observability::{
    FlightRecorder, OtlpConfig, OtlpProtocol, Sampler, Stats, TailPolicy, Telemetry,
};

use receiver::{Receiver, Taken};

const RECEIVER: &str = "receiver";
const RING_BYTES: usize = 2 << 20;
/// What may be resident: the budget of 16 MiB, 4 MiB of traces that wait, the ring, a request in its two
/// copies, and as much again for the program, its threads and what the allocator keeps.
const BOUND_BYTES: u64 = 48 << 20;
const LAST_DELIVERY: Duration = Duration::from_mins(1);

fn main() -> Result<()> {
    let argument = std::env::args().nth(1);
    let argument = argument.context("for how many seconds?")?;
    if argument == RECEIVER {
        return receiver::serve();
    }
    let duration = Duration::from_secs(argument.parse().context("expected seconds")?);
    soak(duration)
}

fn soak(duration: Duration) -> Result<()> {
    let receiver = Receiver::start()?;
    let mut otlp = OtlpConfig::new(format!("http://{}", receiver.address()));
    otlp.protocol = Some(OtlpProtocol::HttpProtobuf);
    let telemetry = Telemetry::builder()
        .exporter(otlp)
        .sampler(Sampler::parent_based(Sampler::TraceIdRatio(0.9)))
        .tail(TailPolicy::new(0.5).keep_slower_than_percentile(99.0))
        .flight_recorder(FlightRecorder::new(RING_BYTES))
        // What is lost here is meant to be.
        .diagnostics(|_, _| ())
        .init()?;
    let samples = load::run(duration)?;
    // Lost spans are an error of the last delivery and are counted like all others.
    let _some_lost = telemetry.shutdown(LAST_DELIVERY);
    let stats = telemetry.stats();
    let taken = receiver.stop()?;
    println!("{stats:?}\n{taken:?}");
    let halves = memory::halves(&samples).context("too short to be judged")?;
    println!("{halves}");
    judge_accounts(&stats, &taken)?;
    ensure!(halves.is_flat(), "memory grows");
    ensure!(halves.most() <= BOUND_BYTES, "memory is out of its bound");
    Ok(())
}

fn judge_accounts(stats: &Stats, taken: &Taken) -> Result<()> {
    let sampled_out = stats.sampled_out + stats.sampled_out_at_tail;
    let known = stats.exported + sampled_out + stats.dropped();
    ensure!(stats.pending == 0, "spans are still pending");
    ensure!(stats.started == known, "spans are in no count");
    ensure!(stats.exported > 0, "nothing was exported");
    ensure!(
        stats.exported == taken.spans,
        "the receiver took another number"
    );
    ensure!(
        stats.dropped_rejected == taken.rejected,
        "the receiver rejected another number"
    );
    Ok(())
}
