//! The exact comparison of redirect URIs (RFC 9700 2.1, RFC 8252 7.3).

use crate::settings::{ApplicationType, ClientSettings};

/// Whether a client may be answered at this address: equal to a registered one to the last character. A native
/// client's loopback address may have another port, as it is chosen when the application starts.
pub(super) fn is_registered(client: &ClientSettings, requested: &str) -> bool {
    let native = client.application_type() == ApplicationType::Native;
    client.redirect_uris.iter().any(|registered| {
        registered == requested || native && is_same_but_for_the_port(registered, requested)
    })
}

fn is_same_but_for_the_port(registered: &str, requested: &str) -> bool {
    let (Some(registered), Some(requested)) = (split_loopback(registered), split_loopback(requested)) else {
        return false;
    };
    registered == requested
}

/// Host and path of a loopback address without its port. Texts, not parsed addresses: a parser's normalization
/// would make the comparison less than exact. `localhost` is admitted, although RFC 8252 8.3 advises against
/// it, since many frameworks use it.
fn split_loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => (&authority[..colon], &authority[colon + 1..]),
        _ => (authority, ""),
    };
    let loopback = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
    let numeric = port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    (loopback && numeric).then_some((host, path))
}

/// A redirect URI with parameters added to those it has.
pub(super) fn with_parameters(uri: &str, parameters: &str) -> String {
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_a_native_clients_loopback_redirect_may_differ() {
        let native = ClientSettings::public("native");
        for (requested, accepted) in [
            ("http://127.0.0.1:49152/callback", true),
            ("http://127.0.0.1/callback", true),
            ("http://[::1]:8080/callback", true),
            ("http://127.0.0.1:49152/callback/", false),
            ("http://127.0.0.1:49152/callback?x=1", false),
            ("http://127.0.0.1:x@evil.example/callback", false),
            ("http://127.0.0.1:80@evil.example/callback", false),
            ("http://127.0.0.1.evil.example/callback", false),
            ("https://127.0.0.1:49152/callback", false),
            ("http://127.0.0.2:49152/callback", false),
            ("http://127.0.0.1:49152/CALLBACK", false),
        ] {
            assert_eq!(is_registered(&native, requested), accepted, "{requested}");
        }
        let web = ClientSettings { application_type: Some(ApplicationType::Web), ..native };
        assert!(!is_registered(&web, "http://127.0.0.1:49152/callback"));
        assert!(is_registered(&web, "http://127.0.0.1/callback"));
    }

    #[test]
    fn a_redirect_keeps_the_parameters_it_was_registered_with() {
        assert_eq!(with_parameters("https://a.example/cb?x=1", "code=2"), "https://a.example/cb?x=1&code=2");
    }
}
