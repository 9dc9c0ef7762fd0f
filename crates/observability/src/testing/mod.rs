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
    export::{RequestBuilder, Tail, decode_request},
    lint::Linter,
    recorder::{Recorder, RecorderConfig},
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

    /// A recorder with the sampler, the tail policy, the limits, the names and the hooks of a builder. Of its other
    /// settings and of the environment nothing is taken.
    pub fn of(builder: TelemetryBuilder) -> Self {
        Self::of_config(builder.into_test_config())
    }

    pub(crate) fn of_config(config: RecorderConfig) -> Self {
        let received = Received {
            spans: Vec::new(),
            tail: config.tail.as_ref().map(Tail::new),
        };
        Self {
            recorder: Recorder::leak(config),
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
        let Received { spans, tail } = &mut *received;
        self.take(tail.as_mut(), |request| {
            spans.extend(decode_request(request).unwrap_or_default());
        });
        spans.clone()
    }

    /// The encoded request of what has ended since the last time; empty when that is nothing.
    #[cfg(feature = "_fuzzing")]
    pub(crate) fn take_encoded(&self) -> Vec<u8> {
        let mut received = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = Vec::new();
        self.take(received.tail.as_mut(), |request| {
            bytes.extend_from_slice(request);
        });
        bytes
    }

    /// Shows what has ended since the last time to `receive`, as one request, unless it is nothing.
    fn take(&self, tail: Option<&mut Tail>, receive: impl FnOnce(&[u8])) {
        let Some(core) = self.recorder.core() else {
            return;
        };
        let chunks = core.drain();
        let mut request = RequestBuilder::default();
        let mut add = |records: &[u8]| {
            let _unbounded = request.add(records);
        };
        match tail {
            None => chunks.iter().for_each(|chunk| add(&chunk.bytes)),
            Some(tail) => {
                let all = (chunks.as_slice(), chunks.len());
                tail.sort(all, Instant::now(), &core.totals, &mut add);
            }
        }
        core.totals.exported(request.span_count());
        if !request.is_empty() {
            receive(request.finish(&[]));
        }
        core.recycle(chunks);
    }

    /// All spans that have ended so far, as indented text without ids and times.
    ///
    /// A line holds the name, the kind unless internal, the status unless unset, the attributes; of an
    /// error's causes all, of its backtrace nothing.
    /// Events (`·`) and links (`→`) follow, indented; children come in the order they started.
    /// Spans whose parent is not among them stand at the left.
    pub fn tree(&self) -> String {
        tree::render(&self.spans())
    }

    /// What happened to the spans of this recorder.
    pub fn stats(&self) -> Stats {
        self.recorder.stats()
    }
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
