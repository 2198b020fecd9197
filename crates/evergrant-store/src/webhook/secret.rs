//! Secrets that sign messages, in the form of Standard Webhooks: `whsec_` and base64.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use evergrant_proto::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";

/// A secret that signs messages. Shown once, when it is made; sealed in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

/// A text that is no such secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no webhook secret: one is {PREFIX:?} and the base64 of 24 to 64 bytes")]
pub struct InvalidWebhookSecret;

impl WebhookSecret {
    /// A secret of these random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// Reads a secret as [`WebhookSecret::expose`] shows it.
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidWebhookSecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| InvalidWebhookSecret)?);
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidWebhookSecret) }
    }

    /// The secret as receivers configure it.
    pub fn expose(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(&*self.0));
        Zeroizing::new(format!("{PREFIX}{}", *encoded))
    }

    /// The key of the HMAC.
    pub fn key(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret(***)")
    }
}

/// A secret as it lies in its sealed column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSecret {
    /// The secret.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub secret: WebhookSecret,
    /// Until when it signs; `None` for the newest.
    pub until: Option<Timestamp>,
}

fn write<S: Serializer>(secret: &WebhookSecret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&secret.expose())
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WebhookSecret, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    WebhookSecret::parse(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_the_form_of_standard_webhooks_and_is_masked() {
        let secret = WebhookSecret::new(&[7; 32]);
        let shown = secret.expose();
        assert!(shown.starts_with("whsec_") && shown.ends_with('='), "{}", *shown);
        assert_eq!(WebhookSecret::parse(&shown).as_ref(), Ok(&secret));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(***)");
        for text in ["", "whsec_", "whsec_AAAA", "whsec_*", &shown[6..]] {
            assert_eq!(WebhookSecret::parse(text), Err(InvalidWebhookSecret), "{text}");
        }
    }
}
