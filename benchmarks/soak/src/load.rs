//! Threads that record as fast as they can.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use continuum_observability::{SpanRef, Tracer, get_tracer};

use crate::memory;

const SAMPLE: Duration = Duration::from_secs(1);
/// Once in so many traces, one is recorded by a thread that ends at once.
const TRACES_PER_THREAD: u64 = 1_000;

/// Records on every core; returns the memory of each second.
pub(crate) fn run(duration: Duration) -> Result<Vec<u64>> {
    let stop = AtomicBool::new(false);
    let cores = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let record = || record_until(&stop);
        let mut threads = Vec::new();
        for _ in 0..cores {
            threads.push(thread::Builder::new().spawn_scoped(scope, record)?);
        }
        let samples = sample(duration);
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            let recorded = thread.join();
            recorded.map_err(|_panic| anyhow!("a thread that records panicked"))??;
        }
        samples
    })
}

fn sample(duration: Duration) -> Result<Vec<u64>> {
    let start = Instant::now();
    let mut samples = Vec::new();
    while start.elapsed() < duration {
        thread::sleep(SAMPLE);
        samples.push(memory::resident_bytes()?);
    }
    Ok(samples)
}

fn record_until(stop: &AtomicBool) -> Result<()> {
    let tracer = get_tracer("soak");
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if number % TRACES_PER_THREAD == 0 {
            let once = move || trace(get_tracer("soak.thread"), number);
            let thread = thread::Builder::new().spawn(once)?;
            thread
                .join()
                .map_err(|_panic| anyhow!("a short thread panicked"))?;
        } else {
            trace(tracer, number);
        }
    }
    Ok(())
}

/// A request, a query that it makes, and one time in a hundred an error with a long text.
fn trace(tracer: Tracer, number: u64) {
    tracer.in_scope("request", |span| {
        describe(span, number);
        tracer.in_scope("query", |query| {
            query.set_attribute("db.response.returned_rows", number % 50);
            if number.is_multiple_of(100) {
                query.record_failure(&"x".repeat(2_000).as_str());
            }
        });
        span.add_event("answered", &[("bytes", number.into())]);
    });
}

fn describe(span: &SpanRef, number: u64) {
    span.set_attribute("user.id", format!("user_{number}"));
    span.set_attribute("http.request.method", "GET");
    span.set_attribute("http.response.status_code", 200);
    span.set_attribute("score", 0.5);
    // Requests of 300 to 2,000 bytes.
    let length = usize::try_from(number * 97 % 1_700).unwrap_or_default();
    span.set_attribute("question", "x".repeat(length));
}
