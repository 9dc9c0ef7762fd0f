//! One tenant's open file: a writer, a few readers, and the generation of its contents.
//!
//! Position: owned by [`Store`](super::Store), shared by the callers that use it at the moment.
//!
//! Invariants: one writer at a time; a transaction that does not commit leaves no row. The
//! span of a transaction includes the wait for the writer.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use continuum_observability::layers::database::trace_transaction;
use rusqlite::{Connection, TransactionBehavior};

use super::SYSTEM;
use super::open::open_tenant;
use super::readers::Readers;
use super::search::Reader;
use super::write::Writer;
use crate::error::MemoryError;
use crate::tenant::TenantScope;

/// The connections of one tenant.
pub(super) struct TenantFile {
    scope: TenantScope,
    // Closed before the writer: the last connection to close folds the log into the file.
    readers: Readers,
    writer: Mutex<Connection>,
    generation: AtomicU64,
}

impl TenantFile {
    pub(super) fn open(
        path: PathBuf,
        scope: &TenantScope,
        readers: usize,
        generation: u64,
    ) -> Result<Self, MemoryError> {
        Ok(Self {
            scope: scope.clone(),
            writer: Mutex::new(open_tenant(&path)?),
            readers: Readers::new(path, readers),
            generation: AtomicU64::new(generation),
        })
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn start_generation(&self, generation: u64) {
        self.generation.fetch_max(generation, Ordering::AcqRel);
    }

    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&Reader<'_>) -> Result<T, MemoryError>,
    ) -> Result<T, MemoryError> {
        self.readers
            .with(|connection| query(&Reader::new(connection, &self.scope)))
    }

    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&Writer<'_>) -> Result<T, MemoryError>,
    ) -> Result<T, MemoryError> {
        let tenant = self.scope.tenant().as_str();
        trace_transaction()
            .system(SYSTEM)
            .tenant_id(tenant)
            .run_sync(|_| {
                let mut connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
                let transaction = connection
                    .transaction_with_behavior(TransactionBehavior::Immediate)
                    .map_err(MemoryError::storage("begin a transaction"))?;
                let changed = change(&Writer::new(&transaction, &self.scope))?;
                transaction
                    .commit()
                    .map_err(MemoryError::storage("commit a transaction"))?;
                Ok(changed)
            })
    }
}
