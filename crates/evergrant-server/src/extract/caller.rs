//! Who asks.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use evergrant::proto::name::Namespace;

/// A program that presented a valid key. The authentication of `/v1` puts it into the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// What it sees.
    pub(crate) namespace: Namespace,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Self>()
            .cloned()
            .expect("every route that asks is behind the authentication"))
    }
}
