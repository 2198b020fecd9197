//! Where refreshes depart from RFC 6749 6.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
}

impl RefreshDialect {
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
    /// Nothing (Instagram).
    Absent,
}
