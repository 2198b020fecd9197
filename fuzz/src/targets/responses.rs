//! What providers answer.

use std::time::Duration;

use evergrant_proto::{
    diagnosis::{History, MAX_ALTERNATIVES, diagnose},
    failure::{Exchange, Stage, Verdict, classify},
    provider::{Dialect, Provider},
    secret::AccessToken,
    time::Timestamp,
    wire::{
        device::DeviceAuthorization,
        error_response::ErrorResponse,
        introspection::Introspection,
        lifetime::{Lifetime, MAX_LIFETIME},
        metadata::Metadata,
        revocation::revocation_outcome,
        token_response::{NoTokens, TokenResponse},
    },
};

use crate::{
    http_text::Message,
    secrecy::{CANARY, assert_masked, assert_silent},
};

const NOW: Timestamp = Timestamp(1_795_222_891_000);

/// RFC 6749 and its opposite.
fn dialects() -> [Dialect; 2] {
    let odd = Dialect {
        granted_scope_separator: Some(','),
        token_path: Some("authed_user".to_owned()),
        zero_lifetime_is_endless: true,
        absent_lifetime_is_endless: true,
        ..Dialect::default()
    };
    [Dialect::default(), odd]
}

/// RFC 6749 5.1, as JSON or as a form.
pub(super) fn token_response(bytes: &[u8]) {
    for dialect in dialects() {
        let read = TokenResponse::read(bytes, &dialect);
        match &read {
            Ok(tokens) => {
                assert_bounded(tokens.lifetime);
                assert_bounded(tokens.refresh_token_lifetime);
                assert_bounded(tokens.authorization_lifetime);
            }
            Err(NoTokens::Partial(partial)) => {
                assert!(partial.access_token.is_some() || partial.refresh_token.is_some(), "part of nothing");
            }
            Err(NoTokens::Unreadable | NoTokens::Absent) => {}
        }
        assert_masked(bytes, &secrets_of(&read), &read);
    }
}

fn secrets_of(read: &Result<TokenResponse, NoTokens>) -> Vec<&str> {
    let (access, refresh, id_token) = match read {
        Ok(tokens) => (Some(&tokens.access_token), tokens.refresh_token.as_ref(), tokens.id_token.as_ref()),
        Err(NoTokens::Partial(partial)) => {
            (partial.access_token.as_ref(), partial.refresh_token.as_ref(), None)
        }
        Err(NoTokens::Unreadable | NoTokens::Absent) => (None, None, None),
    };
    let texts = [
        access.map(AccessToken::expose),
        refresh.map(evergrant_proto::secret::RefreshToken::expose),
        id_token.map(evergrant_proto::secret::IdToken::expose),
    ];
    texts.into_iter().flatten().collect()
}

fn assert_bounded(lifetime: Lifetime) {
    if let Some(duration) = lifetime.duration() {
        assert!(duration <= MAX_LIFETIME, "{duration:?}");
    }
    let _ = lifetime.counted_from(NOW);
    let _ = lifetime.counted_from(Timestamp(i64::MAX));
}

/// The failure table, and the diagnosis of what it says. What was sent never comes back in either.
pub(super) fn exchange(bytes: &[u8]) {
    const STAGES: [Stage; 5] = [
        Stage::RefreshToken,
        Stage::AuthorizationCode,
        Stage::DeviceAuthorization,
        Stage::DeviceCode,
        Stage::Revocation,
    ];
    let response = Message::of(bytes).into_response();
    let provider = Provider::generic();
    for stage in STAGES {
        let exchange = Exchange {
            stage,
            result: Ok(&response),
            dialect: &provider.dialect,
            now: NOW,
            secrets: &[CANARY],
        };
        if let Verdict::Failure(failure) = classify(&exchange) {
            let diagnosis = diagnose(&failure, &History::default(), &provider);
            assert!(diagnosis.alternatives.len() <= MAX_ALTERNATIVES, "too many causes to be of use");
            assert_silent(&[CANARY], &format!("{failure:?} {diagnosis:?}"));
        }
    }
}

/// RFC 6749 5.2 in all its dialects.
pub(super) fn error_response(bytes: &[u8]) {
    let response = Message::of(bytes).into_response();
    if let Some(error) = ErrorResponse::read(&response) {
        let redacted = error.redact(&[CANARY]);
        assert_silent(&[CANARY], &format!("{redacted:?}"));
    }
    assert_silent(&[CANARY], &format!("{response:?}").replace(&format!("{:?}", header_names(&response)), ""));
}

fn header_names(response: &evergrant_proto::wire::http::HttpResponse) -> Vec<&String> {
    response.headers.iter().map(|(name, _)| name).collect()
}

/// RFC 8414 and OpenID Connect Discovery.
pub(super) fn metadata(bytes: &[u8]) {
    const ISSUER: &str = "https://id.example";
    let response = Message::of(bytes).into_response();
    if let Ok(metadata) = Metadata::read(&response, ISSUER) {
        assert_eq!(metadata.issuer, ISSUER, "metadata of another issuer");
        let endpoints = [&metadata.endpoints.token, &metadata.endpoints.authorization, &metadata.jwks_uri];
        for url in endpoints.into_iter().flatten() {
            assert_eq!(url.scheme(), "https", "an endpoint that everybody can listen to");
        }
    }
}

/// RFC 8628 3.2.
pub(super) fn device_authorization(bytes: &[u8]) {
    let read = DeviceAuthorization::read(bytes);
    if let Ok(mut device) = read.clone() {
        assert!(device.interval >= Duration::from_secs(1), "a poll without a pause");
        assert!(matches!(device.verification_uri.scheme(), "https" | "http"), "{}", device.verification_uri);
        device.slow_down();
        assert_masked(bytes, &[device.device_code.expose()], &device);
    }
}

/// RFC 7662 2.2.
pub(super) fn introspection(bytes: &[u8]) {
    let read = Introspection::read(&Message::of(bytes).into_response());
    if let Introspection::Active(token) = &read {
        let subject: Vec<_> = token.subject.as_deref().into_iter().collect();
        assert_masked(bytes, &subject, token);
    }
}

/// RFC 7009 2.2.
pub(super) fn revocation(bytes: &[u8]) {
    let _ = revocation_outcome(&Message::of(bytes).into_response());
}
