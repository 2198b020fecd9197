//! Text that a provider, or whoever answered in its place, wants shown.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::form::encode_text;

/// Most characters that are kept.
pub const MAX_CHARACTERS: usize = 500;

/// A run of token characters at least this long is masked.
const TOKEN_LENGTH: usize = 20;

const MASK: &str = "[masked]";

/// A description by somebody else, made safe when it is read: at most [`MAX_CHARACTERS`], one line, no control or
/// direction-changing characters (it may be shown on a terminal), and with everything masked that looks
/// like a token or an e-mail address (Fitbit's message holds the refresh token itself).
///
/// It is text, not HTML: whoever puts it on a page escapes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct UntrustedText(String);

impl UntrustedText {
    /// Makes a text safe.
    pub fn new(text: &str) -> Self {
        // Masked before it is cut: a cut token would be too short to be recognised.
        let bounded: String = text.chars().take(16 * MAX_CHARACTERS).map(visible).collect();
        let masked = mask_emails(&mask_tokens(&bounded));
        Self(masked.trim().chars().take(MAX_CHARACTERS).collect())
    }

    /// The text with these secrets masked, too.
    #[must_use]
    pub fn redact(self, secrets: &[&str]) -> Self {
        Self(mask(self.0, secrets))
    }

    /// The safe text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text with these secrets masked, as they are and as a form encodes them.
pub(super) fn mask(text: String, secrets: &[&str]) -> String {
    // A very short "secret" would turn every text into masks and thereby tell what it is.
    let known = secrets.iter().filter(|secret| secret.len() >= 4);
    known.fold(text, |text, secret| text.replace(secret, MASK).replace(encode_text(secret).as_str(), MASK))
}

impl fmt::Display for UntrustedText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UntrustedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

/// Controls become spaces; what changes the direction of writing or is invisible becomes a question mark.
fn visible(character: char) -> char {
    match character {
        _ if character.is_control() || character == '\u{2028}' || character == '\u{2029}' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => '?',
        _ => character,
    }
}

fn mask_tokens(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for run in runs(text, is_token_character) {
        masked.push_str(if looks_like_token(run) { MASK } else { run });
    }
    masked
}

fn mask_emails(text: &str) -> String {
    let is_address_character = |character: char| {
        character.is_alphanumeric() || matches!(character, '@' | '.' | '_' | '+' | '-' | '%')
    };
    let mut masked = String::with_capacity(text.len());
    for run in runs(text, is_address_character) {
        let is_address = run.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        masked.push_str(if is_address { MASK } else { run });
    }
    masked
}

/// Cuts a text into runs whose characters all are, or all are not, of a kind.
fn runs(text: &str, is_kind: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let kind = is_kind(rest.chars().next()?);
        let end = rest.find(|character| is_kind(character) != kind).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        rest = tail;
        Some(run)
    })
}

/// Percent signs among them: whoever repeats a request repeats it encoded, and Google's tokens have slashes.
fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '~' | '+' | '/' | '-' | '=' | '%')
}

/// Long, and not just words in lower case joined by punctuation (`refresh_token_was_revoked`).
pub(super) fn looks_like_token(run: &str) -> bool {
    run.len() >= TOKEN_LENGTH
        && !run
            .split(|character: char| !character.is_ascii_alphanumeric())
            .all(|word| word.len() < TOKEN_LENGTH && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_safe_to_show_and_keeps_its_meaning() {
        let rows = [
            ("Token has been expired or revoked.", "Token has been expired or revoked."),
            ("\u{1b}[31mred\u{7}\r\nnext\0", "[31mred   next"),
            ("left\u{202e}right", "left?right"),
            (
                "Refresh token invalid: 3fa85f6457174562b3fc2c963f66afa6dead",
                "Refresh token invalid: [masked]",
            ),
            ("code 0.AXoA-9k_q.Ag.ABYAAAAzzzz expired", "code [masked] expired"),
            ("got refresh_token=1%2F%2F0gAbc9%2BdEfGh%2FiJkLm4", "got [masked]"),
            ("used 100% of 90%", "used 100% of 90%"),
            ("user ada.lovelace@example.com is gone", "user [masked] is gone"),
            ("the refresh_token_was_already_used by you", "the refresh_token_was_already_used by you"),
            ("AADSTS700082: inactive for 90.00:00:00", "AADSTS700082: inactive for 90.00:00:00"),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ];
        for (text, expected) in rows {
            assert_eq!(UntrustedText::new(text).as_str(), expected);
        }
    }

    #[test]
    fn known_secrets_are_masked_even_if_they_are_short() {
        let text = UntrustedText::new("Invalid token: hush! Really: hush!").redact(&["hush!", "a"]);
        assert_eq!(text.as_str(), "Invalid token: [masked] Really: [masked]");
        let text = UntrustedText::new("the secret hu%2Fsh%21 is wrong").redact(&["hu/sh!"]);
        assert_eq!(text.as_str(), "the secret [masked] is wrong");
    }

    #[test]
    fn a_token_at_the_cut_does_not_slip_through() {
        let text = format!("{} {}", "é".repeat(MAX_CHARACTERS - 11), "Abc123".repeat(20));
        assert!(!UntrustedText::new(&text).as_str().contains("Abc123"));
    }

    proptest! {
        #[test]
        fn any_text_comes_out_bounded_and_printable(text in any::<String>()) {
            let safe = UntrustedText::new(&text);
            prop_assert!(safe.as_str().chars().count() <= MAX_CHARACTERS);
            prop_assert!(!safe.as_str().chars().any(char::is_control));
        }

        #[test]
        fn a_token_never_survives(token in "[A-Za-z0-9_-]{19}[0-9]", before in ".{0,20}") {
            let safe = UntrustedText::new(&format!("{before} {token}"));
            prop_assert!(!safe.as_str().contains(&token));
        }
    }
}
