//! Token revocation (RFC 7009).

use super::{
    error_response::{ErrorCode, ErrorResponse},
    form::Form,
    http::{HttpRequest, HttpResponse},
    token_request::{BodyFormat, TokenEndpoint, post_renamed},
};
use crate::secret::{AccessToken, RefreshToken};

/// What is revoked (RFC 7009 2.1, `token_type_hint`).
#[derive(Debug, Clone, Copy)]
pub enum RevokedToken<'a> {
    /// The grant itself, at most providers.
    Refresh(&'a RefreshToken),
    /// Only this.
    Access(&'a AccessToken),
}

/// What came of a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationOutcome {
    /// It is over; also for a token that the provider does not know (RFC 7009 2.2).
    Revoked,
    /// The token is still alive (RFC 7009 2.2.1): to be tried again, durably.
    StillAlive,
    /// This server does not revoke tokens of this type (RFC 7009 2.2.1): no use to try again.
    UnsupportedTokenType,
    /// The client was rejected or the request refused; the token is still alive.
    Refused(Box<ErrorResponse>),
}

/// The request (RFC 7009 2.1).
pub fn revocation_request(endpoint: &TokenEndpoint<'_>, token: RevokedToken<'_>) -> HttpRequest {
    let (text, hint) = match token {
        RevokedToken::Refresh(token) => (token.expose(), "refresh_token"),
        RevokedToken::Access(token) => (token.expose(), "access_token"),
    };
    let mut form = Form::new();
    form.push("token", text);
    form.push("token_type_hint", hint);
    // RFC 7009 2.1 knows forms only; TikTok's client_key is called so here, too.
    post_renamed(endpoint.url, endpoint.client, form, BodyFormat::Form, &endpoint.dialect.request_names)
}

/// Reads the answer. Whatever is not a clear end means that the token is still alive: a proxy's page must not
/// let us forget a token that works.
pub fn revocation_outcome(response: &HttpResponse) -> RevocationOutcome {
    let error = ErrorResponse::read(response);
    match (response.status, error) {
        // Some providers report failures with 200.
        (200..=299, Some(error)) if error.code.is_some() => RevocationOutcome::Refused(Box::new(error)),
        (200..=299, _) => RevocationOutcome::Revoked,
        (400..=499, Some(error)) => refused(error),
        _ => RevocationOutcome::StillAlive,
    }
}

fn refused(error: ErrorResponse) -> RevocationOutcome {
    match &error.code {
        Some(ErrorCode::UnsupportedTokenType) => RevocationOutcome::UnsupportedTokenType,
        // Google and others answer so, against RFC 7009 2.2, for a token that is not alive.
        Some(ErrorCode::InvalidToken | ErrorCode::InvalidGrant) => RevocationOutcome::Revoked,
        Some(ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError | ErrorCode::SlowDown) | None => {
            RevocationOutcome::StillAlive
        }
        Some(_) => RevocationOutcome::Refused(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use url::Url;
    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        provider::Dialect,
        wire::client_authentication::{ClientAuthentication, ClientCredentials, ClientIdentifier},
    };

    #[test]
    fn the_request_names_the_token_and_its_type() {
        let client = ClientCredentials {
            identifier: ClientIdentifier::new("client").unwrap(),
            authentication: ClientAuthentication::None,
        };
        let url = Url::parse("https://as.example/revoke").unwrap();
        let refresh_token = RefreshToken::new("r").unwrap();
        let body = |dialect: &Dialect| {
            let endpoint = TokenEndpoint { url: &url, client: &client, dialect };
            revocation_request(&endpoint, RevokedToken::Refresh(&refresh_token)).body
        };
        assert_eq!(&body(&Dialect::default())[..], b"token=r&token_type_hint=refresh_token&client_id=client");
        let renamed = Dialect {
            request_names: [("client_id".into(), "client_key".into())].into(),
            ..Dialect::default()
        };
        assert_eq!(&body(&renamed)[..], b"token=r&token_type_hint=refresh_token&client_key=client");
    }

    #[test]
    fn requirement_21_only_a_clear_end_is_final() {
        let rows = [
            (200, "", "revoked"),
            (204, "", "revoked"),
            (200, "<html>fine</html>", "revoked"),
            (200, r#"{"ok":false,"error":"invalid_auth"}"#, "refused"),
            (400, r#"{"error":"invalid_token"}"#, "revoked"),
            (400, r#"{"error":"unsupported_token_type"}"#, "unsupported"),
            (401, r#"{"error":"invalid_client"}"#, "refused"),
            (400, r#"{"error":"temporarily_unavailable"}"#, "alive"),
            (503, r#"{"error":"temporarily_unavailable"}"#, "alive"),
            (500, "", "alive"),
            (403, "<html>blocked</html>", "alive"),
            (302, "", "alive"),
            (429, "", "alive"),
        ];
        for (status, body, expected) in rows {
            let response =
                HttpResponse { status, headers: vec![], body: Zeroizing::new(body.as_bytes().to_vec()) };
            let outcome = match revocation_outcome(&response) {
                RevocationOutcome::Revoked => "revoked",
                RevocationOutcome::StillAlive => "alive",
                RevocationOutcome::UnsupportedTokenType => "unsupported",
                RevocationOutcome::Refused(_) => "refused",
            };
            assert_eq!(outcome, expected, "{status} {body}");
        }
    }
}
