//! The kinds of work, who does them, and which program measures it.
//!
//! Position: `drive` runs them in this order.

/// One kind of work.
#[derive(Debug)]
pub(in crate::bench) struct Scenario {
    pub(in crate::bench) name: &'static str,
    pub(in crate::bench) program: Program,
    pub(in crate::bench) peers: &'static [&'static str],
    /// No row shows it, a picture does.
    pub(in crate::bench) is_only_plotted: bool,
}

/// What does the work.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) enum Program {
    /// Times it.
    Hot,
    /// Counts heap allocations.
    Allocations,
    /// Sends spans to another process.
    Delivery {
        settings: &'static str,
        rate: Option<u64>,
    },
}

impl Program {
    /// The program's name; what needs the `opentelemetry` bridge is in a build of its own.
    pub(in crate::bench) fn name(self, peer: &str) -> &'static str {
        let is_bridged = matches!(peer, "continuum-api" | "continuum-bridged");
        match (self, is_bridged) {
            (Self::Hot, false) => "hot",
            (Self::Hot, true) => "bridged",
            (Self::Allocations, false) => "allocs",
            (Self::Allocations, true) => "bridged-allocs",
            (Self::Delivery { .. }, _) => "e2e",
        }
    }
}

impl Scenario {
    /// Whether the work is done by one thread, whose instructions mean something.
    pub(in crate::bench) fn counts_instructions(&self) -> bool {
        let of_many = matches!(self.name, "remote" | "threads" | "tasks" | "axum");
        matches!(self.program, Program::Hot) && !of_many && !self.is_only_plotted
    }

    /// Whether it is shown where our instructions go: also where several threads work, if a goal is set.
    pub(in crate::bench) fn is_profiled(&self) -> bool {
        self.counts_instructions() || matches!(self.name, "axum" | "tuned" | "flat-out")
    }
}

const EVERY: &[&str] = &["continuum", "tracing", "otel", "tracing-otel", "fastrace"];
const RECORDING: &[&str] = &["continuum", "otel", "tracing-otel", "fastrace"];
/// Those, and ours through the API of `tracing`.
const SENDING: &[&str] = &[
    "continuum",
    "continuum-tracing",
    "otel",
    "tracing-otel",
    "fastrace",
];
const THREE_APIS: &[&str] = &[
    "continuum",
    "continuum-tracing",
    "continuum-api",
    "continuum-bridged",
    "tracing",
    "otel",
    "tracing-otel",
    "fastrace",
];
/// Those, and ours with decisions that come after the span.
const OF_S1: &[&str] = &[
    "continuum",
    "continuum-tail",
    "continuum-flight",
    "continuum-tracing",
    "continuum-api",
    "continuum-bridged",
    "tracing",
    "otel",
    "tracing-otel",
    "fastrace",
];
/// Ours through its own API and through that of `tracing`, and every peer.
const NATIVE_AND_TRACING: &[&str] = &[
    "continuum",
    "continuum-tracing",
    "tracing",
    "otel",
    "tracing-otel",
    "fastrace",
];

const fn hot(name: &'static str, peers: &'static [&'static str]) -> Scenario {
    Scenario {
        name,
        program: Program::Hot,
        peers,
        is_only_plotted: false,
    }
}

const fn plotted(name: &'static str) -> Scenario {
    Scenario {
        name,
        program: Program::Hot,
        peers: EVERY,
        is_only_plotted: true,
    }
}

const fn delivery(name: &'static str, settings: &'static str, rate: Option<u64>) -> Scenario {
    let program = Program::Delivery { settings, rate };
    let is_only_plotted = matches!(rate, Some(rate) if rate != 50_000);
    Scenario {
        name,
        program,
        peers: RECORDING,
        is_only_plotted,
    }
}

pub(in crate::bench) const SCENARIOS: &[Scenario] = &[
    hot("S1", OF_S1),
    hot("S2", THREE_APIS),
    hot("S3", NATIVE_AND_TRACING),
    hot(
        "S4",
        &["continuum", "tracing", "otel", "tracing-otel", "fastrace"],
    ),
    hot("S5i", &["continuum", "otel"]),
    hot("S5e", &["continuum", "otel"]),
    hot("S7", THREE_APIS),
    Scenario {
        name: "S8",
        program: Program::Allocations,
        peers: THREE_APIS,
        is_only_plotted: false,
    },
    hot("strings", NATIVE_AND_TRACING),
    hot("attributes-16", NATIVE_AND_TRACING),
    hot("events", NATIVE_AND_TRACING),
    hot(
        "function",
        &[
            "continuum",
            "continuum-tracing",
            "tracing",
            "tracing-otel",
            "fastrace",
        ],
    ),
    hot("recall", NATIVE_AND_TRACING),
    hot("query", NATIVE_AND_TRACING),
    hot("cache", NATIVE_AND_TRACING),
    hot("remote", NATIVE_AND_TRACING),
    hot("threads", NATIVE_AND_TRACING),
    hot("tasks", NATIVE_AND_TRACING),
    hot("axum", NATIVE_AND_TRACING),
    delivery("flat-out", "default", None),
    Scenario {
        peers: SENDING,
        ..delivery("tuned", "tuned", None)
    },
    delivery("rate-50000", "50000", Some(50_000)),
    plotted("attributes-0"),
    plotted("attributes-1"),
    plotted("attributes-2"),
    plotted("attributes-4"),
    plotted("attributes-8"),
    plotted("attributes-32"),
    delivery("rate-10000", "10000", Some(10_000)),
    delivery("rate-25000", "25000", Some(25_000)),
    delivery("rate-100000", "100000", Some(100_000)),
    delivery("rate-200000", "200000", Some(200_000)),
    delivery("rate-400000", "400000", Some(400_000)),
];
