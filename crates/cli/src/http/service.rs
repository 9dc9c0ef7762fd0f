//! What the routes work on: memories, keys, and what goes on beside the answers.
//!
//! Position: made by the command line, the demo and the tests; shared by all requests.

use std::{path::Path, sync::Arc};

use continuum_memory::{
    ApiKeys, LearnResponse, Memory, MemoryConfig, MemoryError, RecallConfig, TenantMemory,
};
use tokio::sync::Notify;

use crate::worker::{Background, Peer, Worker};

/// The memories of a data directory, the keys to them, and the node that is told what they learn.
#[derive(Debug, Clone)]
pub struct Service {
    memory: Memory,
    keys: Arc<ApiKeys>,
    peer: Option<Arc<Peer>>,
    wake: Arc<Notify>,
    background: Background,
}

impl Service {
    /// Opens a data directory, and creates it where it is missing.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when it cannot be used or another process has it open.
    pub fn open(data_dir: &Path) -> Result<Self, MemoryError> {
        Self::open_with(data_dir, None, RecallConfig::default())
    }

    /// Opens a data directory whose memories are told to another node, if there is one, and which weighs
    /// the signals of a recall in this way.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when it cannot be used or another process has it open.
    pub fn open_with(
        data_dir: &Path,
        peer: Option<Peer>,
        recall: RecallConfig,
    ) -> Result<Self, MemoryError> {
        let config = MemoryConfig {
            recall,
            outbox: peer.is_some(),
            ..MemoryConfig::default()
        };
        Ok(Self {
            memory: Memory::open(data_dir, config)?,
            keys: Arc::new(ApiKeys::open(data_dir)?),
            peer: peer.map(Arc::new),
            wake: Arc::default(),
            background: Background::new(),
        })
    }

    /// The worker that tells the other node; `None` when there is no other node.
    pub fn worker(&self) -> Option<Worker> {
        let peer = Arc::clone(self.peer.as_ref()?);
        Some(Worker::new(
            self.memory.clone(),
            peer,
            Arc::clone(&self.wake),
        ))
    }

    /// Waits for what requests have started and did not wait for.
    pub async fn settled(&self) {
        self.background.finished().await;
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(super) fn keys(&self) -> Arc<ApiKeys> {
        Arc::clone(&self.keys)
    }

    /// Tells the worker that there is something to be told, if there is somebody to tell.
    pub(super) fn has_promised(&self) {
        if self.peer.is_some() {
            self.wake.notify_one();
        }
    }

    /// Starts what follows a learn.
    pub(super) fn has_learned(&self, memory: TenantMemory, learned: &LearnResponse) {
        self.has_promised();
        if learned.is_maintenance_due() {
            self.background.maintain_index(memory);
        }
    }
}
