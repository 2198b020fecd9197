//! The refresh token and what came with it.

use super::access::AccessEntry;
use crate::{
    name::{AttemptId, Generation},
    scope::ScopeSet,
    secret::RefreshToken,
    time::Timestamp,
};

/// A refresh token of one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The token.
    pub refresh_token: RefreshToken,
    /// The generation it was installed as.
    pub generation: Generation,
    /// When this value was first received.
    pub obtained_at: Timestamp,
    /// When the provider said that it ends (`refresh_token_expires_in` and its relatives); `None` if it did not say.
    pub expires_at: Option<Timestamp>,
    /// When the provider said that the whole authorization ends (`authorization_expires_in`).
    pub authorization_expires_at: Option<Timestamp>,
}

/// A credential that a late success brought after its generation had been moved by another refresh. It may be the
/// only live one: it is tried before the grant is declared dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spare {
    /// The attempt that brought it.
    pub attempt: AttemptId,
    /// The refresh token.
    pub credential: Credential,
}

/// What a successful token response brought, ready to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTokens {
    /// The access token; `None` if the response held only a usable refresh token, which is kept all the same.
    pub access: Option<AccessEntry>,
    /// The new refresh token; `None` keeps the old one on a refresh (RFC 6749 6).
    pub refresh_token: Option<RefreshToken>,
    /// When the provider said that the refresh token ends.
    pub refresh_expires_at: Option<Timestamp>,
    /// When the provider said that the whole authorization ends.
    pub authorization_expires_at: Option<Timestamp>,
    /// The granted scope; `None` means as asked.
    pub scope: Option<ScopeSet>,
    /// When the request was sent.
    pub sent_at: Timestamp,
}
