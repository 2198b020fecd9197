//! The token response (RFC 6749 5.1), read so that no token is lost for the sake of an odd member.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    document::Document,
    json::{Json, Object},
    lifetime::{Lifetime, MAX_LIFETIME, StatedSeconds, stated_point, stated_seconds},
};
use crate::{
    provider::Dialect,
    scope::ScopeSet,
    secret::{AccessToken, IdToken, RefreshToken},
};

/// Tokens, complete enough to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: AccessToken,
    /// How to present it.
    pub token_type: TokenType,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// A new refresh token. On a refresh, `None` means that the old one stays (RFC 6749 6).
    pub refresh_token: Option<RefreshToken>,
    /// What was granted. `None` means what was asked for (RFC 6749 5.1).
    pub scopes: Option<ScopeSet>,
    /// OpenID Connect.
    pub id_token: Option<IdToken>,
    /// How long the refresh token lives if it is not used (requirement 13).
    pub refresh_token_lifetime: Lifetime,
    /// How long the whole authorization lives, however often it is used.
    pub authorization_lifetime: Lifetime,
    /// What was not as RFC 6749 5.1 says, for the journal.
    pub oddities: Vec<Oddity>,
}

/// Tokens of an answer that cannot count as a whole success: kept, never thrown away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialTokens {
    /// The access token, if it was readable.
    pub access_token: Option<AccessToken>,
    /// The refresh token, if it was readable: it may be the only copy of the grant.
    pub refresh_token: Option<RefreshToken>,
    /// What was wrong.
    pub oddities: Vec<Oddity>,
}

/// Why an answer is no whole success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTokens {
    /// Neither JSON nor a form.
    Unreadable,
    /// Readable, and without tokens.
    Absent,
    /// Some of it.
    Partial(PartialTokens),
}

/// How an access token is presented (RFC 6749 7.1); compared without regard to case (5.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
    /// RFC 9449.
    Dpop,
    /// Anything else. Slack says `bot` and `user` for what is presented as Bearer.
    Other(String),
}

/// Something that was not as the standard says, and did no harm.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// The body began with a byte order mark (RFC 8259 8.1 forbids it).
    ByteOrderMark,
    /// Bytes that are no UTF-8 were replaced.
    NotUtf8,
    /// Something followed the JSON object.
    TrailingData,
    /// The JSON object was cut off or broken.
    Truncated,
    /// A form instead of JSON.
    FormEncoded,
    /// A member appeared twice; the last one counts.
    RepeatedMember(String),
    /// A member was of a type that cannot be used, and counts as absent.
    UnusableMember(String),
    /// A lifetime of zero or less.
    ZeroLifetime(String),
    /// A lifetime beyond belief was cut.
    CappedLifetime(String),
    /// `token_type` is required (RFC 6749 5.1) and was missing: taken as Bearer.
    TokenTypeMissing,
    /// The tokens stood in an inner object.
    Nested,
}

impl TokenType {
    fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "bearer" => Self::Bearer,
            "dpop" => Self::Dpop,
            _ => Self::Other(super::document::short(text)),
        }
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
            Self::Other(text) => text,
        })
    }
}

impl TokenResponse {
    /// Reads the tokens of an answer, whatever its content type says. Only a whole answer is a success: one that
    /// was cut off before its refresh token would make us keep a spent one.
    pub fn read(body: &[u8], dialect: &Dialect) -> Result<Self, NoTokens> {
        let document = Document::read(body).ok_or(NoTokens::Unreadable)?;
        let mut members = Members::of(&document, dialect);
        let access_token = members.secret("access_token", AccessToken::new);
        let refresh_token = members.secret("refresh_token", RefreshToken::new);
        match access_token {
            Some(access_token) if !document.truncated || refresh_token.is_some() => {
                Ok(members.into_response(access_token, refresh_token, dialect))
            }
            None if refresh_token.is_none() => Err(NoTokens::Absent),
            access_token => Err(NoTokens::Partial(PartialTokens {
                access_token,
                refresh_token,
                oddities: members.oddities,
            })),
        }
    }
}

/// The members that hold the tokens, and what was odd about them.
struct Members<'a> {
    object: &'a Object,
    /// The provider's own names, by ours.
    names: &'a BTreeMap<String, String>,
    oddities: Vec<Oddity>,
}

impl<'a> Members<'a> {
    /// The top of the body, or, if there is no access token, the object where this provider puts them.
    fn of(document: &'a Document, dialect: &'a Dialect) -> Self {
        let mut oddities = document.oddities.clone();
        let (top, names) = (&document.object, &dialect.response_names);
        let nested = || dialect.token_path.as_deref().and_then(|path| top.at_path(path));
        let object = match value(top, names, "access_token") {
            None => nested().inspect(|_| oddities.push(Oddity::Nested)).unwrap_or(top),
            Some(_) => top,
        };
        Self { object, names, oddities }
    }

    fn into_response(
        mut self,
        access_token: AccessToken,
        refresh_token: Option<RefreshToken>,
        dialect: &Dialect,
    ) -> TokenResponse {
        let lifetime = self.access_token_lifetime(dialect);
        let announced = self.refresh_token_lifetime();
        // What renews itself is its own refresh token, and ends as it does.
        let renewed = (dialect.access_token_renews_itself() && refresh_token.is_none())
            .then(|| RefreshToken::new(access_token.expose()).ok())
            .flatten();
        TokenResponse {
            access_token,
            token_type: self.token_type(),
            lifetime,
            refresh_token_lifetime: if renewed.is_some() { lifetime } else { announced },
            refresh_token: refresh_token.or(renewed),
            scopes: self.scopes(dialect.granted_scope_separator.unwrap_or(dialect.scope_separator)),
            id_token: self.secret("id_token", IdToken::new),
            authorization_lifetime: self
                .first_lifetime(&["authorization_expires_in", "x_refresh_token_hard_expires_in"]),
            oddities: self.oddities,
        }
    }

    /// A secret; empty or `null` is absent, anything unusable is absent and noted.
    fn secret<T, E>(&mut self, name: &str, parse: impl Fn(String) -> Result<T, E>) -> Option<T> {
        match self.value(name)? {
            Json::Text(text) if text.is_empty() => None,
            Json::Text(text) => parse(text.to_string()).map_err(|_| self.unusable(name)).ok(),
            _ => {
                self.unusable(name);
                None
            }
        }
    }

    fn token_type(&mut self) -> TokenType {
        match self.value("token_type").and_then(Json::as_text) {
            Some(text) if !text.is_empty() => TokenType::parse(text),
            _ => {
                self.oddities.push(Oddity::TokenTypeMissing);
                TokenType::Bearer
            }
        }
    }

    /// `expires_in`, else `expires_at` (Square, Strava), else `expires_on` (Entra v1), else `expires` (old Meta).
    fn access_token_lifetime(&mut self, dialect: &Dialect) -> Lifetime {
        if let Some(lifetime) = self.seconds("expires_in", dialect.zero_lifetime_is_endless) {
            return lifetime;
        }
        let point = ["expires_at", "expires_on"].iter().find_map(|name| self.point(name));
        let stated = point.or_else(|| self.seconds("expires", false));
        let silent = !["expires_in", "expires_at", "expires_on", "expires"].iter().any(|name| self.has(name));
        match stated {
            Some(lifetime) => lifetime,
            None if silent && dialect.absent_lifetime_is_endless => Lifetime::Never,
            None => Lifetime::Unknown,
        }
    }

    /// A refresh token that lives zero seconds makes no sense; Keycloak says so of offline tokens and means
    /// that there is no end.
    fn refresh_token_lifetime(&mut self) -> Lifetime {
        const NAMES: [&str; 4] = [
            "refresh_token_timeout",
            "refresh_token_expires_in",
            "refresh_expires_in",
            "x_refresh_token_expires_in",
        ];
        let seconds = NAMES.iter().find_map(|name| self.seconds(name, true));
        seconds.or_else(|| self.point("refresh_token_expires_at")).unwrap_or(Lifetime::Unknown)
    }

    fn first_lifetime(&mut self, names: &[&str]) -> Lifetime {
        names.iter().find_map(|name| self.seconds(name, false)).unwrap_or(Lifetime::Unknown)
    }

    /// A member in seconds; `None` if it says nothing usable.
    fn seconds(&mut self, name: &str, zero_is_endless: bool) -> Option<Lifetime> {
        match stated_seconds(self.value(name)?) {
            StatedSeconds::For(duration) => Some(Lifetime::For(duration)),
            StatedSeconds::Capped => {
                self.oddities.push(Oddity::CappedLifetime(name.to_owned()));
                Some(Lifetime::For(MAX_LIFETIME))
            }
            StatedSeconds::Zero if zero_is_endless => Some(Lifetime::Never),
            StatedSeconds::Zero => {
                // As a lifetime it would cause a refresh at every call, and every answer would say zero again.
                self.oddities.push(Oddity::ZeroLifetime(name.to_owned()));
                None
            }
            StatedSeconds::Unusable => {
                self.unusable(name);
                None
            }
        }
    }

    fn point(&mut self, name: &str) -> Option<Lifetime> {
        let point = stated_point(self.value(name)?);
        if point.is_none() {
            self.unusable(name);
        }
        point.map(Lifetime::Until)
    }

    /// A text (RFC 6749 3.3), or an array of texts (Twitch).
    fn scopes(&mut self, separator: char) -> Option<ScopeSet> {
        let parsed = match self.value("scope")? {
            Json::Text(text) if text.is_empty() => return None,
            Json::Text(text) => ScopeSet::parse(text, separator).ok(),
            Json::Array(items) => {
                let texts: Option<Vec<&str>> = items.iter().map(Json::as_text).collect();
                texts.and_then(|texts| ScopeSet::parse(&texts.join(" "), separator).ok())
            }
            _ => None,
        };
        if parsed.is_none() {
            self.unusable("scope");
        }
        parsed
    }

    fn value(&self, name: &str) -> Option<&'a Json> {
        value(self.object, self.names, name)
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn unusable(&mut self, name: &str) {
        self.oddities.push(Oddity::UnusableMember(name.to_owned()));
    }
}

/// A member by our name, else by the provider's.
fn value<'a>(object: &'a Object, names: &BTreeMap<String, String>, name: &str) -> Option<&'a Json> {
    object.value(name).or_else(|| object.value(names.get(name)?))
}

#[cfg(test)]
mod tests;
