//! Connections: accepted, served one task each, and seen through.

use std::{future::Future, io, pin::pin, time::Duration};

use axum::Router;
use evergrant::clock::Clock;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// How long nothing is accepted after the system refused to accept: mostly for want of file descriptors, which the
/// end of another connection gives back.
const BREATHER: Duration = Duration::from_millis(100);

/// What has been accepted. Dropping it ends every connection.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Connections {
    /// Accepts until `stop` completes. A connection that takes longer than `patience` to send the head of a request
    /// is closed: whoever sends a byte a minute would hold it for ever.
    pub(crate) async fn accept(
        &mut self,
        listener: TcpListener,
        router: &Router,
        patience: Duration,
        clock: &dyn Clock,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = pin!(stop);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(patience);
        loop {
            tokio::select! {
                () = &mut stop => return,
                // Tasks that have ended are taken away; how they ended is their own matter.
                Some(_) = self.tasks.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.serve(&http, stream, router.clone()),
                    Err(error) => breathe(&error, clock).await,
                },
            }
        }
    }

    /// Lets every request finish that has begun.
    pub(crate) async fn finish(self) {
        let Self { mut tasks, graceful } = self;
        graceful.shutdown().await;
        while tasks.join_next().await.is_some() {}
    }

    fn serve(&mut self, http: &http1::Builder, stream: TcpStream, router: Router) {
        // Answers are small: waiting for more to fill a packet only delays them. A socket that refuses is served.
        let _ = stream.set_nodelay(true);
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        let connection = self.graceful.watch(connection);
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(target: "evergrant::http", %error, "a connection broke off");
            }
        });
    }
}

async fn breathe(error: &io::Error, clock: &dyn Clock) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(target: "evergrant", %error, "the system accepts no connection");
        clock.wait_until(clock.moment().plus(BREATHER)).await;
    }
}
