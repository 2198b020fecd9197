//! Why a request was refused, by name, and how each reason looks on the wire.

use std::fmt;

use serde::{Serialize, Serializer};

/// The named reason of a refusal. The journal shows it; the client sees only the RFC's error code, unless the
/// settings ask for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The path, method, content type or a parameter cannot be read; a parameter is repeated.
    MalformedRequest,
    /// A required parameter is absent.
    MissingParameter,
    /// No endpoint has this path.
    NoSuchEndpoint,
    /// The endpoint does not take this method.
    MethodNotAllowed,
    /// A `response_type` other than `code`, or a `response_mode` other than `query`.
    UnsupportedResponseType,
    /// A `grant_type` that is not served.
    UnsupportedGrantType,
    /// The client may not use this grant or endpoint.
    GrantNotAllowed,
    /// No client has this id.
    UnknownClient,
    /// The secret was never right.
    WrongSecret,
    /// The secret was right until it was replaced.
    FormerSecret,
    /// Registered for another method than the one used.
    WrongAuthenticationMethod,
    /// More than one method in one request (RFC 6749 2.3).
    SeveralAuthenticationMethods,
    /// A confidential client without credentials, or nobody at all.
    MissingClientAuthentication,
    /// The client is switched off.
    ClientDisabled,
    /// The organization of the user has switched the client off.
    ClientDisabledForTenant,
    /// The redirect URI is not registered, or not the one of the authorization request.
    RedirectUriMismatch,
    /// PKCE is required and was not used.
    MissingCodeChallenge,
    /// A `code_challenge_method` other than S256, or a challenge that is none.
    UnsupportedCodeChallenge,
    /// The verifier is absent or does not fit the challenge.
    PkceMismatch,
    /// A verifier without a challenge: the downgrade of RFC 9700 2.1.1.
    UnexpectedCodeVerifier,
    /// A scope that the client may not ask for, or wider than what was granted.
    ScopeNotAllowed,
    /// A resource that is not served, no absolute URI, or not among the granted ones (RFC 8707 2).
    ResourceNotAllowed,
    /// `prompt=none`, and nobody is signed in.
    LoginRequired,
    /// `prompt=none`, and the user has not consented to this client.
    ConsentRequired,
    /// No user has this name.
    UnknownUser,
    /// The user said no.
    DeniedByUser,
    /// No such authorization code.
    UnknownCode,
    /// The code was issued to another client.
    CodeOfOtherClient,
    /// The code was redeemed before.
    ReplayedCode,
    /// The code's lifetime is over.
    ExpiredCode,
    /// No such refresh token.
    UnknownRefreshToken,
    /// The refresh token was issued to another client.
    RefreshTokenOfOtherClient,
    /// Already exchanged for a successor, and the rotation policy does not forgive that.
    ReplayedRefreshToken,
    /// Ended by a later replay (P5, P6).
    SupersededRefreshToken,
    /// Unused for too long.
    ExpiredIdle,
    /// Too old, however often it was used.
    ExpiredAbsolute,
    /// The whole family had ended before.
    FamilyRevoked(RevocationCause),
    /// The user is switched off.
    UserDisabled,
    /// A policy demands another factor than the one the user signed in with.
    StepUpRequired,
    /// Device flow: the user has not decided yet.
    AuthorizationPending,
    /// Device flow: polled before the interval was over.
    SlowDown,
    /// No such device code.
    UnknownDeviceCode,
    /// The device code was redeemed before.
    ReplayedDeviceCode,
    /// The device code's lifetime is over.
    ExpiredDeviceCode,
    /// No bearer token was presented.
    MissingAccessToken,
    /// No such access token.
    UnknownAccessToken,
    /// The access token's lifetime is over.
    ExpiredAccessToken,
    /// The access token was revoked by itself.
    RevokedAccessToken,
    /// The access token lacks a scope (RFC 6750 3.1).
    InsufficientScope,
    /// A fault answered before anything changed.
    FaultBeforeChange,
}

/// Why a family ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationCause {
    /// A spent refresh token was used again.
    ReplayedRefreshToken,
    /// An authorization code was used again (RFC 6749 4.1.2).
    ReplayedCode,
    /// The user's password was changed.
    PasswordChanged,
    /// The user withdrew the consent.
    UserRevoked,
    /// The user was deleted.
    UserDeleted,
    /// The client was deleted.
    ClientDeleted,
    /// The client asked for it (RFC 7009).
    ClientRequest,
    /// The administrator.
    Administrator,
    /// The same user granted the same client too often.
    TokenLimit,
    /// The session ended in which the user signed in.
    SessionEnded,
    /// The provider takes something for an attack.
    SuspiciousActivity,
}

impl RevocationCause {
    const ALL: [Self; 11] = [
        Self::ReplayedRefreshToken,
        Self::ReplayedCode,
        Self::PasswordChanged,
        Self::UserRevoked,
        Self::UserDeleted,
        Self::ClientDeleted,
        Self::ClientRequest,
        Self::Administrator,
        Self::TokenLimit,
        Self::SessionEnded,
        Self::SuspiciousActivity,
    ];
}

impl Reason {
    /// All but those of revoked families.
    const ALL: [Self; 49] = [
        Self::MalformedRequest,
        Self::MissingParameter,
        Self::NoSuchEndpoint,
        Self::MethodNotAllowed,
        Self::UnsupportedResponseType,
        Self::UnsupportedGrantType,
        Self::GrantNotAllowed,
        Self::UnknownClient,
        Self::WrongSecret,
        Self::FormerSecret,
        Self::WrongAuthenticationMethod,
        Self::SeveralAuthenticationMethods,
        Self::MissingClientAuthentication,
        Self::ClientDisabled,
        Self::ClientDisabledForTenant,
        Self::RedirectUriMismatch,
        Self::MissingCodeChallenge,
        Self::UnsupportedCodeChallenge,
        Self::PkceMismatch,
        Self::UnexpectedCodeVerifier,
        Self::ScopeNotAllowed,
        Self::ResourceNotAllowed,
        Self::LoginRequired,
        Self::ConsentRequired,
        Self::UnknownUser,
        Self::DeniedByUser,
        Self::UnknownCode,
        Self::CodeOfOtherClient,
        Self::ReplayedCode,
        Self::ExpiredCode,
        Self::UnknownRefreshToken,
        Self::RefreshTokenOfOtherClient,
        Self::ReplayedRefreshToken,
        Self::SupersededRefreshToken,
        Self::ExpiredIdle,
        Self::ExpiredAbsolute,
        Self::UserDisabled,
        Self::StepUpRequired,
        Self::AuthorizationPending,
        Self::SlowDown,
        Self::UnknownDeviceCode,
        Self::ReplayedDeviceCode,
        Self::ExpiredDeviceCode,
        Self::MissingAccessToken,
        Self::UnknownAccessToken,
        Self::ExpiredAccessToken,
        Self::RevokedAccessToken,
        Self::InsufficientScope,
        Self::FaultBeforeChange,
    ];

    /// Whether a reason has this name.
    pub(crate) fn is_name(name: &str) -> bool {
        let of_families = RevocationCause::ALL.into_iter().map(Self::FamilyRevoked);
        Self::ALL.into_iter().chain(of_families).any(|reason| reason.name() == name)
    }

    /// The reason's name in the journal.
    pub fn name(self) -> String {
        match self {
            Self::FamilyRevoked(cause) => format!("family_revoked:{cause}"),
            other => snake_case(&format!("{other:?}")),
        }
    }

    /// Status and `error` of a token-endpoint answer (RFC 6749 5.2, 8628 3.5, 8707 2).
    pub(super) fn wire(self) -> (u16, &'static str) {
        use Reason as R;
        match self {
            R::UnknownClient
            | R::WrongSecret
            | R::FormerSecret
            | R::WrongAuthenticationMethod
            | R::MissingClientAuthentication
            | R::ClientDisabled => (401, "invalid_client"),
            R::GrantNotAllowed | R::ClientDisabledForTenant => (400, "unauthorized_client"),
            R::UnsupportedGrantType => (400, "unsupported_grant_type"),
            R::UnsupportedResponseType => (400, "unsupported_response_type"),
            R::ScopeNotAllowed => (400, "invalid_scope"),
            R::ResourceNotAllowed => (400, "invalid_target"),
            R::LoginRequired => (400, "login_required"),
            R::StepUpRequired => (400, "interaction_required"),
            R::ConsentRequired => (400, "consent_required"),
            R::DeniedByUser => (400, "access_denied"),
            R::AuthorizationPending => (400, "authorization_pending"),
            R::SlowDown => (400, "slow_down"),
            R::ExpiredDeviceCode => (400, "expired_token"),
            R::NoSuchEndpoint => (404, "invalid_request"),
            R::MethodNotAllowed => (405, "invalid_request"),
            R::MissingAccessToken | R::UnknownAccessToken | R::ExpiredAccessToken | R::RevokedAccessToken => {
                (401, "invalid_token")
            }
            R::InsufficientScope => (403, "insufficient_scope"),
            R::FaultBeforeChange => (500, "server_error"),
            R::MalformedRequest
            | R::MissingParameter
            | R::SeveralAuthenticationMethods
            | R::MissingCodeChallenge
            | R::UnsupportedCodeChallenge => (400, "invalid_request"),
            _ => (400, "invalid_grant"),
        }
    }

    /// What a server says that does not tell causes apart.
    pub(super) fn uniform_description(self) -> &'static str {
        match self.wire().1 {
            "invalid_client" => "client authentication failed",
            "invalid_grant" => {
                "the provided grant is invalid, expired, revoked or was issued to another client"
            }
            "invalid_request" => "the request is missing a parameter or is otherwise malformed",
            "invalid_scope" => "the requested scope is unknown, malformed or exceeds what was granted",
            "invalid_target" => "the requested resource is unknown or was not granted",
            "unauthorized_client" => "the client is not authorized to do this",
            "invalid_token" => "the access token expired, was revoked or is malformed",
            "insufficient_scope" => "the request requires a scope that the access token does not have",
            "authorization_pending" => "the user has not finished approving",
            "slow_down" => "polling too fast: add five seconds to the interval",
            "expired_token" => "the device code has expired",
            "access_denied" => "the user denied the request",
            "login_required" => "nobody is signed in",
            "interaction_required" => {
                "the authorization server requires some form of interaction with the user"
            }
            "consent_required" => "the user has not consented",
            _ => "the request is not supported",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for RevocationCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&snake_case(&format!("{self:?}")))
    }
}

impl Serialize for RevocationCause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The variants are the names: one spelling in code and journal.
fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for character in camel.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_named_as_its_variant_and_a_revoked_family_names_its_cause() {
        assert_eq!(Reason::ReplayedRefreshToken.to_string(), "replayed_refresh_token");
        let revoked = Reason::FamilyRevoked(RevocationCause::PasswordChanged);
        assert_eq!(revoked.to_string(), "family_revoked:password_changed");
        assert!(Reason::is_name("family_revoked:password_changed") && Reason::is_name("user_disabled"));
        assert!(!Reason::is_name("family_revoked"));
    }
}
