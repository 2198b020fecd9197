//! The server: routes over a keeper, and how it starts and stops.

use std::{
    future::{Future, IntoFuture},
    io,
    sync::Arc,
};

use axum::Router;
use evergrant::{Keeper, clock::Clock};
use tokio::net::TcpListener;

use crate::{ServerConfig, app::App, routes};

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

    /// Serves until `stop` completes. Then readiness ends first; after [`ServerConfig::drain`] nothing new is
    /// accepted, and what was accepted finishes, at most [`ServerConfig::finish`] later.
    ///
    /// # Errors
    ///
    /// The listener failed.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (closing, closed) = tokio::sync::oneshot::channel();
        let app = Arc::clone(&self.app);
        let clock = Arc::clone(app.keeper.clock());
        let (drain, finish) = (app.config.drain, app.config.finish);
        let stopping = {
            let clock = Arc::clone(&clock);
            async move {
                stop.await;
                app.stop();
                pause(&*clock, drain).await;
                // Nobody listens only if serving has ended already.
                let _ = closing.send(());
            }
        };
        let serving = axum::serve(listener, self.router()).with_graceful_shutdown(stopping).into_future();
        tokio::select! {
            ended = serving => ended,
            () = async {
                match closed.await {
                    Ok(()) => pause(&*clock, finish).await,
                    // Serving ended by itself; its result is taken above.
                    Err(_) => std::future::pending().await,
                }
            } => {
                tracing::warn!(target: "evergrant", "requests that did not finish in time are dropped");
                Ok(())
            }
        }
    }
}

async fn pause(clock: &dyn Clock, duration: std::time::Duration) {
    clock.wait_until(clock.moment().plus(duration)).await;
}
