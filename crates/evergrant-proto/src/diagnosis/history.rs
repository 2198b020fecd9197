//! What a token manager knows from its own records. Bodies alone cannot separate most causes: this can.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Cause, Neighbours};

/// What was known when the exchange failed. `None` and empty: not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// How long ago the refresh token that was sent was received.
    pub refresh_token_age: Option<Duration>,
    /// How long ago the resource owner consented.
    pub authorization_age: Option<Duration>,
    /// How long ago a refresh token of this grant was used last, or may have been.
    pub idle: Option<Duration>,
    /// How long ago a refresh succeeded last.
    pub since_last_success: Option<Duration>,
    /// Whether the access token had expired.
    pub access_token_expired: Option<bool>,
    /// The attempt before this one, of the same refresh token.
    pub previous_attempt: Option<PreviousAttempt>,
    /// Whether the provider, by its policy, takes a refresh token that was sent before as this one was: what became of the earlier
    /// attempts is not why it was refused.
    pub repetition_forgiven: Option<bool>,
    /// An attempt with an earlier refresh token of the same chain whose outcome nobody knows: a request that the
    /// network keeps for long enough arrives as a replay.
    pub overtaken_attempt: Option<PreviousAttempt>,
    /// How many other attempts overlapped with this one.
    pub concurrent_attempts: Option<u32>,
    /// Whether several processes use this grant.
    pub several_processes: Option<bool>,
    /// Whether this provider was seen to rotate refresh tokens of this grant.
    pub rotation_observed: Option<bool>,
    /// Whether what was sent is the newest that was received.
    pub sent_token_is_latest: Option<bool>,
    /// Whether the store was restored from a backup, or copied, since what was sent was received.
    pub store_restored: Option<bool>,
    /// Whether the newest that was received was stored.
    pub newest_token_persisted: Option<bool>,
    /// Whether a refresh token is held at all.
    pub refresh_token_present: Option<bool>,
    /// Whether the authorization asked for offline access.
    pub offline_access_requested: Option<bool>,
    /// Whether the client that asks is the one that got the grant.
    pub client_matches_grant: Option<bool>,
    /// Whether the client's configuration was changed since the last success.
    pub client_changed_recently: Option<bool>,
    /// Whether these client credentials have ever worked.
    pub client_worked_before: Option<bool>,
    /// How the client's other grants fare.
    pub other_grants: Option<OtherGrants>,
    /// The same counted, where our own records tell.
    pub neighbours: Option<Neighbours>,
    /// Our clock minus the provider's, in seconds.
    pub clock_offset_seconds: Option<i64>,
    /// How long ago the code was issued.
    pub code_age: Option<Duration>,
    /// Whether this code was sent before.
    pub code_sent_before: Option<bool>,
    /// Whether the redirect URI is the one of the authorization.
    pub redirect_uri_matches: Option<bool>,
    /// Whether the verifier fits the challenge.
    pub verifier_matches: Option<bool>,
    /// Whether the application is known to be unpublished.
    pub app_in_testing: Option<bool>,
    /// How long the provider said that this refresh token lives.
    pub announced_refresh_lifetime: Option<Duration>,
    /// How long the provider said that the authorization lives.
    pub announced_authorization_lifetime: Option<Duration>,
    /// How this grant died before, the latest last.
    pub past_deaths: Vec<PastDeath>,
}

/// An attempt before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousAttempt {
    /// How it ended.
    pub outcome: PreviousOutcome,
    /// How long ago it was sent, if that is known.
    pub age: Option<Duration>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviousOutcome {
    /// With tokens.
    Success,
    /// Without an answer in time.
    Timeout,
    /// The connection broke.
    ConnectionError,
    /// With a server error.
    #[serde(rename = "http_5xx")]
    ServerError,
    /// With an answer that could not be read.
    Unreadable,
    /// The process that sent it ended before it could record the outcome.
    NotRecorded,
    /// The store was restored from a backup, or copied: whether there was one at all, that backup does not say.
    NotInBackup,
    /// The provider refused it.
    Refused,
}

impl PreviousOutcome {
    /// Whether the provider may have rotated the token without our knowing.
    pub fn is_unknown(self) -> bool {
        !matches!(self, Self::Success | Self::Refused)
    }
}

/// How the client's other grants fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherGrants {
    /// All of them fail.
    AllFailing,
    /// Some fail.
    SomeFailing,
    /// None fails.
    NoneFailing,
}

/// A death of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastDeath {
    /// What it was put down to.
    pub cause: Cause,
    /// How long after the consent.
    pub after_consent: Duration,
}
