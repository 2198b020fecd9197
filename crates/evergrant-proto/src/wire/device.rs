//! The device authorization grant (RFC 8628).

use std::{fmt, time::Duration};

use url::Url;

use super::{
    client_authentication::ClientCredentials,
    document::Document,
    form::Form,
    http::HttpRequest,
    json::{Json, Object},
    lifetime::{StatedSeconds, stated_seconds},
    token_request::{BodyFormat, post},
};
use crate::{scope::ScopeSet, secret::DeviceCode};

/// RFC 8628 3.2: the interval if the provider does not say.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

/// RFC 8628 3.5: how much longer the interval is after each `slow_down`, for good.
pub const SLOW_DOWN: Duration = Duration::from_secs(5);

/// Longest interval that is believed.
const MAX_INTERVAL: Duration = Duration::from_secs(300);

/// Longest life of a device code that is believed; also the one if the provider does not say.
const MAX_LIFETIME: Duration = Duration::from_secs(1800);

/// A device authorization under way (RFC 8628 3.2).
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceAuthorization {
    /// What we poll with.
    pub device_code: DeviceCode,
    /// What the user types.
    pub user_code: String,
    /// Where the user types it.
    pub verification_uri: Url,
    /// The same with the code in it, for a link or a QR code.
    pub verification_uri_complete: Option<Url>,
    /// How long the code lives.
    pub lifetime: Duration,
    /// How long to wait between two polls.
    pub interval: Duration,
}

/// Why an answer is not a device authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDeviceAuthorization {
    /// Neither JSON nor a form.
    #[error("the answer is not readable")]
    Unreadable,
    /// A required member is missing or of the wrong kind.
    #[error("the member {0} is missing or not usable")]
    Unusable(&'static str),
}

impl DeviceAuthorization {
    /// The request (RFC 8628 3.1).
    pub fn request(url: &Url, client: &ClientCredentials, scopes: &ScopeSet, separator: char) -> HttpRequest {
        let mut form = Form::new();
        form.push("scope", &scopes.joined_by(separator));
        post(url, client, form, BodyFormat::Form)
    }

    /// Reads the answer (RFC 8628 3.2). `verification_url` is Google's name of before the standard.
    pub fn read(body: &[u8]) -> Result<Self, InvalidDeviceAuthorization> {
        let document = Document::read(body).ok_or(InvalidDeviceAuthorization::Unreadable)?;
        let object = &document.object;
        let unusable = InvalidDeviceAuthorization::Unusable;
        let device_code = object.text("device_code").and_then(|text| DeviceCode::new(text).ok());
        let user_code = object.text("user_code").filter(|code| is_typable(code)).map(str::to_owned);
        Ok(Self {
            device_code: device_code.ok_or(unusable("device_code"))?,
            user_code: user_code.ok_or(unusable("user_code"))?,
            verification_uri: web_address(object, &["verification_uri", "verification_url"])
                .ok_or(unusable("verification_uri"))?,
            verification_uri_complete: web_address(
                object,
                &["verification_uri_complete", "verification_url_complete"],
            ),
            lifetime: duration(object.value("expires_in")).unwrap_or(MAX_LIFETIME).min(MAX_LIFETIME),
            interval: duration(object.value("interval")).unwrap_or(DEFAULT_INTERVAL).min(MAX_INTERVAL),
        })
    }

    /// The interval after a `slow_down`.
    pub fn slow_down(&mut self) {
        self.interval = (self.interval + SLOW_DOWN).min(MAX_INTERVAL);
    }
}

impl fmt::Debug for DeviceAuthorization {
    /// The user code is masked, too: whoever has it can approve, or phish with, this authorization.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DeviceAuthorization")
            .field("verification_uri", &self.verification_uri.as_str())
            .field("lifetime", &self.lifetime)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// Short, and without anything that would play tricks on the terminal that shows it.
fn is_typable(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// An address that may be shown as a link: never `javascript:` or the like.
fn web_address(object: &Object, names: &[&str]) -> Option<Url> {
    let text = names.iter().find_map(|name| object.text(name))?;
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

fn duration(value: Option<&Json>) -> Option<Duration> {
    match stated_seconds(value?) {
        StatedSeconds::For(duration) => Some(duration),
        StatedSeconds::Capped => Some(super::lifetime::MAX_LIFETIME),
        StatedSeconds::Zero | StatedSeconds::Unusable => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::client_authentication::{ClientAuthentication, ClientIdentifier};

    const ANSWER: &str = r#"{"device_code":"dc-canary","user_code":"WDJB-MJHT",
        "verification_uri":"https://example.com/device",
        "verification_uri_complete":"https://example.com/device?user_code=WDJB-MJHT","expires_in":1800,"interval":5}"#;

    #[test]
    fn the_example_of_rfc_8628_3_2_is_read() {
        let device = DeviceAuthorization::read(ANSWER.as_bytes()).unwrap();
        assert_eq!((device.device_code.expose(), device.user_code.as_str()), ("dc-canary", "WDJB-MJHT"));
        assert_eq!(device.verification_uri.as_str(), "https://example.com/device");
        assert_eq!((device.lifetime, device.interval), (Duration::from_secs(1800), DEFAULT_INTERVAL));
        assert!(!format!("{device:?}").contains("canary") && !format!("{device:?}").contains("WDJB"));
    }

    #[test]
    fn requirement_35_slow_down_lasts() {
        let mut device = DeviceAuthorization::read(ANSWER.as_bytes()).unwrap();
        device.slow_down();
        device.slow_down();
        assert_eq!(device.interval, Duration::from_secs(15));
    }

    #[test]
    fn odd_times_are_bounded() {
        let read = |times: &str| {
            let body = format!(
                r#"{{"device_code":"d","user_code":"u","verification_url":"https://a.example/"{times}}}"#
            );
            let device = DeviceAuthorization::read(body.as_bytes()).unwrap();
            (device.lifetime.as_secs(), device.interval.as_secs())
        };
        assert_eq!(read(""), (1800, 5));
        assert_eq!(read(r#","expires_in":"60","interval":0"#), (60, 5));
        assert_eq!(read(r#","expires_in":1e12,"interval":1e12"#), (1800, 300));
    }

    #[test]
    fn what_cannot_be_shown_or_polled_is_refused() {
        let rows = [
            ("<html>", InvalidDeviceAuthorization::Unreadable),
            ("{}", InvalidDeviceAuthorization::Unusable("device_code")),
            (
                r#"{"device_code":"d","user_code":"\u001b[2J"}"#,
                InvalidDeviceAuthorization::Unusable("user_code"),
            ),
            (r#"{"device_code":"d"}"#, InvalidDeviceAuthorization::Unusable("user_code")),
            (
                r#"{"device_code":"d","user_code":"u","verification_uri":"javascript:alert(1)"}"#,
                InvalidDeviceAuthorization::Unusable("verification_uri"),
            ),
        ];
        for (body, expected) in rows {
            assert_eq!(DeviceAuthorization::read(body.as_bytes()), Err(expected), "{body}");
        }
    }

    #[test]
    fn the_request_names_client_and_scopes() {
        let client = ClientCredentials {
            identifier: ClientIdentifier::new("client").unwrap(),
            authentication: ClientAuthentication::None,
        };
        let url = Url::parse("https://as.example/device").unwrap();
        let request = DeviceAuthorization::request(&url, &client, &"a b".parse().unwrap(), ' ');
        assert_eq!(&request.body[..], b"scope=a+b&client_id=client");
    }

    proptest! {
        #[test]
        fn reading_arbitrary_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = DeviceAuthorization::read(&bytes);
        }
    }
}
