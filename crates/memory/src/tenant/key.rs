//! API keys: created once, kept as hashes, looked up for each request.
//!
//! Position: before the memory itself, in a file of its own (`keys.db`), so that a key can be created
//! while a server is running.
//!
//! Invariants:
//! - the key itself is never stored; SHA-256 is enough because a key is 256 random bits, not a password;
//! - the look-up compares hashes, so that its time says nothing about a prefix of a valid key;
//! - the span of a look-up stands under `auth.verify_key`: whose data it touches is what it finds out.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use continuum_observability::layers::database::trace_query;
use continuum_observability::{SpanRef, Status, get_tracer};
use rusqlite::{Connection, OptionalExtension as _, Row};
use sha2::{Digest as _, Sha256};

use super::TenantId;
use crate::error::MemoryError;
use crate::store::{SYSTEM, create_directory, open_keys};

const PREFIX: &str = "ck_";
const RANDOM_BYTES: usize = 32;
const TENANT_OF_KEY: &str = "SELECT tenant FROM keys WHERE hash = ?1";

/// The API keys of all tenants.
///
/// # Examples
///
/// ```
/// use continuum_memory::{ApiKeys, TenantId};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let keys = ApiKeys::open(dir.path())?;
/// let key = keys.create_key(&TenantId::new("acme")?)?;
///
/// assert_eq!(keys.tenant_of(&key)?, Some(TenantId::new("acme")?));
/// assert_eq!(keys.tenant_of("ck_guess")?, None);
/// # Ok(())
/// # }
/// ```
pub struct ApiKeys {
    connection: Mutex<Connection>,
}

impl ApiKeys {
    /// Opens `keys.db` in a data directory, and creates both where they are missing.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Directory`] or [`MemoryError::Storage`] when they cannot be opened.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, MemoryError> {
        create_directory(directory.as_ref())?;
        let connection = open_keys(&directory.as_ref().join("keys.db"))?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Creates a key for a tenant and returns it: the only time that it can be seen.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Random`] or [`MemoryError::Storage`]; no key was created.
    pub fn create_key(&self, tenant: &TenantId) -> Result<String, MemoryError> {
        let key = new_key(PREFIX)?;
        self.connection()
            .execute(
                "INSERT INTO keys (hash, tenant) VALUES (?1, ?2)",
                (hash(&key).as_slice(), tenant.as_str()),
            )
            .map_err(MemoryError::storage("store a key"))?;
        Ok(key)
    }

    /// Finds the tenant that a key belongs to; `None` for an unknown key.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Storage`] when the keys cannot be read.
    pub fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, MemoryError> {
        verify_key(|span| {
            let found = self.look_up("keys", TENANT_OF_KEY, key, |row| row.get(0))?;
            let tenant = found.map(|name: String| TenantId::new(name)).transpose()?;
            if let Some(tenant) = &tenant {
                span.tenant_id(tenant.as_str());
            }
            Ok(tenant)
        })
    }

    /// The row of a key, if there is one.
    pub(super) fn look_up<T>(
        &self,
        table: &str,
        statement: &str,
        key: &str,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, MemoryError> {
        let select = || {
            let connection = self.connection();
            let mut statement = connection.prepare_cached(statement)?;
            statement.query_row([hash(key).as_slice()], read).optional()
        };
        trace_query(statement)
            .table(table)
            .system(SYSTEM)
            .run_sync(|span| {
                let found = select().map_err(MemoryError::storage("look up a key"))?;
                span.row_count(usize::from(found.is_some()));
                Ok(found)
            })
    }

    pub(super) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").finish_non_exhaustive()
    }
}

/// Finds out who has a key, inside a span that says so.
pub(super) fn verify_key<T>(
    find: impl FnOnce(&SpanRef) -> Result<T, MemoryError>,
) -> Result<T, MemoryError> {
    get_tracer("continuum.memory").in_scope("auth.verify_key", |span| {
        let found = find(span);
        match &found {
            Ok(_) => span.set_status(Status::Ok),
            Err(error) => span.record_failure(error),
        }
        found
    })
}

/// A new key, which nobody can guess.
pub(super) fn new_key(prefix: &str) -> Result<String, MemoryError> {
    Ok(format!("{prefix}{}", random_hex::<RANDOM_BYTES>()?))
}

/// Random bytes of the operating system, in hexadecimal.
pub(crate) fn random_hex<const BYTES: usize>() -> Result<String, MemoryError> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|source| MemoryError::Random { source })?;
    Ok(hex(&random))
}

pub(super) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
