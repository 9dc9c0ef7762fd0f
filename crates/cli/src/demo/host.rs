//! The service of the demo, in a temporary directory and on a free port.
//!
//! Position: owns the data directory and the runtime; `client` only knows the address.
//!
//! Invariant: stopped means that every request is answered and the files are closed.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use continuum_memory::{ApiKeys, RecallConfig, TenantId};
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::oneshot, task::JoinHandle};

use crate::{
    http::{Server, Service},
    worker::Peer,
};

/// A service that is running.
pub(super) struct Host {
    directory: TempDir,
    keys: ApiKeys,
    addr: SocketAddr,
    runtime: Runtime,
    serving: JoinHandle<std::io::Result<()>>,
    stop: oneshot::Sender<()>,
}

impl Host {
    /// Starts a service, which tells another node what it learns if there is one.
    pub(super) fn start(peer: Option<Peer>) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("continuum-demo-")
            .tempdir()
            .context("no temporary directory")?;
        let service = Service::open_with(directory.path(), peer, RecallConfig::default())?;
        let keys = ApiKeys::open(directory.path())?;
        let runtime = Runtime::new().context("no runtime")?;
        let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime
            .block_on(Server::bind(free_port, service))
            .context("cannot listen on a loopback port")?;
        let addr = server.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serving = runtime.spawn(server.run(async {
            // A sender that is gone means the same as a message: stop.
            stopped.await.unwrap_or_default();
        }));
        Ok(Self {
            directory,
            keys,
            addr,
            runtime,
            serving,
            stop,
        })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Creates a tenant and returns its key.
    pub(super) fn create_tenant(&self, tenant: &TenantId) -> Result<String> {
        Ok(self.keys.create_key(tenant)?)
    }

    /// Creates a key with which another service may tell this one what it learns.
    pub(super) fn as_peer(&self) -> Result<Peer> {
        let key = self.keys.create_peer_key("demo", &[])?;
        Peer::new(&format!("http://{}", self.addr), key)
    }

    /// Where the service keeps its data.
    pub(super) fn data_dir(&self) -> &Path {
        self.directory.path()
    }

    /// Stops the service, after which its data directory is gone.
    pub(super) fn stop(self) -> Result<()> {
        // When nobody listens any more, the service has stopped by itself and says why below.
        self.stop.send(()).unwrap_or_default();
        self.runtime
            .block_on(self.serving)?
            .context("the service failed")?;
        drop(self.runtime);
        Ok(())
    }

    /// Has the data directory stay, whatever comes of the service, and says where it is.
    pub(super) fn keep(&mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }
}
