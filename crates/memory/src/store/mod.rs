//! Keeps what was learned: one `SQLite` file for each tenant.
//!
//! Position: extract → **store** ← recall. [`Store`] opens files and hands out a [`Reader`] or
//! a [`Writer`], the only types with queries.
//!
//! Invariants:
//! - a `Reader` or `Writer` is given out against a [`TenantScope`] only;
//! - a `Reader` cannot write: its connection is opened read-only;
//! - a `Writer` is one transaction, kept when its closure returns `Ok`.

mod file;
mod fts;
mod graph;
mod instance;
mod open;
mod outbox;
mod readers;
mod received;
mod schema;
mod search;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use file::TenantFile;
pub(crate) use fts::FtsQuery;
pub(crate) use graph::{Entity, EntityId, Link};
pub(crate) use open::open_keys;
pub(crate) use received::Receipt;
pub(crate) use search::{Reader, StoredTurn, TurnId};
pub(crate) use write::Writer;

use crate::config::Limits;
use crate::error::MemoryError;
use crate::tenant::{TenantId, TenantScope};

/// The name of the database in spans.
pub(crate) const SYSTEM: &str = "sqlite";

/// The files of all tenants in one data directory.
pub(crate) struct Store {
    directory: PathBuf,
    limits: Limits,
    open: Mutex<BTreeMap<TenantId, OpenFile>>,
    /// Source of the generations: unique in the process, so that a file which is closed and opened
    /// again never repeats one.
    clock: AtomicU64,
    /// The tenants that may have jobs in their outboxes.
    promised: Mutex<BTreeSet<TenantId>>,
    instance: String,
    /// Held as long as the store lives: generations are known to this process alone.
    _lock: File,
}

struct OpenFile {
    file: Arc<TenantFile>,
    last_used: u64,
}

impl Store {
    pub(crate) fn open(directory: &Path, limits: Limits) -> Result<Self, MemoryError> {
        let tenants = directory.join("tenants");
        create_directory(&tenants)?;
        let lock = lock_directory(directory)?;
        Ok(Self {
            promised: Mutex::new(tenants_in(&tenants)?),
            instance: instance::instance_id(directory)?,
            _lock: lock,
            directory: tenants,
            limits,
            open: Mutex::default(),
            clock: AtomicU64::new(1),
        })
    }

    /// The name of this data directory among those of other nodes.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// The tenants that may have jobs in their outboxes: at first all.
    pub(crate) fn promised(&self) -> MutexGuard<'_, BTreeSet<TenantId>> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that changes with each learn of the tenant.
    pub(crate) fn generation(&self, scope: &TenantScope) -> Result<u64, MemoryError> {
        Ok(self.file(scope)?.generation())
    }

    /// Runs queries on one of the tenant's read connections, waiting for a free one.
    pub(crate) fn read<T>(
        &self,
        scope: &TenantScope,
        query: impl FnOnce(&Reader<'_>) -> Result<T, MemoryError>,
    ) -> Result<T, MemoryError> {
        self.file(scope)?.read(query)
    }

    /// Runs one transaction, kept when the closure returns `Ok`, and starts a new generation.
    pub(crate) fn write<T>(
        &self,
        scope: &TenantScope,
        change: impl FnOnce(&Writer<'_>) -> Result<T, MemoryError>,
    ) -> Result<T, MemoryError> {
        let file = self.file(scope)?;
        let changed = file.write(change)?;
        file.start_generation(self.tick());
        Ok(changed)
    }

    /// Runs one transaction that changes no answer: the generation stays.
    pub(crate) fn write_aside<T>(
        &self,
        scope: &TenantScope,
        change: impl FnOnce(&Writer<'_>) -> Result<T, MemoryError>,
    ) -> Result<T, MemoryError> {
        self.file(scope)?.write(change)
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// The tenant's open file. Opening happens under the lock: one tenant has at most one file open.
    fn file(&self, scope: &TenantScope) -> Result<Arc<TenantFile>, MemoryError> {
        let last_used = self.tick();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get_mut(scope.tenant()) {
            known.last_used = last_used;
            return Ok(Arc::clone(&known.file));
        }
        close_unused(&mut open, self.limits.open_tenants.saturating_sub(1));
        let path = self.directory.join(format!("{}.db", scope.tenant()));
        let readers = self.limits.readers_per_tenant;
        let file = Arc::new(TenantFile::open(path, scope, readers, last_used)?);
        open.insert(
            scope.tenant().clone(),
            OpenFile {
                file: Arc::clone(&file),
                last_used,
            },
        );
        Ok(file)
    }
}

/// Closes the longest unused files until `keep` are left, but none that a caller is using.
fn close_unused(open: &mut BTreeMap<TenantId, OpenFile>, keep: usize) {
    while open.len() > keep {
        let idle = open
            .iter()
            .filter(|(_, open)| Arc::strong_count(&open.file) == 1);
        let Some(oldest) = idle.min_by_key(|(_, open)| open.last_used) else {
            return;
        };
        let tenant = oldest.0.clone();
        open.remove(&tenant);
    }
}

/// The tenants whose files are in a directory.
fn tenants_in(directory: &Path) -> Result<BTreeSet<TenantId>, MemoryError> {
    let failed = |source| MemoryError::Directory {
        path: directory.to_path_buf(),
        source,
    };
    let mut tenants = BTreeSet::new();
    for file in fs::read_dir(directory).map_err(failed)? {
        let name = file.map_err(failed)?.file_name();
        let tenant = name.to_str().and_then(|name| name.strip_suffix(".db"));
        tenants.extend(tenant.and_then(|name| TenantId::new(name).ok()));
    }
    Ok(tenants)
}

/// Creates a directory with its parents, unless it is there.
pub(crate) fn create_directory(directory: &Path) -> Result<(), MemoryError> {
    fs::create_dir_all(directory).map_err(|source| MemoryError::Directory {
        path: directory.to_path_buf(),
        source,
    })
}

fn lock_directory(directory: &Path) -> Result<File, MemoryError> {
    let path = directory.join("lock");
    let failed = |source| MemoryError::Directory {
        path: path.clone(),
        source,
    };
    let lock = File::create(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(MemoryError::DirectoryInUse {
            path: directory.to_path_buf(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::Store;
    use crate::config::Limits;
    use crate::tenant::{TenantId, TenantScope};

    #[test]
    fn a_file_in_use_stays_open_although_another_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits {
            open_tenants: 1,
            ..Limits::default()
        };
        let store = Store::open(dir.path(), limits).unwrap();
        let [one, two, three] =
            ["one", "two", "three"].map(|name| TenantScope::new(TenantId::new(name).unwrap()));
        let before = store.generation(&one).unwrap();
        let during = || {
            store.generation(&two)?;
            store.generation(&one)
        };
        assert_eq!(store.read(&one, |_| during()).unwrap(), before);

        // Once it is idle it gives way.
        store.generation(&three).unwrap();
        assert_ne!(store.generation(&one).unwrap(), before);
    }
}
