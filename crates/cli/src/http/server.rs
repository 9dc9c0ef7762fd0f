//! A listening socket with the routes behind it.
//!
//! Position: the command line, the demo and the tests → **here** → `route`.
//!
//! Invariant: once asked to stop, no new connection is taken, requests under way are finished, and
//! after [`GRACE`] the server is gone either way.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::Notify};

use super::route::{Service, router};

/// How long requests under way may take once the server was asked to stop.
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
