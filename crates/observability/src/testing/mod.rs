//! Recorders for tests: each test sees its own spans, as a picture.
//!
//! Position: beside `config`, which sets up the global recorder; both make a `Recorder`.
//!
//! ```
//! use continuum_observability::{get_tracer, testing::TestRecorder};
//!
//! let recorder = TestRecorder::new();
//! recorder.run(|| {
//!     let tracer = get_tracer("assistant");
//!     tracer.in_scope("answer", |_| {
//!         tracer.in_scope("recall", |span| span.set_attribute("memory.concepts_found", 7));
//!     });
//! });
//! assert_eq!(recorder.tree(), "answer\n  recall memory.concepts_found=7\n");
//! ```

mod tree;

use crate::{
    Context, FutureExt as _, Sampler, SpanLimits, SpanRecord, Stats, Telemetry, TelemetryBuilder,
    export::{Recovery, RequestBuilder, Tail, decode_request},
    lint::Linter,
    recorder::{Core, Recorder, RecorderConfig},
    semconv::Conventions,
    with_context,
};
use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// A recorder whose spans stay in memory, current only where the test makes it so.
///
/// Tests with one each can run in parallel. It follows the context: through the spawn helpers and
/// attached futures, not through a bare `tokio::spawn`.
#[derive(Debug)]
pub struct TestRecorder {
    recorder: &'static Recorder,
    spans: Mutex<Received>,
}

/// What a test's recorder has recorded.
#[derive(Debug)]
struct Received {
    spans: Vec<SpanRecord>,
    tail: Option<Tail>,
    recovery: Option<Recovery>,
}

impl Default for TestRecorder {
    fn default() -> Self {
        Self::new()
    }
}

impl TestRecorder {
    /// A recorder that keeps every span.
    pub fn new() -> Self {
        Self::with(Sampler::default(), SpanLimits::default())
    }

    /// A recorder with a sampler and limits.
    pub fn with(sampler: Sampler, limits: SpanLimits) -> Self {
        Self::of(Telemetry::builder().sampler(sampler).span_limits(limits))
    }

    /// A recorder whose ready-made spans use the given names.
    pub fn with_conventions(conventions: Conventions) -> Self {
        Self::of(Telemetry::builder().conventions(conventions))
    }

    /// A recorder whose ready-made spans show the beginning of texts of users.
    pub fn with_previews() -> Self {
        Self::of(Telemetry::builder().previews(true))
    }

    /// A recorder with the sampler, the tail policy, the flight recorder, the limits, the names and the
    /// hooks of a builder. Of its other settings and of the environment nothing is taken.
    pub fn of(builder: TelemetryBuilder) -> Self {
        Self::of_config(builder.into_config_without_exporter())
    }

    pub(crate) fn of_config(config: RecorderConfig) -> Self {
        let recorder = Recorder::leak(config);
        let aside = recorder.core().and_then(Core::aside);
        let tail = recorder.config.tail.as_ref();
        let head = recorder.config.sampler.root_threshold();
        let received = Received {
            spans: Vec::new(),
            tail: tail.map(|policy| Tail::new(policy, head, aside)),
            recovery: recorder.config.flight_recorder.map(Recovery::new),
        };
        Self {
            recorder,
            spans: Mutex::new(received),
        }
    }

    #[cfg(test)]
    pub(crate) fn recorder(&self) -> &'static Recorder {
        self.recorder
    }

    /// The root context of this recorder.
    pub fn context(&self) -> Context {
        Context {
            recorder: Some(self.recorder),
            ..Context::default()
        }
    }

    /// Runs `work` with this recorder.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        with_context(&self.context(), work)
    }

    /// Runs a future with this recorder.
    pub async fn run_async<F: Future>(&self, work: F) -> F::Output {
        work.with_context(self.context()).await
    }

    /// All spans that have ended so far, in the order they ended on each thread.
    pub fn spans(&self) -> Vec<SpanRecord> {
        let mut received = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(request) = self.take(&mut received) {
            let new = decode_request(&request).unwrap_or_default();
            received.spans.extend(new);
        }
        received.spans.clone()
    }

    /// The encoded request of what has ended since the last time; empty when that is nothing.
    #[cfg(feature = "_fuzzing")]
    pub(crate) fn take_encoded(&self) -> Vec<u8> {
        let mut received = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        self.take(&mut received).unwrap_or_default()
    }

    /// What has ended since the last time, as one request, unless it is nothing.
    fn take(&self, received: &mut Received) -> Option<Vec<u8>> {
        let Received { tail, recovery, .. } = received;
        let core = self.recorder.core()?;
        let chunks = core.drain();
        let (mut request, now) = (RequestBuilder::default(), Instant::now());
        let mut keep = |records: &[u8], end: &[u8]| {
            if let Some(recovery) = recovery {
                recovery.watch(records, now);
            }
            let _unbounded = request.add(records, end);
        };
        match tail {
            None => chunks.iter().for_each(|chunk| keep(&chunk.bytes, &[])),
            Some(tail) => {
                let all = (chunks.as_slice(), chunks.len());
                tail.sort(all, now, &core.totals, &mut keep);
                core.hold_bytes(tail.waiting_bytes(), tail.take_peak_waiting_bytes());
            }
        }
        if let Some(recovery) = recovery {
            recovery.recover(false, now, core, &mut |records, end| {
                let _unbounded = request.add(records, end);
            });
        }
        core.totals.exported(request.span_count());
        core.recycle(chunks);
        (!request.is_empty()).then(|| request.finish(&[]).to_vec())
    }

    /// All spans that have ended so far, as indented text without ids and times.
    ///
    /// A line holds the name, the kind unless internal, the status unless unset, the attributes; of an
    /// error's causes all, of its backtrace nothing.
    /// Where several spans have the name of one that a link leads to, they are numbered: `publish jobs #2`.
    /// Events (`·`) and links (`→`) follow, indented; children come in the order they started.
    /// Spans whose parent is not among them stand at the left; where several of those are of one trace,
    /// they say so: `publish jobs (trace 1)`.
    pub fn tree(&self) -> String {
        tree::render(&self.spans())
    }

    /// The metrics of this recorder as `OpenMetrics` text, if the builder asked for any.
    ///
    /// ```
    /// use continuum_observability::{SpanMetrics, Telemetry, layers::memory::trace_recall};
    /// use continuum_observability::testing::TestRecorder;
    ///
    /// let recorder = TestRecorder::of(Telemetry::builder().metrics(SpanMetrics::new()));
    /// recorder.run(|| trace_recall("?").in_scope(|_| ()));
    /// assert!(recorder.render_metrics().contains("continuum_memory_recalls_total 1"));
    /// ```
    #[cfg(feature = "metrics")]
    pub fn render_metrics(&self) -> String {
        crate::metrics::render(Some(self.recorder))
    }

    /// What happened to the spans of this recorder.
    pub fn stats(&self) -> Stats {
        self.recorder.stats()
    }
}

/// The given spans as the same text as [`TestRecorder::tree`]: for a test of a whole program, whose spans
/// come from an [`InMemoryExporter`](crate::InMemoryExporter).
pub fn tree_of(spans: &[SpanRecord]) -> String {
    tree::render(spans)
}

/// Asserts that the spans of a test keep to the guide's best practices, and that all have ended.
///
/// Use a [`Linter`] of your own to switch rules off: `linter.lint(&recorder.spans())`.
///
/// ```
/// use continuum_observability::{layers::memory::trace_recall, testing::{TestRecorder, assert_no_findings}};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| trace_recall("what did we decide?").tenant_id("acme").in_scope(|_| ()));
/// assert_no_findings(&recorder);
/// ```
///
/// # Panics
///
/// With one line for each finding, and with the number of spans that are still open.
#[track_caller]
pub fn assert_no_findings(recorder: &TestRecorder) {
    let findings = Linter::new().lint(&recorder.spans());
    let mut lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let open = recorder.stats().pending;
    if open > 0 {
        lines.push(format!("{open} spans have not ended"));
    }
    assert!(
        lines.is_empty(),
        "the guide's best practices are not kept:\n  {}",
        lines.join("\n  ")
    );
}
