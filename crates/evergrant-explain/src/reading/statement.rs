//! What a text says of a failure: JSON in whatever wrapping, pairs of names and values, or a sentence with a code in it.

use evergrant_proto::wire::{
    error_response::{ErrorCode, ErrorResponse, ErrorShape},
    http::HttpResponse,
};
use serde_json::{Map, Value, json};

use super::lenient;

/// How often a text in a text is looked into.
const MAX_WRAPPINGS: usize = 4;

/// Longest sentence that is kept, in bytes.
const MAX_SENTENCE: usize = 4096;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) error: Option<ErrorResponse>,
    /// There is an access token; whether a refresh token is with it.
    pub(super) tokens: Option<bool>,
    /// A status that the text mentions.
    pub(super) status: Option<u16>,
    /// The text was a document and not a sentence with one in it.
    pub(super) is_document: bool,
}

/// Reads a text.
pub(super) fn of(text: &str) -> Statement {
    let mut statement = unwrap(text.trim(), MAX_WRAPPINGS);
    statement.status = statement.status.or_else(|| status_in(text));
    statement.error = statement.error.map(believed);
    statement
}

/// An error that somebody reports is one, wherever it stood.
pub(super) fn believed(error: ErrorResponse) -> ErrorResponse {
    ErrorResponse { shape: ErrorShape::Standard, ..error }
}

fn unwrap(text: &str, wrappings: usize) -> Statement {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::String(inner)) if wrappings > 0 => return unwrap(&inner, wrappings - 1),
        Ok(Value::Array(items)) => {
            let first = items.into_iter().find_map(|item| match item {
                Value::Object(object) => Some(of_object(&object, wrappings)),
                _ => None,
            });
            return Statement { is_document: true, ..first.unwrap_or_default() };
        }
        Ok(Value::Object(object)) => return Statement { is_document: true, ..of_object(&object, wrappings) },
        _ => {}
    }
    if text.starts_with(['{', '['])
        && let Some(error) = pairs(text).or_else(|| read_json(text))
    {
        let tokens = tokens_in(text);
        return Statement { error: Some(error), tokens, is_document: true, ..Statement::default() };
    }
    wrapped(text, wrappings).or_else(|| form(text)).unwrap_or_else(|| Statement {
        tokens: tokens_in(text),
        error: pairs(text).or_else(|| sentence(text)),
        ..Statement::default()
    })
}

/// `HTTP 400: {"error":"invalid_grant"}`, also with its quotation marks escaped.
fn wrapped(text: &str, wrappings: usize) -> Option<Statement> {
    if wrappings == 0 {
        return None;
    }
    if text.contains("\\\"") {
        return wrapped(&text.replace("\\\"", "\"").replace("\\\\", "\\"), wrappings - 1);
    }
    // Two places are enough: a log's own brackets come before the body, not after.
    text.match_indices('{').take(4).find_map(|(start, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        let Some(Ok(Value::Object(object))) = values.next() else { return None };
        let statement = of_object(&object, wrappings - 1);
        let before = text[..start].trim_matches(|character: char| !character.is_alphanumeric());
        let says_something = statement.error.is_some() || statement.tokens.is_some();
        says_something
            .then(|| Statement { status: statement.status.or_else(|| status_in(before)), ..statement })
    })
}

fn of_object(object: &Map<String, Value>, wrappings: usize) -> Statement {
    if let Some(inner) = inner_statement(object, wrappings) {
        return inner;
    }
    let tokens = object.get("access_token").is_some().then(|| object.contains_key("refresh_token"));
    let status = ["status", "status_code", "statusCode", "http_status"]
        .iter()
        .find_map(|name| object.get(*name)?.as_u64())
        .and_then(|status| u16::try_from(status).ok())
        .filter(|status| (400..600).contains(status));
    let named = lenient::from_members(object);
    let error = if tokens.is_some() && !object.contains_key("error") {
        None
    } else {
        read_json(&Value::Object(object.clone()).to_string())
            .map(|error| named.complete(error))
            .or_else(|| lenient::of_event(object))
    };
    Statement { error, tokens, status, is_document: false }
}

/// The body that a log or a library put into a record of its own.
fn inner_statement(object: &Map<String, Value>, wrappings: usize) -> Option<Statement> {
    const WRAPPERS: [&str; 14] = [
        "body",
        "response",
        "responseBody",
        "response_body",
        "data",
        "content",
        "details",
        "detail",
        "message",
        "msg",
        "err",
        "error_description",
        "cause",
        "token_response",
    ];
    if wrappings == 0 || object.contains_key("access_token") {
        return None;
    }
    WRAPPERS.iter().find_map(|name| {
        let statement = match object.get(*name)? {
            Value::Object(inner) => of_object(inner, wrappings - 1),
            Value::String(text) if text.contains('{') => wrapped(text, wrappings - 1)?,
            _ => return None,
        };
        let coded = statement.error.as_ref().is_some_and(|error| error.code.is_some());
        (coded || statement.tokens.is_some()).then_some(statement)
    })
}

/// Python's and JavaScript's ways of printing a record, and a body without its brackets.
fn pairs(text: &str) -> Option<ErrorResponse> {
    let named = lenient::from_text(text);
    if named.is_empty() {
        return None;
    }
    let Some(code) = named.lone_code() else { return named.into_error() };
    // "error: invalid_grant, the code has expired"
    if text.starts_with('{') || text.len() > MAX_SENTENCE {
        return named.into_error();
    }
    let rest = text.replacen(&format!("error: {code}"), "", 1).replacen(code, "", 1);
    read_json(&json!({ "error": code, "error_description": without_status(rest.trim()) }).to_string())
}

fn form(text: &str) -> Option<Statement> {
    let one_line = !text.contains(char::is_whitespace) && !text.starts_with('<');
    let error = (one_line && text.contains("error=")).then(|| read_json(text))??;
    Some(Statement { error: Some(error), is_document: true, ..Statement::default() })
}

fn read_json(body: &str) -> Option<ErrorResponse> {
    let response = HttpResponse { status: 400, headers: Vec::new(), body: body.as_bytes().to_vec().into() };
    ErrorResponse::read(&response)
}

/// A sentence: its first code, and the rest as the description.
fn sentence(text: &str) -> Option<ErrorResponse> {
    if text.starts_with('<') {
        return None;
    }
    let text: String = text.chars().take(MAX_SENTENCE).collect();
    let (code, rest) = match code_in(&text) {
        Some(code) => (Some(code.to_owned()), text.replacen(code, "", 1)),
        None => spelled_out(&text),
    };
    let description = without_status(rest.trim());
    let mut object = Map::new();
    if let Some(code) = code {
        object.insert("error".into(), json!(code));
    }
    object.insert("error_description".into(), json!(description));
    read_json(&Value::Object(object).to_string())
}

/// The first registered code, else the first word that is written like one.
fn code_in(text: &str) -> Option<&str> {
    let words = || text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let registered = |word: &&str| !matches!(ErrorCode::parse(word), None | Some(ErrorCode::Other(_)));
    words().find(registered).or_else(|| words().find(|word| is_written_like_a_code(word)))
}

/// "400 - Invalid Grant"
fn spelled_out(text: &str) -> (Option<String>, String) {
    const CODES: [&str; 6] = [
        "invalid grant",
        "invalid client",
        "invalid scope",
        "unauthorized client",
        "access denied",
        "slow down",
    ];
    let small = text.to_ascii_lowercase();
    let found = CODES.iter().find_map(|code| Some((*code, small.find(code)?)));
    found.map_or_else(
        || (None, text.to_owned()),
        |(code, start)| {
            (Some(code.replace(' ', "_")), format!("{}{}", &text[..start], &text[start + code.len()..]))
        },
    )
}

/// `bad_refresh_token`, `BAD_REFRESH_TOKEN`; names of parameters are none.
fn is_written_like_a_code(word: &str) -> bool {
    const PARAMETERS: [&str; 27] = [
        "access_type",
        "approval_prompt",
        "offline_access",
        "response_type",
        "token_type_hint",
        "token_uri",
        "token_type",
        "token_url",
        "auth_uri",
        "expires_in",
        "expires_at",
        "client_email",
        "token_endpoint",
        "refresh_token",
        "access_token",
        "id_token",
        "client_id",
        "client_secret",
        "grant_type",
        "redirect_uri",
        "code_verifier",
        "code_challenge",
        "authorization_code",
        "client_credentials",
        "error_description",
        "client_assertion",
        "device_code",
    ];
    let cased = |is_right: fn(&u8) -> bool| {
        word.bytes().all(|byte| is_right(&byte) || byte == b'_' || byte.is_ascii_digit())
    };
    word.contains('_')
        && (6..=60).contains(&word.len())
        && word.split('_').all(|part| !part.is_empty())
        && (cased(u8::is_ascii_lowercase) || cased(u8::is_ascii_uppercase))
        && !PARAMETERS.contains(&word)
}

/// A status that is written as one: `HTTP 401`, `status code: 400`, or a number of its own at the beginning or end.
fn status_in(text: &str) -> Option<u16> {
    let words: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || "(),;=\"'[]{}".contains(character))
        .map(|word| word.trim_matches([':', '.', '-']))
        .filter(|word| !word.is_empty())
        .take(400)
        .collect();
    words.iter().find_map(|word| {
        let number: u16 = (word.len() == 3).then(|| word.parse().ok())??;
        (400..600).contains(&number).then_some(number)
    })
}

/// Without the status and its reason phrase, which say nothing.
fn without_status(text: &str) -> String {
    const PHRASES: [&str; 5] =
        ["400 Bad Request", "bad request", "Bad Request", "401 Unauthorized", "403 Forbidden"];
    PHRASES.iter().fold(text.to_owned(), |text, phrase| text.replace(phrase, ""))
}

fn tokens_in(text: &str) -> Option<bool> {
    let named = |name: &str| text.contains(&format!("\"{name}\":")) || text.contains(&format!("'{name}':"));
    named("access_token").then(|| named("refresh_token"))
}
