//! The server: routes over a keeper, and how it starts and stops.

use std::{future::Future, sync::Arc, time::Duration};

use axum::Router;
use evergrant::{Keeper, clock::Clock};
use tokio::net::TcpListener;

use crate::{ServerConfig, app::App, connections::Connections, routes};

/// A server that has not begun to listen.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
}

impl Server {
    /// A server over this keeper. The keeper's driver has to run beside it and to be stopped after it.
    pub fn new(keeper: Keeper, config: ServerConfig) -> Self {
        Self { app: Arc::new(App::new(keeper, config)) }
    }

    /// All routes, to be served by [`Server::serve`] or nested into an application's own.
    pub fn router(&self) -> Router {
        routes::router(Arc::clone(&self.app))
    }

    /// Serves until `stop` completes. Then readiness ends first; after [`ServerConfig::drain`] no connection is
    /// accepted any more, each that there is gets [`ServerConfig::linger`] for one more request, and what was accepted
    /// finishes, at most [`ServerConfig::finish`] later. Every task of it ends with this future.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send) {
        let clock = Arc::clone(self.app.keeper.clock());
        let config = &self.app.config;
        let mut connections = Connections::default();
        let stopping = async {
            stop.await;
            self.app.stop();
            pause(&*clock, config.drain).await;
        };
        let accepting = connections.accept(listener, self.router(), config, &*clock, stopping);
        tokio::select! {
            () = accepting => {}
            () = renew(config, &*clock) => unreachable!("it never ends"),
        }
        tokio::select! {
            () = connections.finish() => {}
            () = pause(&*clock, config.finish) => {
                tracing::warn!(target: "evergrant", "requests that did not finish in time are dropped");
            }
        }
    }
}

/// Takes renewed certificates over.
async fn renew(config: &ServerConfig, clock: &dyn Clock) {
    match &config.tls {
        Some(tls) => Arc::clone(tls).watch(clock).await,
        None => std::future::pending().await,
    }
}

async fn pause(clock: &dyn Clock, duration: Duration) {
    clock.wait_until(clock.moment().plus(duration)).await;
}
