//! Microsoft Entra's numbers (learn.microsoft.com/entra/identity-platform/reference-error-codes).
//!
//! Azure AD B2C has numbers of its own (learn.microsoft.com/azure/active-directory-b2c/error-codes).
//!
//! What is left out stands for several things at once, and its text says which: 50013, 50027, 70000, 70002.

use super::{Facts, Finding};
#[cfg_attr(not(test), expect(clippy::enum_glob_use, reason = "a table of nothing but causes"))]
use crate::diagnosis::Cause::{self, *};
use crate::{diagnosis::Certainty, failure::Stage};

/// Numbers that mean one thing, and what else they can mean.
struct Entry(&'static [u32], Cause, &'static [Cause]);

#[rustfmt::skip]
#[expect(clippy::unreadable_literal, reason = "names, searched for as Microsoft writes them")]
const ENTRIES: &[Entry] = &[
    Entry(&[70016], AuthorizationPending, &[]),
    Entry(&[50088, 50196, 90055], RateLimited, &[]),
    Entry(&[50000, 50033, 50087, 70012, 80002, 90006, 90012, 90024, 90033], ProviderOutage, &[UnknownBug]),
    Entry(&[54005], CodeReused, &[]),
    Entry(&[70019, 70020], CodeExpired, &[]),
    Entry(&[50147, 50148, 501481, 9002325], PkceMismatch, &[MalformedRequest]),
    Entry(&[50011, 70004, 500113, 900971], RedirectUriMismatch, &[WrongClientCredentials]),
    Entry(&[700024, 500133, 500137], ClockSkew, &[WrongClientCredentials]),
    Entry(&[7000222], ClientSecretExpiredOrRotated, &[]),
    Entry(&[7000215, 50012], WrongClientCredentials, &[ClientSecretExpiredOrRotated, UnknownBug]),
    Entry(&[7000216, 7000218, 700025], WrongClientCredentials, &[MalformedRequest]),
    Entry(&[700027, 700030, 7000219, 50017, 50032, 50146], WrongClientCredentials, &[ClientSecretExpiredOrRotated, ClockSkew]),
    Entry(&[9002326, 9002327], WrongClientCredentials, &[RedirectUriMismatch, MalformedRequest]),
    Entry(&[70001, 7000112, 500014], ClientDisabledOrDeleted, &[WrongTokenEndpointOrTenant, WrongClientCredentials]),
    Entry(&[700016, 700011], WrongTokenEndpointOrTenant, &[ClientDisabledOrDeleted, WrongClientCredentials, ConsentRequired]),
    Entry(&[50010, 50049, 50059, 50107, 50128, 50134, 50169, 50194, 90002, 90019, 90038, 90043, 90051, 500131, 500208, 700005,
        7000012, 900021, 900023, 9001023, 9002332, 9002346], WrongTokenEndpointOrTenant, &[ClientDisabledOrDeleted, MalformedRequest]),
    Entry(&[50020, 90072], WrongTokenEndpointOrTenant, &[AccountDisabled, ConsentRequired]),
    Entry(&[50014, 50057, 51004, 500341, 500571], AccountDisabled, &[AdminOrPolicyRevoked]),
    Entry(&[50034], AccountDisabled, &[WrongUserCredentials, WrongTokenEndpointOrTenant]),
    Entry(&[50053], AccountDisabled, &[WrongUserCredentials, SuspiciousActivity, IpOrNetworkPolicyBlocked]),
    Entry(&[50056, 50064, 50126, 80007], WrongUserCredentials, &[AccountDisabled, PasswordChanged]),
    Entry(&[50055, 50125, 50132, 50133, 50135, 50142, 50144], PasswordChanged, &[AdminOrPolicyRevoked]),
    Entry(&[50173], PasswordChanged, &[AdminOrPolicyRevoked, UserRevoked]),
    Entry(&[50072, 50074, 50076, 50079, 50097, 50129, 50131, 50155, 50158, 50187, 500121, 135011, 700003, 700020], MfaOrConditionalAccessRequired, &[AdminOrPolicyRevoked, IpOrNetworkPolicyBlocked]),
    Entry(&[50078], MfaOrConditionalAccessRequired, &[SessionTimedOut]),
    Entry(&[53004, 53011, 530034], SuspiciousActivity, &[MfaOrConditionalAccessRequired, AdminOrPolicyRevoked]),
    Entry(&[50058, 50085, 50139, 51006, 70043, 70044, 70046], SessionTimedOut, &[MfaOrConditionalAccessRequired, AdminOrPolicyRevoked]),
    Entry(&[50089], SessionTimedOut, &[RefreshTokenExpiredIdle, CodeExpired]),
    Entry(&[700082], RefreshTokenExpiredIdle, &[]),
    Entry(&[700081, 700084], RefreshTokenExpiredAbsolute, &[]),
    Entry(&[65001, 650052, 650056, 90094, 90099, 65004, 50015, 50105, 52004, 501051, 7000229], ConsentRequired, &[ScopeProblem, AdminOrPolicyRevoked]),
    Entry(&[65005, 650053, 650057, 70011, 700022, 700023, 90008, 1002012], ScopeProblem, &[ConsentRequired, MalformedRequest]),
    Entry(&[50001, 500011], ScopeProblem, &[WrongTokenEndpointOrTenant, ConsentRequired, MalformedRequest]),
    Entry(&[50002, 500021], IpOrNetworkPolicyBlocked, &[AdminOrPolicyRevoked]),
    Entry(&[50050, 70003, 70005, 70018, 90004, 90014, 90015, 90023, 90056, 90100, 90124, 900144, 9002313], MalformedRequest, &[WrongTokenEndpointOrTenant]),
];

/// Azure AD B2C's, in the same way.
#[rustfmt::skip]
const B2C: &[Entry] = &[
    Entry(&[90006, 90007], RedirectUriMismatch, &[]),
    Entry(&[90055, 90117], ScopeProblem, &[]),
    Entry(&[90068], WrongClientCredentials, &[ClientDisabledOrDeleted, WrongTokenEndpointOrTenant]),
    Entry(&[90077], SessionTimedOut, &[]),
    Entry(&[90080], RefreshTokenExpiredIdle, &[RefreshTokenExpiredAbsolute]),
    Entry(&[90081], WrongClientCredentials, &[ClientSecretExpiredOrRotated]),
    Entry(&[90085], ProviderOutage, &[UnknownBug]),
    Entry(&[90086], MalformedRequest, &[]),
    Entry(&[90088], WrongTokenEndpointOrTenant, &[MalformedRequest]),
    Entry(&[90128, 99002], AccountDisabled, &[]),
    Entry(&[90205], ConsentRequired, &[ScopeProblem]),
    Entry(&[90225], WrongUserCredentials, &[AccountDisabled]),
];

pub(super) fn the_number_of_b2c_tells(facts: Facts<'_>) -> Option<Finding> {
    let (_, after) = facts.text.split_once("aadb2c")?;
    let end = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
    let number: u32 = after[..end].parse().ok()?;
    let entry = B2C.iter().find(|entry| entry.0.contains(&number))?;
    Some(told(&format!("AADB2C{number}"), entry.1, entry.2))
}

pub(super) fn the_number_tells(facts: Facts<'_>) -> Option<Finding> {
    if !facts.failure.error.as_ref().is_some_and(|_| facts.text.contains("aadsts")) {
        return None;
    }
    let codes = &facts.failure.error.as_ref()?.vendor_codes;
    codes.iter().filter_map(|code| code.parse().ok()).find_map(|number| finding(facts, number))
}

fn finding(facts: Facts<'_>, number: u32) -> Option<Finding> {
    let (cause, or) = by_stage(number, facts.failure.stage)
        .or_else(|| ENTRIES.iter().find(|entry| entry.0.contains(&number)).map(|entry| (entry.1, entry.2)))
        .or_else(|| by_family(number))?;
    Some(told(&format!("AADSTS{number}"), cause, or))
}

fn told(number: &str, cause: Cause, or: &[Cause]) -> Finding {
    let certainty = if or.is_empty() { Certainty::Certain } else { Certainty::Likely };
    let meaning = lower(cause.meaning());
    let evidence = format!("{number} is the number that Microsoft gives to this case: {meaning}");
    Finding::new(cause, certainty, evidence).or(or)
}

/// 70008 is an end of a code or of a refresh token; names and passwords are wrong only where they were sent.
fn by_stage(number: u32, stage: Stage) -> Option<(Cause, &'static [Cause])> {
    match (number, stage) {
        (70008, Stage::RefreshToken) => {
            Some((RefreshTokenExpiredIdle, &[RefreshTokenExpiredAbsolute, PasswordChanged, UserRevoked]))
        }
        (70008, _) => Some((CodeExpired, &[CodeReused])),
        (50034 | 50055, Stage::Password) => Some((WrongUserCredentials, &[AccountDisabled, PasswordChanged])),
        _ => None,
    }
}

/// Conditional Access has these numbers to itself, and gets new ones with every kind of policy.
fn by_family(number: u32) -> Option<(Cause, &'static [Cause])> {
    matches!(number, 53_000..=53_099 | 530_000..=530_999)
        .then_some((MfaOrConditionalAccessRequired, &[AdminOrPolicyRevoked, IpOrNetworkPolicyBlocked]))
}

fn lower(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_stands_twice() {
        let mut numbers: Vec<_> = ENTRIES.iter().flat_map(|entry| entry.0).collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all);
    }
}
