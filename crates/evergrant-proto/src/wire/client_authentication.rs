//! Client authentication at the token endpoint (RFC 6749 2.3): exactly one method a request.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::form::{Form, encode_text};
use crate::secret::ClientSecret;

/// Longest client identifier, in bytes.
pub const MAX_CLIENT_IDENTIFIER_BYTES: usize = 2048;

/// Why a text is not a client identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClientIdentifier {
    /// Nothing was given.
    #[error("the client identifier is empty")]
    Empty,
    /// More than [`MAX_CLIENT_IDENTIFIER_BYTES`].
    #[error("the client identifier is longer than {MAX_CLIENT_IDENTIFIER_BYTES} bytes")]
    TooLong,
    /// Outside the visible ASCII characters and the space (RFC 6749 A.1).
    #[error("the client identifier holds a character that is not printable ASCII")]
    Unprintable,
}

/// The `client_id` that the provider issued (RFC 6749 2.2). It is not secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientIdentifier(String);

impl ClientIdentifier {
    /// Accepts 1 to [`MAX_CLIENT_IDENTIFIER_BYTES`] bytes of printable ASCII (RFC 6749 A.1).
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidClientIdentifier> {
        let text = text.into();
        if text.is_empty() {
            return Err(InvalidClientIdentifier::Empty);
        }
        if text.len() > MAX_CLIENT_IDENTIFIER_BYTES {
            return Err(InvalidClientIdentifier::TooLong);
        }
        if !text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            return Err(InvalidClientIdentifier::Unprintable);
        }
        Ok(Self(text))
    }

    /// The identifier as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientIdentifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for ClientIdentifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientIdentifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The name of a method, as in the metadata of RFC 8414 2 (`token_endpoint_auth_methods_supported`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationMethod {
    /// A public client.
    None,
    /// HTTP Basic.
    ClientSecretBasic,
    /// Secret in the body.
    ClientSecretPost,
}

/// How a client proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// A public client: `client_id` in the body, nothing else.
    None,
    /// HTTP Basic; identifier and secret form-encoded first (RFC 6749 2.3.1).
    SecretBasic(ClientSecret),
    /// `client_id` and `client_secret` in the body.
    SecretPost(ClientSecret),
}

/// Who the client is and how it proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The `client_id`.
    pub identifier: ClientIdentifier,
    /// The one method that is used.
    pub authentication: ClientAuthentication,
}

impl ClientCredentials {
    /// Adds the secret alone, if there is one.
    pub(crate) fn apply_secret(&self, form: &mut Form) {
        match &self.authentication {
            ClientAuthentication::None => {}
            ClientAuthentication::SecretBasic(secret) | ClientAuthentication::SecretPost(secret) => {
                form.push("client_secret", secret.expose());
            }
        }
    }

    /// Adds the credentials to a request: to the form, or as the `authorization` header that is returned.
    pub(crate) fn apply(&self, form: &mut Form) -> Option<Zeroizing<String>> {
        match &self.authentication {
            ClientAuthentication::None => {
                form.push("client_id", self.identifier.as_str());
                None
            }
            ClientAuthentication::SecretPost(secret) => {
                form.push("client_id", self.identifier.as_str());
                form.push("client_secret", secret.expose());
                None
            }
            ClientAuthentication::SecretBasic(secret) => {
                Some(basic(self.identifier.as_str(), secret.expose()))
            }
        }
    }
}

/// The value of the `authorization` header (RFC 7617 2, after RFC 6749 2.3.1).
fn basic(identifier: &str, secret: &str) -> Zeroizing<String> {
    let (identifier, secret) = (encode_text(identifier), encode_text(secret));
    let mut pair = Zeroizing::new(String::with_capacity(identifier.len() + secret.len() + 1));
    pair.push_str(&identifier);
    pair.push(':');
    pair.push_str(&secret);
    let mut value = Zeroizing::new(String::with_capacity("Basic ".len() + pair.len().div_ceil(3) * 4));
    value.push_str("Basic ");
    STANDARD.encode_string(pair.as_bytes(), &mut value);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(authentication: ClientAuthentication) -> ClientCredentials {
        ClientCredentials { identifier: ClientIdentifier::new("s6BhdRkqt3").unwrap(), authentication }
    }

    #[test]
    fn the_basic_example_of_rfc_6749_2_3_1_comes_out_as_printed() {
        let secret = ClientSecret::new("7Fjfp0ZBr1KtDRbnfVdmIw").unwrap();
        let mut form = Form::new();
        let header = credentials(ClientAuthentication::SecretBasic(secret)).apply(&mut form).unwrap();
        assert_eq!(*header, "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
        assert_eq!(form, Form::new());
    }

    #[test]
    fn reserved_characters_are_encoded_before_base64() {
        let header = basic("a:b", "p%&+£");
        let decoded = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(decoded, b"a%3Ab:p%25%26%2B%C2%A3");
    }

    #[test]
    fn exactly_one_method_is_used() {
        let mut form = Form::new();
        let secret = ClientSecret::new("hush").unwrap();
        assert_eq!(credentials(ClientAuthentication::SecretPost(secret)).apply(&mut form), None);
        assert_eq!(form.iter().collect::<Vec<_>>(), [("client_id", "s6BhdRkqt3"), ("client_secret", "hush")]);

        let mut form = Form::new();
        assert_eq!(credentials(ClientAuthentication::None).apply(&mut form), None);
        assert_eq!(form.iter().collect::<Vec<_>>(), [("client_id", "s6BhdRkqt3")]);
    }

    #[test]
    fn credentials_are_masked_in_debug_output() {
        let secret = ClientSecret::new("hush-canary").unwrap();
        assert!(!format!("{:?}", credentials(ClientAuthentication::SecretBasic(secret))).contains("canary"));
    }

    #[test]
    fn an_identifier_that_could_smuggle_a_header_is_refused() {
        assert_eq!(ClientIdentifier::new("a\r\nb"), Err(InvalidClientIdentifier::Unprintable));
        assert_eq!(ClientIdentifier::new(""), Err(InvalidClientIdentifier::Empty));
    }
}
