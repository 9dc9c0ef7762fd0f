//! A listening socket with the routes behind it.
//!
//! Position: the command line, the demo and the tests → **here** → `route`.
//!
//! Invariant: once asked to stop, no new connection is taken, requests under way are finished, then the
//! delivery and the tasks under way; each of the two takes [`GRACE`] at most.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use continuum_observability::{Context, FutureExt as _};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{route::router, service::Service};
use crate::worker::Worker;

/// How long what is under way may take once the server was asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A bound server that is not answering yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    service: Service,
}

impl Server {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn bind(addr: SocketAddr, service: Service) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(addr).await?,
            service,
        })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until `stop` completes.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let worker = Working::start(&self.service);
        let service = self.service.clone();
        let answered = self.answer(stop).await;
        let settling = async {
            worker.stop().await;
            service.settled().await;
        };
        // What is not done by then is in the outbox, or starts again with the next learn.
        timeout(GRACE, settling).await.unwrap_or_default();
        answered
    }

    async fn answer(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let asked = Arc::new(Notify::new());
        let stop = {
            let asked = Arc::clone(&asked);
            async move {
                stop.await;
                asked.notify_one();
            }
        };
        let serving = axum::serve(self.listener, router(self.service)).with_graceful_shutdown(stop);
        let out_of_patience = async {
            asked.notified().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            result = serving.into_future() => result,
            () = out_of_patience => Ok(()),
        }
    }
}

/// The worker of a service as a task of its own, aborted when dropped.
struct Working {
    task: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Working {
    fn start(service: &Service) -> Self {
        let (stop, stopped) = watch::channel(false);
        let run = |worker: Worker| worker.run(stopped).with_context(Context::root());
        let task = service.worker().map(run).map(tokio::spawn);
        Self { task, stop }
    }

    /// Waits for the delivery under way.
    async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = &mut self.task {
            // A worker that panicked has been reported by its runtime.
            drop(task.await);
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
