//! What the words of a provider say, whatever their order and grammar.
//!
//! Servers say one thing in a hundred ways: "Code was already redeemed", "authorization_code_used", "the code has been
//! used twice". So a text is taken as the set of the notions in it, and the rules ask for notions, not for sentences.

mod table;
mod vocabulary;

pub(super) use self::table::{Hearing, Weight};
use self::vocabulary::Word;

/// Longest text that is heard, in bytes: what a server has to say, it says early.
const MAX_BYTES: usize = 2048;

/// Longest word that can be a notion.
const LONGEST: usize = 20;

/// A set of notions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Words(u128);

impl Words {
    const fn of(words: &[Word]) -> Self {
        let mut set = 0;
        let mut index = 0;
        while index < words.len() {
            set |= 1 << words[index] as u8;
            index += 1;
        }
        Self(set)
    }

    fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn has_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The notions of a text and of the codes beside it.
    pub(super) fn heard<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let heard = texts
            .into_iter()
            .flat_map(sentences)
            .map(Self::in_text)
            .filter(|sentence| !sentence.is_boilerplate())
            .fold(Self::default(), Self::and);
        if heard.is_boilerplate() { Self::default() } else { heard }
    }

    fn is_boilerplate(self) -> bool {
        BOILERPLATE.iter().any(|saying| self.has_all(*saying))
    }

    fn in_text(text: &str) -> Self {
        let mut heard = Self::default();
        let mut word = [0; LONGEST];
        let mut length = 0;
        let mut after_small = false;
        for byte in text.bytes().chain([b' ']) {
            let begins = !byte.is_ascii_alphanumeric() || (after_small && byte.is_ascii_uppercase());
            if begins {
                heard.add(word.get(..length));
                length = 0;
            }
            if byte.is_ascii_alphanumeric() {
                if let Some(place) = word.get_mut(length) {
                    *place = byte.to_ascii_lowercase();
                }
                length += 1;
            }
            after_small = byte.is_ascii_lowercase();
        }
        heard
    }

    fn add(&mut self, word: Option<&[u8]>) {
        if let Some(word) = word.and_then(vocabulary::notion) {
            self.0 |= 1 << word as u8;
        }
    }
}

/// What is said in one breath. Hydra and others write the standard's sentence first and then what is the matter.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    without_trace(text).split(". ")
}

/// Entra ends its texts with numbers and a "Timestamp", which is no statement about time.
fn without_trace(text: &str) -> &str {
    text.split_once("Trace ID").map_or(text, |(statement, _)| statement)
}

/// What the standards write beside their codes. Many servers copy it, and it says no more than the code.
const BOILERPLATE: [Words; 7] = [
    // RFC 6749 5.2, invalid_grant, also without the redirection URI.
    Words::of(&[Word::Invalid, Word::Expire, Word::Revoke, Word::Another, Word::Client]),
    // RFC 6749 5.2, invalid_client.
    Words::of(&[Word::Unknown, Word::Client, Word::Authentication, Word::Unsupported, Word::Method]),
    // RFC 6749 5.2, invalid_request.
    Words::of(&[Word::Missing, Word::Required, Word::Parameter, Word::Malformed]),
    Words::of(&[Word::Missing, Word::Parameter, Word::Invalid, Word::More, Word::Malformed]),
    // RFC 6749 5.2, invalid_scope: the code says it.
    Words::of(&[Word::Scope, Word::Invalid, Word::Unknown, Word::Malformed]),
    // RFC 6749 4.1.2.1, access_denied.
    Words::of(&[Word::User, Word::Server, Word::Deny]),
    // RFC 6750 3.1, invalid_token.
    Words::of(&[Word::Token, Word::Expire, Word::Revoke, Word::Malformed, Word::Invalid]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_order_and_punctuation_do_not_matter() {
        let rows = [
            "refresh token expired",
            "RefreshTokenExpired",
            "REFRESH_TOKEN_EXPIRED",
            "expired: refresh-token!",
            "refresh.token.expired",
        ];
        let expected = Words::of(&[Word::Refresh, Word::Token, Word::Expire]);
        for text in rows {
            assert_eq!(Words::heard([text]), expected, "{text}");
        }
    }

    #[test]
    fn what_the_standards_write_beside_a_code_says_nothing() {
        let rows = [
            "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used \
             in the authorization request, or was issued to another client.",
            "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported \
             authentication method)",
            "The request is missing a required parameter, includes an unsupported parameter value, or is otherwise \
             malformed.",
            "The requested scope is invalid, unknown, or malformed.",
            "The resource owner or authorization server denied the request.",
        ];
        for text in rows {
            assert_eq!(Words::heard([text]), Words::default(), "{text}");
        }
    }

    #[test]
    fn what_is_said_after_the_sentence_of_the_standard_is_heard() {
        let text = "The provided authorization grant (e.g., authorization code, resource owner credentials) or \
                    refresh token is invalid, expired, revoked, does not match the redirection URI used in the \
                    authorization request, or was issued to another client. The refresh token was already used.";
        let expected = Words::of(&[Word::Refresh, Word::Token, Word::Already, Word::Use]);
        assert_eq!(Words::heard([text]), expected);
    }

    #[test]
    fn what_entra_adds_for_its_support_is_not_heard() {
        assert_eq!(Words::heard(["Expired.\r\nTrace ID: 1 Timestamp: 2 code"]), Words::of(&[Word::Expire]));
    }

    #[test]
    fn words_beyond_all_measure_are_no_words() {
        assert_eq!(Words::heard(["expired".repeat(1000).as_str()]), Words::default());
    }
}
