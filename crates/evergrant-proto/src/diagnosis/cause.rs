//! Causes, by the names that every page, event and answer uses.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::Culprit;

/// Why an exchange failed. Each has a page under `/problems/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "Cause::meaning says what each is; a second text would drift from it")]
pub enum Cause {
    AccessTokenExpired,
    AccountDisabled,
    AdminOrPolicyRevoked,
    AppDisabledByOrganization,
    AppInTestingMode,
    AuthorizationPending,
    ClientDisabledOrDeleted,
    ClientSecretExpiredOrRotated,
    ClockSkew,
    CodeExpired,
    CodeReused,
    ConcurrentRefreshRace,
    ConsentRequired,
    IpOrNetworkPolicyBlocked,
    LostRotationNotPersisted,
    MalformedRequest,
    MfaOrConditionalAccessRequired,
    MissingOfflineScope,
    MissingRefreshToken,
    NetworkOrTls,
    PasswordChanged,
    PkceMismatch,
    ProviderOutage,
    RateLimited,
    RedirectUriMismatch,
    RefreshTokenExpiredAbsolute,
    RefreshTokenExpiredIdle,
    RotatedTokenReused,
    ScopeProblem,
    SessionTimedOut,
    SuspiciousActivity,
    TokenIssuedToOtherClient,
    TokenLimitExceeded,
    UnknownBug,
    UserRevoked,
    WrongClientCredentials,
    WrongTokenEndpointOrTenant,
    WrongUserCredentials,
    Undetermined,
}

/// Name, meaning, culprit, and whether repeating the same request can never succeed.
struct Entry(Cause, &'static str, &'static str, Culprit, bool);

/// Every cause.
const ENTRIES: [Entry; 39] = {
    use Cause as C;
    use Culprit::{ClientRegistration, Grant, Local, Network, Provider, Request};
    [
        Entry(
            C::AccessTokenExpired,
            "access_token_expired",
            "The access token ran out in the normal way and has not been refreshed yet.",
            Grant,
            false,
        ),
        Entry(
            C::AccountDisabled,
            "account_disabled",
            "The account behind the grant is switched off, frozen or deleted.",
            Grant,
            true,
        ),
        Entry(
            C::AdminOrPolicyRevoked,
            "admin_or_policy_revoked",
            "An administrator, a policy or a measure of the provider ended the grant; the user did not.",
            Grant,
            true,
        ),
        Entry(
            C::AppDisabledByOrganization,
            "app_disabled_by_organization",
            "The user's organization has disabled the application for its members.",
            ClientRegistration,
            true,
        ),
        Entry(
            C::AppInTestingMode,
            "app_in_testing_mode",
            "The application is not published, so its refresh tokens live only for a short, fixed time.",
            ClientRegistration,
            true,
        ),
        Entry(
            C::AuthorizationPending,
            "authorization_pending",
            "The user has not finished approving yet; this is no failure.",
            Grant,
            false,
        ),
        Entry(
            C::ClientDisabledOrDeleted,
            "client_disabled_or_deleted",
            "The provider no longer knows or serves this client registration.",
            ClientRegistration,
            true,
        ),
        Entry(
            C::ClientSecretExpiredOrRotated,
            "client_secret_expired_or_rotated",
            "The client secret was right once; its term has ended or it was replaced at the provider.",
            ClientRegistration,
            true,
        ),
        Entry(
            C::ClockSkew,
            "clock_skew",
            "A time is outside the window that the provider accepts, because a clock or a calculation is wrong.",
            Local,
            true,
        ),
        Entry(
            C::CodeExpired,
            "code_expired",
            "The authorization or device code was exchanged after its life had ended.",
            Grant,
            true,
        ),
        Entry(
            C::CodeReused,
            "code_reused",
            "The same authorization code was sent a second time.",
            Request,
            true,
        ),
        Entry(
            C::ConcurrentRefreshRace,
            "concurrent_refresh_race",
            "Two refreshes of one grant overlapped, and this one lost.",
            Local,
            true,
        ),
        Entry(
            C::ConsentRequired,
            "consent_required",
            "The user or an administrator has not approved this client for what it asks.",
            Grant,
            true,
        ),
        Entry(
            C::IpOrNetworkPolicyBlocked,
            "ip_or_network_policy_blocked",
            "A policy refuses the address or network from which the request comes.",
            Network,
            true,
        ),
        Entry(
            C::LostRotationNotPersisted,
            "lost_rotation_not_persisted",
            "A newer refresh token was issued, but its answer was lost or it was never stored.",
            Local,
            true,
        ),
        Entry(
            C::MalformedRequest,
            "malformed_request",
            "A parameter is missing, garbled, in the wrong place, or holds a value of another kind.",
            Request,
            true,
        ),
        Entry(
            C::MfaOrConditionalAccessRequired,
            "mfa_or_conditional_access_required",
            "The sign-in behind the grant lacks a factor, a device or a claim that a policy demands.",
            Grant,
            true,
        ),
        Entry(
            C::MissingOfflineScope,
            "missing_offline_scope",
            "There is no refresh token, because offline access was not asked for.",
            Request,
            true,
        ),
        Entry(
            C::MissingRefreshToken,
            "missing_refresh_token",
            "No refresh token is held although one is needed.",
            Local,
            true,
        ),
        Entry(
            C::NetworkOrTls,
            "network_or_tls",
            "There was no HTTP answer: name lookup, connection, time limit or certificate.",
            Network,
            false,
        ),
        Entry(
            C::PasswordChanged,
            "password_changed",
            "The user's password was changed or reset, which ended the grant.",
            Grant,
            true,
        ),
        Entry(
            C::PkceMismatch,
            "pkce_mismatch",
            "The code verifier is missing or does not fit the challenge.",
            Request,
            true,
        ),
        Entry(
            C::ProviderOutage,
            "provider_outage",
            "The provider, or a proxy before it, fails or lags for a while.",
            Provider,
            false,
        ),
        Entry(
            C::RateLimited,
            "rate_limited",
            "There were too many or too frequent requests.",
            Provider,
            false,
        ),
        Entry(
            C::RedirectUriMismatch,
            "redirect_uri_mismatch",
            "The redirect URI differs from the registered or authorized one.",
            Request,
            true,
        ),
        Entry(
            C::RefreshTokenExpiredAbsolute,
            "refresh_token_expired_absolute",
            "The refresh token reached its maximum age, however often it was used.",
            Grant,
            true,
        ),
        Entry(
            C::RefreshTokenExpiredIdle,
            "refresh_token_expired_idle",
            "The refresh token was not used for too long.",
            Grant,
            true,
        ),
        Entry(
            C::RotatedTokenReused,
            "rotated_token_reused",
            "A refresh token that was already exchanged for a newer one was sent again.",
            Local,
            true,
        ),
        Entry(
            C::ScopeProblem,
            "scope_problem",
            "The scopes asked for are unknown, retired, or not the ones that this request may name.",
            Request,
            true,
        ),
        Entry(
            C::SessionTimedOut,
            "session_timed_out",
            "A login session or a policy on sessions ended.",
            Grant,
            true,
        ),
        Entry(
            C::SuspiciousActivity,
            "suspicious_activity",
            "The provider ended the grant because it takes something for an attack.",
            Grant,
            true,
        ),
        Entry(
            C::TokenIssuedToOtherClient,
            "token_issued_to_other_client",
            "The code or refresh token belongs to another client or account.",
            ClientRegistration,
            true,
        ),
        Entry(
            C::TokenLimitExceeded,
            "token_limit_exceeded",
            "The provider dropped this grant because the same user and client got too many newer ones.",
            Grant,
            true,
        ),
        Entry(
            C::UnknownBug,
            "unknown_bug",
            "A defect in a server or library that no other cause names.",
            Provider,
            false,
        ),
        Entry(C::UserRevoked, "user_revoked", "The user withdrew the application's access.", Grant, true),
        Entry(
            C::WrongClientCredentials,
            "wrong_client_credentials",
            "Client authentication is wrong: identifier, secret, key or method.",
            ClientRegistration,
            true,
        ),
        Entry(
            C::WrongTokenEndpointOrTenant,
            "wrong_token_endpoint_or_tenant",
            "The request went to the wrong host, path, tenant, realm or environment.",
            ClientRegistration,
            true,
        ),
        Entry(
            C::WrongUserCredentials,
            "wrong_user_credentials",
            "The user name or password sent with a password grant is wrong.",
            Grant,
            true,
        ),
        Entry(
            C::Undetermined,
            "undetermined",
            "What is known does not decide between several causes.",
            Provider,
            false,
        ),
    ]
};

impl Cause {
    /// Every cause, in the order of the alphabet, `undetermined` last.
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|entry| entry.0)
    }

    /// The cause of a name.
    pub fn parse(name: &str) -> Option<Self> {
        ENTRIES.iter().find(|entry| entry.1 == name).map(|entry| entry.0)
    }

    /// The name: in JSON, and as the end of the address of its page.
    pub fn as_str(self) -> &'static str {
        self.entry().1
    }

    /// What it means, in one sentence.
    pub fn meaning(self) -> &'static str {
        self.entry().2
    }

    /// Who is at fault.
    pub fn culprit(self) -> Culprit {
        self.entry().3
    }

    /// Whether repeating the very same request can, as a rule, never succeed.
    pub fn is_permanent(self) -> bool {
        self.entry().4
    }

    fn entry(self) -> &'static Entry {
        ENTRIES.iter().find(|entry| entry.0 == self).expect("a test finds every cause in the table")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_serde_agree_on_every_name() {
        for (index, entry) in ENTRIES.iter().enumerate() {
            assert_eq!(entry.0 as usize, index, "{} stands where the enum has it", entry.1);
            assert_eq!(serde_json::to_string(&entry.0).unwrap(), format!("\"{}\"", entry.1));
            assert_eq!(Cause::parse(entry.1), Some(entry.0));
        }
        assert_eq!(Cause::Undetermined as usize + 1, ENTRIES.len());
    }
}
