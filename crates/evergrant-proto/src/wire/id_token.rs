//! Claims of an ID token that came directly from the token endpoint.
//!
//! OpenID Connect Core 3.1.3.7 point 6 lets TLS stand in for the signature in that case, and in that case only:
//! the authority is the connection, never the token. Nothing here may be used for one that came another way.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{
    document::Document,
    json::{Json, Object},
    lifetime::stated_point,
};
use crate::{secret::IdToken, time::Timestamp};

/// Longest claim that is kept, in characters; OpenID Connect Core 2 bounds `sub` by 255.
const MAX_CLAIM: usize = 2048;

/// Claims (OpenID Connect Core 2).
#[derive(Clone, PartialEq, Eq)]
pub struct IdTokenClaims {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// `aud`
    pub audience: Vec<String>,
    /// `azp`
    pub authorized_party: Option<String>,
    /// `exp`
    pub expires_at: Timestamp,
    /// `nonce`
    pub nonce: Option<String>,
    /// `auth_time`
    pub authenticated_at: Option<Timestamp>,
    /// `tid`: the tenant at Entra.
    pub tenant: Option<String>,
}

/// What the claims must be.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'a> {
    /// The issuer that was asked; `None` if the provider has no single one (Entra's `common`).
    pub issuer: Option<&'a str>,
    /// Our `client_id`.
    pub client_id: &'a str,
    /// The nonce of the authorization request; not checked after a refresh (Core 12.2).
    pub nonce: Option<&'a str>,
    /// Our wall clock.
    pub now: Timestamp,
}

/// Why an ID token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdToken {
    /// Not three parts of base64url with a JSON object in the middle.
    #[error("the ID token is not readable")]
    Unreadable,
    /// A required claim is missing.
    #[error("the ID token has no claim {0}")]
    Missing(&'static str),
    /// Of another issuer (Core 3.1.3.7 point 2).
    #[error("the ID token is of another issuer")]
    Issuer,
    /// For another client (Core 3.1.3.7 points 3 to 5).
    #[error("the ID token is for another client")]
    Audience,
    /// Older than ten minutes past its end (Core 3.1.3.7 point 9).
    #[error("the ID token has expired")]
    Expired,
    /// Not of this authorization (Core 3.1.3.7 point 11).
    #[error("the ID token has another nonce")]
    Nonce,
    /// A refresh brought another user (Core 12.2).
    #[error("the ID token is of another user")]
    Subject,
    /// A refresh brought another time of sign-in (Core 12.2).
    #[error("the ID token tells another time of sign-in")]
    AuthenticationTime,
}

/// How wrong clocks may be, in seconds.
const TOLERANCE_SECONDS: i64 = 600;

impl IdTokenClaims {
    /// Decodes the claims, without checking the signature: see the module.
    pub fn decode(token: &IdToken) -> Result<Self, InvalidIdToken> {
        let mut parts = token.expose().split('.');
        let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidIdToken::Unreadable);
        };
        let json =
            URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).map_err(|_| InvalidIdToken::Unreadable)?;
        let document = Document::read(&Zeroizing::new(json)).filter(|document| !document.truncated);
        Self::from_object(&document.ok_or(InvalidIdToken::Unreadable)?.object)
    }

    fn from_object(object: &Object) -> Result<Self, InvalidIdToken> {
        let text = |name: &str| object.text(name).filter(|text| text.len() <= MAX_CLAIM).map(str::to_owned);
        let point = |name: &str| object.value(name).and_then(stated_point);
        Ok(Self {
            issuer: text("iss").ok_or(InvalidIdToken::Missing("iss"))?,
            subject: text("sub")
                .filter(|subject| !subject.is_empty())
                .ok_or(InvalidIdToken::Missing("sub"))?,
            audience: audience(object.value("aud")),
            authorized_party: text("azp"),
            expires_at: point("exp").ok_or(InvalidIdToken::Missing("exp"))?,
            nonce: text("nonce"),
            authenticated_at: point("auth_time"),
            tenant: text("tid"),
        })
    }

    /// Checks the claims of a fresh authorization (Core 3.1.3.7).
    pub fn check(&self, expected: &Expectations<'_>) -> Result<(), InvalidIdToken> {
        if expected.issuer.is_some_and(|issuer| issuer != self.issuer) {
            return Err(InvalidIdToken::Issuer);
        }
        let for_us = self.audience.iter().any(|audience| audience == expected.client_id);
        let by_us = self.authorized_party.as_deref().is_none_or(|party| party == expected.client_id);
        if !for_us || !by_us {
            return Err(InvalidIdToken::Audience);
        }
        if self.expires_at.seconds().saturating_add(TOLERANCE_SECONDS) < expected.now.seconds() {
            return Err(InvalidIdToken::Expired);
        }
        if expected.nonce.is_some_and(|nonce| self.nonce.as_deref() != Some(nonce)) {
            return Err(InvalidIdToken::Nonce);
        }
        Ok(())
    }

    /// Checks the claims that a refresh brought against those of the authorization (Core 12.2): same issuer,
    /// same user, same client, and the time of the original sign-in.
    pub fn check_refreshed(&self, original: &Self) -> Result<(), InvalidIdToken> {
        if self.issuer != original.issuer {
            return Err(InvalidIdToken::Issuer);
        }
        if self.subject != original.subject {
            return Err(InvalidIdToken::Subject);
        }
        if !original.audience.iter().all(|audience| self.audience.contains(audience)) {
            return Err(InvalidIdToken::Audience);
        }
        let times = self.authenticated_at.zip(original.authenticated_at);
        if times.is_some_and(|(refreshed, first)| refreshed != first) {
            return Err(InvalidIdToken::AuthenticationTime);
        }
        Ok(())
    }
}

impl fmt::Debug for IdTokenClaims {
    /// Without what tells who the user is.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IdTokenClaims")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

fn audience(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::Text(text)) => vec![text.to_string()],
        Some(Json::Array(items)) => {
            items.iter().filter_map(Json::as_text).take(32).map(str::to_owned).collect()
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_222_891_000);
    const EXPECTED: Expectations<'_> =
        Expectations { issuer: Some("https://as.example"), client_id: "client", nonce: Some("n"), now: NOW };

    fn decode(claims: &str) -> Result<IdTokenClaims, InvalidIdToken> {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        IdTokenClaims::decode(&IdToken::new(token).unwrap())
    }

    fn good() -> IdTokenClaims {
        decode(
            r#"{"iss":"https://as.example","sub":"ada","aud":"client","exp":1795226491,"nonce":"n",
                "auth_time":1795222000,"tid":"t"}"#,
        )
        .unwrap()
    }

    #[test]
    fn good_claims_pass() {
        assert_eq!(good().check(&EXPECTED), Ok(()));
        assert_eq!(good().tenant.as_deref(), Some("t"));
        let listed = IdTokenClaims { audience: vec!["other".into(), "client".into()], ..good() };
        assert_eq!(listed.check(&EXPECTED), Ok(()));
    }

    #[test]
    fn the_user_is_masked_in_debug_output() {
        assert!(!format!("{:?}", good()).contains("ada"));
    }

    #[test]
    fn every_claim_that_does_not_fit_is_refused() {
        let rows = [
            (IdTokenClaims { issuer: "https://evil.example".into(), ..good() }, InvalidIdToken::Issuer),
            (IdTokenClaims { audience: vec!["other".into()], ..good() }, InvalidIdToken::Audience),
            (IdTokenClaims { audience: vec![], ..good() }, InvalidIdToken::Audience),
            (IdTokenClaims { authorized_party: Some("other".into()), ..good() }, InvalidIdToken::Audience),
            (IdTokenClaims { expires_at: Timestamp(NOW.0 - 601_000), ..good() }, InvalidIdToken::Expired),
            (IdTokenClaims { nonce: None, ..good() }, InvalidIdToken::Nonce),
            (IdTokenClaims { nonce: Some("other".into()), ..good() }, InvalidIdToken::Nonce),
        ];
        for (claims, expected) in rows {
            assert_eq!(claims.check(&EXPECTED), Err(expected));
        }
    }

    #[test]
    fn requirement_20_a_refresh_brings_the_same_user_and_sign_in() {
        let refreshed = IdTokenClaims { nonce: None, expires_at: Timestamp(NOW.0 + 9), ..good() };
        assert_eq!(refreshed.check_refreshed(&good()), Ok(()));
        let rows = [
            (IdTokenClaims { issuer: "x".into(), ..good() }, InvalidIdToken::Issuer),
            (IdTokenClaims { subject: "x".into(), ..good() }, InvalidIdToken::Subject),
            (IdTokenClaims { audience: vec![], ..good() }, InvalidIdToken::Audience),
            (IdTokenClaims { authenticated_at: Some(NOW), ..good() }, InvalidIdToken::AuthenticationTime),
        ];
        for (claims, expected) in rows {
            assert_eq!(claims.check_refreshed(&good()), Err(expected));
        }
    }

    #[test]
    fn what_is_no_id_token_is_refused() {
        for text in ["a", "a.b", "a.b.c.d", "e30.!!!.c2ln", "e30.e30x.c2ln"] {
            assert!(IdTokenClaims::decode(&IdToken::new(text).unwrap()).is_err(), "{text}");
        }
        assert_eq!(decode(r#"{"iss":"i","sub":"","exp":1}"#), Err(InvalidIdToken::Missing("sub")));
        assert_eq!(decode(r#"{"iss":"i","sub":"s"}"#), Err(InvalidIdToken::Missing("exp")));
    }

    proptest! {
        #[test]
        fn decoding_arbitrary_text_never_panics(text in "[ -~]{1,120}") {
            let _ = IdTokenClaims::decode(&IdToken::new(text).unwrap());
        }
    }
}
