//! What a report does not say and shows all the same: what was asked, and whom.

use evergrant_proto::{failure::Stage, wire::error_response::ErrorCode};
use url::Url;

use super::{Case, beginning, secrets};

/// Headers of an answer whose values say something about a failure.
const TELLING: [&str; 5] = ["content-type", "www-authenticate", "retry-after", "date", "server"];

/// A header as it is kept, its name in lower case: of most, that they came is all that may ever be told, and of the others
/// whatever is no secret.
pub(super) fn kept((name, value): (String, String)) -> (String, String) {
    let telling = TELLING.contains(&name.as_str());
    let value = if telling { secrets::of_text(&value).strike(value) } else { String::new() };
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
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let mut pairs = body.split(['&', ',', '\n']).chain(query_of(address).split('&'));
    if let Some(named) = pairs.find(|pair| pair.contains("grant_type")) {
        return grant(named);
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

/// A grant by its name, or by what providers have made of it.
fn grant(name: &str) -> Option<Stage> {
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
    GRANTS.iter().find(|(known, _)| name.contains(known)).map(|(_, stage)| *stage)
}

/// The parameters in an address: some providers want token requests so.
pub(super) fn query_of(address: &str) -> &str {
    address.split_once('?').map_or("", |(_, query)| query)
}

/// What was asked, by the words of the answer. A refresh is what fails by itself, so it is what people ask about.
pub(super) fn stage_of(text: &str, case: &Case) -> Option<Stage> {
    let text = beginning(text, 8192).to_lowercase().replace(GRANTS_OF_THE_STANDARD, "");
    let code = case.error.as_ref().and_then(|error| error.code.as_ref());
    let at_token_endpoint = code.is_some_and(is_of_token_endpoints);
    // What a sentence is about stands before what else it mentions: "the code was redeemed, use the refresh token".
    let place = |words: &[&str]| words.iter().filter_map(|word| text.find(word)).min();
    let spoken_of = SPOKEN_OF
        .iter()
        .filter(|(_, stage)| *stage != Stage::ApiCall || !at_token_endpoint)
        .filter_map(|(words, stage)| Some((place(words)?, *stage)))
        .min_by_key(|(place, _)| *place);
    let mentioned = || MENTIONED.iter().find(|(words, _)| place(words).is_some()).map(|(_, stage)| *stage);
    named_grant(&text)
        .or(spoken_of.map(|(_, stage)| stage))
        .or_else(|| {
            let of_resource_servers =
                matches!(code, Some(ErrorCode::InvalidToken | ErrorCode::InsufficientScope));
            of_resource_servers.then_some(Stage::ApiCall)
        })
        .or_else(mentioned)
        .or_else(|| (!at_token_endpoint && sounds_like_an_api(&text, case)).then_some(Stage::ApiCall))
}

/// RFC 6749 5.2 lists the grants for every `invalid_grant`; that says nothing of this one.
const GRANTS_OF_THE_STANDARD: &str = "authorization code, resource owner credentials) or refresh token";

/// What is spoken of, and so what was presented.
const SPOKEN_OF: [(&[&str], Stage); 4] = [
    (&["device_code", "device code", "device flow", "authorization_pending", "slow_down"], Stage::DeviceCode),
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
            "code already",
            "invalid_code",
            "bad_verification_code",
            "code_challenge",
        ],
        Stage::AuthorizationCode,
    ),
    (
        &[
            "access token",
            "access_token",
            "bearer token",
            "invalid_session_id",
            "invalid_authentication",
            "invalid authentication credentials",
        ],
        Stage::ApiCall,
    ),
];

/// What is mentioned only where it was used.
const MENTIONED: [(&[&str], Stage); 3] = [
    // Microsoft.IdentityModel names so what it finds when it checks a token.
    (&["idx10"], Stage::ApiCall),
    (&["jwt", "assertion"], Stage::JwtBearer),
    (&["password grant", "invalid username", "username or password"], Stage::Password),
];

/// The value of a parameter `grant_type` in a log or a request.
fn named_grant(text: &str) -> Option<Stage> {
    text.match_indices("grant_type").take(4).find_map(|(start, name)| {
        let after = &text[start + name.len()..];
        let value = after.trim_start_matches(['"', '\'', '\\', ' ', '=', ':', '>']);
        let assigned = after[..after.len() - value.len()].contains(['=', ':']);
        let end = value.find(|character: char| character.is_whitespace() || "\"',;&})\\".contains(character));
        assigned.then(|| grant(&value[..end.unwrap_or(value.len())])).flatten()
    })
}

/// RFC 6749 5.2: only a token endpoint says so.
fn is_of_token_endpoints(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InvalidGrant
            | ErrorCode::InvalidClient
            | ErrorCode::UnauthorizedClient
            | ErrorCode::UnsupportedGrantType
            | ErrorCode::InvalidScope
    )
}

/// A status that resource servers answer with, and no page of a firewall; or a token that ended, of which a token
/// endpoint would have said which one.
fn sounds_like_an_api(text: &str, case: &Case) -> bool {
    let error = case.error.as_ref();
    let own_words = matches!(error.and_then(|error| error.code.as_ref()), Some(ErrorCode::Other(_)) | None);
    let is_page = error.is_none() && (text.contains("<html") || text.contains("<!doctype"));
    let refused = matches!(case.status, Some(401 | 403)) && !is_page;
    own_words && (refused || text.contains("token") && text.contains("expired"))
}
