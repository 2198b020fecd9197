//! The client against raw sockets on loopback: what a peer does is written out byte by byte.

mod exchange;
mod guard;
mod peer;
mod proxy;
mod reuse;
mod secure;

use std::time::Duration;

use evergrant_proto::{
    time::Timestamp,
    wire::http::{
        HttpRequest, HttpResponse, Method, RequestSent, TransportFailure, TransportFailureKind as Kind,
    },
};
use url::Url;
use zeroize::Zeroizing;

use super::{EgressConfig, HttpClient};
use crate::clock::{Clock, ManualClock};

/// What every request of these tests carries and no failure may show.
const CANARY: &str = "rt-canary-4711";

/// The only secret a request holds here, in every place where one can be.
fn token_request(url: &str) -> HttpRequest {
    let mut url = Url::parse(url).unwrap();
    url.set_query(Some(CANARY));
    HttpRequest {
        method: Method::Post,
        url,
        headers: vec![("authorization".into(), Zeroizing::new(format!("Basic {CANARY}")))],
        body: Zeroizing::new(format!("refresh_token={CANARY}").into_bytes()),
    }
}

/// Sends a token request with time to spare.
async fn send(client: &HttpClient, url: impl AsRef<str>) -> Result<HttpResponse, TransportFailure> {
    let clock = ManualClock::starting_at(Timestamp::from_seconds(1_800_000_000));
    let answer =
        client.send(token_request(url.as_ref()), clock.moment(), Duration::from_secs(30), &clock).await;
    if let Err(failure) = &answer {
        assert!(!failure.detail.contains(CANARY), "a secret in {failure:?}");
    }
    answer
}

/// A client that may speak to loopback.
fn local_client() -> HttpClient {
    HttpClient::new(local_config()).unwrap()
}

fn local_config() -> EgressConfig {
    EgressConfig { allow_loopback_http: true, max_body_bytes: 1000, ..EgressConfig::default() }
}

#[track_caller]
fn assert_failed(answer: Result<HttpResponse, TransportFailure>, kind: Kind, request_sent: RequestSent) {
    let failure = answer.expect_err("the exchange must fail");
    assert_eq!((failure.kind, failure.request_sent), (kind, request_sent), "{}", failure.detail);
}
