//! HTTP as values: what reached the provider and what it answers.

use std::{fmt, net::IpAddr};

use serde::Serialize;

/// A request, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// The path, still percent-encoded, beginning with a slash.
    pub path: String,
    /// What follows the question mark, undecoded; empty if there was none.
    pub query: String,
    /// Header names in lower case; a repeated header appears repeatedly.
    pub headers: Vec<(String, String)>,
    /// The complete body.
    pub body: Vec<u8>,
    /// Where it came from, if it came over a connection.
    pub peer: Option<IpAddr>,
}

/// The methods the provider knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Pages, metadata, lists.
    Get,
    /// Everything that carries a credential.
    Post,
    /// Changes through the administration.
    Patch,
    /// Removals through the administration.
    Delete,
    /// Anything else: answered with 405.
    Other,
}

/// An answer, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code, 100 to 599.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The complete body; may hold tokens.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET of `target`, a path with an optional query.
    pub fn get(target: &str) -> Self {
        Self::new(Method::Get, target)
    }

    /// A POST of a form (`application/x-www-form-urlencoded`) to `target`.
    pub fn post_form(target: &str, fields: &[(&str, &str)]) -> Self {
        let body = super::parameters::encode(fields.iter().copied()).into_bytes();
        let request = Self { body, ..Self::new(Method::Post, target) };
        request.with_header("content-type", "application/x-www-form-urlencoded")
    }

    /// A request with a JSON body, as the administration takes them.
    pub fn json(method: Method, target: &str, body: &serde_json::Value) -> Self {
        let request = Self { body: body.to_string().into_bytes(), ..Self::new(method, target) };
        request.with_header("content-type", "application/json")
    }

    /// A request without body; `target` is a path with an optional query.
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (path.into(), query.into());
        Self { method, path, query, headers: Vec::new(), body: Vec::new(), peer: None }
    }

    /// This request with one more header; `name` in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// This request as it comes from an address.
    #[must_use]
    pub fn coming_from(self, peer: IpAddr) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl Response {
    /// An answer without body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A JSON answer that no cache may keep (RFC 6749 5.1).
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("the answers of this crate have text keys");
        Self { status, headers: Vec::new(), body }
            .with_header("content-type", "application/json")
            .with_header("cache-control", "no-store")
            .with_header("pragma", "no-cache")
    }

    /// A redirect of the browser: 303, so that a form's POST becomes a GET (RFC 9700 4.12).
    pub(crate) fn redirect(location: &str) -> Self {
        Self::empty(303)
            .with_header("location", location)
            .with_header("cache-control", "no-store")
            .with_header("referrer-policy", "no-referrer")
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON, if it is.
    pub fn to_json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
