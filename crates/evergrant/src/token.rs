//! Access tokens as they are handed out, and why there may be none.

use std::{fmt, sync::Arc};

use evergrant_proto::{
    diagnosis::Diagnosis,
    engine::{Issue, Refusal},
    grant::Expiry,
    name::{Generation, GrantId},
    scope::ScopeSet,
    time::Timestamp,
};
use zeroize::Zeroizing;

/// An access token that works, as far as anybody knows. Cheap to clone; the secret is shown by [`Token::expose`] only.
#[derive(Clone)]
pub struct Token(Arc<Issue>);

impl Token {
    pub(crate) fn new(issue: Arc<Issue>) -> Self {
        Self(issue)
    }

    /// The access token itself.
    pub fn expose(&self) -> &str {
        self.0.access.token.expose()
    }

    /// `Bearer`, `DPoP`, or what the provider said.
    pub fn token_type(&self) -> &str {
        &self.0.access.token_type
    }

    /// The value of an `authorization` header. A provider's odd token type (`bot`) is presented as Bearer.
    pub fn authorization_header(&self) -> Zeroizing<String> {
        let scheme = if self.token_type().eq_ignore_ascii_case("dpop") { "DPoP" } else { "Bearer" };
        Zeroizing::new(format!("{scheme} {}", self.expose()))
    }

    /// When it ends, by our wall clock; `None` if the provider did not say, or it has no end.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.0.access.expiry {
            Expiry::At(end) => Some(end),
            Expiry::Unknown | Expiry::Never => None,
        }
    }

    /// The scope it carries.
    pub fn scope(&self) -> &ScopeSet {
        &self.0.scope
    }

    /// The grant it belongs to.
    pub fn grant(&self) -> GrantId {
        self.0.grant
    }

    /// What to name when a resource server rejects it.
    pub fn generation(&self) -> Generation {
        self.0.generation
    }

    /// The token works, but its grant is in trouble: it may be the last one.
    pub fn warning(&self) -> Option<&Diagnosis> {
        self.0.warning.as_deref()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Token")
            .field("grant", &self.grant())
            .field("generation", &self.generation())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

/// Why there is no access token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// The engine has an answer, and it is no token.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The [`Driver`](crate::Driver) has ended or was never run.
    #[error("the driver of this keeper is not running")]
    NotRunning,
}
