//! Opens files: the pragmas that every connection has.
//!
//! Invariants:
//! - write-ahead log, so that readers never wait for the writer;
//! - `synchronous = NORMAL`: a crash of the program loses nothing, a power cut may lose the last
//!   learns but never damages the file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::schema::{KEY_MIGRATIONS, TENANT_MIGRATIONS, migrate};
use crate::error::MemoryError;

/// How long a connection waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Every query of this crate stays prepared.
const PREPARED_STATEMENTS: usize = 64;

/// Opens a tenant's file for writing; creates and migrates it where needed.
pub(super) fn open_tenant(path: &Path) -> Result<Connection, MemoryError> {
    open_for_writing(path, TENANT_MIGRATIONS)
}

/// Opens the file of API keys; creates and migrates it where needed.
pub(crate) fn open_keys(path: &Path) -> Result<Connection, MemoryError> {
    open_for_writing(path, KEY_MIGRATIONS)
}

fn open_for_writing(path: &Path, migrations: &[&str]) -> Result<Connection, MemoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = connect(path, flags).map_err(MemoryError::storage("open the file"))?;
    set_up_writer(&connection).map_err(MemoryError::storage("set up the file"))?;
    migrate(&mut connection, migrations)?;
    Ok(connection)
}

/// Opens a tenant's file, which must exist, for reading alone.
pub(super) fn open_reader(path: &Path) -> Result<Connection, MemoryError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(MemoryError::storage("open the file for reading"))
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // A connection is used by one thread at a time; its own mutex would be a second one.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    Ok(connection)
}

fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)
}
