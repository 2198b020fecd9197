//! Calling an API with a grant's access token.

use std::{borrow::Cow, time::Duration};

use evergrant_proto::{
    grant::AccessKey,
    name::GrantId,
    wire::http::{HttpRequest, HttpResponse, Method, TransportFailure},
};
use url::Url;
use zeroize::Zeroizing;

use crate::{Keeper, Rejection, Token, TokenError};

/// Longest exchange with a resource server.
const EXCHANGE: Duration = Duration::from_secs(60);

/// A request to a resource server; the access token is added when it is sent.
#[derive(Debug, Clone)]
pub struct ResourceRequest {
    /// The method.
    pub method: Method,
    /// Where to; the same guard as for providers applies.
    pub url: Url,
    /// Headers, names in lower case. `authorization` is ours.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What the access token is for.
    pub key: AccessKey,
}

impl ResourceRequest {
    /// A GET.
    pub fn get(url: Url) -> Self {
        Self { method: Method::Get, url, headers: Vec::new(), body: Vec::new(), key: AccessKey::default() }
    }
}

/// Why a request to a resource server brought no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SendError {
    /// There is no access token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The resource server gave no whole answer.
    #[error("{}", .0.detail)]
    Transport(TransportFailure),
}

impl Keeper {
    /// Sends a request with an access token of the grant. A 401 that is about the token is reported, the token
    /// refreshed and the request sent once more; whatever comes then is the answer. Follows no redirect: the token
    /// goes to the named host only.
    ///
    /// # Errors
    ///
    /// No access token, or no answer.
    pub async fn send(&self, grant: GrantId, request: ResourceRequest) -> Result<HttpResponse, SendError> {
        let token = self.token_for(grant, request.key.clone(), Duration::ZERO).await?;
        let response = self.send_with(&token, &request).await?;
        let challenge = response.header("www-authenticate").map(str::to_owned);
        let rejection = Rejection { status: response.status, www_authenticate: challenge };
        if !rejection.is_about_the_token() {
            return Ok(response);
        }
        match self.reject(grant, request.key.clone(), token.generation(), &rejection).await {
            Ok(newer) => self.send_with(&newer, &request).await,
            // The grant is in trouble: the caller learns why there is no better token than the rejected one.
            Err(error) => Err(error.into()),
        }
    }

    async fn send_with(&self, token: &Token, request: &ResourceRequest) -> Result<HttpResponse, SendError> {
        let mut headers: Vec<(Cow<'static, str>, Zeroizing<String>)> = request
            .headers
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"))
            .map(|(name, value)| (Cow::Owned(name.to_ascii_lowercase()), Zeroizing::new(value.clone())))
            .collect();
        headers.push(("authorization".into(), token.authorization_header()));
        let http = HttpRequest {
            method: request.method,
            url: request.url.clone(),
            headers,
            body: Zeroizing::new(request.body.clone()),
        };
        let not_after = self.clock().moment().plus(EXCHANGE);
        self.shared.carrier.send(http, not_after, EXCHANGE).await.map_err(SendError::Transport)
    }
}
