//! API keys: 256 random bits, of which only a digest is kept.

use std::{fmt, str::FromStr};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use evergrant::proto::name::Namespace;
use zeroize::Zeroizing;

use crate::{hexadecimal::parse_digest, random};

/// So that a key is recognized where it does not belong, by people and by scanners.
const PREFIX: &str = "egk_";

/// What stands before the digest in its text form.
const DIGEST_PREFIX: &str = "sha256:";

/// A key that a program presents as `Authorization: Bearer`. Shown once, when it is made; kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Zeroizing<String>);

/// The digest of a key: what is stored. A plain SHA-256, since nobody can try out 2^256 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyHash([u8; 32]);

/// A key that is let in, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its digest.
    pub hash: ApiKeyHash,
    /// The namespace it sees.
    pub namespace: Namespace,
}

/// Why a text is no key, or no digest of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// A key is `egk_` and 43 characters of base64url.
    #[error("this is no API key: one is {PREFIX:?} and 43 characters of base64url")]
    NotAKey,
    /// A digest is `sha256:` and 64 hexadecimal digits.
    #[error("this is no digest of an API key: one is {DIGEST_PREFIX:?} and 64 hexadecimal digits")]
    NotADigest,
}

impl ApiKey {
    /// A new key.
    pub fn generate() -> Self {
        let bytes = Zeroizing::new(random::bytes::<32>());
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
        Self(Zeroizing::new(format!("{PREFIX}{}", *text)))
    }

    /// Reads a key as [`ApiKey::expose`] shows it.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidApiKey::NotAKey)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidApiKey::NotAKey)?);
        if bytes.len() != 32 {
            return Err(InvalidApiKey::NotAKey);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash::of(self.expose())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(***)")
    }
}

impl ApiKeyHash {
    /// The digest of whatever was presented as a key.
    pub(crate) fn of(presented: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, presented.as_bytes());
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// Whether both are of one key, in a time that does not tell where they differ.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Display for ApiKeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(DIGEST_PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for ApiKeyHash {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        text.strip_prefix(DIGEST_PREFIX).and_then(parse_digest).map(Self).ok_or(InvalidApiKey::NotADigest)
    }
}

impl From<ApiKeyHash> for KnownKey {
    /// A key of the default namespace.
    fn from(hash: ApiKeyHash) -> Self {
        Self { hash, namespace: Namespace::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_random_and_masked() {
        let (one, other) = (ApiKey::generate(), ApiKey::generate());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 47);
        assert_eq!(format!("{one:?}"), "ApiKey(***)");
        assert_eq!(ApiKey::parse(one.expose()), Ok(one));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "egk_", "egk_short", "egk_ not base64 but of just the length of a key", "secret"] {
            assert_eq!(ApiKey::parse(text), Err(InvalidApiKey::NotAKey), "{text}");
        }
    }

    #[test]
    fn a_digest_survives_its_text_form_and_fits_its_key_only() {
        let (key, other) = (ApiKey::generate(), ApiKey::generate());
        let stored: ApiKeyHash = key.hash().to_string().parse().unwrap();
        assert!(stored.matches(&key.hash()));
        assert!(!stored.matches(&other.hash()));
        for text in ["", "sha256:", "sha256:00", key.expose()] {
            assert_eq!(text.parse::<ApiKeyHash>(), Err(InvalidApiKey::NotADigest), "{text}");
        }
    }
}
