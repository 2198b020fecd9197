//! What helps, and who must do it.

use serde::{Deserialize, Serialize};

use super::Cause;

/// One step that helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Remedy {
    /// What to do.
    pub action: Action,
    /// Who must do it.
    pub actor: Actor,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Wait and try again, slower each time.
    RetryWithBackoff,
    /// The user signs in again; the grant keeps its id.
    Reauthorize,
    /// Change the program or the deployment that sends the requests.
    FixCode,
    /// Change identifier, secret, endpoint, redirect URI, or the state of the application at the provider.
    FixClientConfig,
    /// Set the clock.
    FixClock,
    /// Somebody at the user's organization, account or network has to allow it.
    ContactAdmin,
    /// Refresh, go on polling, or wait for the provider.
    Other,
}

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Nobody: it is done by itself.
    Evergrant,
    /// Who gave the grant.
    User,
    /// Who runs this installation or owns the client registration.
    Operator,
    /// Who administers the user's organization or network.
    Administrator,
    /// The provider.
    Provider,
}

impl Remedy {
    const fn new(action: Action, actor: Actor) -> Self {
        Self { action, actor }
    }
}

const RETRY: Remedy = Remedy::new(Action::RetryWithBackoff, Actor::Evergrant);
const REAUTHORIZE: Remedy = Remedy::new(Action::Reauthorize, Actor::User);
const FIX_CODE: Remedy = Remedy::new(Action::FixCode, Actor::Operator);
const FIX_CLIENT: Remedy = Remedy::new(Action::FixClientConfig, Actor::Operator);
const FIX_CLOCK: Remedy = Remedy::new(Action::FixClock, Actor::Operator);
const CONTACT_ADMIN: Remedy = Remedy::new(Action::ContactAdmin, Actor::Administrator);
const KEEP_GOING: Remedy = Remedy::new(Action::Other, Actor::Evergrant);
const WAIT_FOR_PROVIDER: Remedy = Remedy::new(Action::Other, Actor::Provider);

/// What helps against a cause, the first step first.
pub fn remedies(cause: Cause) -> Vec<Remedy> {
    let remedies: &[Remedy] = match cause {
        Cause::AccessTokenExpired | Cause::AuthorizationPending => &[KEEP_GOING],
        Cause::AccountDisabled => &[CONTACT_ADMIN, REAUTHORIZE],
        Cause::AppDisabledByOrganization | Cause::IpOrNetworkPolicyBlocked => &[CONTACT_ADMIN],
        Cause::AppInTestingMode => &[FIX_CLIENT, REAUTHORIZE],
        Cause::ClientDisabledOrDeleted
        | Cause::ClientSecretExpiredOrRotated
        | Cause::RedirectUriMismatch
        | Cause::WrongClientCredentials
        | Cause::WrongTokenEndpointOrTenant
        | Cause::TokenIssuedToOtherClient
        | Cause::WrongUserCredentials => &[FIX_CLIENT],
        Cause::ClockSkew => &[FIX_CLOCK, FIX_CODE],
        Cause::CodeReused | Cause::PkceMismatch | Cause::MissingOfflineScope | Cause::MissingRefreshToken => {
            &[FIX_CODE, REAUTHORIZE]
        }
        Cause::ConcurrentRefreshRace | Cause::LostRotationNotPersisted => &[FIX_CODE, REAUTHORIZE],
        Cause::ConsentRequired => &[REAUTHORIZE, CONTACT_ADMIN],
        Cause::MalformedRequest | Cause::ScopeProblem => &[FIX_CODE],
        Cause::NetworkOrTls | Cause::ProviderOutage | Cause::RateLimited => &[RETRY],
        Cause::SuspiciousActivity | Cause::RotatedTokenReused | Cause::TokenLimitExceeded => {
            &[REAUTHORIZE, FIX_CODE]
        }
        Cause::UnknownBug => &[WAIT_FOR_PROVIDER],
        Cause::Undetermined => &[RETRY, REAUTHORIZE],
        Cause::AdminOrPolicyRevoked
        | Cause::CodeExpired
        | Cause::MfaOrConditionalAccessRequired
        | Cause::PasswordChanged
        | Cause::RefreshTokenExpiredAbsolute
        | Cause::RefreshTokenExpiredIdle
        | Cause::SessionTimedOut
        | Cause::UserRevoked => &[REAUTHORIZE],
    };
    remedies.to_vec()
}
