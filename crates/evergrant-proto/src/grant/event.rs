//! What happened to a grant or a client, for people and for callers.

use serde::{Deserialize, Serialize};

use crate::{
    diagnosis::Diagnosis,
    name::{AttemptId, ClientName, Generation, GrantId, Namespace},
    time::Timestamp,
};

/// One entry of the event log. Holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the wall clock of the process that did it.
    pub at: Timestamp,
    /// The tenant boundary.
    pub namespace: Namespace,
    /// The client concerned.
    pub client: ClientName,
    /// The grant concerned; `None` for events of the client.
    pub grant: Option<GrantId>,
    /// The grant's generation after the event.
    pub generation: Option<Generation>,
    /// The attempt that caused it.
    pub attempt: Option<AttemptId>,
    /// What happened.
    pub kind: EventKind,
    /// Why, for events of trouble.
    pub diagnosis: Option<Diagnosis>,
    /// When the grant ends, for the warning of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A grant was imported, or a new token was imported into it.
    Imported,
    /// A resource owner connected a new grant.
    Connected,
    /// A resource owner re-authorized this grant.
    Reconnected,
    /// A re-authorization by another account was refused; nothing changed.
    WrongAccount,
    /// A refresh brought new tokens.
    Refreshed,
    /// A refresh failed and will be retried.
    RefreshFailed,
    /// A refresh ended without an answer: the refresh token may be spent.
    OutcomeUnknown,
    /// A success arrived after its generation had moved; its refresh token is kept as a spare.
    SpareKept,
    /// The credential was refused and a spare took its place.
    SpareInstalled,
    /// A success arrived for an authorization that has been superseded; recorded, never used.
    SupersededSuccess,
    /// The grant works again.
    Recovered,
    /// The grant is dead until its resource owner authorizes again.
    NeedsReauthorization,
    /// The provider ends the grant soon, however often it is used: its resource owner has to authorize again.
    ExpiresSoon,
    /// A resource server rejected the access token.
    AccessTokenRejected,
    /// The grant was revoked by us.
    Revoked,
    /// The provider confirmed the revocation.
    RevocationConfirmed,
    /// The provider refused what was asked for; the configuration must change.
    RequestRefused,
    /// The provider rejects the client's registration: its grants pause.
    ClientRejected,
    /// The client's registration works again.
    ClientRecovered,
    /// The client was added or changed by us.
    ClientUpdated,
}
