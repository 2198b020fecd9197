//! What a report does not say and shows all the same: what was asked, and whom.

use evergrant_proto::{failure::Stage, wire::error_response::ErrorCode};
use url::Url;

use super::{Case, beginning};

/// Headers of an answer whose values say something about a failure.
const TELLING: [&str; 5] = ["content-type", "www-authenticate", "retry-after", "date", "server"];

/// A header as it is kept, its name in lower case: of most, that they came is all that may ever be told.
pub(super) fn kept((name, value): (String, String)) -> (String, String) {
    let value = if TELLING.contains(&name.as_str()) { value } else { String::new() };
    (name, value)
}

/// The host of an address, or of a bare name with a port.
pub(super) fn host_of(address: &str) -> Option<String> {
    let whole = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
    let url = Url::parse(&whole).ok()?;
    url.host_str().filter(|host| is_name(host)).map(str::to_owned)
}

/// A name as DNS takes it. To the URL standard a host may be nearly anything, also the parameters of a request that
/// has lost its slash.
fn is_name(host: &str) -> bool {
    host.contains('.') && host.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._".contains(letter))
}

/// The first host that a text names in an address.
pub(super) fn host_in(text: &str) -> Option<String> {
    let addresses = text.match_indices("https://").take(8);
    addresses.map(|(start, _)| &text[start..]).find_map(|address| {
        let end =
            address.find(|character: char| character.is_whitespace() || "\"'<>),\\".contains(character));
        host_of(beginning(&address[..end.unwrap_or(address.len())], 2048))
    })
}

/// What a request asks for.
pub(super) fn stage_of_request(address: &str, body: &str) -> Option<Stage> {
    const GRANTS: [(&str, Stage); 8] = [
        ("refresh_token", Stage::RefreshToken),
        // Meta has the access token renewed.
        ("exchange_token", Stage::RefreshToken),
        ("authorization_code", Stage::AuthorizationCode),
        ("client_credentials", Stage::ClientCredentials),
        ("device_code", Stage::DeviceCode),
        ("jwt-bearer", Stage::JwtBearer),
        ("saml2-bearer", Stage::JwtBearer),
        ("password", Stage::Password),
    ];
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let mut pairs = body.split(['&', ',', '\n']).chain(query_of(address).split('&'));
    if let Some(grant) = pairs.find(|pair| pair.contains("grant_type")) {
        return GRANTS.iter().find(|(name, _)| grant.contains(name)).map(|(_, stage)| *stage);
    }
    if path.is_empty() {
        None
    } else if path.contains("introspect") {
        Some(Stage::Introspection)
    } else if path.contains("revo") {
        Some(Stage::Revocation)
    } else if path.contains("token") || path.contains("oauth") {
        None
    } else {
        Some(Stage::ApiCall)
    }
}

/// The parameters in an address: some providers want token requests so.
pub(super) fn query_of(address: &str) -> &str {
    address.split_once('?').map_or("", |(_, query)| query)
}

/// What was asked, by the words of the answer. A refresh is what fails by itself, so it is what people ask about.
pub(super) fn stage_of(text: &str, case: &Case) -> Option<Stage> {
    const WORDS: [(&[&str], Stage); 6] = [
        (
            &["device_code", "device code", "device flow", "authorization_pending", "slow_down"],
            Stage::DeviceCode,
        ),
        (&["refresh"], Stage::RefreshToken),
        (
            &[
                "authorization code",
                "auth code",
                "authorization_code",
                "code_verifier",
                "code verifier",
                "pkce",
                "redirect_uri",
                "redirect uri",
                "reply address",
                "reply url",
                "code was",
                "code has",
                "code is",
                "invalid_code",
                "bad_verification_code",
                "code_challenge",
            ],
            Stage::AuthorizationCode,
        ),
        (&["jwt", "assertion"], Stage::JwtBearer),
        (&["password grant", "invalid username", "username or password"], Stage::Password),
        (
            &[
                "invalid_token",
                "access token",
                "access_token",
                "invalid_session_id",
                "insufficient_scope",
                "invalid_authentication",
                "invalid authentication credentials",
            ],
            Stage::ApiCall,
        ),
    ];
    let text = beginning(text, 8192).to_lowercase();
    let by_words = WORDS.iter().find(|(words, _)| words.iter().any(|word| text.contains(word)));
    if let Some((_, stage)) = by_words {
        return Some(*stage);
    }
    let code = case.error.as_ref().and_then(|error| error.code.as_ref());
    match code {
        Some(ErrorCode::InvalidToken | ErrorCode::InsufficientScope) => Some(Stage::ApiCall),
        Some(ErrorCode::Other(_)) | None if matches!(case.status, Some(401 | 403)) => Some(Stage::ApiCall),
        _ => None,
    }
}
