//! Token introspection (RFC 7662): asks whether a token is alive without using it.

use std::fmt;

use url::Url;

use super::{
    client_authentication::ClientCredentials,
    document::Document,
    form::Form,
    http::{HttpRequest, HttpResponse},
    json::Json,
    lifetime::stated_point,
    token_request::{BodyFormat, post},
};
use crate::{scope::ScopeSet, secret::RefreshToken, time::Timestamp};

/// What a provider says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// It works.
    Active(ActiveToken),
    /// It does not, or it is not this client's to ask (RFC 7662 2.2 does not tell these apart): a reason to
    /// suspect, never to declare a grant dead.
    Inactive,
    /// No answer of RFC 7662.
    Unknown,
}

/// The facts of a live token (RFC 7662 2.2).
#[derive(Clone, PartialEq, Eq)]
pub struct ActiveToken {
    /// `scope`
    pub scopes: Option<ScopeSet>,
    /// `sub`
    pub subject: Option<String>,
    /// `client_id`
    pub client_id: Option<String>,
    /// `exp`
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for ActiveToken {
    /// Without what tells who the user is.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ActiveToken")
            .field("scopes", &self.scopes)
            .field("client_id", &self.client_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The request (RFC 7662 2.1).
pub fn introspection_request(url: &Url, client: &ClientCredentials, token: &RefreshToken) -> HttpRequest {
    let mut form = Form::new();
    form.push("token", token.expose());
    form.push("token_type_hint", "refresh_token");
    post(url, client, form, BodyFormat::Form)
}

impl Introspection {
    /// Reads the answer.
    pub fn read(response: &HttpResponse) -> Self {
        let document = Document::read(&response.body).filter(|_| response.status == 200);
        let Some(document) = document.filter(|document| !document.truncated) else { return Self::Unknown };
        let object = &document.object;
        let text = |name: &str| object.text(name).map(|text| text.chars().take(512).collect());
        match object.value("active") {
            Some(Json::Bool(true)) => Self::Active(ActiveToken {
                scopes: object.text("scope").and_then(|scope| scope.parse().ok()),
                subject: text("sub"),
                client_id: text("client_id"),
                expires_at: object.value("exp").and_then(stated_point),
            }),
            Some(Json::Bool(false)) => Self::Inactive,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn read(status: u16, body: &str) -> Introspection {
        Introspection::read(&HttpResponse {
            status,
            headers: vec![],
            body: Zeroizing::new(body.as_bytes().to_vec()),
        })
    }

    #[test]
    fn a_live_token_is_described() {
        let answer = read(200, r#"{"active":true,"client_id":"c","scope":"b a","sub":"u","exp":1795222891}"#);
        let expected = ActiveToken {
            scopes: Some("a b".parse().unwrap()),
            subject: Some("u".into()),
            client_id: Some("c".into()),
            expires_at: Some(Timestamp::from_seconds(1_795_222_891)),
        };
        assert_eq!(answer, Introspection::Active(expected));
    }

    #[test]
    fn only_a_clear_no_is_a_no() {
        assert_eq!(read(200, r#"{"active":false}"#), Introspection::Inactive);
        for (status, body) in [
            (200, ""),
            (200, "<html>"),
            (200, r#"{"active":"false"}"#),
            (401, r#"{"active":false}"#),
            (500, ""),
        ] {
            assert_eq!(read(status, body), Introspection::Unknown, "{status} {body}");
        }
    }
}
