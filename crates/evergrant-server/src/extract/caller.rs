//! Who asks.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use evergrant::proto::name::Namespace;

use crate::{
    access::Key,
    problem::{Problem, Reason},
};

/// A program that presented a good key. The authentication of `/v1` puts it into the request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// What it presented.
    pub(crate) key: Arc<Key>,
    /// What it sees, now.
    pub(crate) namespace: Namespace,
}

impl Caller {
    /// Refuses a caller whose key sees one namespace only.
    pub(crate) fn sees_all(&self) -> Result<(), Problem> {
        match &self.key.namespace {
            None => Ok(()),
            Some(namespace) => Err(Problem::new(
                Reason::InsufficientScope,
                format!("This key sees namespace {namespace} alone; this takes one that sees all of them."),
            )),
        }
    }
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
