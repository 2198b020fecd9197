//! Connections: accepted, served one task each, and seen through.

mod patient;

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, Request, header::CONNECTION},
    response::Response,
};
use evergrant::{clock::Clock, store::access::KeyScope};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::process::{Resource, getrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use self::patient::Patient;
use crate::{
    Tls,
    app::App,
    metrics::Open,
    middleware::{Gate, shortcut},
};

/// How long nothing is accepted after the system refused to accept: mostly for want of file descriptors, which the
/// end of another connection gives back.
const BREATHER: Duration = Duration::from_millis(100);

/// What the standard library asks the system for when it listens, and a good deal more.
const LONGEST_LINE: usize = 4096;

/// File descriptors that connections leave to the store, to requests to providers and to messages; half of all, where there
/// are few.
const LEFT_TO_OTHERS: usize = 1024;

/// What has been accepted. Dropping it ends every connection.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    /// Becomes true when nothing new is accepted any more.
    stopping: Arc<watch::Sender<bool>>,
}

/// How connections are served.
struct Manner {
    http: http1::Builder,
    /// How long the TLS handshake may take, and a caller to take a piece of its answer.
    patience: Duration,
    linger: Duration,
    tls: Option<Arc<Tls>>,
    /// What stands before a token.
    gate: Gate,
    /// All routes.
    service: TowerToHyperService<Router>,
    stopping: Arc<watch::Sender<bool>>,
}

impl Connections {
    /// Accepts until `stop` completes, and then whoever stands in line: for a client these connections exist, and
    /// closing the listener would reset them. A connection that takes longer than `patience` for its handshake or to
    /// send the head of a request, or takes nothing of its answer for as long, is closed: whoever sends or reads a byte a
    /// minute would hold it for ever.
    pub(crate) async fn accept(
        &mut self,
        listener: TcpListener,
        router: Router,
        app: &Arc<App>,
        clock: &dyn Clock,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = pin!(stop);
        let config = &app.config;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(config.patience);
        let (patience, linger, tls) = (config.patience, config.linger, config.tls.clone());
        let stopping = Arc::clone(&self.stopping);
        let gate = Gate { app: Arc::clone(app), scope: KeyScope::ReadToken, counted: false };
        let service = TowerToHyperService::new(router);
        let manner = Arc::new(Manner { http, patience, linger, tls, gate, service, stopping });
        let most = most_connections();
        loop {
            tokio::select! {
                () = &mut stop => break,
                // Tasks that have ended are taken away; how they ended is their own matter.
                Some(_) = self.tasks.join_next() => {}
                // Who comes when all places are taken stands in line: refreshes need descriptors, too.
                accepted = listener.accept(), if self.tasks.len() < most => match accepted {
                    Ok((stream, _)) => self.serve(&manner, stream, app.metrics.open()),
                    Err(error) => breathe(&error, clock).await,
                },
            }
        }
        for stream in line(listener) {
            self.serve(&manner, stream, app.metrics.open());
        }
    }

    /// Lets every request finish that has arrived or is about to.
    pub(crate) async fn finish(mut self) {
        self.stopping.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }

    fn serve(&mut self, manner: &Arc<Manner>, stream: TcpStream, open: Open) {
        let manner = Arc::clone(manner);
        self.tasks.spawn(async move {
            manner.serve(stream).await;
            drop(open);
        });
    }
}

impl Manner {
    async fn serve(&self, stream: TcpStream) {
        // Answers are small: waiting for more to fill a packet only delays them. A socket that refuses is served.
        let _ = stream.set_nodelay(true);
        let stream = Patient::new(stream, self.patience);
        let Some(tls) = &self.tls else { return self.converse(stream).await };
        let handshake = timeout(self.patience, tls.acceptor().accept(stream));
        tokio::select! {
            biased;
            shaken = handshake => match shaken {
                Ok(Ok(stream)) => self.converse(stream).await,
                Ok(Err(error)) => broke_off(&error),
                Err(_) => broke_off(&"the TLS handshake took too long"),
            },
            () = self.lingered() => {}
        }
    }

    /// Answers the requests of one connection. Told to stop, hyper closes a connection of which it has read nothing
    /// since its last answer, a request in the socket or not. So it is not told at once: for a while a request still
    /// counts, and its answer says that it was the last one.
    async fn converse(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| self.answer(request));
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = self.lingered() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            broke_off(&error);
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let mut response = match shortcut(&self.gate, &request) {
            Some(response) => response,
            None => self.service.call(request).await?,
        };
        if *self.stopping.borrow() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    /// Completes when the server has stopped, and waited for what was on its way then.
    async fn lingered(&self) {
        let mut stopping = self.stopping.subscribe();
        // A sender that is gone is a reason to stop, too.
        let _ = stopping.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(self.linger).await;
    }
}

fn broke_off(error: &dyn std::fmt::Display) {
    tracing::debug!(target: "evergrant::http", %error, "a connection broke off");
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

fn most_connections() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok());
    descriptors.map_or(usize::MAX, |most| (most - most / 2).max(most.saturating_sub(LEFT_TO_OTHERS)))
}

async fn breathe(error: &io::Error, clock: &dyn Clock) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(target: "evergrant", %error, "the system accepts no connection");
        clock.wait_until(clock.moment().plus(BREATHER)).await;
    }
}
