//! The HTTP server of Evergrant: access tokens for programs, links and pages for the people whose grants they are.
//!
//! ```no_run
//! use evergrant::{NewApiKey, store::access::KeyScope};
//! use evergrant_server::{ApiKey, Server, ServerConfig, listen};
//!
//! # async fn example(
//! #     keeper: evergrant::Keeper,
//! #     stop: tokio::sync::oneshot::Receiver<()>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let key = ApiKey::generate();
//! let name = "the first one".parse()?;
//! let new = NewApiKey { digest: key.digest(), name, namespace: None, scope: KeyScope::Admin, expires_at: None };
//! if keeper.add_first_api_key(new).await?.is_some() {
//!     println!("API key, shown this once: {}", key.expose());
//! }
//! let listener = listen("127.0.0.1:8780".parse()?).await?;
//! let config = ServerConfig::new("http://127.0.0.1:8780".parse()?);
//! // The driver of the keeper runs beside it, and is stopped after it: accepted requests need it.
//! let stop = async { stop.await.unwrap_or_default() };
//! Server::new(keeper, config).serve(listener, stop).await;
//! # Ok(()) }
//! ```
//!
//! One file is one endpoint: `routes`. What they share: `problem` (every refusal), `extract` (what comes in),
//! `view` (what goes out), `page` (what people see), `link` (how a grant is repaired). What goes outward by itself: `sse`
//! (events as they happen), `webhook` (messages about incidents).

mod access;
mod api_key;
mod app;
mod config;
mod connections;
mod extract;
mod hexadecimal;
mod idempotency;
pub mod import;
mod link;
mod listen;
mod metrics;
mod middleware;
mod openapi;
mod outlook;
mod page;
mod probe;
mod problem;
mod random;
mod routes;
mod server;
mod sse;
mod tls;
mod view;
mod webhook;
mod writable;

pub use access::RateLimit;
pub use api_key::{ApiKey, InvalidApiKey};
pub use config::ServerConfig;
pub use link::LinkKey;
pub use listen::{BindError, listen};
pub use probe::{Unready, probe};
pub use problem::{PROBLEM_JSON, Reason};
pub use routes::{ApiRoute, api_routes, open_routes};
pub use server::Server;
pub use tls::{Certificate, Reloaded, Tls, TlsError, TlsFiles};
pub use webhook::{
    InvalidWebhook, NewWebhook, OLD_SECRET_SIGNS_FOR, Tested, WebhookError, WebhookUpdate, Webhooks,
};
