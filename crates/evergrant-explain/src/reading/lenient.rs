//! Names and values in texts that are almost JSON: `{'error': 'invalid_grant'}`, `error=invalid_grant`, a body
//! whose brackets were not copied.

use evergrant_proto::wire::{
    error_response::ErrorResponse, http::HttpResponse, untrusted_text::UntrustedText,
};
use serde_json::{Map, Value, json};

use super::beginning;

/// Most bytes that are looked at.
const MAX_BYTES: usize = 64 * 1024;

/// Members that say something, by what they are. Compared without case and punctuation.
const CODES: [&str; 4] = ["error", "errorcode", "errortype", "errorname"];
const TEXTS: [&str; 9] = [
    "errordescription",
    "message",
    "errormessage",
    "errorsummary",
    "nslocalizeddescription",
    "errmsg",
    "description",
    "detail",
    "reason",
];
/// What servers know besides: node-oidc-provider in its log, Ory's in the answer.
const DETAILS: [&str; 2] = ["errordetail", "errorhint"];
const NUMBERS: [&str; 3] = ["code", "errorsubcode", "errorcodes"];
const SUBTYPES: [&str; 3] = ["suberror", "errorsubtype", "type"];
/// What `invalid` is of, in answers that name resource and field apart.
const PLACES: [&str; 2] = ["resource", "field"];

/// What the names said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    code: Option<String>,
    text: Option<String>,
    details: Vec<String>,
    numbers: Vec<String>,
    subtype: Option<String>,
    places: Vec<String>,
}

/// Reads the pairs of a text.
pub(super) fn from_text(text: &str) -> Named {
    let mut named = Named::default();
    let mut rest = beginning(text, MAX_BYTES);
    while let Some(position) = rest.find([':', '=']) {
        let name = last_name(&rest[..position]);
        let after = rest[position + 1..].trim_start_matches([' ', '\t', '>']);
        let taken = named.take(&name, after);
        let next = rest.len() - after.len() + taken;
        rest = &rest[next.max(position + 1)..];
    }
    named
}

/// The places of Strava's, Fitbit's and others' lists of errors.
pub(super) fn from_members(object: &Map<String, Value>) -> Named {
    let mut named = Named::default();
    let first = object.get("errors").and_then(Value::as_array).and_then(|errors| errors.first());
    if let Some(Value::Object(first)) = first {
        named.places.extend(["resource", "field", "code"].iter().filter_map(|name| {
            first
                .get(*name)
                .and_then(Value::as_str)
                .filter(|_| first.contains_key("field"))
                .map(str::to_owned)
        }));
    }
    let details = ["error_detail", "error_hint"].iter().filter_map(|name| object.get(*name)?.as_str());
    named.details.extend(details.map(str::to_owned));
    named
}

/// A record of a log that has no answer in it, only words about one: authentik's, Okta's and Auth0's events.
pub(super) fn of_event(object: &Map<String, Value>) -> Option<ErrorResponse> {
    const WORDS: [&str; 5] = ["event", "displayMessage", "description", "text", "reason"];
    let words = WORDS.iter().filter_map(|name| object.get(*name)?.as_str());
    let outcome = object.get("outcome").and_then(|outcome| outcome.get("reason")).and_then(Value::as_str);
    let said: Vec<&str> = words.chain(outcome).filter(|text| text.contains(' ')).collect();
    let error = json!({ "error_description": said.join(". ") }).to_string();
    if said.is_empty() { None } else { read(&error) }
}

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.code.is_none() && self.text.is_none() && self.numbers.is_empty()
    }

    /// The code, if nothing else was named.
    pub(super) fn lone_code(&self) -> Option<&str> {
        let alone = self.text.is_none() && self.numbers.is_empty() && self.places.is_empty();
        self.code.as_deref().filter(|_| alone)
    }

    /// Takes the value of a name, if it is one that says something. How many bytes it took.
    fn take(&mut self, name: &str, after: &str) -> usize {
        let name: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        let is_detail = DETAILS.contains(&name.as_str());
        let is_text = is_detail || TEXTS.contains(&name.as_str());
        let known = is_text
            || [&CODES[..], &NUMBERS, &SUBTYPES, &PLACES].iter().any(|names| names.contains(&name.as_str()));
        if !known {
            return 0;
        }
        let (value, length) = value(after, is_text);
        if value.is_empty() {
            return 0;
        }
        let value = value.to_owned();
        match name.as_str() {
            code if CODES.contains(&code) && self.code.is_none() => self.code = Some(value),
            _ if is_detail => self.details.push(value),
            _ if is_text && self.text.is_none() => self.text = Some(value),
            number if NUMBERS.contains(&number) => self.numbers.push(value),
            subtype if SUBTYPES.contains(&subtype) && self.subtype.is_none() => self.subtype = Some(value),
            place if PLACES.contains(&place) => self.places.push(value),
            _ => {}
        }
        length
    }

    /// The error that the names describe.
    pub(super) fn into_error(self) -> Option<ErrorResponse> {
        let mut object = Map::new();
        let code = self.code.clone().or_else(|| self.subtype.clone().filter(|_| !self.numbers.is_empty()));
        let text = self.text.clone().or_else(|| (!self.places.is_empty()).then(|| self.places.join(" ")));
        let said: Vec<String> = text.into_iter().chain(self.details).collect();
        let text = (!said.is_empty()).then(|| said.join(". "));
        if let Some(code) = code {
            object.insert("error".into(), json!(code));
        }
        if let Some(text) = text {
            object.insert("error_description".into(), json!(text));
        }
        if let Some(subtype) = self.subtype {
            object.insert("suberror".into(), json!(subtype));
        }
        if !self.numbers.is_empty() {
            object.insert("error_codes".into(), json!(self.numbers));
        }
        read(&Value::Object(object).to_string())
    }

    /// The error with the places and details that its reader does not look at.
    pub(super) fn complete(self, mut error: ErrorResponse) -> ErrorResponse {
        if !self.places.is_empty() {
            error.description = Some(UntrustedText::new(&self.places.join(" ")));
        }
        if !self.details.is_empty() {
            let said = error.description.iter().map(UntrustedText::as_str);
            let all: Vec<&str> = said.chain(self.details.iter().map(String::as_str)).collect();
            error.description = Some(UntrustedText::new(&all.join(". ")));
        }
        error
    }
}

fn read(body: &str) -> Option<ErrorResponse> {
    let body = body.as_bytes().to_vec().into();
    ErrorResponse::read(&HttpResponse { status: 400, headers: Vec::new(), body })
}

/// The word before a separator, without quotation marks.
fn last_name(before: &str) -> String {
    let before = before.trim_end_matches([' ', '\t', '"', '\'', '\\']);
    let start = before
        .char_indices()
        .rev()
        .take(40)
        .find(|(_, character)| !(character.is_ascii_alphanumeric() || *character == '_'))
        .map_or(0, |(index, character)| index + character.len_utf8());
    before.get(start..).unwrap_or_default().chars().take(40).collect()
}

/// The value at the beginning of a text, and how many bytes it takes.
fn value(text: &str, is_text: bool) -> (&str, usize) {
    let quote = text.chars().next().filter(|character| matches!(character, '"' | '\''));
    if let Some(quote) = quote {
        let inner = &text[1..];
        let end = closing(inner, quote);
        return (inner[..end].trim(), (end + 2).min(text.len()));
    }
    let end = if is_text {
        let line = text.find(['\n', '\r', '}']).unwrap_or(text.len());
        // A further pair ends it: ", error_uri=...".
        text[..line].find(", \"").unwrap_or(line)
    } else {
        text.find(|character: char| character.is_whitespace() || ",;}])&{[".contains(character))
            .unwrap_or(text.len())
    };
    (text[..end].trim(), end)
}

/// Where a quoted value ends. An apostrophe within a word ends nothing, nor does what is escaped.
fn closing(inner: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, character) in inner.char_indices() {
        let closes = character == quote && !escaped;
        escaped = character == '\\' && !escaped;
        let next = inner[index + character.len_utf8()..].chars().next();
        let inside_a_word = quote == '\'' && next.is_some_and(char::is_alphanumeric);
        if closes && !inside_a_word {
            return index;
        }
    }
    inner.len()
}
