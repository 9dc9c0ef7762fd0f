//! The rows of the table and their goals.
//!
//! Position: `table` shows them in this order.

use Goal::{AboveFloor, Always, BeyondBest, Exactly, Median, Min, OfBest, OfPrimitive};

/// Those that record spans.
const RECORDERS: &[&str] = &["otel", "tracing-otel", "fastrace"];
/// And the Registry without layers, which records nothing.
const ALL: &[&str] = &["otel", "tracing-otel", "fastrace", "tracing"];

/// What is expected of a row.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) enum Goal {
    /// Our median is at most so many times that of the best peer.
    OfBest(f64),
    /// Our median is at most so much above that of the best peer.
    BeyondBest(f64),
    /// Our median is at most so many times that of the best peer, both beyond the bare Registry, on which
    /// both stand.
    AboveFloor(f64),
    /// Our fastest sample.
    Min(f64),
    /// Our median.
    Median(f64),
    /// Every sample of ours.
    Always(f64),
    /// Every sample of ours, no more and no less.
    Exactly(f64),
    /// Our median is at most so many times that of copying the finished record of S1's child.
    OfPrimitive(f64),
}

/// One row of the table.
#[derive(Debug)]
pub(in crate::bench) struct Row {
    pub(in crate::bench) title: &'static str,
    pub(in crate::bench) scenario: &'static str,
    pub(in crate::bench) metric: &'static str,
    pub(in crate::bench) ours: &'static str,
    /// The peers beside which ours is judged.
    pub(in crate::bench) rivals: &'static [&'static str],
    pub(in crate::bench) goals: &'static [Goal],
}

const fn row(
    title: &'static str,
    scenario: &'static str,
    metric: &'static str,
    rivals: &'static [&'static str],
    goals: &'static [Goal],
) -> Row {
    Row {
        title,
        scenario,
        metric,
        ours: "continuum",
        rivals,
        goals,
    }
}

/// Ours under the API of another.
const fn under(
    ours: &'static str,
    title: &'static str,
    scenario: &'static str,
    rivals: &'static [&'static str],
    goals: &'static [Goal],
) -> Row {
    Row {
        title,
        scenario,
        metric: "caller",
        ours,
        rivals,
        goals,
    }
}

/// Our own plain recorder, beside which its additions are judged.
const PLAIN: &[&str] = &["continuum"];
const TRACING: &str = "continuum-tracing";
const LAYER: &[&str] = &["tracing-otel"];
const API: &[&str] = &["otel"];
const THIRD: &[Goal] = &[OfBest(1.0 / 3.0)];
const THIRD_ABOVE: &[Goal] = &[AboveFloor(1.0 / 3.0)];
const FIFTH: &[Goal] = &[OfBest(0.2)];
const BEST: &[Goal] = &[OfBest(1.0)];
const NONE: &[Goal] = &[Always(0.0)];

pub(in crate::bench) const ROWS: &[Row] = &[
    row(
        "S1 root and child with 4 attributes, ns per span",
        "S1",
        "caller",
        RECORDERS,
        &[OfBest(0.2), Min(50.0), OfPrimitive(1.9)],
    ),
    row("S1, all threads", "S1", "process", RECORDERS, FIFTH),
    row(
        "S1 with texts made at run time",
        "strings",
        "caller",
        RECORDERS,
        &[OfPrimitive(2.4)],
    ),
    row(
        "S2 100 children with 3 attributes, ns per span",
        "S2",
        "caller",
        RECORDERS,
        THIRD,
    ),
    row(
        "16 attributes, ns per span",
        "attributes-16",
        "caller",
        RECORDERS,
        &[Min(160.0), OfBest(1.0 / 3.0)],
    ),
    row(
        "16 attributes and 3 events, ns per span",
        "events",
        "caller",
        RECORDERS,
        &[],
    ),
    row(
        "S3 sampled out, ns per span",
        "S3",
        "caller",
        ALL,
        &[Median(10.0)],
    ),
    row(
        "S4 not installed, ns per span",
        "S4",
        "caller",
        ALL,
        &[Median(3.0)],
    ),
    row(
        "S5 inject, 3 baggage entries, ns",
        "S5i",
        "caller",
        RECORDERS,
        FIFTH,
    ),
    row(
        "S5 extract, 3 baggage entries, ns",
        "S5e",
        "caller",
        RECORDERS,
        FIFTH,
    ),
    row(
        "S7 instrumented async function, ns per call",
        "S7",
        "caller",
        RECORDERS,
        FIFTH,
    ),
    row(
        "attribute macro on a function, ns per call",
        "function",
        "caller",
        RECORDERS,
        &[],
    ),
    row(
        "recall of a memory, ns per call",
        "recall",
        "caller",
        RECORDERS,
        BEST,
    ),
    row(
        "query of a database, ns per call",
        "query",
        "caller",
        RECORDERS,
        BEST,
    ),
    row(
        "operation of a cache, ns per call",
        "cache",
        "caller",
        RECORDERS,
        BEST,
    ),
    row(
        "span ended by another thread, ns of both",
        "remote",
        "caller",
        RECORDERS,
        &[],
    ),
    row(
        "64 threads that come and go, ns per span",
        "threads",
        "caller",
        RECORDERS,
        &[],
    ),
    row(
        "10,000 tasks on 2 workers, ns per span",
        "tasks",
        "process",
        RECORDERS,
        &[],
    ),
    Row {
        metric: "process",
        ..under(
            "continuum-tail",
            "S1 decided when the trace has ended, all threads",
            "S1",
            PLAIN,
            &[OfBest(1.3)],
        )
    },
    under(
        "continuum-flight",
        "S1 sampled out and kept by the flight recorder",
        "S1",
        PLAIN,
        &[BeyondBest(5.0)],
    ),
    row("S8 allocations per span", "S8", "allocs", RECORDERS, NONE),
    under(
        "continuum-bridged",
        "S1 with the opentelemetry bridge installed",
        "S1",
        RECORDERS,
        &[Median(160.0)],
    ),
    Row {
        metric: "allocs",
        ..under(
            "continuum-bridged",
            "S8 with the opentelemetry bridge installed",
            "S8",
            RECORDERS,
            &[Always(2.0)],
        )
    },
    under(
        "continuum-api",
        "S1 through the opentelemetry API",
        "S1",
        API,
        &[],
    ),
    under(
        "continuum-api",
        "S2 through the opentelemetry API",
        "S2",
        API,
        &[],
    ),
    under(
        "continuum-api",
        "S7 through the opentelemetry API",
        "S7",
        API,
        &[],
    ),
    under(
        TRACING,
        "S1 through the tracing API",
        "S1",
        LAYER,
        THIRD_ABOVE,
    ),
    Row {
        metric: "process",
        ..under(
            TRACING,
            "S1, all threads, through the tracing API",
            "S1",
            LAYER,
            THIRD_ABOVE,
        )
    },
    Row {
        metric: "allocs",
        ..under(
            TRACING,
            "S8 allocations through the tracing API",
            "S8",
            LAYER,
            THIRD_ABOVE,
        )
    },
    under(
        TRACING,
        "S2 through the tracing API",
        "S2",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "S3 through the tracing API",
        "S3",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "S7 through the tracing API",
        "S7",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "run-time texts through the tracing API",
        "strings",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "16 attributes through the tracing API",
        "attributes-16",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "16 attributes and 3 events through the tracing API",
        "events",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "`#[instrument]` on a function, through the tracing API",
        "function",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "recall of a memory, through the tracing API",
        "recall",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "span with `otel.kind` through the tracing API",
        "query",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "operation of a cache, through the tracing API",
        "cache",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "span ended by another thread, through the tracing API",
        "remote",
        LAYER,
        THIRD_ABOVE,
    ),
    under(
        TRACING,
        "64 threads that come and go, through the tracing API",
        "threads",
        LAYER,
        THIRD_ABOVE,
    ),
    Row {
        metric: "process",
        ..under(
            TRACING,
            "10,000 tasks on 2 workers, through the tracing API",
            "tasks",
            LAYER,
            THIRD_ABOVE,
        )
    },
    Row {
        metric: "cost",
        ..under(
            TRACING,
            "axum: CPU ns of a request through the tracing API",
            "axum",
            LAYER,
            THIRD_ABOVE,
        )
    },
    row(
        "axum: throughput lost to tracing, %",
        "axum",
        "loss",
        RECORDERS,
        &[OfBest(0.5)],
    ),
    row(
        "axum: traced requests per CPU second",
        "axum",
        "traced",
        &[],
        &[],
    ),
    row(
        "delivered, tuned: CPU ns per span",
        "tuned",
        "cpu_ns_per_delivered",
        RECORDERS,
        &[Median(250.0), OfBest(1.0 / 9.0)],
    ),
    Row {
        metric: "cpu_ns_per_delivered",
        ..under(
            TRACING,
            "delivered, tuned, through the tracing API: CPU ns per span",
            "tuned",
            LAYER,
            THIRD,
        )
    },
    row(
        "delivered, tuned: lost, %",
        "tuned",
        "lost_percent",
        RECORDERS,
        NONE,
    ),
    row(
        "delivered, tuned: peak memory, MiB",
        "tuned",
        "max_rss_mib",
        RECORDERS,
        &[Always(32.0)],
    ),
    row(
        "delivered, default flat out: CPU ns per span",
        "flat-out",
        "cpu_ns_per_delivered",
        RECORDERS,
        &[Median(300.0)],
    ),
    row(
        "delivered, default flat out: lost, %",
        "flat-out",
        "lost_percent",
        RECORDERS,
        &[],
    ),
    row(
        "delivered, default flat out: lost and not counted",
        "flat-out",
        "uncounted",
        RECORDERS,
        &[Exactly(0.0)],
    ),
    row(
        "delivered, default flat out: peak memory, MiB",
        "flat-out",
        "max_rss_mib",
        RECORDERS,
        &[Always(24.0)],
    ),
    row(
        "delivered, 50,000 spans/s: CPU ns per span",
        "rate-50000",
        "cpu_ns_per_delivered",
        RECORDERS,
        &[],
    ),
    row(
        "delivered, 50,000 spans/s: lost, %",
        "rate-50000",
        "lost_percent",
        RECORDERS,
        NONE,
    ),
];
