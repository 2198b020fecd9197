//! The `WWW-Authenticate` header (RFC 9110 11.6.1), as authorization and resource servers use it.

use std::time::Duration;

use super::{
    error_response::ErrorCode,
    lifetime::{StatedSeconds, stated_seconds},
    untrusted_text::UntrustedText,
};
use crate::{scope::ScopeSet, wire::json::Json};

/// Longest header that is parsed, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Most challenges of one header.
const MAX_CHALLENGES: usize = 8;

/// Most parameters of one challenge.
const MAX_PARAMETERS: usize = 32;

/// One challenge: what the server wants to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// `basic`, `bearer`, `dpop`; in lower case (RFC 9110 11.1: case has no meaning).
    pub scheme: String,
    parameters: Vec<(String, String)>,
}

/// What helps against a rejected access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A fresh access token (RFC 6750 3.1, `invalid_token`), or nobody said.
    Refresh,
    /// The user has to authorize more, or sign in again: a refresh would bring a token that is rejected, too
    /// (RFC 6750 3.1, RFC 9470 3; requirement 19).
    Reauthorize {
        /// The scopes that are missing; to be asked for together with those that are granted.
        scopes: Option<ScopeSet>,
        /// The authentication context that is needed.
        acr_values: Option<String>,
        /// How old the sign-in may be.
        max_age: Option<Duration>,
    },
    /// The request itself is wrong (RFC 6750 3.1, `invalid_request`).
    FixRequest,
}

impl Challenge {
    /// The challenges of one header value, in order.
    pub fn parse(header: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = if header.len() > MAX_HEADER_BYTES { "" } else { header };
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let end = rest.find(|character| !is_token_character(character)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let value = after.trim_start_matches([' ', '\t']).strip_prefix('=');
            if word.is_empty() {
                return challenges;
            }
            let Some(value) = value else {
                if challenges.len() == MAX_CHALLENGES {
                    return challenges;
                }
                challenges.push(Self { scheme: word.to_ascii_lowercase(), parameters: vec![] });
                rest = after;
                continue;
            };
            let (text, tail) = read_value(value.trim_start_matches([' ', '\t']));
            match challenges.last_mut() {
                Some(challenge) if challenge.parameters.len() < MAX_PARAMETERS => {
                    challenge.parameters.push((word.to_ascii_lowercase(), text));
                }
                _ => return challenges,
            }
            rest = tail;
        }
    }

    /// The value of a parameter; `name` in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// The error (RFC 6750 3.1).
    pub fn error(&self) -> Option<ErrorCode> {
        ErrorCode::parse(self.parameter("error")?)
    }

    /// The text for developers.
    pub fn description(&self) -> Option<UntrustedText> {
        self.parameter("error_description").map(UntrustedText::new)
    }

    /// What helps.
    pub fn remedy(&self) -> Remedy {
        match self.error() {
            Some(ErrorCode::InsufficientScope | ErrorCode::InsufficientUserAuthentication) => {
                Remedy::Reauthorize {
                    scopes: self.parameter("scope").and_then(|scope| scope.parse().ok()),
                    acr_values: self.parameter("acr_values").map(str::to_owned),
                    max_age: self.parameter("max_age").and_then(seconds),
                }
            }
            // Entra's continuous access evaluation: only a new sign-in with these claims helps.
            Some(ErrorCode::Other(code)) if code == "insufficient_claims" => {
                Remedy::Reauthorize { scopes: None, acr_values: None, max_age: None }
            }
            Some(ErrorCode::InvalidRequest) => Remedy::FixRequest,
            _ => Remedy::Refresh,
        }
    }
}

/// A quoted string (RFC 9110 5.6.4) or whatever stands before the next separator; and what follows it.
fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[index + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

fn seconds(text: &str) -> Option<Duration> {
    match stated_seconds(&Json::Text(text.to_owned().into())) {
        StatedSeconds::For(duration) => Some(duration),
        StatedSeconds::Zero => Some(Duration::ZERO),
        StatedSeconds::Capped | StatedSeconds::Unusable => None,
    }
}

/// `tchar` (RFC 9110 5.6.2).
fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn only(header: &str) -> Challenge {
        let mut challenges = Challenge::parse(header);
        assert_eq!(challenges.len(), 1, "{challenges:?}");
        challenges.remove(0)
    }

    #[test]
    fn several_challenges_in_one_header_are_told_apart() {
        let challenges =
            Challenge::parse(r#"Basic realm="a, b=c", DPoP algs="ES256", error="invalid_token",Bearer"#);
        let schemes: Vec<_> = challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
        assert_eq!(schemes, ["basic", "dpop", "bearer"]);
        assert_eq!(challenges[0].parameter("realm"), Some("a, b=c"));
        assert_eq!(challenges[1].error(), Some(ErrorCode::InvalidToken));
    }

    #[test]
    fn values_may_be_bare_escaped_or_unfinished() {
        assert_eq!(only("Bearer error=invalid_token, x=y").error(), Some(ErrorCode::InvalidToken));
        assert_eq!(
            only(r#"Bearer error_description="a \"b\"""#).parameter("error_description"),
            Some("a \"b\"")
        );
        assert_eq!(only(r#"Bearer error = "invalid_to"#).parameter("error"), Some("invalid_to"));
        assert_eq!(only("Bearer error=").parameter("error"), Some(""));
        assert_eq!(Challenge::parse("=, \"x\""), []);
        assert_eq!(Challenge::parse(""), []);
    }

    #[test]
    fn requirement_19_more_scope_or_a_newer_sign_in_is_no_matter_of_refreshing() {
        let step_up =
            only(r#"Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="5""#);
        let wanted = Remedy::Reauthorize {
            scopes: None,
            acr_values: Some("mfa".into()),
            max_age: Some(Duration::from_secs(5)),
        };
        assert_eq!(step_up.remedy(), wanted);
        let wider = only(r#"Bearer error="insufficient_scope", scope="b a""#).remedy();
        let scopes = Some("a b".parse().unwrap());
        assert_eq!(wider, Remedy::Reauthorize { scopes, acr_values: None, max_age: None });
        assert!(matches!(only("Bearer error=insufficient_claims").remedy(), Remedy::Reauthorize { .. }));
        assert_eq!(only("Bearer error=invalid_token").remedy(), Remedy::Refresh);
        assert_eq!(only("Bearer").remedy(), Remedy::Refresh);
        assert_eq!(only("Bearer error=invalid_request").remedy(), Remedy::FixRequest);
    }

    #[test]
    fn a_header_without_end_is_bounded() {
        assert_eq!(Challenge::parse(&"a ".repeat(MAX_HEADER_BYTES)), []);
        assert_eq!(Challenge::parse(&"a ".repeat(100)).len(), MAX_CHALLENGES);
        let many = format!("Bearer {}", "a=b,".repeat(1000));
        assert_eq!(only(&many).parameters.len(), MAX_PARAMETERS);
    }

    proptest! {
        #[test]
        fn parsing_arbitrary_text_never_panics(header in ".{0,200}") {
            for challenge in Challenge::parse(&header) {
                let _ = challenge.remedy();
            }
        }
    }
}
