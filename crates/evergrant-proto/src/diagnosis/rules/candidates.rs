//! What it may be when nothing decides, and what is easily taken for what.

use super::{
    Facts,
    expiry::{the_token_was_used_in_time, what_is_over},
};
#[cfg_attr(not(test), expect(clippy::enum_glob_use, reason = "a table of nothing but causes"))]
use crate::diagnosis::Cause::{self, *};
use crate::{
    failure::{Consequence, Stage},
    provider::RotationKind,
};

/// The candidates of a failure that nothing decides, the likeliest first.
pub(super) fn candidates(facts: Facts<'_>) -> Vec<Cause> {
    let fixed: &[Cause] = match (facts.failure.stage, facts.failure.consequence) {
        (Stage::RefreshToken, Consequence::Terminal) => return of_a_refused_refresh(facts),
        // Our own: what we sent was in order, so what came between is at fault.
        (Stage::AuthorizationCode, Consequence::Terminal)
            if facts.history.code_sent_before == Some(false) =>
        {
            &[CodeExpired, RedirectUriMismatch, PkceMismatch, CodeReused, TokenIssuedToOtherClient]
        }
        (Stage::AuthorizationCode, Consequence::Terminal) => {
            &[CodeExpired, CodeReused, RedirectUriMismatch, MalformedRequest, TokenIssuedToOtherClient]
        }
        (Stage::DeviceCode, Consequence::Terminal) => &[CodeExpired, CodeReused, ConsentRequired],
        (Stage::Authorization, Consequence::Terminal) => {
            &[ConsentRequired, AdminOrPolicyRevoked, MfaOrConditionalAccessRequired]
        }
        (Stage::JwtBearer, Consequence::Terminal) => {
            &[ConsentRequired, AccountDisabled, WrongClientCredentials, ClockSkew, AdminOrPolicyRevoked]
        }
        (Stage::Introspection, _) => {
            &[WrongClientCredentials, UnknownBug, ClientDisabledOrDeleted, ScopeProblem]
        }
        (_, Consequence::SuspendClient) => {
            &[WrongClientCredentials, ClientDisabledOrDeleted, ClientSecretExpiredOrRotated]
        }
        (_, Consequence::RefuseRequest) => &[MalformedRequest, WrongTokenEndpointOrTenant],
        (_, Consequence::Terminal) => &[WrongClientCredentials, AccountDisabled, AdminOrPolicyRevoked],
        _ => &[ProviderOutage, UnknownBug],
    };
    fixed.to_vec()
}

/// By what is known of the provider: whether it rotates, what ends its tokens, what it wants beside them.
fn of_a_refused_refresh(facts: Facts<'_>) -> Vec<Cause> {
    let provider = facts.provider;
    let lifetimes = &provider.lifetimes;
    let mut candidates = vec![UserRevoked];
    // Whether it was used meanwhile, nobody knows: otherwise this would not be in question.
    candidates.extend(what_is_over(facts));
    if never_worked_here(facts) {
        // Whether it came to the wrong client or had ended before it came, nothing tells.
        candidates.extend([TokenIssuedToOtherClient, AdminOrPolicyRevoked]);
    }
    if provider.rotation.kind == RotationKind::Reusable {
        candidates.push(PasswordChanged);
    } else {
        // By us where our records may be another's, and by somebody else anywhere.
        candidates.push(RotatedTokenReused);
    }
    let reported_by_others = facts.history.sent_token_is_latest.is_none();
    let known = [
        (lifetimes.testing.is_some() && facts.history.app_in_testing != Some(false), AppInTestingMode),
        (provider.dialect.redirect_uri_on_refresh, RedirectUriMismatch),
        (lifetimes.live_tokens.is_some(), TokenLimitExceeded),
        // Our own requests are in order; those of others may hold anything.
        (reported_by_others && facts.hearing.calls_it_invalid(), MalformedRequest),
        (lifetimes.idle.is_some() && !the_token_was_used_in_time(facts), RefreshTokenExpiredIdle),
    ];
    candidates.extend(known.into_iter().filter(|(holds, _)| *holds).map(|(_, cause)| cause));
    candidates.extend(lifetimes.ended_by.iter().copied());
    if reported_by_others && provider.rotation.kind != RotationKind::Reusable {
        candidates.push(LostRotationNotPersisted);
    }
    candidates.extend([AdminOrPolicyRevoked, RefreshTokenExpiredAbsolute, PasswordChanged]);
    candidates
}

/// A refresh token that was brought here from elsewhere, without an access token, and that has not worked since.
fn never_worked_here(facts: Facts<'_>) -> bool {
    let history = facts.history;
    history.sent_token_is_latest == Some(true)
        && history.client_worked_before == Some(false)
        && history.access_token_expired.is_none()
}

/// What is easily taken for a cause, the likeliest first.
pub(super) fn neighbours(cause: Cause) -> &'static [Cause] {
    match cause {
        AccessTokenExpired => &[UserRevoked, AdminOrPolicyRevoked, ProviderOutage, ConcurrentRefreshRace],
        AdminOrPolicyRevoked => &[UserRevoked, AccountDisabled, PasswordChanged],
        AppDisabledByOrganization => &[AdminOrPolicyRevoked, ConsentRequired],
        AppInTestingMode => &[UserRevoked, PasswordChanged],
        ClientDisabledOrDeleted => {
            &[WrongClientCredentials, ClientSecretExpiredOrRotated, WrongTokenEndpointOrTenant]
        }
        ClientSecretExpiredOrRotated => &[WrongClientCredentials, ClientDisabledOrDeleted],
        ClockSkew => &[MalformedRequest, WrongClientCredentials],
        CodeExpired => &[CodeReused, MalformedRequest],
        CodeReused => &[CodeExpired],
        ConcurrentRefreshRace => &[RotatedTokenReused, LostRotationNotPersisted],
        ConsentRequired => &[ScopeProblem, AdminOrPolicyRevoked],
        IpOrNetworkPolicyBlocked => &[AdminOrPolicyRevoked, MfaOrConditionalAccessRequired],
        MalformedRequest => &[WrongTokenEndpointOrTenant],
        MfaOrConditionalAccessRequired => &[SessionTimedOut, AdminOrPolicyRevoked],
        MissingOfflineScope => &[MissingRefreshToken],
        MissingRefreshToken => &[MissingOfflineScope],
        NetworkOrTls => &[ProviderOutage],
        AccountDisabled | PasswordChanged => &[AdminOrPolicyRevoked, UserRevoked],
        ProviderOutage => &[UnknownBug],
        RefreshTokenExpiredAbsolute => {
            &[RefreshTokenExpiredIdle, SessionTimedOut, UserRevoked, AdminOrPolicyRevoked]
        }
        RefreshTokenExpiredIdle => {
            &[RefreshTokenExpiredAbsolute, SessionTimedOut, UserRevoked, AdminOrPolicyRevoked]
        }
        RotatedTokenReused => {
            &[LostRotationNotPersisted, ConcurrentRefreshRace, UserRevoked, AdminOrPolicyRevoked]
        }
        ScopeProblem => &[ConsentRequired, MalformedRequest],
        SessionTimedOut => {
            &[AdminOrPolicyRevoked, MfaOrConditionalAccessRequired, RefreshTokenExpiredIdle, UnknownBug]
        }
        SuspiciousActivity => &[AdminOrPolicyRevoked, AccountDisabled],
        TokenIssuedToOtherClient => &[WrongClientCredentials],
        LostRotationNotPersisted | TokenLimitExceeded => &[RotatedTokenReused, UserRevoked],
        UserRevoked => &[AdminOrPolicyRevoked, PasswordChanged],
        WrongClientCredentials => {
            &[ClientSecretExpiredOrRotated, ClientDisabledOrDeleted, WrongTokenEndpointOrTenant, UnknownBug]
        }
        WrongTokenEndpointOrTenant => &[MalformedRequest, ClientDisabledOrDeleted],
        WrongUserCredentials => &[AccountDisabled, MfaOrConditionalAccessRequired],
        AuthorizationPending | PkceMismatch | RateLimited | RedirectUriMismatch | UnknownBug
        | Undetermined => &[],
    }
}
