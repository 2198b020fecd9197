//! What must not come out again: credentials that stand in the input, by the names they stand under.
//!
//! Every text that is shown is masked once more by what it looks like ([`UntrustedText`]); this finds what looks like
//! nothing, a short password or a code of digits.

use evergrant_proto::wire::{error_response::ErrorResponse, untrusted_text::UntrustedText};

use super::{MAX_BODY_BYTES, beginning};

/// Most secrets that are looked for.
const MAX_SECRETS: usize = 256;

/// Longest value that is looked for, in bytes. What is longer is masked for its looks.
const MAX_VALUE: usize = 256;

/// Names under which secrets stand, without punctuation, beside all that end with `token` and `secret`.
const NAMES: [&str; 18] = [
    "password",
    "passwd",
    "pwd",
    "code",
    "codeverifier",
    "devicecode",
    "usercode",
    "assertion",
    "clientassertion",
    "authorization",
    "cookie",
    "setcookie",
    "apikey",
    "xapikey",
    "dpop",
    "proxyauthorization",
    "sessionid",
    "privatekey",
];

/// Names whose values are secret whatever they look like.
const ALWAYS: [&str; 5] = ["clientsecret", "secret", "password", "passwd", "pwd"];

/// Credentials that were seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Vec<String>);

/// The secrets of any text.
pub(super) fn of_text(text: &str) -> Secrets {
    let mut secrets = Secrets::default();
    let text = beginning(text, MAX_BODY_BYTES);
    for (position, _) in text.match_indices([':', '=']) {
        if secrets.0.len() >= MAX_SECRETS {
            break;
        }
        let name = name_before(&text[..position]);
        if !is_secret(&name) {
            continue;
        }
        let value = value_after(&text[position + 1..]);
        if ALWAYS.contains(&name.as_str()) && !is_a_word_of_errors(value) || looks_secret(value) {
            secrets.add(value);
        }
    }
    secrets
}

impl Secrets {
    /// The secrets of a request's body, a form or JSON: all values of its secret parameters.
    pub(super) fn of_request(body: &str) -> Self {
        let mut secrets = of_text(body);
        secrets.add_request(body);
        secrets
    }

    /// Those of a form, in a body or in the query of an address.
    pub(super) fn add_request(&mut self, form: &str) {
        for pair in form.split('&').take(MAX_SECRETS) {
            let Some((name, value)) = pair.split_once('=') else { continue };
            if is_secret(&plain(name)) {
                self.add(value.trim());
                let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
                self.add(decoded.map(|(_, value)| value.into_owned()).unwrap_or_default().trim());
            }
        }
    }

    pub(super) fn add_headers(&mut self, headers: impl Iterator<Item = (String, String)>) {
        for (_, value) in headers.filter(|(name, _)| is_secret(&plain(name))) {
            self.add(&value);
            for part in value.split([' ', ';', '=']).filter(|part| looks_secret(part)) {
                self.add(part);
            }
        }
    }

    pub(super) fn with(&self, others: Self) -> Self {
        Self(self.0.iter().cloned().chain(others.0).take(2 * MAX_SECRETS).collect())
    }

    pub(super) fn redact(&self, error: ErrorResponse) -> ErrorResponse {
        let secrets: Vec<&str> = self.0.iter().map(String::as_str).collect();
        error.redact(&secrets)
    }

    /// A text that is read once more, without them and otherwise as it was.
    pub(super) fn strike(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| text.replace(secret.as_str(), "[masked]"))
    }

    /// A text that is shown, without them.
    pub(super) fn mask(&self, text: &str) -> String {
        let secrets: Vec<&str> = self.0.iter().map(String::as_str).collect();
        UntrustedText::new(text).redact(&secrets).as_str().to_owned()
    }

    fn add(&mut self, secret: &str) {
        // Less would hit words everywhere and thereby tell what it is.
        if secret.len() >= 4 && self.0.len() < MAX_SECRETS && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
        }
    }
}

/// `fb_exchange_token`, `app_secret`: providers have names of their own for them.
fn is_secret(name: &str) -> bool {
    NAMES.contains(&name) || name.ends_with("token") || name.ends_with("secret")
}

fn name_before(before: &str) -> String {
    let before = ending(before);
    let end = before.trim_end_matches([' ', '"', '\'', '\\']).len();
    let start = before[..end]
        .char_indices()
        .rev()
        .take(32)
        .take_while(|(_, character)| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
        .last()
        .map_or(end, |(index, _)| index);
    plain(&before[start..end])
}

/// The last bytes of a text, as many as a name and its punctuation can have.
fn ending(text: &str) -> &str {
    const LONGEST: usize = 64;
    let start = (text.len().saturating_sub(LONGEST)..=text.len()).find(|start| text.is_char_boundary(*start));
    &text[start.unwrap_or(0)..]
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(32)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

fn value_after(after: &str) -> &str {
    let after = beginning(after, 2 * MAX_VALUE).trim_start_matches([' ', '"', '\'', '\\']);
    let after =
        ["Bearer ", "Basic ", "DPoP "].iter().find_map(|scheme| after.strip_prefix(scheme)).unwrap_or(after);
    let end = after.find(|character: char| {
        character.is_whitespace()
            || matches!(character, '"' | '\'' | ',' | '&' | ';' | '}' | ')' | ']' | '\\')
    });
    &after[..end.unwrap_or(after.len())]
}

/// Something with digits, or with capitals within: no word of a sentence.
fn looks_secret(value: &str) -> bool {
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let capitals = value.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
        && value.bytes().any(|byte| byte.is_ascii_lowercase());
    let written_as_code = value.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    value.len() >= 6 && (digits || capitals) && !written_as_code && !value.starts_with("AADSTS")
}

/// "client_secret: invalid" holds no secret.
fn is_a_word_of_errors(value: &str) -> bool {
    const WORDS: [&str; 12] = [
        "invalid",
        "expired",
        "missing",
        "wrong",
        "incorrect",
        "required",
        "unknown",
        "null",
        "none",
        "true",
        "false",
        "not",
    ];
    WORDS.contains(&value.to_ascii_lowercase().trim_end_matches('.'))
}
