//! Redirect URIs (RFC 6749 3.1.2): compared by the provider character by character (RFC 9700 2.1), so kept as written.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// Longest redirect URI, in bytes.
pub const MAX_REDIRECT_URI_BYTES: usize = 2048;

/// Why a text is not a redirect URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// More than [`MAX_REDIRECT_URI_BYTES`].
    #[error("the redirect URI is longer than {MAX_REDIRECT_URI_BYTES} bytes")]
    TooLong,
    /// Not an absolute URI.
    #[error("the redirect URI is not an absolute URI")]
    NotAbsolute,
    /// Fragments are forbidden (RFC 6749 3.1.2).
    #[error("the redirect URI has a fragment")]
    Fragment,
    /// A space, control or non-ASCII character: it would not survive as written.
    #[error("the redirect URI holds a character that must be percent-encoded")]
    ForbiddenCharacter,
}

/// An absolute URI without fragment, exactly as it was registered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Accepts any absolute URI without fragment; custom schemes too (RFC 8252 7.1).
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidRedirectUri> {
        let text = text.into();
        if text.len() > MAX_REDIRECT_URI_BYTES {
            return Err(InvalidRedirectUri::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidRedirectUri::ForbiddenCharacter);
        }
        let url = Url::parse(&text).map_err(|_| InvalidRedirectUri::NotAbsolute)?;
        if url.fragment().is_some() {
            return Err(InvalidRedirectUri::Fragment);
        }
        Ok(Self(text))
    }

    /// The URI as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for RedirectUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_is_kept_as_written() {
        // A parser that normalizes adds the slash, and the provider refuses the request.
        assert_eq!(RedirectUri::new("http://127.0.0.1:8080").unwrap().as_str(), "http://127.0.0.1:8080");
        assert_eq!(RedirectUri::new("com.example.app:/cb").unwrap().as_str(), "com.example.app:/cb");
    }

    #[test]
    fn what_is_no_redirect_uri_is_refused() {
        assert_eq!(RedirectUri::new("/callback"), Err(InvalidRedirectUri::NotAbsolute));
        assert_eq!(RedirectUri::new("https://a.example/#x"), Err(InvalidRedirectUri::Fragment));
        assert_eq!(RedirectUri::new("https://a.example/\r\n"), Err(InvalidRedirectUri::ForbiddenCharacter));
    }
}
