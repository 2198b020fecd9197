//! The signature of Standard Webhooks: HMAC-SHA256 over id, timestamp and payload.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use evergrant::{
    proto::time::Timestamp,
    store::webhook::{MessageId, WebhookSecret},
};

/// The value of `webhook-signature`: one for each secret, so that a receiver may change over when it likes.
pub(super) fn signatures(secrets: &[WebhookSecret], id: MessageId, at: Timestamp, payload: &[u8]) -> String {
    let signatures: Vec<_> = secrets.iter().map(|secret| signature(secret, id, at, payload)).collect();
    signatures.join(" ")
}

fn signature(secret: &WebhookSecret, id: MessageId, at: Timestamp, payload: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.key()));
    context.update(format!("{id}.{}.", at.seconds()).as_bytes());
    context.update(payload);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use axum::http::HeaderMap;
    use standardwebhooks::Webhook;

    use super::*;

    /// The reference library reads the machine's clock and refuses a message of another time.
    #[expect(clippy::disallowed_methods, reason = "the reference library has no other clock")]
    fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_seconds(i64::try_from(since.as_secs()).unwrap())
    }

    fn verify(secret: &WebhookSecret, signatures: &str, at: Timestamp, payload: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", MessageId(7).to_string().parse().unwrap());
        headers.insert("webhook-timestamp", at.seconds().to_string().parse().unwrap());
        headers.insert("webhook-signature", signatures.parse().unwrap());
        Webhook::new(&secret.expose()).unwrap().verify(payload, &headers).is_ok()
    }

    #[test]
    fn the_reference_library_verifies_what_is_signed_and_nothing_that_was_changed() {
        let (secret, at) = (WebhookSecret::new(&[7; 32]), now());
        let signed = signatures(std::slice::from_ref(&secret), MessageId(7), at, b"{\"a\":1}");
        assert!(verify(&secret, &signed, at, b"{\"a\":1}"));
        assert!(!verify(&secret, &signed, at, b"{\"a\":2}"));
        assert!(!verify(&secret, &signed, Timestamp::from_seconds(at.seconds() - 1), b"{\"a\":1}"));
        assert!(!verify(&WebhookSecret::new(&[8; 32]), &signed, at, b"{\"a\":1}"));
    }

    #[test]
    fn during_a_rotation_the_reference_library_verifies_with_either_secret() {
        let (new, old, at) = (WebhookSecret::new(&[8; 32]), WebhookSecret::new(&[7; 32]), now());
        let signed = signatures(&[new.clone(), old.clone()], MessageId(7), at, b"{}");
        assert!(verify(&new, &signed, at, b"{}") && verify(&old, &signed, at, b"{}"));
    }

    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        // Computed by another implementation: HMAC-SHA256 in Python's standard library.
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(
            &secret,
            MessageId(1),
            Timestamp::from_seconds(1_614_265_330),
            b"{\"test\": 2432232314}",
        );
        assert_eq!(signed, EXPECTED);
    }

    const EXPECTED: &str = "v1,NyW9oZPSHg5mmO2Gb2gaur+Lsb+byJZMKU/F0Cn6ZkA=";
}
