//! The one HTTP client of Evergrant, with its guard.
//!
//! Everything that leaves the process leaves here: token requests, discovery, JWKS, webhooks. The guard:
//!
//! * HTTPS only. Plain HTTP goes to loopback, and only if [`EgressConfig::allow_loopback_http`] says so.
//! * A name is resolved once, every address is vetted, and the connection goes to a vetted address: no second
//!   look-up that could answer differently. Addresses outside of the public internet are refused unless
//!   [`EgressConfig::allow_networks`] lists them.
//! * No redirect is followed, no request is repeated, no 0-RTT data is sent.
//! * Answers are bounded: 64 KiB and 128 headers of head, [`EgressConfig::max_body_bytes`] of body, one deadline
//!   for the whole exchange.
//! * No environment variable is read.
//!
//! And an exact answer to one question: when an exchange breaks, had a byte of the request been written? It decides
//! whether a refresh token is in doubt. The client counts the bytes that the kernel accepted below TLS, and drives
//! each connection only inside the exchange, so that nothing is written after the report. `request_sent: No`
//! therefore means: provably nothing.
//!
//! HTTP/1.1 only, over a small pool of connections that are kept for at most a second. Token endpoints see few
//! requests; HTTP/2 would add its REFUSED_STREAM as a further provable "no" and little else.
//!
//! Bodies and header values of requests and bodies of answers are wiped when dropped. The buffers of the HTTP and
//! TLS libraries in between are not: that is what core-dump and swap settings are for.

mod address;
mod config;
mod connect;
mod connection;
mod destination;
mod failure;
mod pool;
mod prepare;
mod proxy;
mod receive;
mod resolve;
mod tls;
mod wire;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use evergrant_proto::{
    time::Moment,
    wire::http::{HttpRequest, HttpResponse, RequestSent, TransportFailure, TransportFailureKind},
};
use hyper::header::HeaderValue;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::clock::Clock;

use self::{
    address::AddressPolicy,
    connect::Connector,
    connection::Terms,
    destination::Destination,
    failure::unsent,
    pool::Pool,
    prepare::prepare,
    resolve::{Resolver, SystemResolver},
};

pub use config::{EgressConfig, EgressError, EgressProxy};

/// Sends requests to providers. Clones are cheap and share the idle connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    connector: Connector,
    pool: Pool,
    user_agent: HeaderValue,
    max_body_bytes: usize,
}

impl HttpClient {
    /// A client for `config`. Nothing is contacted yet.
    ///
    /// # Errors
    ///
    /// The configuration is unusable: the CA bundle or the user agent.
    pub fn new(config: EgressConfig) -> Result<Self, EgressError> {
        Self::with_resolver(config, Arc::new(SystemResolver))
    }

    fn with_resolver(config: EgressConfig, resolver: Arc<dyn Resolver>) -> Result<Self, EgressError> {
        let user_agent = HeaderValue::try_from(config.user_agent).map_err(|_| EgressError::UserAgent)?;
        let tls = TlsConnector::from(Arc::new(tls::client_config(config.ca_bundle.as_deref())?));
        let connector = Connector {
            policy: AddressPolicy { allow_networks: config.allow_networks },
            allow_loopback: config.allow_loopback_http,
            proxy: config.proxy,
            resolver,
            tls,
            timeout: config.connect_timeout,
        };
        let max_body_bytes = config.max_body_bytes;
        Ok(Self { shared: Arc::new(Shared { connector, pool: Pool::default(), user_agent, max_body_bytes }) })
    }

    /// Sends `request` once and returns its whole answer, whatever its status.
    ///
    /// `not_after` is compared with `clock` right before the first byte is written; later, nothing is sent.
    /// `deadline` bounds the exchange from the first look-up to the last byte, in real time. Dropping the future
    /// closes the connection; whether the request was sent is then not known.
    ///
    /// # Errors
    ///
    /// No whole answer. [`TransportFailure::request_sent`] says whether the provider may have seen the request,
    /// [`TransportFailure::detail`] holds neither path nor query, header or body:
    ///
    /// | what happened | kind | sent |
    /// |---|---|---|
    /// | the guard refused the URL, an address or a header | `Forbidden` | no |
    /// | `not_after` had passed | `TooLate` | no |
    /// | no address for the name | `Dns` | no |
    /// | no connection, no tunnel, closed before the first byte | `Connect` | no |
    /// | TLS handshake failed or took too long | `Tls` | no |
    /// | the deadline passed during the exchange | `Timeout` | maybe (no, if nothing was written) |
    /// | the connection broke before the end of the answer | `Reset` | maybe |
    /// | TLS broke the same way, or the server refused us after its handshake | `Tls` | maybe |
    /// | body larger than the cap | `TooLarge` | maybe |
    /// | the answer is not HTTP/1.1, or its head is larger than the cap | `Protocol` | maybe |
    pub async fn send(
        &self,
        request: HttpRequest,
        not_after: Moment,
        deadline: Duration,
        clock: &dyn Clock,
    ) -> Result<HttpResponse, TransportFailure> {
        let Shared { connector, pool, user_agent, max_body_bytes } = &*self.shared;
        let deadline = after(deadline);
        let terms = Terms { not_after, clock, deadline, max_body_bytes: *max_body_bytes };
        let destination = Destination::of(&request.url, connector.allow_loopback)?;
        let request = prepare(request, &destination, user_agent)?;
        if terms.have_lapsed() {
            let detail = format!("{destination}: the time to send the request had passed");
            return Err(unsent(TransportFailureKind::TooLate, detail));
        }
        while let Some(connection) = pool.take(&destination, Instant::now()) {
            match connection.exchange(request.clone(), &terms).await {
                Err(failure) if is_stale(&failure) => {}
                outcome => return self.conclude(destination, outcome),
            }
        }
        let connection = connector.connect(&destination, deadline).await?;
        self.conclude(destination, connection.exchange(request, &terms).await)
    }

    /// Closes the connections that have been idle for too long. They are also closed by the next request; a process
    /// that sends rarely may call this from its timer.
    pub fn close_idle(&self) {
        self.shared.pool.prune(Instant::now());
    }

    fn conclude(
        &self,
        destination: Destination,
        outcome: Result<(HttpResponse, Option<connection::Connection>), TransportFailure>,
    ) -> Result<HttpResponse, TransportFailure> {
        let (response, reusable) = outcome?;
        if let Some(connection) = reusable {
            self.shared.pool.put(destination, connection, Instant::now());
        }
        Ok(response)
    }
}

/// The end of a duration that starts now. One that no clock can hold is as good as a year.
fn after(duration: Duration) -> Instant {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    Instant::now() + duration.min(YEAR)
}

/// Whether a pooled connection turned out to be closed before it took anything: then, and only then, a fresh one
/// may carry the same request, for it was provably not sent.
fn is_stale(failure: &TransportFailure) -> bool {
    failure.kind == TransportFailureKind::Connect && failure.request_sent == RequestSent::No
}
