//! A small web server for one visit: the browser that comes back from the provider.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use evergrant::proto::wire::redirect_uri::RedirectUri;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use url::{Host, Url};

use super::{
    link::with_port,
    page::{self, Page},
};
use crate::{exit::Exit, failure::Failure};

/// Listens on the loopback address of a redirect URI.
#[derive(Debug)]
pub(super) struct Listener {
    redirect_uri: RedirectUri,
    state: Arc<OnceLock<String>>,
    visits: mpsc::Receiver<Returned>,
    stop: watch::Sender<()>,
    serving: JoinSet<io::Result<()>>,
}

/// A browser that came back, and waits for its page.
#[derive(Debug)]
pub(super) struct Returned {
    /// The query of the redirect.
    pub(super) query: String,
    answer: oneshot::Sender<Page>,
}

#[derive(Clone)]
struct Shared {
    state: Arc<OnceLock<String>>,
    visits: mpsc::Sender<Returned>,
}

impl Listener {
    /// Listens on the registered port, or on a free one if none is registered.
    pub(super) async fn bind(registered: &Url) -> Result<Self, Failure> {
        let listeners = listeners(registered).await?;
        let port = listeners[0].local_addr().map_or(0, |address| address.port());
        let (sender, visits) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(());
        let shared = Shared { state: Arc::default(), visits: sender };
        let router = Router::new()
            .route(registered.path(), axum::routing::get(visit))
            .fallback(async || (StatusCode::NOT_FOUND, "not found"))
            .with_state(shared.clone());
        let mut serving = JoinSet::new();
        for listener in listeners {
            let (router, mut stopped) = (router.clone(), stopped.clone());
            serving.spawn(async move {
                let stop = async move {
                    // A sender that is gone is a reason to stop, too.
                    let _ = stopped.changed().await;
                };
                axum::serve(listener, router).with_graceful_shutdown(stop).await
            });
        }
        let redirect_uri = with_port(registered, port)?;
        Ok(Self { redirect_uri, state: shared.state, visits, stop, serving })
    }

    /// What the provider has to redirect to.
    pub(super) fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// From now on the answer to this `state` is taken, and no other.
    pub(super) fn expect(&self, state: String) {
        self.state.get_or_init(|| state);
    }

    /// The next browser that brings the expected answer.
    pub(super) async fn next(&mut self) -> Returned {
        match self.visits.recv().await {
            Some(returned) => returned,
            // The router holds a sender for as long as it serves.
            None => std::future::pending().await,
        }
    }

    /// Stops listening; a page that is being sent is sent to its end.
    pub(super) async fn close(mut self) {
        self.stop.send_replace(());
        let ending = async { while self.serving.join_next().await.is_some() {} };
        // A browser that keeps its connection open is not waited for.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(500), ending).await;
    }
}

impl Returned {
    /// Gives the browser its page.
    pub(super) fn answer(self, page: Page) {
        // The browser may have gone.
        let _ = self.answer.send(page);
    }
}

async fn visit(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let state = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
    let expected = match (&state, shared.state.get()) {
        (Some((_, state)), Some(expected)) => state.as_ref() == expected.as_str(),
        _ => false,
    };
    if !expected {
        return page::foreign().into_response();
    }
    let (answer, page) = oneshot::channel();
    if shared.visits.send(Returned { query, answer }).await.is_err() {
        return page::foreign().into_response();
    }
    page.await.unwrap_or_else(|_| page::failure("the command has ended")).into_response()
}

/// `localhost` may mean either address family to the browser; a literal means itself.
async fn listeners(registered: &Url) -> Result<Vec<TcpListener>, Failure> {
    let port = registered.port().unwrap_or(0);
    let (first, second): (IpAddr, Option<IpAddr>) = match registered.host() {
        Some(Host::Ipv4(address)) => (address.into(), None),
        Some(Host::Ipv6(address)) => (address.into(), None),
        _ => (Ipv4Addr::LOCALHOST.into(), Some(Ipv6Addr::LOCALHOST.into())),
    };
    let address = SocketAddr::new(first, port);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::of(Exit::Other, format!("cannot listen on {address} for the way back: {error}"))
            .advise("where `evergrant serve` listens there, open a link of its own (POST /v1/authorizations); else stop what does, or name another redirect URI of the client with --redirect-uri")
    })?;
    let bound = listener.local_addr().map_or(port, |address| address.port());
    let mut listeners = vec![listener];
    if let Some(second) = second {
        // A host without IPv6 does without.
        listeners.extend(TcpListener::bind(SocketAddr::new(second, bound)).await.ok());
    }
    Ok(listeners)
}
