//! API keys: 256 random bits, of which only a digest is kept.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use evergrant::store::access::ApiKeyDigest;
use zeroize::Zeroizing;

use crate::random;

/// So that a key is recognized where it does not belong, by people and by scanners.
const PREFIX: &str = "egk_";

/// A key that a program presents as `Authorization: Bearer`. Shown once, when it is made; kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Zeroizing<String>);

/// A text that is no API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no API key: one is {PREFIX:?} and 43 characters of base64url")]
pub struct InvalidApiKey;

impl ApiKey {
    /// A new key.
    pub fn generate() -> Self {
        let bytes = Zeroizing::new(random::bytes::<32>());
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
        Self(Zeroizing::new(format!("{PREFIX}{}", *text)))
    }

    /// Reads a key as [`ApiKey::expose`] shows it.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidApiKey)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidApiKey)?);
        if bytes.len() != 32 {
            return Err(InvalidApiKey);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> ApiKeyDigest {
        digest_of(self.expose())
    }
}

/// The digest of whatever was presented as a key.
pub(crate) fn digest_of(presented: &str) -> ApiKeyDigest {
    let digest = digest::digest(&digest::SHA256, presented.as_bytes());
    ApiKeyDigest(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_random_and_masked() {
        let (one, other) = (ApiKey::generate(), ApiKey::generate());
        assert_ne!(one, other);
        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.expose().len(), 47);
        assert_eq!(format!("{one:?}"), "ApiKey(***)");
        assert_eq!(ApiKey::parse(one.expose()), Ok(one));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "egk_", "egk_short", "egk_ not base64 but of just the length of a key", "secret"] {
            assert_eq!(ApiKey::parse(text), Err(InvalidApiKey), "{text}");
        }
    }

    #[test]
    fn what_is_kept_of_a_key_is_its_sha_256() {
        assert_eq!(digest_of("egk_test").0[..4], [0xb8, 0x40, 0xb6, 0x22]);
    }
}
