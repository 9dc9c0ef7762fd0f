//! Children that report what they export through a pipe, and a parent that keeps it in a list.

use continuum_observability::{
    AnyValue, EncodedRequest, ExportError, Exported, Exporter, decode_request,
};
use std::{
    collections::HashSet,
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

pub(crate) const PLENTY: Duration = Duration::from_secs(30);

/// Where a child reports what it exports; none in the parent.
static REPORT_TO: AtomicI32 = AtomicI32::new(-1);
/// What the parent exported, as lines like the children's.
pub(crate) static BY_PARENT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Writes a line per span, to the pipe in a child, to the list in the parent.
pub(crate) struct Report;

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

pub(crate) fn say(pipe: i32, line: &str) {
    let line = format!("{line}\n");
    // SAFETY: the pointer and the length describe `line`; a line is short enough to be written whole.
    let written = unsafe { libc::write(pipe, line.as_ptr().cast(), line.len()) };
    assert_eq!(written, isize::try_from(line.len()).unwrap());
}

/// Runs `work` in a child and returns the lines that it reported.
pub(crate) fn in_a_child(work: impl FnOnce()) -> Vec<String> {
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
pub(crate) fn names(lines: &[String]) -> Vec<&str> {
    let mut names: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    names.sort_unstable();
    names
}

pub(crate) fn ids<'a>(lines: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = String> {
    lines
        .into_iter()
        .filter_map(|line| Some(line.split(' ').nth(1)?.to_owned()))
}

/// The instances that made the spans.
pub(crate) fn instances(lines: &[String]) -> HashSet<&str> {
    lines
        .iter()
        .filter_map(|line| line.split(' ').nth(2))
        .collect()
}
