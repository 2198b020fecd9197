//! The server: routes over a keeper, and how it starts and stops.

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use axum::Router;
use evergrant::{Keeper, clock::Clock, store::StoreError};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{ServerConfig, access::upkeep, app::App, connections::Connections, routes, webhook::deliver};

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

    /// All routes, to be served by [`Server::serve`] or nested into an application's own beside [`Server::upkeep`].
    pub fn router(&self) -> Router {
        routes::router(Arc::clone(&self.app))
    }

    /// Serves until `stop` completes. Then readiness ends first; after [`ServerConfig::drain`] no connection is
    /// accepted any more, each that there is gets [`ServerConfig::linger`] for one more request, and what was accepted
    /// finishes, at most [`ServerConfig::finish`] later. Every task of it ends with this future.
    ///
    /// Messages to webhooks are delivered meanwhile, by one process of a store at a time.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send) {
        let clock = Arc::clone(self.app.keeper.clock());
        let config = &self.app.config;
        let mut connections = Connections::default();
        let (stop_delivering, stop_delivered) = oneshot::channel::<Infallible>();
        let delivering = deliver(Arc::clone(&self.app), async {
            // It completes when its sender is gone.
            let _ = stop_delivered.await;
        });
        let stopping = async {
            stop.await;
            self.app.stop();
            drop(stop_delivering);
            pause(&*clock, config.drain).await;
        };
        // Whoever comes first is to be known.
        self.app.see_access().await;
        let serving = async {
            let accepting = connections.accept(listener, self.router(), &self.app, &*clock, stopping);
            tokio::select! {
                () = accepting => {}
                () = renew(config, &*clock) => unreachable!("it never ends"),
            }
            self.app.hub.close().await;
            tokio::select! {
                () = connections.finish() => {}
                () = pause(&*clock, config.finish) => {
                    tracing::warn!(target: "evergrant", "requests that did not finish in time are dropped");
                }
            }
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(serving, delivering) } => {}
            never = upkeep::keep_up(&self.app) => match never {},
        }
        upkeep::note(&self.app).await;
    }

    /// Learns which API keys others have added or revoked, every second, and writes down which were used.
    /// [`Server::serve`] does it by itself; whoever serves [`Server::router`] has to run it beside, and lets nobody in
    /// before its first look, for which [`Server::look_at_keys`] can be waited.
    pub fn upkeep(&self) -> impl Future<Output = Infallible> + Send + use<> {
        let app = Arc::clone(&self.app);
        async move { upkeep::keep_up(&app).await }
    }

    /// Reads the API keys.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn look_at_keys(&self) -> Result<(), StoreError> {
        self.app.access.refresh(&self.app.keeper).await
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
