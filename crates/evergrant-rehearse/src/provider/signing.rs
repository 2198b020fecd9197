//! The key that signs ID tokens: RS256, the one algorithm every OpenID Connect client knows (Core 15.1).

use std::fmt;

use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Why a key cannot sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The operating system gave no randomness, or the library refused to make a key.
    #[error("no RSA key could be generated")]
    Generate,
    /// Not a PKCS#8 document with an RSA key.
    #[error("this is no RSA private key in PKCS#8 form")]
    Parse,
}

/// An RSA key of 2048 bits and its public half as a JSON Web Key.
pub struct SigningKey {
    pair: KeyPair,
    key_id: String,
}

impl SigningKey {
    /// A new key. The one place where this module uses randomness of its own, so it is called from outside the
    /// provider and its result passed in.
    pub fn generate() -> Result<Self, InvalidKey> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| InvalidKey::Generate)?;
        Ok(Self::of(pair))
    }

    /// A key that was kept, as unencrypted PKCS#8.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, InvalidKey> {
        KeyPair::from_pkcs8(document).map(Self::of).map_err(|_| InvalidKey::Parse)
    }

    /// The key as unencrypted PKCS#8, to be kept.
    pub fn to_pkcs8(&self) -> Result<Vec<u8>, InvalidKey> {
        let document: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| InvalidKey::Parse)?;
        Ok(document.as_ref().to_vec())
    }

    fn of(pair: KeyPair) -> Self {
        let thumbprint = digest::digest(&digest::SHA256, pair.public_key().as_ref());
        let key_id = BASE64_URL_SAFE_NO_PAD.encode(&thumbprint.as_ref()[..12]);
        Self { pair, key_id }
    }

    /// The public half (RFC 7517).
    pub(super) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let number = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// A JSON Web Token in compact form (RFC 7519).
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        // PKCS #1 v1.5 is deterministic: the generator is not consulted.
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a 2048-bit key signs a SHA-256 digest");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

    use super::*;

    #[test]
    fn a_signed_token_verifies_with_the_published_key() {
        let key = SigningKey::generate().unwrap();
        let token = key.sign(&json!({ "sub": "alice" }));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let jwk = key.jwk();
        let number = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let public = RsaPublicKeyComponents { n: number("n"), e: number("e") };
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn a_key_that_was_kept_is_the_same_key() {
        let key = SigningKey::generate().unwrap();
        let kept = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        assert_eq!(kept.jwk(), key.jwk());
        assert_eq!(SigningKey::from_pkcs8(b"nonsense").unwrap_err(), InvalidKey::Parse);
    }
}
