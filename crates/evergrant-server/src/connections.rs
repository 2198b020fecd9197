//! Connections: accepted, served one task each, and seen through.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use evergrant::clock::Clock;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

/// How long nothing is accepted after the system refused to accept: mostly for want of file descriptors, which the
/// end of another connection gives back.
const BREATHER: Duration = Duration::from_millis(100);

/// What the standard library asks the system for when it listens, and a good deal more.
const LONGEST_LINE: usize = 4096;

/// What has been accepted. Dropping it ends every connection.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    /// Becomes true when the server stops.
    stopping: watch::Sender<bool>,
}

/// How connections are served.
struct Manner {
    http: http1::Builder,
    /// How long the head of a request may take.
    patience: Duration,
    router: Router,
}

impl Connections {
    /// Accepts until `stop` completes, and then whoever stands in line: for a client these connections exist, and
    /// closing the listener would reset them. A connection that takes longer than `patience` to send the head of a
    /// request is closed: whoever sends a byte a minute would hold it for ever.
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
        let manner = Arc::new(Manner { http, patience, router: router.clone() });
        loop {
            tokio::select! {
                () = &mut stop => break,
                // Tasks that have ended are taken away; how they ended is their own matter.
                Some(_) = self.tasks.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.serve(&manner, stream),
                    Err(error) => breathe(&error, clock).await,
                },
            }
        }
        for stream in line(listener) {
            self.serve(&manner, stream);
        }
    }

    /// Lets every request finish of which a byte has arrived.
    pub(crate) async fn finish(mut self) {
        self.stopping.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }

    fn serve(&mut self, manner: &Arc<Manner>, stream: TcpStream) {
        let (manner, stopping) = (Arc::clone(manner), self.stopping.subscribe());
        self.tasks.spawn(async move { manner.serve(stream, stopping).await });
    }
}

impl Manner {
    async fn serve(&self, stream: TcpStream, mut stopping: watch::Receiver<bool>) {
        // Answers are small: waiting for more to fill a packet only delays them. A socket that refuses is served.
        let _ = stream.set_nodelay(true);
        // Told to stop, hyper closes a connection of which it has read nothing, a request in the socket or not: it gets
        // the connection when there is something to read.
        let Some(stream) = self.first_byte(stream, &mut stopping).await else { return };
        let service = TowerToHyperService::new(self.router.clone());
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = told(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(target: "evergrant::http", %error, "a connection broke off");
        }
    }

    /// The connection, once something of a request has arrived; `None` if nothing will.
    async fn first_byte(&self, stream: TcpStream, stopping: &mut watch::Receiver<bool>) -> Option<TcpStream> {
        tokio::select! {
            biased;
            readable = timeout(self.patience, stream.readable()) => {
                readable.ok()?.ok()?;
                return Some(stream);
            }
            () = told(stopping) => {}
        }
        // The runtime may not have heard yet of what has arrived: the system knows.
        let stream = stream.into_std().ok()?;
        stream.peek(&mut [0]).ok().filter(|&bytes| bytes > 0)?;
        let stream = TcpStream::from_std(stream).ok()?;
        stream.readable().await.ok()?;
        Some(stream)
    }
}

/// Completes when the server stops.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone is a reason to stop, too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// The connections that the system has made and nobody has accepted yet. Asks the system itself: the runtime may not
/// have heard of the newest. Not more than a line is long: who keeps coming must not keep a server from stopping.
fn line(listener: TcpListener) -> impl Iterator<Item = TcpStream> {
    let listener = listener.into_std().ok();
    let accept = move || {
        let (stream, _) = listener.as_ref()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    };
    std::iter::from_fn(accept).take(LONGEST_LINE)
}

async fn breathe(error: &io::Error, clock: &dyn Clock) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(target: "evergrant", %error, "the system accepts no connection");
        clock.wait_until(clock.moment().plus(BREATHER)).await;
    }
}
