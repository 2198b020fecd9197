//! HTTP as values: what a flow wants sent, and what came back.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

/// A request to a provider, complete: whoever carries it out adds nothing, follows no redirect and repeats nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Where to send it. Its query may hold secrets, where a provider takes them nowhere else: `Debug` leaves it out, and
    /// nobody shows more of it than scheme, host and path.
    pub url: Url,
    /// Header names in lower case, with their values. Values may be secret (`authorization`).
    pub headers: Vec<(Cow<'static, str>, Zeroizing<String>)>,
    /// The body as it goes out; empty for GET. Holds secrets.
    pub body: Zeroizing<Vec<u8>>,
}

/// The methods that authorization servers and the APIs behind them use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Metadata, userinfo, resources; token requests of providers that want them so.
    Get,
    /// Everything else that carries a credential to an authorization server.
    Post,
    /// Of resource servers only, as those below.
    Head,
    /// RFC 9110 9.3.4.
    Put,
    /// RFC 5789.
    Patch,
    /// RFC 9110 9.3.5.
    Delete,
}

/// An answer of a provider, whole: headers and the complete body, at most as long as the carrier's cap.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code, 100 to 599.
    pub status: u16,
    /// Header names in lower case; a repeated header appears repeatedly.
    pub headers: Vec<(String, String)>,
    /// The body; may hold tokens.
    pub body: Zeroizing<Vec<u8>>,
}

impl HttpResponse {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url.as_str().split('?').next())
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What the carrier reports when no whole answer came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportFailure {
    /// What went wrong.
    pub kind: TransportFailureKind,
    /// Whether a byte of the request may have reached the provider.
    pub request_sent: RequestSent,
    /// One line for people, without secrets.
    pub detail: String,
}

/// Whether the provider may have seen the request. The difference decides whether a refresh token is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestSent {
    /// Provably not: no request byte was written, or the protocol says so (HTTP/2 REFUSED_STREAM).
    No,
    /// It cannot be ruled out.
    Maybe,
}

/// Where an exchange broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransportFailureKind {
    /// The guard against private addresses and plain HTTP refused the destination.
    Forbidden,
    /// `not_after` had passed before the first byte.
    TooLate,
    /// The name did not resolve.
    Dns,
    /// No connection.
    Connect,
    /// The TLS handshake failed: certificate, protocol, or a middlebox.
    Tls,
    /// The deadline passed after sending.
    Timeout,
    /// The connection broke after sending, also in the middle of the answer.
    Reset,
    /// The answer was larger than the cap.
    TooLarge,
    /// The answer was not HTTP.
    Protocol,
}
