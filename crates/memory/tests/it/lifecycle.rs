//! Files that are opened, closed, opened again and shared by threads.

use std::thread;

use continuum_memory::{Limits, Memory, MemoryConfig, MemoryError, RecallRequest, TenantId};
use rusqlite::Connection;

use crate::{acme, say};

#[test]
fn what_was_learned_is_there_after_a_restart() {
    let (dir, memory, tenant) = acme();
    let turn = say(&tenant, "the harbour is closed");
    drop((memory, tenant));

    let memory = Memory::open(dir.path(), MemoryConfig::default()).unwrap();
    let tenant = memory.tenant(TenantId::new("acme").unwrap());
    let answer = tenant.recall(&RecallRequest::new("harbour")).unwrap();
    assert_eq!(answer.turns[0].turn_id, turn);
    assert!(say(&tenant, "the harbour is open") > turn);
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let (dir, _memory, tenant) = acme();
    say(&tenant, "the harbour is closed");
    let writing = Connection::open(dir.path().join("tenants/acme.db")).unwrap();
    writing
        .execute_batch("BEGIN EXCLUSIVE; UPDATE turns SET at = text")
        .unwrap();
    assert_eq!(
        tenant
            .recall(&RecallRequest::new("harbour"))
            .unwrap()
            .turns
            .len(),
        1
    );
}

#[test]
fn a_directory_belongs_to_one_memory_at_a_time() {
    let (dir, memory, tenant) = acme();
    let open = || Memory::open(dir.path(), MemoryConfig::default());
    assert!(matches!(
        open().unwrap_err(),
        MemoryError::DirectoryInUse { .. }
    ));
    drop((memory, tenant));
    open().unwrap();
}

#[test]
fn more_tenants_than_open_files_keep_their_data() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        open_tenants: 2,
        ..Limits::default()
    };
    let memory = Memory::open(
        dir.path(),
        MemoryConfig {
            limits,
            ..MemoryConfig::default()
        },
    )
    .unwrap();
    let tenants: Vec<_> = (0..8)
        .map(|n| memory.tenant(TenantId::new(format!("tenant-{n}")).unwrap()))
        .collect();
    for round in 0..3 {
        for tenant in &tenants {
            say(tenant, "the harbour is closed");
            assert_eq!(tenant.stats().unwrap().turns, round + 1);
        }
    }
}

#[test]
fn many_threads_learn_and_recall_at_once_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    // Fewer files and connections than threads, so that they must wait for each other.
    let limits = Limits {
        open_tenants: 1,
        readers_per_tenant: 1,
        ..Limits::default()
    };
    let memory = Memory::open(
        dir.path(),
        MemoryConfig {
            limits,
            ..MemoryConfig::default()
        },
    )
    .unwrap();
    let tenants: Vec<_> = (0..2)
        .map(|n| memory.tenant(TenantId::new(format!("tenant-{n}")).unwrap()))
        .collect();
    thread::scope(|scope| {
        for number in 0..8 {
            let tenant = &tenants[number % 2];
            scope.spawn(move || {
                for round in 0..10 {
                    let turn = say(tenant, &format!("box{number}x{round} is in the harbour"));
                    let ask = RecallRequest::new(format!("box{number}x{round}"));
                    assert_eq!(tenant.recall(&ask).unwrap().turns[0].turn_id, turn);
                }
            });
        }
    });
    assert!(
        tenants
            .iter()
            .all(|tenant| tenant.stats().unwrap().turns == 40)
    );
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (dir, memory, tenant) = acme();
    say(&tenant, "the harbour is closed");
    drop((memory, tenant));
    let path = dir.path().join("tenants/acme.db");
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();

    let memory = Memory::open(dir.path(), MemoryConfig::default()).unwrap();
    let tenant = memory.tenant(TenantId::new("acme").unwrap());
    let error = tenant.recall(&RecallRequest::new("harbour")).unwrap_err();
    assert!(
        matches!(error, MemoryError::NewerSchema { found: 99, .. }),
        "{error:?}"
    );
    let file = Connection::open(&path).unwrap();
    let turns: i64 = file
        .query_row("SELECT count(*) FROM turns", [], |row| row.get(0))
        .unwrap();
    assert_eq!(turns, 1);
}

#[test]
fn a_damaged_file_is_a_storage_error_with_a_remedy() {
    let (dir, _memory, tenant) = acme();
    std::fs::write(dir.path().join("tenants/acme.db"), vec![7; 8192]).unwrap();
    let error = tenant.recall(&RecallRequest::new("harbour")).unwrap_err();
    assert!(matches!(error, MemoryError::Storage { .. }), "{error:?}");
    assert!(!error.is_transient() && !error.remedy().is_empty());
}
