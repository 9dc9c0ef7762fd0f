//! The read connections of one file.
//!
//! Position: under `file`, which borrows one for each read.
//!
//! Invariants: at most `limit` connections exist; a caller waits when all are in use; a connection
//! comes back even when its user panics.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::open::open_reader;
use crate::error::MemoryError;

/// A bounded set of read connections, opened when first needed.
pub(super) struct Readers {
    path: PathBuf,
    limit: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    in_use: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf, limit: usize) -> Self {
        Self {
            path,
            limit: limit.max(1),
            state: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// Lends a connection to a closure.
    pub(super) fn with<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, MemoryError>,
    ) -> Result<T, MemoryError> {
        let mut lent = Lent {
            connection: self.take(),
            readers: self,
        };
        let connection = match lent.connection.take() {
            Some(idle) => idle,
            None => open_reader(&self.path)?,
        };
        query(lent.connection.insert(connection))
    }

    /// Waits for a place and returns an idle connection, if there is one.
    fn take(&self) -> Option<Connection> {
        let mut state = self.lock();
        while state.in_use >= self.limit {
            state = self
                .returned
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.in_use += 1;
        state.idle.pop()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the readers; gives the place and the connection back when dropped.
struct Lent<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.lock();
        state.in_use -= 1;
        state.idle.extend(self.connection.take());
        drop(state);
        self.readers.returned.notify_one();
    }
}
