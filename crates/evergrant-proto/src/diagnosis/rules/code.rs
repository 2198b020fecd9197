//! Authorization codes.

use std::time::Duration;

use super::{Facts, Finding, period};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::{Consequence, Stage},
};

/// RFC 6749 4.1.2: a code lives at most ten minutes.
const LONGEST_CODE: Duration = Duration::from_secs(600);

fn refused(facts: Facts<'_>) -> bool {
    facts.failure.stage == Stage::AuthorizationCode
        && matches!(facts.failure.consequence, Consequence::Terminal | Consequence::RefuseRequest)
}

pub(super) fn our_records_tell(facts: Facts<'_>) -> Option<Finding> {
    if !refused(facts) {
        return None;
    }
    let history = facts.history;
    let expired = history.code_age.filter(|age| *age >= LONGEST_CODE);
    let (cause, evidence) = if history.code_sent_before == Some(true) {
        (Cause::CodeReused, "The same code was sent before.".to_owned())
    } else if let Some(age) = expired {
        (Cause::CodeExpired, format!("The code was {} old; the standard allows ten minutes.", period(age)))
    } else if history.verifier_matches == Some(false) {
        (
            Cause::PkceMismatch,
            "The code verifier does not fit the challenge of the authorization request.".to_owned(),
        )
    } else if history.redirect_uri_matches == Some(false) {
        (
            Cause::RedirectUriMismatch,
            "The redirect URI is not the one of the authorization request.".to_owned(),
        )
    } else {
        return None;
    };
    Some(Finding::new(cause, Certainty::Likely, evidence))
}

pub(super) fn the_code_is_refused(facts: Facts<'_>) -> Option<Finding> {
    if !refused(facts) {
        return None;
    }
    let (cause, words): (Cause, &[&str]) = [
        (Cause::CodeReused, &["already used", "already been used", "already redeemed", "used twice"][..]),
        (Cause::PkceMismatch, &["code_verifier", "code verifier", "pkce"]),
        (Cause::RedirectUriMismatch, &["redirect_uri", "redirect uri"]),
        (Cause::CodeExpired, &["expired"]),
    ]
    .into_iter()
    .find(|(_, words)| facts.description_has(words))?;
    Some(
        Finding::new(cause, Certainty::Likely, format!("The provider's text speaks of \"{}\".", words[0]))
            .or(&[Cause::CodeExpired, Cause::CodeReused]),
    )
}
