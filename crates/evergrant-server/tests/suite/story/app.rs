//! The caller's own web application, to which users return.

use axum::{Router, extract::RawQuery, response::Html, routing::get};
use tokio::sync::mpsc;
use url::form_urlencoded;

pub(crate) struct App {
    /// Whereto users are returned.
    pub(crate) return_url: String,
    visits: mpsc::UnboundedReceiver<String>,
}

/// What a returning browser brought along.
#[derive(Debug)]
pub(crate) struct Visit(Vec<(String, String)>);

impl App {
    pub(crate) async fn open() -> Self {
        let (sender, visits) = mpsc::unbounded_channel();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let return_url = format!("http://{}/back?tab=settings", listener.local_addr().unwrap());
        let back = async move |RawQuery(query): RawQuery| {
            // The test may have seen enough.
            let _ = sender.send(query.unwrap_or_default());
            Html(
                "<!doctype html><meta name=viewport content=width=device-width><title>Acme</title><h1>Back at Acme</h1>",
            )
        };
        let router = Router::new().route("/back", get(back));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { return_url, visits }
    }

    /// Waits for the next visit.
    pub(crate) async fn visit(&mut self) -> Visit {
        let query = self.visits.recv().await.unwrap();
        Visit(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }
}

impl Visit {
    pub(crate) fn told(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }
}
