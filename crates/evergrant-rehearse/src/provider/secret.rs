//! What the provider hands out and must recognise again: random texts, their digests, their fingerprints.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Fills a buffer with random bytes: the provider's only source of randomness, so that a simulation can seed it.
pub type Entropy<'a> = &'a mut dyn FnMut(&mut [u8]);

/// A token, code or secret in clear. Masked in `Debug`, and it has no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// A fresh value of 256 random bits behind a prefix that tells people what they are looking at.
    pub(crate) fn mint(prefix: &str, entropy: Entropy<'_>) -> Self {
        let mut bytes = [0; 32];
        entropy(&mut bytes);
        Self(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

/// SHA-256 of a secret: the key under which it is found, so that no comparison runs over the secret itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(text: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// As PKCE wants it (RFC 7636 4.2).
    pub(crate) fn base64url(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(crate) fn fingerprint(self) -> Fingerprint {
        let [first, second, third, fourth, fifth, sixth, ..] = self.0;
        let number = u64::from_be_bytes([0, 0, first, second, third, fourth, fifth, sixth]);
        Fingerprint(format!("{number:012x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest(***)")
    }
}

/// Twelve hexadecimal digits of a token's SHA-256: enough to tell presented tokens apart, useless to present.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint that a token has in the journal.
    pub fn of(token: &str) -> Self {
        Digest::of(token).fingerprint()
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A code verifier with its challenge (RFC 7636 4.1 and 4.2), for those who play the client by hand.
#[derive(Clone, PartialEq, Eq)]
pub struct PkcePair {
    /// The secret that the token request shows.
    pub verifier: String,
    /// Its S256 challenge, for the authorization request.
    pub challenge: String,
}

impl PkcePair {
    /// The challenge of a verifier.
    pub fn of(verifier: &str) -> Self {
        Self { verifier: verifier.into(), challenge: Digest::of(verifier).base64url() }
    }

    /// The pair of RFC 7636 appendix B. Public, so good for nothing but examples.
    pub fn example() -> Self {
        Self::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    }
}

impl fmt::Debug for PkcePair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PkcePair").field("challenge", &self.challenge).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636_appendix_b() {
        assert_eq!(PkcePair::example().challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
