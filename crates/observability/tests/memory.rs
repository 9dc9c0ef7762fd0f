//! What telemetry takes, by the count of the allocator rather than by its own: for each state of the
//! exporter, the bytes of this process that are in use stay within the bounds that were asked for.
//!
//! In a binary of its own, one test after the other, since all allocations of the process count.

#![allow(
    unsafe_code,
    reason = "an allocator is unsafe to implement; this one passes on and counts"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, ExporterConfig, FlightRecorder, Sampler,
    TailPolicy, Telemetry, TelemetryBuilder, get_tracer,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

const PLENTY: Duration = Duration::from_mins(1);
const MIB: usize = 1 << 20;
const BUDGET_BYTES: usize = 4 * MIB;
const THREADS: usize = 4;
const SPANS_PER_THREAD: usize = 10_000;
/// Besides what waits: the chunks of the threads and some for the next ones, a request in its two
/// copies, slots, and what the test itself needs.
const BESIDES: usize = 5 * MIB;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn grow(bytes: usize) {
    let in_use = IN_USE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(in_use, Ordering::Relaxed);
}

fn shrink(bytes: usize) {
    IN_USE.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are there while it is copied.
        grow(size);
        // SAFETY: as the caller promised.
        let moved = unsafe { System.realloc(place, layout, size) };
        shrink(layout.size());
        moved
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds what it gets until the sender is gone.
#[derive(Clone)]
struct Stuck {
    release: Arc<Mutex<mpsc::Receiver<()>>>,
    taken: Arc<AtomicU64>,
}

impl Exporter for Stuck {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _: Instant,
    ) -> Result<Exported, ExportError> {
        let _released = self.release.lock().unwrap().recv().is_err();
        self.taken.fetch_add(request.span_count(), Ordering::SeqCst);
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "stuck"
    }
}

/// Records spans of 200 to 900 bytes.
fn flood() {
    let text = "x".repeat(600);
    let tracer = get_tracer("memory");
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let text = text.clone();
            let record = move || {
                for number in 0..SPANS_PER_THREAD {
                    tracer.in_scope("recorded", |span| {
                        span.set_attribute("text", &text[..number * 7 % 600]);
                        span.set_attribute("user.id", number);
                        span.add_event("answered", &[("bytes", number.into())]);
                    });
                }
            };
            thread::Builder::new().spawn(record).unwrap()
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Floods a recorder whose exporter is stuck, and lets it go on: the most that was in use in between,
/// beyond what was before. The accounts are compared with what program and exporter know.
fn peak_of(build: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) -> usize {
    let (release, stuck) = mpsc::sync_channel::<()>(0);
    let exporter = Stuck {
        release: Arc::new(Mutex::new(stuck)),
        taken: Arc::default(),
    };
    let taken = Arc::clone(&exporter.taken);
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let builder = Telemetry::builder()
        .exporter_with("stuck", move || Box::new(exporter.clone()))
        .diagnostics(|_, _| ())
        .schedule_delay(Duration::from_millis(1))
        .memory_budget_bytes(BUDGET_BYTES);
    let telemetry = build(builder).init().unwrap();
    flood();
    drop(release);
    // What was lost is counted.
    let _lost = telemetry.shutdown(PLENTY).is_err();
    let peak = PEAK.load(Ordering::Relaxed) - before;
    let stats = telemetry.stats();
    assert_eq!(stats.started, (THREADS * SPANS_PER_THREAD) as u64);
    assert_eq!(stats.exported, taken.load(Ordering::SeqCst), "{stats:?}");
    let elsewhere = stats.sampled_out + stats.sampled_out_at_tail + stats.dropped();
    assert_eq!(stats.started, stats.exported + elsewhere, "{stats:?}");
    drop(telemetry);
    wait_until_less_is_in_use_than(before + 2 * MIB);
    peak
}

/// The export thread gives its memory back after the shutdown has been answered.
fn wait_until_less_is_in_use_than(bytes: usize) {
    let begin = Instant::now();
    while IN_USE.load(Ordering::Relaxed) >= bytes {
        assert!(
            begin.elapsed() < PLENTY,
            "memory is in use after the shutdown"
        );
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_waits_for_an_exporter_is_within_the_budget() {
    let _alone = alone();
    let peak = peak_of(|builder| builder);
    // If it were less, the flood would not have filled it.
    assert!(peak > BUDGET_BYTES, "{peak}");
    assert!(peak < BUDGET_BYTES + BESIDES, "{peak}");
}

#[test]
fn spans_that_were_open_at_once_leave_little_behind() {
    const OPEN: usize = 6_000;
    let _alone = alone();
    let builder = Telemetry::builder().exporter(ExporterConfig::None);
    let telemetry = builder.init().unwrap();
    let text = "x".repeat(7_000);
    let before = IN_USE.load(Ordering::Relaxed);
    let start = |_| {
        let span = get_tracer("memory").start_span("open");
        span.set_attribute("text", text.as_str());
        span
    };
    let open: Vec<_> = (0..OPEN).map(start).collect();
    assert!(IN_USE.load(Ordering::Relaxed) > before + OPEN * text.len());
    drop(open);
    telemetry.shutdown(PLENTY).unwrap();
    wait_until_less_is_in_use_than(before + 16 * MIB + BESIDES);
}

#[test]
fn traces_that_wait_for_their_decision_are_within_their_own_bound() {
    let _alone = alone();
    let policy = TailPolicy::new(0.5).max_waiting_bytes(MIB);
    let peak = peak_of(|builder| builder.tail(policy));
    assert!(peak < BUDGET_BYTES + MIB + BESIDES, "{peak}");
}

#[test]
fn the_flight_recorder_is_within_its_own_bound() {
    let _alone = alone();
    let peak = peak_of(|builder| {
        let half = Sampler::parent_based(Sampler::TraceIdRatio(0.5));
        builder
            .sampler(half)
            .flight_recorder(FlightRecorder::new(MIB))
    });
    assert!(peak < BUDGET_BYTES + MIB + BESIDES, "{peak}");
}
