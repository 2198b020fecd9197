//! Access tokens as they are held.

use serde::{Deserialize, Serialize};

use crate::{name::Generation, scope::ScopeSet, secret::AccessToken, time::Timestamp};

/// What an access token is for. Tokens of different keys are refreshed one after another, since they share the
/// refresh token; callers of one key share one flight.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct AccessKey {
    /// The resource indicator (RFC 8707); `None` for the provider's default.
    pub resource: Option<String>,
    /// A scope narrower than the grant's; `None` for all of it.
    pub scope: Option<ScopeSet>,
}

/// When an access token ends. Unknown and never are different things: an unknown end still calls for a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// At this time: when the request was sent plus `expires_in`.
    At(Timestamp),
    /// The provider did not say.
    Unknown,
    /// The provider's documentation says that it does not end by itself.
    Never,
}

/// One access token and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    /// What it is for.
    pub key: AccessKey,
    /// The token.
    pub token: AccessToken,
    /// `token_type` of the response, `Bearer` if it was absent.
    pub token_type: String,
    /// The scope that the response granted; `None` if it did not say, which means the scope asked for (RFC 6749 5.1).
    pub scope: Option<ScopeSet>,
    /// When the request that brought it was sent.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expiry: Expiry,
    /// The generation that its arrival made.
    pub generation: Generation,
    /// A resource server answered 401 to it.
    pub rejected: bool,
    /// A draw made once for this token, so that a million tokens issued together do not come due together.
    pub jitter: u16,
}
