//! A learn is kept as a whole or not at all.

use continuum_memory::{LearnRequest, MemoryError, RecallRequest};
use rusqlite::Connection;

use crate::{acme, say};

const TABLES: [&str; 7] = [
    "turns",
    "turns_fts",
    "windows_fts",
    "entities",
    "entity_turns",
    "attention_links",
    "compound_concepts",
];

fn rows(file: &Connection) -> Vec<i64> {
    let count = |table| {
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    TABLES.into_iter().map(count).collect()
}

#[test]
fn a_failure_in_the_last_table_leaves_no_row_in_any() {
    let (dir, _memory, tenant) = acme();
    say(&tenant, "the harbour is closed");
    let file = Connection::open(dir.path().join("tenants/acme.db")).unwrap();
    let before = rows(&file);
    file.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON decisions BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    .unwrap();

    let request = LearnRequest::new("s").user_message("We decided to sell the grey harbour boat.");
    let error = tenant.learn(&request).unwrap_err();
    assert!(
        matches!(
            error,
            MemoryError::Storage {
                operation: "write",
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(rows(&file), before);
    assert!(
        tenant
            .recall(&RecallRequest::new("boat"))
            .unwrap()
            .turns
            .is_empty()
    );

    file.execute_batch("DROP TRIGGER refuse").unwrap();
    tenant.learn(&request).unwrap();
    assert!(
        rows(&file)
            .iter()
            .zip(before)
            .all(|(after, before)| *after > before)
    );
}
