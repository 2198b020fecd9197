//! What to look at to tell one candidate from another.

use evergrant_proto::diagnosis::{Cause, Diagnosis};

use super::Check;

/// What tells the candidates of a diagnosis apart; nothing where there is one only.
pub fn checks(diagnosis: &Diagnosis) -> Vec<Check> {
    if diagnosis.alternatives.is_empty() {
        return Vec::new();
    }
    let first = Some(diagnosis.cause).filter(|cause| *cause != Cause::Undetermined);
    let candidates = first.into_iter().chain(diagnosis.alternatives.iter().copied());
    candidates.map(|cause| Check { cause, check: of(cause) }).collect()
}

/// One look that confirms a cause or rules it out.
pub(super) fn of(cause: Cause) -> &'static str {
    match cause {
        Cause::AccessTokenExpired => "Does the same call work with a freshly refreshed access token?",
        Cause::AccountDisabled => "Can this user still sign in to the provider in a browser?",
        Cause::AdminOrPolicyRevoked => {
            "Does the provider's audit log show an administrator or a policy at the time of the first refusal?"
        }
        Cause::AppDisabledByOrganization => "Do only users of one organization fail?",
        Cause::AppInTestingMode => {
            "Does the provider's console say \"testing\", and do grants die after the same few days?"
        }
        Cause::AuthorizationPending => "Has the user finished approving?",
        Cause::ClientDisabledOrDeleted => {
            "Is the client still listed, and enabled, in the provider's console?"
        }
        Cause::ClientSecretExpiredOrRotated => "What end does the provider's console show for the secret?",
        Cause::ClockSkew => "Compare the clock of the sending machine with the Date header of the answer.",
        Cause::CodeExpired => "How many seconds lay between the redirect back and the exchange?",
        Cause::CodeReused => {
            "Does the log show two exchanges of one redirect: a reload, a retry, a second worker?"
        }
        Cause::ConcurrentRefreshRace => {
            "Does the log show two refreshes of this grant within the same seconds?"
        }
        Cause::ConsentRequired => {
            "Sign in interactively with the same client and scopes: does a consent screen appear?"
        }
        Cause::IpOrNetworkPolicyBlocked => "Does the same request work from another network?",
        Cause::LostRotationNotPersisted => {
            "Did the refresh before this one time out, or crash before it was stored?"
        }
        Cause::MalformedRequest => {
            "Compare the parameters that were sent with the provider's example, one by one."
        }
        Cause::MfaOrConditionalAccessRequired => {
            "Does the provider's sign-in log name a policy or a missing factor?"
        }
        Cause::MissingOfflineScope => "Did the authorization request ask for offline access?",
        Cause::MissingRefreshToken => "Was a refresh token in the first answer, and was it stored?",
        Cause::NetworkOrTls => "Does curl reach the token endpoint from the same machine?",
        Cause::PasswordChanged => "Did the user change the password shortly before the first refusal?",
        Cause::PkceMismatch => "Is the verifier the one whose hash was sent, from the same browser session?",
        Cause::ProviderOutage => {
            "Do other clients and users fail at the same time? See the provider's status page."
        }
        Cause::RateLimited => "Does it work again after the time that Retry-After names?",
        Cause::RedirectUriMismatch => {
            "Is the redirect URI the same, to the last slash, in both requests and in the console?"
        }
        Cause::RefreshTokenExpiredAbsolute => {
            "How long ago did the user consent, and how long does a grant live there?"
        }
        Cause::RefreshTokenExpiredIdle => {
            "When was this grant refreshed last, and how long may it stay unused there?"
        }
        Cause::RotatedTokenReused => {
            "Is the token that was sent the newest that was received? Who else holds a copy?"
        }
        Cause::ScopeProblem => "Leave the scope parameter out: does the request work?",
        Cause::SessionTimedOut => "Which session lifetime or sign-in frequency is set at the provider?",
        Cause::SuspiciousActivity => "Has the provider sent the user or the administrator a security alert?",
        Cause::TokenIssuedToOtherClient => "Is the client id the one that the user consented to?",
        Cause::TokenLimitExceeded => "How often was this user connected with this client since?",
        Cause::UnknownBug => {
            "Does another client library, or another version of the server, behave the same?"
        }
        Cause::UserRevoked => "Does the user's list of connected apps at the provider still show this app?",
        Cause::WrongClientCredentials => {
            "Does the client credentials check of the console, or of another program, accept them?"
        }
        Cause::WrongTokenEndpointOrTenant => {
            "Is the address the one that the provider's metadata names for this tenant?"
        }
        Cause::WrongUserCredentials => "Can the user sign in with this name and password in a browser?",
        Cause::Undetermined => "See the candidates.",
    }
}
