//! What people have at hand of a failure, read: a body, an exchange, a HAR file, a line of a log, a sentence.
//!
//! Nothing here refuses a text for its form: whatever cannot be read as one thing is read as a simpler one, down to a
//! sentence. Only what is no text, or too much of it, is refused.

mod har;
mod http_text;
mod lenient;
mod record;
mod secrets;
mod statement;
mod supposition;
mod transport;

use evergrant_proto::{
    diagnosis::History,
    failure::Stage,
    wire::{
        error_response::ErrorResponse,
        http::{HttpResponse, TransportFailure},
    },
};
use serde_json::Value;

/// Largest input that is read, in bytes. A HAR file of an hour of browsing is smaller.
pub const MAX_INPUT_BYTES: usize = 8 * 1024 * 1024;

/// Largest body that is read, in bytes: no authorization server has more to say.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A failure as somebody reports it. Holds no secret.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Case {
    /// What the reporter calls it.
    pub id: Option<String>,
    /// What it was read as.
    pub form: Form,
    /// The provider, by the reporter's name for it.
    pub provider: Option<String>,
    /// The host that was asked.
    pub host: Option<String>,
    /// What was asked, if it was said or can be seen.
    pub stage: Option<Stage>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Header names in lower case, with their values; those that say nothing about a failure are kept without.
    pub headers: Vec<(String, String)>,
    /// What the provider said.
    pub error: Option<ErrorResponse>,
    /// Whether the answer held an access token.
    pub brought_tokens: bool,
    /// Why there was no answer.
    pub transport: Option<TransportFailure>,
    /// What is known besides.
    pub history: History,
}

/// What an input was read as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// A JSON record of a failure, as `--batch` takes them.
    Record,
    /// An HTTP archive.
    Har,
    /// An HTTP answer, maybe with its request.
    Exchange,
    /// The body of an answer.
    Body,
    /// A line of a log, a message of a library, a sentence.
    #[default]
    Text,
}

/// Why an input cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing in it.
    #[error("there is nothing to explain: the input is empty")]
    Empty,
    /// It is larger than [`MAX_INPUT_BYTES`].
    #[error("the input is larger than {} MiB; pass only the answer of the token endpoint", MAX_INPUT_BYTES / 1024 / 1024)]
    TooLarge,
    /// It is no text.
    #[error("the input is not text; pass the answer of the token endpoint as it came, uncompressed")]
    Binary,
    /// An HTTP archive in which nobody asked for a token and no API refused one.
    #[error(
        "the HAR file holds no failed request for a token; record it again while the failure happens, with the \
         server's own requests, not only the browser's"
    )]
    NothingInHar,
    /// A record of `--batch` that is no JSON object or has a member of the wrong kind.
    #[error("not a record of a failure: {0}")]
    NotARecord(String),
}

impl Case {
    /// Reads whatever it is.
    pub fn read(input: &[u8]) -> Result<Self, Unreadable> {
        let text = text_of(input)?;
        let text = text.trim();
        if let Ok(value @ Value::Object(_)) = serde_json::from_str::<Value>(text) {
            if value.pointer("/log/entries").is_some() {
                return har::read(&value);
            }
            if record::is_one(&value) {
                return record::read(value);
            }
        }
        Ok(http_text::read(text).unwrap_or_else(|| of_text(text)))
    }

    /// Reads one line of `--batch`: a JSON record.
    pub fn from_record(line: &str) -> Result<Self, Unreadable> {
        if line.len() > MAX_INPUT_BYTES {
            return Err(Unreadable::TooLarge);
        }
        let value = serde_json::from_str(line)
            .map_err(|error| Unreadable::NotARecord(format!("line is no JSON ({})", kind_of(&error))))?;
        record::read(value)
    }
}

fn text_of(input: &[u8]) -> Result<String, Unreadable> {
    if input.len() > MAX_INPUT_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let input = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let head = &input[..input.len().min(1024)];
    let strange = head.iter().filter(|byte| **byte == 0 || matches!(byte, 1..=8 | 14..=26 | 28..=31)).count();
    let text = String::from_utf8_lossy(input);
    let broken =
        text.chars().take(1024).filter(|character| *character == char::REPLACEMENT_CHARACTER).count();
    if strange + broken > head.len() / 10 || head.contains(&0) {
        return Err(Unreadable::Binary);
    }
    if text.trim().is_empty() { Err(Unreadable::Empty) } else { Ok(text.into_owned()) }
}

/// The first bytes of a text, to the end of a character.
fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// A body or a line of a log.
fn of_text(text: &str) -> Case {
    let secrets = secrets::of_text(text);
    let mut case = Case::default();
    let said = statement::of(text);
    case.form = if said.is_document { Form::Body } else { Form::Text };
    case.brought_tokens = said.tokens.is_some();
    case.history.refresh_token_present = said.tokens.filter(|with_refresh| !*with_refresh).map(|_| false);
    case.status = said.status;
    case.transport = transport::of(text, said.error.as_ref(), &secrets);
    case.error = said.error.map(|error| secrets.redact(error));
    case.host = supposition::host_in(text);
    case.stage = supposition::stage_of(text, &case);
    case
}

/// What a body says, put into the case. `headers` are those of the answer.
fn add_answer(case: &mut Case, body: Option<&str>, request_secrets: &secrets::Secrets) {
    let said = body.filter(|body| body.len() <= MAX_BODY_BYTES).map(statement::of).unwrap_or_default();
    let secrets = request_secrets.with(body.map(secrets::of_text).unwrap_or_default());
    case.brought_tokens = said.tokens.is_some();
    if said.tokens == Some(false) {
        case.history.refresh_token_present.get_or_insert(false);
    }
    case.status = case.status.or(said.status);
    let challenge = || {
        let headers = case.headers.clone();
        let error = ErrorResponse::read(&HttpResponse { status: 401, headers, body: Vec::new().into() });
        error.map(statement::believed)
    };
    case.error = said.error.or_else(challenge).map(|error| secrets.redact(error));
}

fn kind_of(error: &serde_json::Error) -> String {
    format!("{:?} error at column {}", error.classify(), error.column()).to_lowercase()
}

#[cfg(test)]
mod tests;
