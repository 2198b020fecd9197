//! The authorization response (RFC 6749 4.1.2), as it arrives at the redirect URI.
//!
//! [`Callback`] shows only the `state`. What the provider answered comes out of [`Callback::verify`], which
//! checks the issuer first (RFC 9207 2.4): no code is redeemed and no error shown before.

use super::{
    error_response::{ErrorCode, ErrorResponse},
    form::{Form, InvalidForm},
    untrusted_text::UntrustedText,
};
use crate::secret::{AuthorizationCode, AuthorizationState, InvalidSecret};

/// Longest query that is parsed, in bytes: browsers and proxies cut earlier.
pub const MAX_CALLBACK_BYTES: usize = 32 * 1024;

/// Why a query is not an authorization response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCallback {
    /// More than [`MAX_CALLBACK_BYTES`].
    #[error("the query is longer than {MAX_CALLBACK_BYTES} bytes")]
    TooLong,
    /// Not a form, or with a repeated parameter.
    #[error(transparent)]
    Form(#[from] InvalidForm),
    /// Without `state` nobody knows which request this answers.
    #[error("the parameter state is missing")]
    StateMissing,
    /// The `state` or `code` cannot be one.
    #[error("the parameter {parameter} is not usable: {reason}")]
    Unusable {
        /// `state` or `code`.
        parameter: &'static str,
        /// What is wrong with it.
        reason: InvalidSecret,
    },
    /// Neither `code` nor `error`.
    #[error("the query has neither code nor error")]
    Empty,
    /// Both `code` and `error`: one of them was added by somebody else.
    #[error("the query has both code and error")]
    Contradictory,
}

/// The issuer does not fit: this answer may come from another authorization server (mix-up attack, RFC 9207 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuerMismatch {
    /// The provider announces `iss` and this answer has none.
    #[error("the provider announces an iss parameter, and this answer has none")]
    Missing,
    /// It names somebody else.
    #[error("the answer names another issuer than the one that was asked")]
    Different,
}

/// What is known about the provider that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedIssuer<'a> {
    /// Its issuer identifier, if it has one.
    pub issuer: Option<&'a str>,
    /// `authorization_response_iss_parameter_supported` of its metadata.
    pub announced: bool,
}

/// An answer whose sender is not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    state: AuthorizationState,
    issuer: Option<String>,
    answer: AuthorizationAnswer,
}

/// What the provider answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationAnswer {
    /// Approved: to be exchanged once, within minutes.
    Code(AuthorizationCode),
    /// Refused (RFC 6749 4.1.2.1).
    Refused(ErrorResponse),
}

impl Callback {
    /// Parses the query of the callback, without its question mark.
    pub fn parse(query: &str) -> Result<Self, InvalidCallback> {
        if query.len() > MAX_CALLBACK_BYTES {
            return Err(InvalidCallback::TooLong);
        }
        let form = Form::parse(query.as_bytes())?;
        let state = form.value("state").ok_or(InvalidCallback::StateMissing)?;
        let state = AuthorizationState::new(state)
            .map_err(|reason| InvalidCallback::Unusable { parameter: "state", reason })?;
        Ok(Self { state, issuer: form.value("iss").map(str::to_owned), answer: answer(&form)? })
    }

    /// Which request this answers.
    pub fn state(&self) -> &AuthorizationState {
        &self.state
    }

    /// The answer, if it comes from the provider that was asked (RFC 9207 2.4: simple string comparison).
    /// A provider without a known issuer cannot be verified; its answer is let through.
    pub fn verify(self, expected: ExpectedIssuer<'_>) -> Result<AuthorizationAnswer, IssuerMismatch> {
        match (self.issuer.as_deref(), expected.issuer) {
            (Some(named), Some(issuer)) if named != issuer => Err(IssuerMismatch::Different),
            (None, _) if expected.announced => Err(IssuerMismatch::Missing),
            _ => Ok(self.answer),
        }
    }
}

fn answer(form: &Form) -> Result<AuthorizationAnswer, InvalidCallback> {
    match (form.value("code"), form.value("error")) {
        (Some(_), Some(_)) => Err(InvalidCallback::Contradictory),
        (None, None) => Err(InvalidCallback::Empty),
        (Some(code), None) => AuthorizationCode::new(code)
            .map(AuthorizationAnswer::Code)
            .map_err(|reason| InvalidCallback::Unusable { parameter: "code", reason }),
        (None, Some(error)) => Ok(AuthorizationAnswer::Refused(ErrorResponse {
            description: form.value("error_description").map(UntrustedText::new),
            uri: form.value("error_uri").map(UntrustedText::new),
            ..ErrorResponse::of_code(ErrorCode::parse(error))
        })),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXPECTED: ExpectedIssuer<'_> =
        ExpectedIssuer { issuer: Some("https://as.example"), announced: true };

    #[test]
    fn a_code_comes_out_after_the_issuer_was_verified() {
        let callback = Callback::parse("code=c&state=s&iss=https%3A%2F%2Fas.example").unwrap();
        assert_eq!(callback.state().expose(), "s");
        let code = AuthorizationCode::new("c").unwrap();
        assert_eq!(callback.verify(EXPECTED), Ok(AuthorizationAnswer::Code(code)));
    }

    #[test]
    fn an_answer_of_another_issuer_is_refused_even_if_it_is_an_error() {
        for query in
            ["code=c&state=s&iss=https://evil.example", "error=access_denied&state=s&iss=https://as.example/"]
        {
            assert_eq!(Callback::parse(query).unwrap().verify(EXPECTED), Err(IssuerMismatch::Different));
        }
    }

    #[test]
    fn a_missing_issuer_is_refused_only_where_it_is_announced() {
        let callback = Callback::parse("code=c&state=s").unwrap();
        assert_eq!(callback.clone().verify(EXPECTED), Err(IssuerMismatch::Missing));
        assert!(callback.verify(ExpectedIssuer { announced: false, ..EXPECTED }).is_ok());
    }

    #[test]
    fn a_refusal_carries_the_error() {
        let callback = Callback::parse("error=access_denied&error_description=No%0A+way&state=s").unwrap();
        let answer = callback.verify(ExpectedIssuer { issuer: None, announced: false });
        let Ok(AuthorizationAnswer::Refused(error)) = answer else { panic!("{answer:?}") };
        assert_eq!(error.code, Some(ErrorCode::AccessDenied));
        assert_eq!(error.description.unwrap().as_str(), "No  way");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let long = format!("state={}", "a".repeat(MAX_CALLBACK_BYTES));
        let rows: [(&str, InvalidCallback); 7] = [
            ("code=c", InvalidCallback::StateMissing),
            ("state=s", InvalidCallback::Empty),
            ("state=s&code=", InvalidCallback::Empty),
            ("state=s&code=c&error=e", InvalidCallback::Contradictory),
            ("state=s&state=t&code=c", InvalidForm::Repeated("state".into()).into()),
            (
                "state=s&code=%00",
                InvalidCallback::Unusable { parameter: "code", reason: InvalidSecret::Unprintable },
            ),
            (&long, InvalidCallback::TooLong),
        ];
        for (query, expected) in rows {
            assert_eq!(Callback::parse(query), Err(expected), "{query:.40}");
        }
    }

    #[test]
    fn a_callback_is_masked_in_debug_output() {
        let callback = Callback::parse("code=code-canary&state=state-canary").unwrap();
        assert!(!format!("{callback:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn parsing_an_arbitrary_query_never_panics(query in ".{0,200}") {
            let _ = Callback::parse(&query);
        }
    }
}
