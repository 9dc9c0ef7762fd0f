//! Pattern "Database Query": a span per query, with its row count, inside the span of a transaction.
//!
//! `cargo run --example database_query` works on an `SQLite` database in memory and prints:
//!
//! ```text
//! db.transaction            tenant.id=user_123 db.transaction.committed=true
//! ├─ db.insert.entities     db.query.text="INSERT INTO entities (tenant_id, name) VALUES (?1, ?2)"
//! └─ db.insert.entities     db.query.text="INSERT INTO entities (tenant_id, name) VALUES (?1, ?2)"
//! db.select.entities        db.query.text="SELECT name … LIMIT ?2" db.response.returned_rows=2
//! ```
//!
//! What to look at: `run_sync` records an `Err` and passes it on, so that `?` works as ever. Literals
//! in a statement are recorded as `?`; what is bound to it is not recorded at all.

use anyhow::Result;
use continuum_observability::{
    init_telemetry,
    layers::database::{Query, trace_query, trace_transaction},
};
use rusqlite::Connection;

const INSERT: &str = "INSERT INTO entities (tenant_id, name) VALUES (?1, ?2)";
const SELECT: &str = "SELECT name FROM entities WHERE tenant_id = ?1 ORDER BY name LIMIT ?2";

fn main() -> Result<()> {
    let _telemetry = init_telemetry()?;
    let mut connection = open()?;
    add_entities(&mut connection, "user_123", &["schema", "migration"])?;
    get_entities(&connection, "user_123", 100)?;
    Ok(())
}

fn open() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection
        .execute_batch("CREATE TABLE entities (tenant_id TEXT, name TEXT NOT NULL UNIQUE)")?;
    Ok(connection)
}

/// All of them are stored, or none: the span says which, by `db.transaction.committed`.
fn add_entities(
    connection: &mut Connection,
    tenant_id: &str,
    names: &[&str],
) -> rusqlite::Result<()> {
    let span = trace_transaction().system("sqlite").tenant_id(tenant_id);
    span.run_sync(|_| {
        let transaction = connection.transaction()?;
        for name in names {
            query(INSERT, tenant_id)
                .run_sync(|_| transaction.execute(INSERT, (tenant_id, name)))?;
        }
        transaction.commit()
    })
}

fn get_entities(
    connection: &Connection,
    tenant_id: &str,
    limit: u32,
) -> rusqlite::Result<Vec<String>> {
    query(SELECT, tenant_id).run_sync(|span| {
        let mut statement = connection.prepare_cached(SELECT)?;
        let rows = statement.query_map((tenant_id, limit), |row| row.get(0))?;
        let names: Vec<String> = rows.collect::<Result<_, _>>()?;
        span.row_count(names.len());
        Ok(names)
    })
}

/// What all queries of this program have in common.
fn query<'a>(sql: &'a str, tenant_id: &'a str) -> Query<'a> {
    trace_query(sql)
        .table("entities")
        .system("sqlite")
        .tenant_id(tenant_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    const TENANT: &str = "db.system.name=sqlite tenant.id=user_123";
    const INSERTED: &str = "db.operation.name=INSERT db.collection.name=entities \
         db.query.text=INSERT INTO entities (tenant_id, name) VALUES (?1, ?2)";
    const SELECTED: &str = "db.operation.name=SELECT db.collection.name=entities db.query.text=\
         SELECT name FROM entities WHERE tenant_id = ?1 ORDER BY name LIMIT ?2";

    #[test]
    fn what_was_stored_is_found_and_counted() {
        let recorder = TestRecorder::new();
        recorder.run(|| {
            let mut connection = open().unwrap();
            add_entities(&mut connection, "user_123", &["schema", "migration"]).unwrap();
            let found = get_entities(&connection, "user_123", 100).unwrap();
            assert_eq!(found, ["migration", "schema"]);
        });
        assert_eq!(
            recorder.tree(),
            format!(
                "db.transaction [client] OK {TENANT} db.transaction.committed=true\n  \
                 db.insert.entities [client] OK {TENANT} {INSERTED}\n  \
                 db.insert.entities [client] OK {TENANT} {INSERTED}\n\
                 db.select.entities [client] OK {TENANT} {SELECTED} db.response.returned_rows=2\n"
            )
        );
        assert_no_findings(&recorder);
    }

    #[test]
    fn a_failed_insert_fails_the_query_and_the_transaction() {
        let recorder = TestRecorder::new();
        recorder.run(|| {
            let mut connection = open().unwrap();
            add_entities(&mut connection, "user_123", &["schema", "schema"]).unwrap_err();
            assert!(
                get_entities(&connection, "user_123", 100)
                    .unwrap()
                    .is_empty()
            );
        });
        let error = "ERROR(UNIQUE constraint failed: entities.name)";
        let event = "· exception exception.type=rusqlite::error::Error \
             exception.message=UNIQUE constraint failed: entities.name \
             exception.stacktrace=caused by: Error code 2067: constraint failed";
        assert_eq!(
            recorder.tree(),
            format!(
                "db.transaction [client] {error} {TENANT} db.transaction.committed=false\n  {event}\n  \
                 db.insert.entities [client] OK {TENANT} {INSERTED}\n  \
                 db.insert.entities [client] {error} {TENANT} {INSERTED}\n    {event}\n\
                 db.select.entities [client] OK {TENANT} {SELECTED} db.response.returned_rows=0\n"
            )
        );
        assert_no_findings(&recorder);
    }
}
