//! What is remembered of spans that nobody wanted when they started.
//!
//! Position: given to the builder, or made from `CONTINUUM_FLIGHT_RECORDER`; the recorder keeps the
//! spans, the export thread writes them out.
//!
//! `docs/sampling.md` says what it costs and what is written out when.

use std::time::Duration;

/// How far back an error looks.
const DEFAULT_WINDOW: Duration = Duration::from_secs(10);
/// Six windows: of what an unbroken row of errors makes the process do, a sixth is written out.
const DEFAULT_PAUSE: Duration = Duration::from_mins(1);

/// Keeps the latest spans that were sampled out in a fixed amount of memory, and has them written out
/// when a trace with an error is exported, or on demand: what this process did in the seconds before.
///
/// Spans that are sampled out are then recorded as all others are, and stay unsampled for other
/// processes.
///
/// ```
/// use continuum_observability::{
///     FlightRecorder, Status, Telemetry, get_tracer, testing::TestRecorder,
/// };
///
/// // Of all traces those with an error, and what came before them.
/// let builder = Telemetry::builder().sampling_rate(0.0);
/// let recorder = TestRecorder::of(builder.flight_recorder(FlightRecorder::new(1 << 20)));
/// recorder.run(|| {
///     let tracer = get_tracer("docs");
///     tracer.in_scope("fine", |_| ());
///     assert_eq!(recorder.tree(), "");
///     tracer.in_scope("broken", |span| span.set_status(Status::error("timeout")));
/// });
/// let names: Vec<_> = recorder.spans().into_iter().map(|span| span.name).collect();
/// assert_eq!(names, ["broken", "fine"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a flight recorder does nothing until it is given to the builder"]
pub struct FlightRecorder {
    pub(crate) bytes: usize,
    pub(crate) window: Duration,
    pub(crate) pause: Duration,
}

impl FlightRecorder {
    /// A flight recorder with so much memory, at least 128 KiB: 1 MiB holds some 4,000 spans of usual
    /// size.
    pub fn new(bytes: usize) -> Self {
        Self {
            bytes,
            window: DEFAULT_WINDOW,
            pause: DEFAULT_PAUSE,
        }
    }

    /// How long before an error a span may have ended to be written out with it; 10 seconds by
    /// default.
    pub fn window(mut self, time: Duration) -> Self {
        self.window = time;
        self
    }

    /// How long after one error no other one has spans written out; a minute by default, so that many
    /// errors do not export everything.
    pub fn pause(mut self, time: Duration) -> Self {
        self.pause = time;
        self
    }
}

impl From<usize> for FlightRecorder {
    fn from(bytes: usize) -> Self {
        Self::new(bytes)
    }
}
