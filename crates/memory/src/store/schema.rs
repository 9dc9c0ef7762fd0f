//! The tables of a tenant's file, and how older files become newer ones.
//!
//! Position: run by `open` before anything else touches a file.
//!
//! Invariants: a released migration is never edited, only followed by another; `user_version` is the
//! number of migrations applied; each is one transaction; a file from the future is refused.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::MemoryError;

/// The migrations of a tenant's file, oldest first.
pub(super) const TENANT_MIGRATIONS: &[&str] = &[
    include_str!("schema/tenant_v1.sql"),
    include_str!("schema/tenant_v2.sql"),
];

/// The migrations of the file of API keys, oldest first.
pub(super) const KEY_MIGRATIONS: &[&str] = &[
    include_str!("schema/keys_v1.sql"),
    include_str!("schema/keys_v2.sql"),
];

/// Applies the migrations that a file lacks.
pub(super) fn migrate(connection: &mut Connection, known: &[&str]) -> Result<(), MemoryError> {
    let failed = || MemoryError::storage("prepare the file");
    // Immediate: of two processes that open a new file, one waits for the other to prepare it.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed())?;
    let found: i64 = transaction
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(failed())?;
    let applied = usize::try_from(found).unwrap_or(usize::MAX);
    if applied > known.len() {
        return Err(MemoryError::NewerSchema {
            found,
            known: version(known.len()),
        });
    }
    for migration in &known[applied..] {
        transaction.execute_batch(migration).map_err(failed())?;
    }
    transaction
        .pragma_update(None, "user_version", version(known.len()))
        .map_err(failed())?;
    transaction.commit().map_err(failed())
}

fn version(migrations: usize) -> i64 {
    i64::try_from(migrations).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::migrate;
    use crate::error::MemoryError;

    const FIRST: &str = "CREATE TABLE a (x); INSERT INTO a VALUES (7);";
    const SECOND: &str = "CREATE TABLE b AS SELECT x FROM a;";

    #[test]
    fn an_older_file_gets_the_missing_migrations_and_keeps_its_rows() {
        let mut file = Connection::open_in_memory().unwrap();
        migrate(&mut file, &[FIRST]).unwrap();
        migrate(&mut file, &[FIRST, SECOND]).unwrap();
        migrate(&mut file, &[FIRST, SECOND]).unwrap();
        let moved: i64 = file
            .query_row("SELECT x FROM b", [], |row| row.get(0))
            .unwrap();
        assert_eq!(moved, 7);
    }

    #[test]
    fn a_failing_migration_changes_nothing() {
        let mut file = Connection::open_in_memory().unwrap();
        migrate(&mut file, &[FIRST]).unwrap();
        let error = migrate(&mut file, &[FIRST, "CREATE TABLE c (x); nonsense;"]).unwrap_err();
        assert!(matches!(error, MemoryError::Storage { .. }));
        assert!(!file.table_exists(None, "c").unwrap());
        migrate(&mut file, &[FIRST, SECOND]).unwrap();
    }

    #[test]
    fn a_file_from_the_future_is_refused() {
        let mut file = Connection::open_in_memory().unwrap();
        migrate(&mut file, &[FIRST, SECOND]).unwrap();
        let error = migrate(&mut file, &[FIRST]).unwrap_err();
        assert!(matches!(
            error,
            MemoryError::NewerSchema { found: 2, known: 1 }
        ));
    }
}
