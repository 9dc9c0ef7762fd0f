//! `hot PEER SCENARIO [quick|instructions]`: one process per peer and scenario, as global state can be set
//! only once. Prints `peer scenario metric value` lines, one per sample; nothing if the peer cannot.
//!
//! A sample is several bursts; each burst fits the default queues of all peers (nothing is dropped or
//! spilled) and is then drained untimed, so that `caller` is the uncongested cost for the instrumented thread.
//! `instructions` does the same work once, inside of [`measured`], for Callgrind.
use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;

use crate::measure::*;
use crate::peers::{Carrier, DELIVERED, Mode, PEERS};
use crate::spread;
use crate::with_peer;
use crate::work::{Helper, Work};

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    pub warmup: usize,
    pub samples: usize,
    pub bursts: u64,
}

const FULL: Effort = Effort { warmup: 2, samples: 7, bursts: 10 };
const QUICK: Effort = Effort { warmup: 1, samples: 3, bursts: 4 };

/// What one burst is.
struct Burst {
    calls: u64,
    /// Operations (spans, calls, carriers) per call.
    ops: u64,
    /// Spans recorded per call.
    recorded: u64,
}

const TRACES: Burst = Burst { calls: 1000, ops: 2, recorded: 2 };
const SPANS: Burst = Burst { calls: 1500, ops: 1, recorded: 1 };
const HUNDREDS: Burst = Burst { calls: 20, ops: 100, recorded: 101 };

/// What is measured, and how its lines begin.
pub struct Run<'a> {
    pub peer: &'a str,
    pub scenario: &'a str,
    /// `None`: instructions are counted.
    pub effort: Option<Effort>,
}

impl Run<'_> {
    pub fn row(&self, metric: &str, value: f64) {
        println!("{}\t{}\t{metric}\t{value:.2}", self.peer, self.scenario);
    }
}

/// The calls that count. Not inlined: Callgrind collects inside of it.
#[inline(never)]
fn measured<P>(p: &P, calls: u64, work: &mut impl FnMut(&P, u64) -> bool) {
    for i in 0..calls {
        black_box(work(p, i));
    }
}

/// Work on the calling thread.
fn caller<P: Work>(run: &Run<'_>, mode: Mode, burst: &Burst, mut work: impl FnMut(&P, u64) -> bool) {
    let p = P::init(mode);
    pin_to(0);
    if !work(&p, 0) {
        return;
    }
    p.flush();
    match run.effort {
        Some(effort) => {
            timed(run, effort, burst, &mut || measured(&p, burst.calls, &mut work), &|expected| p.settle(expected));
        }
        None => {
            for i in 1..burst.calls / 4 {
                black_box(work(&p, i));
            }
            run.row("operations", (burst.calls * burst.ops) as f64);
            measured(&p, burst.calls, &mut work);
            std::process::exit(0);
        }
    }
}

/// Not generic, as only what is timed must be.
fn timed(run: &Run<'_>, effort: Effort, burst: &Burst, calls: &mut dyn FnMut(), settle: &dyn Fn(u64)) {
    let recorded = burst.calls * burst.recorded;
    for sample in 0..effort.warmup + effort.samples {
        let start = DELIVERED.load(Relaxed);
        let (mut cpu, mut wall, mut all) = (0, 0, 0);
        for number in 1..=effort.bursts {
            let (cpu0, wall0, all0) = (thread_cpu_ns(), wall_ns(), process_cpu_ns());
            calls();
            let cpu1 = thread_cpu_ns();
            wall += wall_ns() - wall0;
            if recorded > 0 {
                settle(start + number * recorded);
            }
            cpu += cpu1 - cpu0;
            // All threads, without what this thread spends on waiting for the drain.
            all += (process_cpu_ns() - all0).saturating_sub(thread_cpu_ns() - cpu1);
        }
        if sample < effort.warmup {
            continue;
        }
        let n = (effort.bursts * burst.calls * burst.ops) as f64;
        run.row("caller", cpu as f64 / n);
        run.row("wall", wall as f64 / n);
        run.row("process", all as f64 / n);
        let seen = (DELIVERED.load(Relaxed) - start) as f64;
        if recorded > 0 && seen > 0.0 {
            run.row("delivered", seen / (effort.bursts * recorded) as f64);
        }
    }
}

fn scenario<P: Work>(run: &Run<'_>) {
    let texts = black_box(["GET".to_owned(), "/users/{id}".to_owned()]);
    let mut carrier = Carrier::new();
    let silent = |calls, ops| Burst { calls, ops, recorded: 0 };
    let unspanned = silent(1000, 1);
    let helper = |which| caller::<P>(run, Mode::Drop, &HUNDREDS, move |p, i| p.helper100(which, i));
    let wide = |n, events| caller::<P>(run, Mode::Drop, &SPANS, move |p, i| p.wide(i, n, events));
    match run.scenario {
        "S1" => caller::<P>(run, Mode::Drop, &TRACES, |p, i| did(p.trace(i))),
        "S2" => {
            let burst = Burst { calls: 20, ops: 101, recorded: 101 };
            caller::<P>(run, Mode::Drop, &burst, |p, i| did(p.trace100(i)));
        }
        "S3" => caller::<P>(run, Mode::Unsampled, &silent(1000, 2), |p, i| did(p.trace(i))),
        "S4" => caller::<P>(run, Mode::Disabled, &silent(1000, 2), |p, i| did(p.trace(i))),
        "S5i" => caller::<P>(run, Mode::Drop, &unspanned, |p, _| {
            carrier.clear();
            p.inject(black_box(&mut carrier))
        }),
        "S5e" => caller::<P>(run, Mode::Drop, &unspanned, |p, _| {
            if carrier.is_empty() && !p.inject(&mut carrier) {
                return false;
            }
            p.extract(black_box(&carrier))
        }),
        "S7" => caller::<P>(run, Mode::Drop, &HUNDREDS, |p, i| did(p.async100(i))),
        "strings" => caller::<P>(run, Mode::Drop, &TRACES, |p, i| p.strings(i, &texts)),
        "events" => wide(16, 3),
        "function" => helper(Helper::Function),
        "recall" => helper(Helper::Recall),
        "query" => helper(Helper::Query),
        "cache" => helper(Helper::Cache),
        "remote" => spread::remote::<P>(run),
        "threads" => spread::threads::<P>(run),
        "tasks" => spread::tasks::<P>(run),
        "axum" => spread::serve::<P>(run),
        other => match other.strip_prefix("attributes-").map(str::parse) {
            Some(Ok(n)) => wide(n, 0),
            _ => panic!("unknown scenario {other}"),
        },
    }
}

fn did(_: ()) -> bool {
    true
}

/// The program.
pub fn main() {
    let a: Vec<String> = std::env::args().collect();
    let [_, peer, name, rest @ ..] = &a[..] else {
        return println!("{}", PEERS.join(" "));
    };
    let effort = match rest.first().map(String::as_str) {
        Some("instructions") => None,
        Some("quick") => Some(QUICK),
        _ => Some(FULL),
    };
    if name == "tasks" {
        // No other threads yet. As many spans end at once as no default queue takes.
        unsafe { std::env::set_var("OTEL_BSP_MAX_QUEUE_SIZE", "65536") };
    }
    with_peer!(peer.as_str(), P => scenario::<P>(&Run { peer, scenario: name, effort }));
}
