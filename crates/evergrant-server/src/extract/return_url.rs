//! Whereto users may be returned.

use url::Url;

/// Longest return URL, in bytes.
const MAX_RETURN_URL_BYTES: usize = 2048;

/// A web page, or an app by a private-use scheme (RFC 8252 7.1: with a dot). Anything else (`javascript:`, `data:`,
/// `file:`) would run or open in the user's browser.
pub(crate) fn return_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_RETURN_URL_BYTES)?;
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
        for unfit in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "/done", "", "myapp:x"]
        {
            assert!(return_url(unfit).is_none(), "{unfit}");
        }
    }
}
