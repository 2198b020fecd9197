//! The user's browser, and everybody else who talks HTTP in the story.

use std::time::Duration;

use evergrant::{
    clock::{Clock, SystemClock},
    http::{EgressConfig, HttpClient},
    proto::wire::http::{HttpRequest, HttpResponse, Method},
};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Real time that one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A flow that goes on after so many pages goes round in circles.
const MOST_REDIRECTS: usize = 8;

/// Sends requests over real connections, beside the keeper's own client.
#[derive(Debug, Clone)]
pub(super) struct Browser(HttpClient);

impl Browser {
    pub(super) fn new() -> Result<Self, Failure> {
        let egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
        Ok(Self(HttpClient::new(egress)?))
    }

    /// Opens a page and follows its redirects to the last one. Answers with how many there were.
    pub(super) async fn visit(&self, page: Url) -> Result<(HttpResponse, usize), Failure> {
        self.follow(request(Method::Get, page)).await
    }

    /// Presses the one button of a page.
    pub(super) async fn press(&self, page: Url) -> Result<HttpResponse, Failure> {
        self.send(request(Method::Post, page)).await
    }

    /// Calls an API with a bearer token.
    pub(super) async fn call(
        &self,
        url: Url,
        bearer: &str,
        body: Option<&Value>,
    ) -> Result<HttpResponse, Failure> {
        let method = if body.is_some() { Method::Post } else { Method::Get };
        let mut request = request(method, url);
        request.headers.push(("authorization".into(), Zeroizing::new(format!("Bearer {bearer}"))));
        if let Some(body) = body {
            request.headers.push(("content-type".into(), Zeroizing::new("application/json".to_owned())));
            request.body = Zeroizing::new(body.to_string().into_bytes());
        }
        self.send(request).await
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let not_after = SystemClock.moment().plus(PATIENCE);
        let answer = self.0.send(request, not_after, PATIENCE, &SystemClock).await;
        answer.map_err(|failure| Failure::new("a request of the demonstration got no answer", failure.detail))
    }

    async fn follow(&self, mut request: HttpRequest) -> Result<(HttpResponse, usize), Failure> {
        for redirects in 0..MOST_REDIRECTS {
            let from = request.url.clone();
            let response = self.send(request).await?;
            match redirect(&response, &from) {
                Some(next) => request = self::request(Method::Get, next),
                None => return Ok((response, redirects)),
            }
        }
        Err(Failure::new("a request of the demonstration got no answer", "too many redirects"))
    }
}

/// Where an answer leads, if it leads elsewhere.
pub(super) fn redirect(response: &HttpResponse, from: &Url) -> Option<Url> {
    let redirects = (300..400).contains(&response.status);
    response.header("location").filter(|_| redirects).and_then(|location| from.join(location).ok())
}

fn request(method: Method, url: Url) -> HttpRequest {
    HttpRequest { method, url, headers: Vec::new(), body: Zeroizing::default() }
}
