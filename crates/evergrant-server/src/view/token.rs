//! An access token, as it is handed out: the one view that holds a secret.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use evergrant::{Keeper, Token, proto::name::Generation};
use serde::Serialize;

use super::{DiagnosisView, time};

#[derive(Serialize)]
pub(crate) struct TokenView<'a> {
    access_token: &'a str,
    token_type: &'a str,
    /// Absent if the provider did not say, or the token has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    scope: String,
    /// What a rejection names.
    generation: Generation,
    /// The token works, and its grant is in trouble.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<DiagnosisView<'a>>,
}

impl<'a> TokenView<'a> {
    /// A warning has the rates that are in memory: a token that is good is handed out without asking the store.
    pub(crate) fn new(token: &'a Token, keeper: &Keeper) -> Self {
        let now = keeper.clock().now().wall;
        let warning = |diagnosis| DiagnosisView::new(diagnosis, &keeper.known_remedy_rates());
        Self {
            access_token: token.expose(),
            token_type: token.token_type(),
            expires_at: token.expires_at().map(time),
            expires_in: token.expires_at().map(|end| end.since(now).as_secs()),
            scope: token.scope().joined_by(' '),
            generation: token.generation(),
            warning: token.warning().map(warning),
        }
    }
}

impl IntoResponse for TokenView<'_> {
    fn into_response(self) -> Response {
        // As long as it becomes: nothing is copied while it grows.
        let mut body = Vec::with_capacity(512 + self.access_token.len());
        serde_json::to_writer(&mut body, &self).expect("a view is plain data");
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // RFC 6749 5.1 asks the same of token endpoints.
        let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let no_cache = (header::PRAGMA, HeaderValue::from_static("no-cache"));
        ([json, no_store, no_cache], body).into_response()
    }
}
