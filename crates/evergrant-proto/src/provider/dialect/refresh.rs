//! Where refreshes depart from RFC 6749 6.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::provider::seconds;

/// How a provider wants to be asked for another access token. The default is RFC 6749 6.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefreshDialect {
    /// How it is sent; `None`: as every token request of this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<TokenMethod>,
    /// The value of `grant_type`; `None`: `refresh_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// What is presented.
    pub presents: RenewedBy,
    /// What the request says of the client.
    pub client: ClientInRefresh,
    /// The provider's names of parameters that RFC 6749 names otherwise, in refreshes alone:
    /// `refresh_token = "fb_exchange_token"` (Meta).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// What is asked instead while the access token is one that lives shortly, as a code brings it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_lived: Option<Box<ShortLived>>,
}

/// How an access token of a short life is exchanged for one of a long life, where that is another request than the
/// refresh of the long one (Instagram). Only with [`RenewedBy::AccessToken`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortLived {
    /// A life shorter than this, from issue to expiry, is a short one; in whole seconds.
    #[serde(with = "seconds::whole")]
    pub below: Duration,
    /// Where it is asked for.
    pub url: Url,
    /// How it is sent.
    #[serde(default)]
    pub method: TokenMethod,
    /// The value of `grant_type`.
    pub grant_type: String,
    /// What the request says of the client.
    #[serde(default)]
    pub client: ClientInRefresh,
    /// The provider's names of parameters, as in [`RefreshDialect::names`].
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

impl RefreshDialect {
    /// What is asked instead of a refresh, for an access token of this life. `None`: a refresh; also if nobody knows how
    /// long the token lives, as of one that was imported.
    pub fn instead(&self, lifetime: Option<Duration>) -> Option<&ShortLived> {
        self.short_lived.as_deref().filter(|short| lifetime.is_some_and(|lifetime| lifetime < short.below))
    }

    /// Whether it is RFC 6749 6.
    pub fn is_standard(&self) -> bool {
        *self == Self::default()
    }
}

/// How a token request is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenMethod {
    /// Parameters in the body (RFC 6749 3.2).
    #[default]
    Post,
    /// Parameters in the query, credentials among them: servers and proxies on the way may write them down. Only for
    /// those who take nothing else.
    Get,
}

/// What is presented for another access token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewedBy {
    /// The refresh token.
    #[default]
    RefreshToken,
    /// The access token itself, while it lives: there is no other (Meta). It is kept in the refresh token's place, and ends
    /// when it expires.
    AccessToken,
}

/// What a refresh says of the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientInRefresh {
    /// Who it is, with its credentials (RFC 6749 6).
    #[default]
    Authenticated,
    /// Who it is, and no secret (`WeChat`).
    Named,
    /// Its secret, and not who it is (Instagram's first exchange).
    Secret,
    /// Nothing (Instagram).
    Absent,
}
