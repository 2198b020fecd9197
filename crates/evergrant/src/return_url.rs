//! Whereto users may be returned.

use url::Url;

/// Longest return URL, in bytes.
const MAX_RETURN_URL_BYTES: usize = 2048;

/// A web page, or an app by a private-use scheme (RFC 8252 7.1: with a dot). Anything else (`javascript:`, `data:`,
/// `file:`) would run or open in the user's browser.
pub(crate) fn return_url(text: &str) -> Option<Url> {
    // A parser drops line breaks and tabs, and reads `https://app.example@evil.example/` as it should; people do not.
    let is_plain = text.len() <= MAX_RETURN_URL_BYTES
        && !text.contains(|letter: char| letter.is_control() || letter.is_whitespace());
    let url = Url::parse(text)
        .ok()
        .filter(|url| is_plain && url.username().is_empty() && url.password().is_none())?;
    (matches!(url.scheme(), "http" | "https") || url.scheme().contains('.')).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_returned_to_a_page_or_an_app_only() {
        for fit in ["https://app.example/done?x=1", "http://127.0.0.1:3000/", "com.example.app:/done"] {
            assert!(return_url(fit).is_some(), "{fit}");
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
            assert!(return_url(unfit).is_none(), "{unfit:?}");
        }
        assert!(return_url(&format!("https://app.example/{}", "a".repeat(MAX_RETURN_URL_BYTES))).is_none());
    }
}
