//! What is promised to another node.

use std::time::Duration;

use continuum_memory::{LearnRequest, Memory, MemoryConfig, Outbox, TenantId, TenantMemory};
use continuum_observability::{get_tracer, testing::TestRecorder};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::say;

/// A memory that promises, and the handle of its tenant `acme`.
fn promising() -> (TempDir, Memory, TenantMemory) {
    let dir = tempfile::tempdir().unwrap();
    let (memory, tenant) = open(&dir);
    (dir, memory, tenant)
}

fn open(dir: &TempDir) -> (Memory, TenantMemory) {
    let config = MemoryConfig {
        outbox: true,
        ..MemoryConfig::default()
    };
    let memory = Memory::open(dir.path(), config).unwrap();
    let tenant = memory.tenant(TenantId::new("acme").unwrap());
    (memory, tenant)
}

fn claimed(outbox: &Outbox) -> Vec<(i64, u32)> {
    let jobs = outbox.claim(10).unwrap();
    jobs.iter().map(|job| (job.id, job.attempts)).collect()
}

#[test]
fn a_learn_and_its_promise_are_kept_together_or_not_at_all() {
    let (dir, _memory, tenant) = promising();
    say(&tenant, "the harbour is closed");
    let file = Connection::open(dir.path().join("tenants/acme.db")).unwrap();
    file.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    .unwrap();
    let request = LearnRequest::new("s").user_message("the harbour is open");
    tenant.learn(&request).unwrap_err();
    assert_eq!(tenant.stats().unwrap().turns, 1);
    assert_eq!(tenant.outbox().status().unwrap().waiting, 1);
}

#[test]
fn a_memory_without_another_node_promises_nothing() {
    let (_dir, _memory, tenant) = crate::acme();
    say(&tenant, "the harbour is closed");
    assert_eq!(tenant.outbox().status().unwrap().waiting, 0);
}

#[test]
fn a_claimed_job_comes_back_when_its_process_ends_or_it_is_put_off() {
    let (dir, memory, tenant) = promising();
    say(&tenant, "the harbour is closed");
    say(&tenant, "the harbour is open");
    let outbox = tenant.outbox();
    assert_eq!(claimed(&outbox), [(1, 1), (2, 1)]);
    assert_eq!(claimed(&outbox), []);
    drop((memory, tenant, outbox));

    let (_memory, tenant) = open(&dir);
    let outbox = tenant.outbox();
    outbox.hasten().unwrap();
    let jobs = outbox.claim(1).unwrap();
    assert_eq!((jobs[0].id, jobs[0].attempts), (1, 2));
    outbox.finish(&jobs[0]).unwrap();
    let jobs = outbox.claim(10).unwrap();
    outbox
        .postpone(&jobs[0], Duration::ZERO, "not now")
        .unwrap();
    assert_eq!(claimed(&outbox), [(2, 3)]);
}

#[test]
fn a_job_that_was_given_up_is_kept_with_its_reason_and_never_claimed() {
    let (_dir, _memory, tenant) = promising();
    say(&tenant, "the harbour is closed");
    let outbox = tenant.outbox();
    let jobs = outbox.claim(10).unwrap();
    outbox.bury(&jobs[0], "nobody wants it").unwrap();
    outbox.hasten().unwrap();
    assert_eq!(claimed(&outbox), []);
    let status = outbox.status().unwrap();
    assert_eq!((status.waiting, status.dead.len()), (0, 1));
    let dead = &status.dead[0];
    assert_eq!((dead.entry_id, dead.attempts), (1, 1));
    assert_eq!(dead.last_error, "nobody wants it");
}

#[test]
fn dead_letters_are_jobs_again_once_somebody_revives_them() {
    let (_dir, memory, tenant) = promising();
    say(&tenant, "the harbour is closed");
    let outbox = tenant.outbox();
    let jobs = outbox.claim(10).unwrap();
    outbox.bury(&jobs[0], "nobody wants it").unwrap();
    assert_eq!(outbox.next_due().unwrap(), None);
    assert!(memory.outboxes().is_empty());

    assert_eq!(outbox.revive().unwrap(), 1);
    assert_eq!(memory.outboxes().len(), 1);
    let status = outbox.status().unwrap();
    assert_eq!((status.waiting, status.dead), (1, vec![]));
    // The trace of its learn is over: it counts as tried before.
    assert_eq!(claimed(&outbox), [(1, 2)]);
    assert_eq!(outbox.revive().unwrap(), 0);
}

#[test]
fn a_number_is_not_used_again_after_its_job_is_done() {
    let (dir, memory, tenant) = promising();
    say(&tenant, "the harbour is closed");
    let jobs = tenant.outbox().claim(10).unwrap();
    tenant.outbox().finish(&jobs[0]).unwrap();
    drop((memory, tenant));
    let (_memory, tenant) = open(&dir);
    say(&tenant, "the harbour is open");
    assert_eq!(claimed(&tenant.outbox()), [(2, 1)]);
}

#[test]
fn only_outboxes_that_may_have_jobs_are_looked_at() {
    let (dir, memory, tenant) = promising();
    assert!(memory.outboxes().is_empty());
    say(&tenant, "the harbour is closed");
    let outbox = memory.outboxes().pop().unwrap();
    assert_eq!(outbox.tenant().as_str(), "acme");
    assert_eq!(outbox.next_due().unwrap(), Some(Duration::ZERO));
    let jobs = outbox.claim(10).unwrap();
    assert!(outbox.next_due().unwrap() > Some(Duration::from_secs(1)));
    outbox.finish(&jobs[0]).unwrap();
    assert_eq!(outbox.next_due().unwrap(), None);
    assert!(memory.outboxes().is_empty());
    say(&tenant, "the harbour is open");
    assert_eq!(memory.outboxes().len(), 1);

    // Whoever opens the directory does not know yet.
    drop((memory, tenant, outbox));
    assert_eq!(open(&dir).0.outboxes().len(), 1);
}

#[test]
fn a_job_carries_the_trace_of_its_learn() {
    let (_dir, _memory, tenant) = promising();
    let recorder = TestRecorder::new();
    let trace_id = recorder.run(|| {
        get_tracer("test").in_scope("request", |span| {
            say(&tenant, "the harbour is closed");
            span.span_context().trace_id().to_string()
        })
    });
    let producer = recorder
        .spans()
        .into_iter()
        .find(|span| span.name == "publish outbox")
        .unwrap();
    let span_id = continuum_observability::SpanId::from_bytes(producer.span_id);
    let job = tenant.outbox().claim(1).unwrap().remove(0);
    let traceparent = job.carrier.get("traceparent").unwrap();
    assert!(
        traceparent.starts_with(&format!("00-{trace_id}-{span_id}-")),
        "{traceparent}"
    );
}
