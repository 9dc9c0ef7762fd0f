//! Forks of a process that records on several threads: the child records on its own.
//!
//! In a binary of its own, since a fork copies whatever the other threads are doing right now. That
//! is the point: each child must neither wait for a lock that no thread of it holds, nor repeat an
//! id, nor export a span of its parent's.
#![cfg(unix)]
#![allow(
    unsafe_code,
    reason = "fork, pipe, poll and waitpid have no safe equivalent in std"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use continuum_observability::{
    AnyValue, EncodedRequest, ExportError, Exported, Exporter, Span, SpanRef, Telemetry,
    decode_request, get_current_span, get_tracer,
};
use std::{
    collections::HashSet,
    io::Write as _,
    os::unix::process::CommandExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const PLENTY: Duration = Duration::from_secs(30);
const ROUNDS: usize = 40;

/// Where a child reports what it exports; none in the parent.
static REPORT_TO: AtomicI32 = AtomicI32::new(-1);
/// What the parent exported, as lines like the children's.
static BY_PARENT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Writes a line per span, to the pipe in a child, to the list in the parent.
struct Report;

impl Exporter for Report {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _: Instant,
    ) -> Result<Exported, ExportError> {
        let spans = decode_request(request.bytes())?;
        let lines = spans.iter().map(|span| {
            let id = u64::from_be_bytes(span.span_id);
            let own = AnyValue::Int(std::process::id().into());
            let of_resource = |key| {
                let mut all = span.resource.attributes.iter();
                all.find(|(known, _)| known == key).map(|(_, value)| value)
            };
            assert_eq!(of_resource("process.pid"), Some(&own));
            let instance = match of_resource("service.instance.id") {
                Some(AnyValue::String(id)) => id.as_str(),
                _ => "none",
            };
            let attributes = span.attributes.len();
            format!("{} {id:016x} {instance} {attributes}", span.name)
        });
        match REPORT_TO.load(Ordering::Relaxed) {
            -1 => BY_PARENT.lock().unwrap().extend(lines),
            pipe => lines.for_each(|line| say(pipe, &line)),
        }
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "report"
    }
}

fn say(pipe: i32, line: &str) {
    let line = format!("{line}\n");
    // SAFETY: the pointer and the length describe `line`; a line is short enough to be written whole.
    let written = unsafe { libc::write(pipe, line.as_ptr().cast(), line.len()) };
    assert_eq!(written, isize::try_from(line.len()).unwrap());
}

/// Runs `work` in a child and returns the lines that it reported.
fn in_a_child(work: impl FnOnce()) -> Vec<String> {
    let mut pipe = [0; 2];
    // SAFETY: `pipe` has room for the two descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    let [read, write] = pipe;
    // SAFETY: the child runs `work` and leaves by `_exit`, so nothing of the test harness runs twice.
    match unsafe { libc::fork() } {
        0 => {
            REPORT_TO.store(write, Ordering::Relaxed);
            let outcome = catch_unwind(AssertUnwindSafe(work));
            say(write, if outcome.is_ok() { "done" } else { "failed" });
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        child => {
            assert!(child > 0, "fork failed");
            // SAFETY: the parent's copy of the writing end, which nobody uses any more.
            unsafe { libc::close(write) };
            let report = read_to_end(read);
            finish(child, report)
        }
    }
}

/// Everything from the pipe, or `None` when the other end stays open for too long.
fn read_to_end(pipe: i32) -> Option<String> {
    let deadline = Instant::now() + PLENTY;
    let (mut text, mut buffer) = (Vec::new(), [0u8; 4096]);
    while Instant::now() < deadline {
        let mut event = libc::pollfd {
            fd: pipe,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: `event` is one valid entry.
        if unsafe { libc::poll(&raw mut event, 1, 100) } == 0 {
            continue;
        }
        // SAFETY: the pointer and the length describe `buffer`.
        let count = unsafe { libc::read(pipe, buffer.as_mut_ptr().cast(), buffer.len()) };
        let count = usize::try_from(count).unwrap();
        if count == 0 {
            // SAFETY: the reading end, which nobody uses any more.
            unsafe { libc::close(pipe) };
            return Some(String::from_utf8(text).unwrap());
        }
        text.write_all(&buffer[..count]).unwrap();
    }
    None
}

fn finish(child: libc::pid_t, report: Option<String>) -> Vec<String> {
    if report.is_none() {
        // SAFETY: a child of ours that has not been waited for.
        unsafe { libc::kill(child, libc::SIGKILL) };
    }
    let mut status = 0;
    // SAFETY: `status` is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    let report = report.expect("the child is stuck");
    assert_eq!(status, 0, "the child said: {report}");
    let mut lines: Vec<_> = report.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop().as_deref(), Some("done"));
    lines
}

/// What each child does: spans of its own on two threads, next to those of its parent.
fn record_in_child(telemetry: &Telemetry, open: &mut Span, view: &SpanRef) {
    view.set_attribute("set by the child", true);
    assert_eq!(telemetry.stats().started, 0, "the counts are the parent's");
    // A scope that the parent does not know.
    let tracer = get_tracer("child");
    tracer.in_scope("child", |span| {
        span.set_attribute("number", 1);
        get_current_span().add_event("event", &[]);
        tracer.in_scope("grandchild", |_| ());
    });
    let work = || get_tracer("thread of child").in_scope("thread", |_| ());
    thread::Builder::new().spawn(work).unwrap().join().unwrap();
    view.set_attribute("set by the child later", true);
    open.end();
    telemetry.force_flush(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!((stats.started, stats.exported, stats.pending), (3, 3, 0));
}

/// A child that has a child.
fn record_in_two_generations(telemetry: &Telemetry) {
    get_tracer("generations").in_scope("first", |_| ());
    let second = in_a_child(|| {
        get_tracer("generations").in_scope("second", |_| ());
        telemetry.force_flush(PLENTY).unwrap();
    });
    assert_eq!(names(&second), ["second"]);
    telemetry.force_flush(PLENTY).unwrap();
}

/// A child that runs what is registered for forks and then never records.
fn become_another_program() {
    // SAFETY: the closure does nothing.
    let status = unsafe { Command::new("true").pre_exec(|| Ok(())).status() };
    assert!(status.unwrap().success());
}

fn names(lines: &[String]) -> Vec<&str> {
    let mut names: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    names.sort_unstable();
    names
}

fn ids<'a>(lines: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = String> {
    lines
        .into_iter()
        .filter_map(|line| Some(line.split(' ').nth(1)?.to_owned()))
}

/// The instances that made the spans.
fn instances(lines: &[String]) -> HashSet<&str> {
    lines
        .iter()
        .filter_map(|line| line.split(' ').nth(2))
        .collect()
}

/// Keeps every lock of the parent busy.
fn load(go_on: &AtomicBool, number: usize) {
    let mut round = 0usize;
    let mut stale = SpanRef::default();
    while go_on.load(Ordering::Relaxed) {
        round += 1;
        // Scopes that are new for a while, then known.
        let tracer = get_tracer(&format!("load.{number}.{}", round % 300));
        tracer.in_scope("load", |span| {
            span.set_attribute("round", round);
            stale.set_attribute("late", true);
            stale = span.clone();
        });
    }
}

fn under_load<R>(telemetry: &Telemetry, work: impl FnOnce() -> R) -> R {
    let go_on = AtomicBool::new(true);
    thread::scope(|scope| {
        let go_on = &go_on;
        for number in 0..3 {
            thread::Builder::new()
                .spawn_scoped(scope, move || load(go_on, number))
                .unwrap();
        }
        let flush = move || {
            while go_on.load(Ordering::Relaxed) {
                let _delivered = telemetry.force_flush(PLENTY);
            }
        };
        thread::Builder::new().spawn_scoped(scope, flush).unwrap();
        let result = catch_unwind(AssertUnwindSafe(work));
        go_on.store(false, Ordering::Relaxed);
        result
    })
    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[test]
fn children_of_a_busy_process_record_and_export_their_own_spans_only() {
    let telemetry = Telemetry::builder()
        .exporter_with("report", || Box::new(Report))
        .init()
        .unwrap();
    let reports = under_load(&telemetry, || {
        let mut reports = Vec::new();
        for _ in 0..ROUNDS {
            let mut open = get_tracer("parent").start_span("open");
            let view = open.view().clone();
            reports.push(in_a_child(|| record_in_child(&telemetry, &mut open, &view)));
            let first = in_a_child(|| record_in_two_generations(&telemetry));
            assert_eq!(names(&first), ["first"]);
            become_another_program();
            view.set_attribute("set by the parent", true);
        }
        reports
    });
    telemetry.shutdown(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!(
        (stats.started, stats.pending),
        (stats.exported + stats.dropped(), 0)
    );

    let by_parent = BY_PARENT.lock().unwrap();
    let open: Vec<_> = by_parent
        .iter()
        .filter(|line| line.starts_with("open "))
        .collect();
    assert_eq!(open.len(), ROUNDS);
    assert!(
        open.iter().all(|line| line.ends_with(" 1")),
        "only what the parent set: {open:?}"
    );
    let mut seen: HashSet<_> = ids(by_parent.iter()).collect();
    assert_eq!(seen.len(), by_parent.len());
    let mut known = instances(&by_parent);
    assert_eq!(known.len(), 1);
    for report in &reports {
        assert_eq!(names(report), ["child", "grandchild", "thread"]);
        let instance = instances(report);
        assert_eq!(instance.len(), 1);
        assert!(instance.is_disjoint(&known), "each process is an instance");
        known.extend(instance);
        for id in ids(report) {
            assert!(seen.insert(id), "an id was given out twice");
        }
    }
}
