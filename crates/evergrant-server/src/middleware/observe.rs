//! Every request gets an id, a line in the log and a place in the counters.
//!
//! The line has the pattern of the route, never the path or the query: those hold links and codes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use tokio::time::Instant;

use crate::{
    app::App,
    problem::{Reason, StoreTrouble},
    random,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is kept of a request until it is answered.
#[derive(Debug)]
pub(super) struct Seen {
    id: HeaderValue,
    method: Method,
    begun: Instant,
}

pub(crate) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let seen = Seen::of(&app, &request);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    seen.answered(&app, route.as_ref().map_or("unmatched", MatchedPath::as_str), &mut response);
    response
}

impl Seen {
    pub(super) fn of<B>(app: &App, request: &axum::http::Request<B>) -> Self {
        let id = app.request_ids.id(request.headers());
        Self { id, method: request.method().clone(), begun: Instant::now() }
    }

    /// Counts the answer, notes it in the log, and gives it the id. `route` is the pattern of the route.
    pub(super) fn answered(self, app: &App, route: &str, response: &mut Response) {
        let Self { id, method, begun } = self;
        let status = response.status();
        let reason = response.extensions().get::<Reason>().copied();
        if let Some(StoreTrouble(detail)) = response.extensions_mut().remove() {
            app.writable.met_trouble(&detail);
        }
        let took = begun.elapsed();
        app.metrics.count(route, &method, status, reason, took);
        tracing::info!(
            target: "evergrant::http",
            request = id.to_str().unwrap_or_default(),
            %method,
            route,
            status = status.as_u16(),
            reason = reason.map(Reason::as_str),
            milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response.headers_mut().insert(REQUEST_ID, id);
    }
}

/// Ids of requests. They begin anywhere and go on in strides that are drawn, too, so that those of two processes do not
/// meet; drawing each would cost more than anything else that is done for a request.
#[derive(Debug)]
pub(crate) struct RequestIds {
    first: u128,
    stride: u128,
    given: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        let drawn = || u128::from_be_bytes(random::bytes());
        // With an odd stride none comes twice.
        Self { first: drawn(), stride: drawn() | 1, given: AtomicU64::new(0) }
    }
}

impl RequestIds {
    /// The caller's own id if it is a plain one, else a new one.
    fn id(&self, headers: &HeaderMap) -> HeaderValue {
        let plain = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            (1..=64).contains(&bytes.len()) && bytes.iter().all(letter)
        };
        headers.get(REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| self.next())
    }

    fn next(&self) -> HeaderValue {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let id = self.first.wrapping_add(self.stride.wrapping_mul(number.into()));
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(id.to_be_bytes()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        HeaderValue::from_bytes(&digits).expect("hexadecimal digits")
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_callers_id_is_kept_if_it_is_plain() {
        let ids = RequestIds::default();
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            ids.id(&headers)
        };
        assert_eq!(with("trace-1.2_3"), "trace-1.2_3");
        for odd in ["", "a b", "\"x\"", &"a".repeat(65)] {
            assert_eq!(with(odd).len(), 32, "{odd}");
        }
    }

    #[test]
    fn no_id_is_given_twice_and_another_process_gives_other_ones() {
        let none = HeaderMap::new();
        let (here, there) = (RequestIds::default(), RequestIds::default());
        let given: BTreeSet<_> = [&here, &there, &here, &there, &here]
            .map(|ids| ids.id(&none).to_str().unwrap().to_owned())
            .into_iter()
            .collect();
        assert_eq!(given.len(), 5, "{given:?}");
        let hexadecimal = |letter: char| letter.is_ascii_digit() || ('a'..='f').contains(&letter);
        assert!(given.iter().all(|id| id.len() == 32 && id.chars().all(hexadecimal)), "{given:?}");
    }

    #[test]
    fn an_id_is_a_number_in_hexadecimal_digits() {
        let ids = RequestIds { first: 0x0123_4567_89ab_cdef, stride: 1, given: AtomicU64::new(1) };
        assert_eq!(ids.id(&HeaderMap::new()), "00000000000000000123456789abcdf0");
    }
}
