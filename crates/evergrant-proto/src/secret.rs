//! Secrets as types: no `Display`, no `Serialize`, masked in `Debug`, wiped from memory when dropped.
//!
//! A secret is read with `expose`, so that every place where one leaves its type can be found by name.

use std::{fmt, sync::Arc};

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Longest secret that is accepted, in bytes. Real access tokens reach about 4 KiB (Entra with many
/// groups); 64 KiB leaves room for the odd ones and still bounds what a hostile answer can make us hold.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// Why a text cannot be a secret of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Nothing was given; RFC 6749 3.2 treats an empty parameter as absent.
    #[error("the secret is empty")]
    Empty,
    /// More than [`MAX_SECRET_BYTES`].
    #[error("the secret is longer than {MAX_SECRET_BYTES} bytes")]
    TooLong,
    /// A control or non-ASCII character (RFC 6749 appendix A allows visible ASCII): it could not be put
    /// into an HTTP header and may be the attempt to smuggle one.
    #[error("the secret holds a character that is not printable ASCII")]
    Unprintable,
}

/// The bytes of a secret; the public types wrap it so that they cannot be confused with each other. However often it is
/// cloned, there is one copy of it to wipe.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SecretText(Arc<Wiped>);

#[derive(PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
struct Wiped(String);

impl SecretText {
    fn parse(text: String) -> Result<Self, InvalidSecret> {
        // Wrapped first: a refused text is wiped, too.
        let secret = Self(Arc::new(Wiped(text)));
        if secret.expose().is_empty() {
            return Err(InvalidSecret::Empty);
        }
        if secret.expose().len() > MAX_SECRET_BYTES {
            return Err(InvalidSecret::TooLong);
        }
        if !secret.expose().bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            return Err(InvalidSecret::Unprintable);
        }
        Ok(secret)
    }

    fn expose(&self) -> &str {
        &self.0.0
    }
}

/// An access token (RFC 6749 1.4). Opaque: never parsed for decisions (RFC 9068 6).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccessToken(SecretText);

/// A refresh token (RFC 6749 1.5).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RefreshToken(SecretText);

/// The secret of a confidential client (RFC 6749 2.3.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientSecret(SecretText);

/// An authorization code (RFC 6749 4.1.2).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AuthorizationCode(SecretText);

/// A PKCE code verifier (RFC 7636 4.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CodeVerifier(SecretText);

/// A device code (RFC 8628 3.2).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DeviceCode(SecretText);

/// An ID token (OpenID Connect Core 2): personal data, so it is masked like a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdToken(SecretText);

/// The `state` of an authorization request (RFC 6749 4.1.1): whoever knows it can finish the flow.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AuthorizationState(SecretText);

impl AccessToken {
    /// Accepts 1 to [`MAX_SECRET_BYTES`] bytes of printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        SecretText::parse(text.into()).map(Self)
    }

    /// The secret itself, for the one place that must send or seal it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccessToken(***)")
    }
}

impl RefreshToken {
    /// Accepts 1 to [`MAX_SECRET_BYTES`] bytes of printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        SecretText::parse(text.into()).map(Self)
    }

    /// The secret itself, for the one place that must send or seal it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefreshToken(***)")
    }
}

impl ClientSecret {
    /// Accepts 1 to [`MAX_SECRET_BYTES`] bytes of printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        SecretText::parse(text.into()).map(Self)
    }

    /// The secret itself, for the one place that must send or seal it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientSecret(***)")
    }
}

impl AuthorizationCode {
    /// Accepts 1 to [`MAX_SECRET_BYTES`] bytes of printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        SecretText::parse(text.into()).map(Self)
    }

    /// The secret itself, for the one place that must send or seal it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuthorizationCode(***)")
    }
}

impl CodeVerifier {
    /// Accepts 1 to [`MAX_SECRET_BYTES`] bytes of printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        SecretText::parse(text.into()).map(Self)
    }

    /// The secret itself, for the one place that must send or seal it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CodeVerifier(***)")
    }
}

impl DeviceCode {
    /// Accepts 1 to [`MAX_SECRET_BYTES`] bytes of printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        SecretText::parse(text.into()).map(Self)
    }

    /// The secret itself, for the one place that must send or seal it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DeviceCode(***)")
    }
}

impl IdToken {
    /// Accepts 1 to [`MAX_SECRET_BYTES`] bytes of printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        SecretText::parse(text.into()).map(Self)
    }

    /// The secret itself, for the one place that must send or seal it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdToken(***)")
    }
}

impl AuthorizationState {
    /// Accepts 1 to [`MAX_SECRET_BYTES`] bytes of printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        SecretText::parse(text.into()).map(Self)
    }

    /// The secret itself, for the one place that must send or seal it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for AuthorizationState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuthorizationState(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_debug_output() {
        let token = RefreshToken::new("rt-canary").unwrap();
        assert_eq!(format!("{token:?}"), "RefreshToken(***)");
    }

    #[test]
    fn a_secret_that_could_not_be_a_header_is_refused() {
        assert_eq!(AccessToken::new(""), Err(InvalidSecret::Empty));
        assert_eq!(AccessToken::new("a\r\nb"), Err(InvalidSecret::Unprintable));
        assert_eq!(AccessToken::new("ü"), Err(InvalidSecret::Unprintable));
        assert_eq!(AccessToken::new("a".repeat(MAX_SECRET_BYTES + 1)), Err(InvalidSecret::TooLong));
    }
}
