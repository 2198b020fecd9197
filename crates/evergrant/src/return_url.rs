//! Whereto users may be returned.

use std::str::FromStr;

use url::Url;

/// Longest return URL, in bytes.
const MAX_BYTES: usize = 2048;

/// An address that users may be returned to: a web page, or an app by a private-use scheme (RFC 8252 7.1: with a dot).
/// Anything else (`javascript:`, `data:`, `file:`) would run or open in the user's browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnUrl {
    /// As it was given: an authorization has to name it letter by letter.
    text: String,
    url: Url,
}

/// A text that is no return URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no return URL: use http, https, or an app's scheme with a dot, and no user name")]
pub struct InvalidReturnUrl;

impl ReturnUrl {
    /// Accepts a return URL.
    ///
    /// # Errors
    ///
    /// It leads to no page and no app, names a user, holds white space, or is longer than 2048 bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidReturnUrl> {
        let text = text.into();
        // A parser drops line breaks and tabs, and reads `https://app.example@evil.example/` as it should; people do not.
        let is_plain = text.len() <= MAX_BYTES
            && !text.contains(|letter: char| letter.is_control() || letter.is_whitespace());
        let leads_home = |url: &Url| {
            let is_fit = matches!(url.scheme(), "http" | "https") || url.scheme().contains('.');
            is_plain && is_fit && url.username().is_empty() && url.password().is_none()
        };
        match Url::parse(&text).ok().filter(leads_home) {
            Some(url) => Ok(Self { text, url }),
            None => Err(InvalidReturnUrl),
        }
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As an address.
    pub fn into_url(self) -> Url {
        self.url
    }
}

impl FromStr for ReturnUrl {
    type Err = InvalidReturnUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_returned_to_a_page_or_an_app_only() {
        for fit in ["https://app.example/done?x=1", "http://127.0.0.1:3000/", "com.example.app:/done"] {
            assert!(ReturnUrl::new(fit).is_ok(), "{fit}");
        }
        let unfit = [
            "javascript:alert(1)",
            "java\nscript.x:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "/done",
            "",
            "myapp:x",
            "//evil.example",
            "https://",
            "https://app.example@evil.example/",
            "https://app.example:pw@evil.example/",
            "https://app.example/\r\nset-cookie:a=b",
            "https://app.example/\t",
            " https://app.example/",
        ];
        for unfit in unfit {
            assert!(ReturnUrl::new(unfit).is_err(), "{unfit:?}");
        }
        let long = format!("https://app.example/{}", "a".repeat(MAX_BYTES));
        assert!(ReturnUrl::new(long).is_err());
    }
}
