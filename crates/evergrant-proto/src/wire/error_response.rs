//! Error responses (RFC 6749 5.2) and the shapes that providers use instead.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    challenge::Challenge,
    document::Document,
    http::HttpResponse,
    json::{Json, Object},
    untrusted_text::{UntrustedText, looks_like_token, mask},
};

/// Longest error code that is believed to be one, in bytes.
const MAX_CODE_BYTES: usize = 128;

/// Members with codes that stand beside `error`: Entra's, Kakao's, Feishu's, Zoom's, WeChat's.
const BESIDE: [&str; 5] = ["error_codes", "error_code", "errorCode", "code", "errcode"];

/// Most vendor codes that are kept.
const MAX_VENDOR_CODES: usize = 8;

/// The `error` of a response.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// RFC 6749 5.2.
    InvalidRequest,
    /// RFC 6749 5.2.
    InvalidClient,
    /// RFC 6749 5.2.
    InvalidGrant,
    /// RFC 6749 5.2.
    UnauthorizedClient,
    /// RFC 6749 5.2.
    UnsupportedGrantType,
    /// RFC 6749 5.2.
    InvalidScope,
    /// RFC 8707 2.
    InvalidTarget,
    /// RFC 6749 4.1.2.1, RFC 8628 3.5.
    AccessDenied,
    /// RFC 6749 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 4.1.2.1.
    ServerError,
    /// RFC 6749 4.1.2.1.
    TemporarilyUnavailable,
    /// RFC 7009 2.2.1.
    UnsupportedTokenType,
    /// RFC 8628 3.5.
    AuthorizationPending,
    /// RFC 8628 3.5.
    SlowDown,
    /// RFC 8628 3.5.
    ExpiredToken,
    /// RFC 9449 5.
    InvalidDpopProof,
    /// RFC 9449 8.
    UseDpopNonce,
    /// RFC 6750 3.1.
    InvalidToken,
    /// RFC 6750 3.1.
    InsufficientScope,
    /// RFC 9470 3.
    InsufficientUserAuthentication,
    /// OpenID Connect Core 3.1.2.6.
    InteractionRequired,
    /// OpenID Connect Core 3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core 3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core 3.1.2.6.
    AccountSelectionRequired,
    /// A provider's own, such as `bad_refresh_token`.
    Other(String),
}

const REGISTERED: [(&str, ErrorCode); 24] = [
    ("invalid_request", ErrorCode::InvalidRequest),
    ("invalid_client", ErrorCode::InvalidClient),
    ("invalid_grant", ErrorCode::InvalidGrant),
    ("unauthorized_client", ErrorCode::UnauthorizedClient),
    ("unsupported_grant_type", ErrorCode::UnsupportedGrantType),
    ("invalid_scope", ErrorCode::InvalidScope),
    ("invalid_target", ErrorCode::InvalidTarget),
    ("access_denied", ErrorCode::AccessDenied),
    ("unsupported_response_type", ErrorCode::UnsupportedResponseType),
    ("server_error", ErrorCode::ServerError),
    ("temporarily_unavailable", ErrorCode::TemporarilyUnavailable),
    ("unsupported_token_type", ErrorCode::UnsupportedTokenType),
    ("authorization_pending", ErrorCode::AuthorizationPending),
    ("slow_down", ErrorCode::SlowDown),
    ("expired_token", ErrorCode::ExpiredToken),
    ("invalid_dpop_proof", ErrorCode::InvalidDpopProof),
    ("use_dpop_nonce", ErrorCode::UseDpopNonce),
    ("invalid_token", ErrorCode::InvalidToken),
    ("insufficient_scope", ErrorCode::InsufficientScope),
    ("insufficient_user_authentication", ErrorCode::InsufficientUserAuthentication),
    ("interaction_required", ErrorCode::InteractionRequired),
    ("login_required", ErrorCode::LoginRequired),
    ("consent_required", ErrorCode::ConsentRequired),
    ("account_selection_required", ErrorCode::AccountSelectionRequired),
];

impl ErrorCode {
    /// A code, if the text can be one: short, printable, and not a token that strayed into its place.
    pub fn parse(text: &str) -> Option<Self> {
        let text = label(text)?;
        let registered = REGISTERED.iter().find(|(name, _)| *name == text).map(|(_, code)| code.clone());
        Some(registered.unwrap_or(Self::Other(text)))
    }

    /// The code as it goes over the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => REGISTERED.iter().find(|(_, code)| code == known).map_or("", |(name, _)| name),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an error code"))
    }
}

/// Where and how an error was said. Only [`Standard`](ErrorShape::Standard) errors are believed without a catalogue rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// A text member `error` at the top of the body (RFC 6749 5.2).
    Standard,
    /// Some other member of the body.
    Dialect,
    /// The `WWW-Authenticate` header (RFC 6750 3).
    Header,
}

/// What a provider said about a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// The error code, if there was one.
    pub code: Option<ErrorCode>,
    /// The text for developers.
    pub description: Option<UntrustedText>,
    /// The page for developers.
    pub uri: Option<UntrustedText>,
    /// `suberror` (Microsoft), `error_subtype` (Google).
    pub subtype: Option<String>,
    /// Codes besides `error`: AADSTS numbers, Meta's code and subcode, WeChat's errcode.
    pub vendor_codes: Vec<String>,
    /// Where it stood.
    pub shape: ErrorShape,
}

impl ErrorResponse {
    /// An error with nothing but a code.
    pub fn of_code(code: Option<ErrorCode>) -> Self {
        Self {
            code,
            description: None,
            uri: None,
            subtype: None,
            vendor_codes: Vec::new(),
            shape: ErrorShape::Standard,
        }
    }

    /// What a response says about a failure. `None` if it is no statement of an authorization server: HTML,
    /// plain text, nothing. Does not look at the status: some providers report failures with 200.
    pub fn read(response: &HttpResponse) -> Option<Self> {
        Document::read(&response.body)
            .and_then(|document| Self::from_object(&document.object))
            .or_else(|| Self::from_challenge(response))
    }

    /// The error with these secrets masked, also where a provider repeats one in the place of a code.
    #[must_use]
    pub fn redact(self, secrets: &[&str]) -> Self {
        let masked = |text| mask(text, secrets);
        Self {
            code: self.code.map(|code| match code {
                ErrorCode::Other(text) => ErrorCode::Other(masked(text)),
                registered => registered,
            }),
            subtype: self.subtype.map(masked),
            vendor_codes: self.vendor_codes.into_iter().map(masked).collect(),
            description: self.description.map(|text| text.redact(secrets)),
            uri: self.uri.map(|text| text.redact(secrets)),
            ..self
        }
    }

    /// Whether the code, the subtype or a vendor code has this value.
    pub fn says(&self, value: &str) -> bool {
        self.code.as_ref().is_some_and(|code| code.as_str() == value)
            || self.subtype.as_deref() == Some(value)
            || self.vendor_codes.iter().any(|code| code == value)
    }

    pub(super) fn from_object(object: &Object) -> Option<Self> {
        let mut error = match object.value("error") {
            Some(Json::Text(text)) => from_error_text(text),
            Some(Json::Object(inner)) => from_inner(inner),
            Some(Json::Array(items)) => items.iter().find_map(Json::as_object).map(from_inner)?,
            Some(Json::Integer(number)) => with_vendor_codes(vec![number.to_string()]),
            _ => Self::without_error_member(object)?,
        };
        error.vendor_codes.extend(BESIDE.iter().flat_map(|name| codes_of(object.value(name))));
        let description = description_of(object);
        error.vendor_codes.extend(description.into_iter().flat_map(aadsts_codes));
        error.vendor_codes.retain(|code| error.code.as_ref().is_none_or(|known| known.as_str() != code));
        dedup(&mut error.vendor_codes);
        error.description = description.map(UntrustedText::new).or(error.description);
        error.uri = object.text("error_uri").map(UntrustedText::new);
        let subtype =
            ["suberror", "error_subtype", "sub_error"].iter().find_map(|name| label(object.text(name)?));
        error.subtype = subtype.or(error.subtype);
        Some(error)
    }

    /// Fitbit's `errors[]`, WeChat's `errcode`, Okta's `errorCode`, HubSpot's `status`, Slack's bare `ok: false`.
    fn without_error_member(object: &Object) -> Option<Self> {
        if let Some(inner) = object.value("errors").and_then(Json::as_array).and_then(|items| items.first()) {
            return inner.as_object().map(from_inner);
        }
        let codes = ["code", "errorCode", "error_code", "errcode", "reason", "status"];
        let said = codes.iter().find_map(|name| object.value(name).filter(|value| !is_zero(value)));
        let failed = ["ok", "success"].iter().any(|name| object.value(name) == Some(&Json::Bool(false)));
        match said {
            Some(Json::Text(text)) => {
                Some(Self { shape: ErrorShape::Dialect, ..Self::of_code(ErrorCode::parse(text)) })
            }
            Some(Json::Integer(number)) => Some(with_vendor_codes(vec![number.to_string()])),
            _ if failed || description_of(object).is_some() => Some(with_vendor_codes(vec![])),
            _ => None,
        }
    }

    /// `WWW-Authenticate: Bearer error="invalid_token", error_description="..."` (RFC 6750 3, RFC 9449 7.1).
    fn from_challenge(response: &HttpResponse) -> Option<Self> {
        let values = response.headers.iter().filter(|(name, _)| name == "www-authenticate");
        values.flat_map(|(_, value)| Challenge::parse(value)).find_map(|challenge| {
            let code = challenge.error()?;
            let description = challenge.description();
            Some(Self { description, shape: ErrorShape::Header, ..Self::of_code(Some(code)) })
        })
    }
}

/// RFC 6749 5.2; a sentence in the place of the code becomes the description.
fn from_error_text(text: &str) -> ErrorResponse {
    let code = ErrorCode::parse(text);
    let description = code.is_none().then(|| UntrustedText::new(text));
    ErrorResponse { description, ..ErrorResponse::of_code(code) }
}

/// An object that describes the error: Meta's and Google APIs' `error`, Fitbit's element of `errors`.
fn from_inner(inner: &Object) -> ErrorResponse {
    let code = ["errorType", "error", "code", ".tag", "type", "status"]
        .iter()
        .find_map(|name| ErrorCode::parse(inner.text(name)?));
    let numbers = ["code", "error_subcode", "status"].iter().flat_map(|name| numbers_of(inner.value(name)));
    ErrorResponse {
        description: description_of(inner).map(UntrustedText::new),
        vendor_codes: numbers.take(MAX_VENDOR_CODES).collect(),
        // Strava's `invalid` means nothing without what it is of.
        subtype: inner.text("resource").and_then(label),
        shape: ErrorShape::Dialect,
        ..ErrorResponse::of_code(code)
    }
}

fn with_vendor_codes(vendor_codes: Vec<String>) -> ErrorResponse {
    ErrorResponse { vendor_codes, shape: ErrorShape::Dialect, ..ErrorResponse::of_code(None) }
}

fn description_of(object: &Object) -> Option<&str> {
    const NAMES: [&str; 12] = [
        "error_description",
        "errorDescription",
        "message",
        "error_message",
        "errmsg",
        "msg",
        "errorSummary",
        "error_summary",
        "detail",
        "title",
        // Figma's.
        "err",
        // Zoom's; elsewhere a code, which is short.
        "reason",
    ];
    NAMES.iter().find_map(|name| object.text(name)).filter(|text| !text.is_empty())
}

/// A code beside `error`: a number, a short text, or several.
fn codes_of(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::Text(text)) => label(text).into_iter().collect(),
        Some(number) if is_zero(number) => vec![],
        other => numbers_of(other),
    }
}

fn numbers_of(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::Integer(number)) => vec![number.to_string()],
        Some(Json::Array(items)) => items
            .iter()
            .filter_map(|item| item.to_label().and_then(|text| label(&text)))
            .take(MAX_VENDOR_CODES)
            .collect(),
        _ => vec![],
    }
}

/// Entra's numbers stand in the text even where `error_codes` is missing.
fn aadsts_codes(description: &str) -> Vec<String> {
    description
        .split("AADSTS")
        .skip(1)
        .map(|after| after.chars().take_while(char::is_ascii_digit).take(12).collect::<String>())
        .filter(|digits| !digits.is_empty())
        .take(MAX_VENDOR_CODES)
        .collect()
}

fn dedup(codes: &mut Vec<String>) {
    let mut kept = Vec::with_capacity(codes.len());
    for code in codes.drain(..) {
        if !kept.contains(&code) && kept.len() < MAX_VENDOR_CODES {
            kept.push(code);
        }
    }
    *codes = kept;
}

fn is_zero(value: &Json) -> bool {
    matches!(value, Json::Integer(0)) || value.as_text() == Some("0")
}

/// A text that can be a code (RFC 6749 A.7): short, printable, and no token that strayed into its place.
fn label(text: &str) -> Option<String> {
    let text = text.trim();
    let is_label = !text.is_empty()
        && text.len() <= MAX_CODE_BYTES
        && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\')
        && !(looks_like_token(text) && text.bytes().any(|byte| byte.is_ascii_digit()));
    is_label.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;

    fn response(body: &str, headers: &[(&str, &str)]) -> HttpResponse {
        HttpResponse {
            status: 400,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    /// (body, code, description, subtype, vendor codes, shape)
    type Row = (
        &'static str,
        Option<&'static str>,
        Option<&'static str>,
        Option<&'static str>,
        &'static [&'static str],
    );

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_shape_of_an_error_is_read() {
        let rows: [Row; 25] = [
            (r#"{"error":"invalid_grant"}"#, Some("invalid_grant"), None, None, &[]),
            (
                r#"{"error":"invalid_grant","error_description":"expired","error_code":"KOE322"}"#,
                Some("invalid_grant"),
                Some("expired"),
                None,
                &["KOE322"],
            ),
            (
                r#"{"code":20037,"error":"invalid_grant","error_description":"expired"}"#,
                Some("invalid_grant"),
                Some("expired"),
                None,
                &["20037"],
            ),
            (
                r#"{"error":"invalid_request","reason":"Invalid Token!"}"#,
                Some("invalid_request"),
                Some("Invalid Token!"),
                None,
                &[],
            ),
            (
                r#"{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"refresh_token","code":"invalid"}]}"#,
                Some("invalid"),
                Some("Bad Request"),
                Some("RefreshToken"),
                &[],
            ),
            (
                r#"{"error":"invalid_grant","error_description":"gone"}"#,
                Some("invalid_grant"),
                Some("gone"),
                None,
                &[],
            ),
            (
                "error=bad_refresh_token&error_description=The+end",
                Some("bad_refresh_token"),
                Some("The end"),
                None,
                &[],
            ),
            (
                r#"{"ok":false,"error":"invalid_refresh_token"}"#,
                Some("invalid_refresh_token"),
                None,
                None,
                &[],
            ),
            (
                r#"{"error":"invalid_grant","error_description":"AADSTS70043: old.","error_codes":[70043],"suberror":"token_expired"}"#,
                Some("invalid_grant"),
                Some("AADSTS70043: old."),
                Some("token_expired"),
                &["70043"],
            ),
            (
                r#"{"error":"invalid_grant","error_subtype":"invalid_rapt"}"#,
                Some("invalid_grant"),
                None,
                Some("invalid_rapt"),
                &[],
            ),
            (
                r#"{"error":{"message":"Session has ended","type":"OAuthException","code":190,"error_subcode":463}}"#,
                Some("OAuthException"),
                Some("Session has ended"),
                None,
                &["190", "463"],
            ),
            (
                r#"{"error":{"code":"invalid_grant","message":"no"}}"#,
                Some("invalid_grant"),
                Some("no"),
                None,
                &[],
            ),
            (r#"{"error":{".tag":"expired_access_token"}}"#, Some("expired_access_token"), None, None, &[]),
            (
                r#"{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid: 0123456789abcdef0123"}],"success":false}"#,
                Some("invalid_grant"),
                Some("Refresh token invalid: [masked]"),
                None,
                &[],
            ),
            (r#"{"error":400}"#, None, None, None, &["400"]),
            (r#"{"code":20064,"error_description":"revoked"}"#, None, Some("revoked"), None, &["20064"]),
            (
                r#"{"code":"unauthorized.bad_refresh_token"}"#,
                Some("unauthorized.bad_refresh_token"),
                None,
                None,
                &[],
            ),
            (
                r#"{"errcode":40030,"errmsg":"invalid refresh_token"}"#,
                None,
                Some("invalid refresh_token"),
                None,
                &["40030"],
            ),
            (
                r#"{"status":"BAD_REFRESH_TOKEN","message":"missing"}"#,
                Some("BAD_REFRESH_TOKEN"),
                Some("missing"),
                None,
                &[],
            ),
            (
                r#"{"status":400,"message":"Invalid refresh token"}"#,
                None,
                Some("Invalid refresh token"),
                None,
                &["400"],
            ),
            (r#"{"status":0,"message":"odd"}"#, None, Some("odd"), None, &[]),
            (
                r#"{"message":"Invalid grant: refresh_token is invalid"}"#,
                None,
                Some("Invalid grant: refresh_token is invalid"),
                None,
                &[],
            ),
            (r#"{"success":false}"#, None, None, None, &[]),
            (
                r#"{"error":"Zugriff verweigert für diese Anwendung"}"#,
                None,
                Some("Zugriff verweigert für diese Anwendung"),
                None,
                &[],
            ),
            (
                r#"{"errorCode":"invalid_client","errorSummary":"who?"}"#,
                Some("invalid_client"),
                Some("who?"),
                None,
                &[],
            ),
        ];
        for (body, code, description, subtype, vendor_codes) in rows {
            let error = ErrorResponse::read(&response(body, &[])).unwrap_or_else(|| panic!("{body}"));
            assert_eq!(error.code.as_ref().map(ErrorCode::as_str), code, "{body}");
            assert_eq!(error.description.as_ref().map(UntrustedText::as_str), description, "{body}");
            assert_eq!(error.subtype.as_deref(), subtype, "{body}");
            assert_eq!(error.vendor_codes, vendor_codes, "{body}");
        }
    }

    #[test]
    fn what_is_no_statement_of_an_authorization_server_is_nothing() {
        for body in
            ["", "<html>error=1</html>", "Forbidden", "{}", r#"{"hello":"world"}"#, r#"{"error":null}"#, "[]"]
        {
            assert_eq!(ErrorResponse::read(&response(body, &[])), None, "{body}");
        }
    }

    #[test]
    fn only_a_text_at_the_top_is_of_standard_shape() {
        let shape = |body| ErrorResponse::read(&response(body, &[])).unwrap().shape;
        assert_eq!(shape(r#"{"error":"invalid_grant"}"#), ErrorShape::Standard);
        assert_eq!(shape(r#"{"error":{"code":"invalid_grant"}}"#), ErrorShape::Dialect);
        assert_eq!(shape(r#"{"errors":[{"errorType":"invalid_grant"}]}"#), ErrorShape::Dialect);
    }

    #[test]
    fn a_challenge_is_read_where_the_body_says_nothing() {
        let challenge = r#"Bearer realm="error", error_description="it, ended", error="invalid_token""#;
        let error = ErrorResponse::read(&response("<html>", &[("www-authenticate", challenge)])).unwrap();
        assert_eq!((error.code, error.shape), (Some(ErrorCode::InvalidToken), ErrorShape::Header));
        assert_eq!(error.description.unwrap().as_str(), "it, ended");
        assert_eq!(ErrorResponse::read(&response("", &[("www-authenticate", "Basic realm=\"x\"")])), None);
    }

    #[test]
    fn a_token_in_the_place_of_a_code_is_masked() {
        let error = ErrorResponse::read(&response(r#"{"error":"Abc0123456789abcdefghij"}"#, &[])).unwrap();
        assert_eq!(error.code, None);
        assert_eq!(error.description.unwrap().as_str(), "[masked]");
    }

    #[test]
    fn a_secret_that_was_sent_is_masked_wherever_it_comes_back() {
        let body = r#"{"error":"hushhush","error_codes":["1hushhush"],"suberror":"hushhush2","error_description":"hushhush?"}"#;
        let error = ErrorResponse::read(&response(body, &[])).unwrap().redact(&["hushhush"]);
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        let named = ErrorResponse::read(&response(r#"{"error":"invalid_grant"}"#, &[])).unwrap();
        assert_eq!(named.clone().redact(&["invalid_grant"]), named, "a registered code tells nothing");
    }

    #[test]
    fn every_registered_code_survives_a_round_trip() {
        for (name, code) in REGISTERED {
            assert_eq!(ErrorCode::parse(name), Some(code.clone()));
            let json = serde_json::to_string(&code).unwrap();
            assert_eq!(serde_json::from_str::<ErrorCode>(&json).unwrap(), code);
        }
    }

    proptest! {
        #[test]
        fn reading_arbitrary_bytes_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..300), challenge in ".{0,100}",
        ) {
            let headers = vec![("www-authenticate".to_owned(), format!("error{challenge}"))];
            let _ = ErrorResponse::read(&HttpResponse { status: 400, headers, body: Zeroizing::new(bytes) });
        }
    }
}
