//! Texts of the wire: queries, forms, scopes, ID tokens, names.

use std::fmt::{Debug, Display};

use evergrant::ReturnUrl;
use evergrant_proto::{
    client::{Color, DisplayName},
    diagnosis::Cause,
    name::{AttemptId, AuthorizationId, ClientName, GrantId, HolderId, Namespace},
    scope::ScopeSet,
    secret::IdToken,
    time::Timestamp,
    wire::{
        authorization_response::{AuthorizationAnswer, Callback, ExpectedIssuer},
        client_authentication::ClientIdentifier,
        form::Form,
        id_token::{Expectations, IdTokenClaims},
        redirect_uri::RedirectUri,
        untrusted_text::UntrustedText,
    },
};
use evergrant_store::{
    access::{ApiKeyId, KeyName, KeyScope},
    anchor::{Epoch, StoreId},
    webhook::{MessageId, MessageKind, WebhookId},
};

use crate::secrecy::assert_masked;

/// The query of a callback (RFC 6749 4.1.2), and whose it is (RFC 9207).
pub(super) fn callback(bytes: &[u8]) {
    let Ok(query) = str::from_utf8(bytes) else { return };
    let Ok(callback) = Callback::parse(query) else { return };
    assert_masked(bytes, &[callback.state().expose()], &callback);
    for announced in [false, true] {
        let expected = ExpectedIssuer { issuer: Some("https://id.example"), announced };
        if let Ok(answer) = callback.clone().verify(expected) {
            let code = match &answer {
                AuthorizationAnswer::Code(code) => vec![code.expose()],
                AuthorizationAnswer::Refused(_) => Vec::new(),
            };
            assert_masked(bytes, &code, &answer);
        }
    }
}

/// `application/x-www-form-urlencoded` (RFC 6749 appendix B): what is encoded reads as the same.
pub(super) fn form(bytes: &[u8]) {
    let Ok(form) = Form::parse(bytes) else { return };
    let again = Form::parse(form.encode().as_bytes()).expect("what was encoded can be read");
    assert_eq!(form.encode(), again.encode());
    let values: Vec<_> = form.iter().map(|(_, value)| value).collect();
    assert_masked(bytes, &values, &form);
}

/// RFC 6749 3.3: what is printed reads as the same.
pub(super) fn scope(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for separator in [' ', ','] {
        if let Ok(scopes) = ScopeSet::parse(text, separator) {
            assert_eq!(ScopeSet::parse(&scopes.joined_by(separator), separator), Ok(scopes));
        }
    }
}

/// OpenID Connect Core 2.
pub(super) fn id_token(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(token) = IdToken::new(text) else { return };
    assert_masked(bytes, &[text], &token);
    let Ok(claims) = IdTokenClaims::decode(&token) else { return };
    let expected = Expectations {
        issuer: Some("https://id.example"),
        client_id: "shop",
        nonce: None,
        now: Timestamp(1_795_222_891_000),
    };
    if claims.check(&expected).is_ok() {
        assert_eq!(claims.issuer, "https://id.example", "an ID token of another issuer");
        assert!(claims.audience.iter().any(|audience| audience == "shop"), "an ID token for somebody else");
    }
    let _ = claims.check_refreshed(&claims);
    assert_masked(text.as_bytes(), &[&claims.subject], &claims);
}

/// Names and ids: what is printed reads as the same.
pub(super) fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    survives_its_text::<GrantId>(&text);
    survives_its_text::<AttemptId>(&text);
    survives_its_text::<HolderId>(&text);
    survives_its_text::<AuthorizationId>(&text);
    survives_its_text::<ScopeSet>(&text);
    survives_its_text::<ApiKeyId>(&text);
    survives_its_text::<KeyName>(&text);
    survives_its_text::<KeyScope>(&text);
    survives_its_text::<WebhookId>(&text);
    survives_its_text::<MessageId>(&text);
    survives_its_text::<MessageKind>(&text);
    survives_its_text::<StoreId>(&text);
    survives_its_text::<Epoch>(&text);
    survives_its_text::<DisplayName>(&text);
    survives_its_text::<Color>(&text);
    if let Ok(url) = ReturnUrl::new(&*text) {
        assert_eq!(url.as_str(), text);
        let led = url.into_url();
        assert!(!["javascript", "data", "file"].contains(&led.scheme()), "a user would be led to {led}");
    }
    if let (Ok(namespace), Ok(client)) = (Namespace::new(&text), ClientName::new(&text)) {
        assert_eq!((namespace.as_str(), client.as_str()), (&*text, &*text));
    }
    if let Ok(identifier) = ClientIdentifier::new(text.as_ref()) {
        assert_eq!(identifier.as_str(), text);
    }
    if let Ok(uri) = RedirectUri::new(text.as_ref()) {
        // RFC 6749 3.1.2.3: compared as a text, so that it is kept as a text.
        assert_eq!(uri.as_str(), text);
    }
    if let Some(cause) = Cause::parse(&text) {
        assert_eq!(cause.as_str(), text);
    }
    let untrusted = UntrustedText::new(&text).to_string();
    assert!(!untrusted.chars().any(char::is_control), "{untrusted:?} would be obeyed by a terminal");
}

fn survives_its_text<T: std::str::FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse().ok(), Some(value));
    }
}
