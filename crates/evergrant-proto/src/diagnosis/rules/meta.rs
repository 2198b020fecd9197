//! Meta's codes and subcodes (developers.facebook.com/docs/graph-api/guides/error-handling).

use super::{Facts, Finding};
#[cfg_attr(not(test), expect(clippy::enum_glob_use, reason = "a table of nothing but causes"))]
use crate::diagnosis::Cause::{self, *};
use crate::diagnosis::{Certainty, wording::Weight};

/// "An unknown error": whatever plain words stand beside it say more.
const UNKNOWN: &str = "1";

/// Code, subcode (`None`: whatever it is), what it means, what else it can mean.
struct Entry(&'static str, Option<&'static str>, Cause, &'static [Cause]);

#[rustfmt::skip]
const ENTRIES: &[Entry] = &[
    Entry("190", Some("458"), UserRevoked, &[AdminOrPolicyRevoked]),
    Entry("190", Some("459"), SuspiciousActivity, &[MfaOrConditionalAccessRequired, AccountDisabled]),
    Entry("190", Some("460"), PasswordChanged, &[AdminOrPolicyRevoked, UnknownBug]),
    Entry("190", Some("463"), AccessTokenExpired, &[RefreshTokenExpiredAbsolute]),
    Entry("190", Some("464"), AccountDisabled, &[SuspiciousActivity]),
    Entry("190", Some("467"), SessionTimedOut, &[UserRevoked, PasswordChanged, AdminOrPolicyRevoked]),
    Entry("190", Some("490"), MfaOrConditionalAccessRequired, &[SuspiciousActivity]),
    Entry("190", Some("492"), AdminOrPolicyRevoked, &[ConsentRequired]),
    Entry("100", Some("36007"), CodeExpired, &[CodeReused]),
    Entry("100", Some("36008"), RedirectUriMismatch, &[]),
    Entry("100", Some("36009"), CodeReused, &[]),
    Entry("191", None, RedirectUriMismatch, &[]),
    Entry("101", None, WrongClientCredentials, &[ClientDisabledOrDeleted]),
    Entry("1", None, ProviderOutage, &[UnknownBug]),
    Entry("2", None, ProviderOutage, &[]),
    Entry("4", None, RateLimited, &[]),
    Entry("17", None, RateLimited, &[]),
    Entry("32", None, RateLimited, &[]),
    Entry("341", None, RateLimited, &[]),
    Entry("613", None, RateLimited, &[]),
    Entry("10", None, ConsentRequired, &[ScopeProblem]),
    Entry("200", None, ConsentRequired, &[ScopeProblem, AdminOrPolicyRevoked]),
    Entry("368", None, AdminOrPolicyRevoked, &[AccountDisabled, SuspiciousActivity]),
];

pub(super) fn the_number_tells(facts: Facts<'_>) -> Option<Finding> {
    let error = facts.failure.error.as_ref()?;
    let at_meta = matches!(facts.provider.id.as_str(), "facebook" | "instagram" | "threads" | "whatsapp")
        || error.says("OAuthException");
    let entry = ENTRIES
        .iter()
        .find(|entry| at_meta && error.says(entry.0) && entry.1.is_none_or(|subcode| error.says(subcode)))
        .filter(|entry| entry.0 != UNKNOWN || facts.hearing.means(Weight::Plain).is_none())?;
    let number =
        entry.1.map_or_else(|| entry.0.to_owned(), |subcode| format!("{} with subcode {subcode}", entry.0));
    Some(
        Finding::new(
            entry.2,
            Certainty::Likely,
            format!("Code {number} is the one that Meta gives to this case."),
        )
        .or(entry.3),
    )
}
