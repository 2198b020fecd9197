//! All that is known of one grant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    access::{AccessEntry, AccessKey},
    attempt::{Attempt, Outcome},
    credential::{Credential, Spare},
    doubt::Presented,
    lease::{Lease, StoreTime},
    life::Life,
    state::GrantState,
};
use crate::{
    diagnosis::{Diagnosis, PastDeath, PreviousOutcome},
    name::{ClientName, Fence, Generation, GrantId, Namespace},
    scope::ScopeSet,
    time::Timestamp,
};

/// One grant. The fields that serde skips are secret or journal: stores keep them sealed or in tables of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// Never changes.
    pub id: GrantId,
    /// The tenant boundary it belongs to.
    pub namespace: Namespace,
    /// The client it was given to.
    pub client: ClientName,
    /// Whose it is.
    pub owner: Owner,
    /// The scope that was asked for when it was given.
    pub requested: ScopeSet,
    /// The scope that the provider granted last; narrower than `requested` where the provider says so.
    pub granted: ScopeSet,
    /// What can be done with it.
    pub state: GrantState,
    /// Incremented by every change of the credential.
    pub generation: Generation,
    /// Incremented by every change: of two records of one grant the later one is known by it.
    #[serde(default)]
    pub revision: u64,
    /// The generation that the last import or authorization made. What was issued before belongs to a superseded
    /// authorization and is never presented again.
    pub lineage_start: Generation,
    /// The newest lease number.
    pub fence: Fence,
    /// The lease in force, if any.
    pub lease: Option<Lease>,
    /// While in the future, a re-authorization is about to complete and no new flight may begin.
    pub blocked_until: Option<StoreTime>,
    /// A refusal whose finality waits for attempts of this generation that may still bring a success.
    pub verdict: Option<Box<PendingVerdict>>,
    /// Transient failures since the last success.
    pub failures: u32,
    /// No attempt before this time (backoff, `Retry-After`).
    pub retry_at: Option<Timestamp>,
    /// When the scheduler looks at it next; `None`: not by itself.
    pub next_due_at: Option<Timestamp>,
    /// Its revocation at the provider, if one is owed.
    pub revocation: Option<Revocation>,
    /// Removed by us: hidden from every list, kept as a tombstone so that nothing late can bring it back.
    pub removed_at: Option<Timestamp>,
    /// When it came into being.
    pub created_at: Timestamp,
    /// When the last refresh, import or authorization succeeded.
    pub last_success_at: Timestamp,
    /// A request with an earlier refresh token of this lineage that may still be on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overtaken: Option<Overtaken>,
    /// As which generation the credential in force was presented before, if it was put back after its successor was refused:
    /// an answer to that presentation is one about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_back: Option<Generation>,
    /// How the refresh token was presented that was exchanged last: the predecessor, or, while it is put back, the credential in
    /// force. Kept where the provider takes it until its successor has been used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanged: Option<Presented>,
    /// What the newest credential was refused for, while older ones are tried in its place: what the grant dies of, if they
    /// are refused as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_for: Option<Box<Diagnosis>>,
    /// When it ends as far as anybody said, and what is done about it in time.
    #[serde(default, skip_serializing_if = "Life::is_unknown")]
    pub life: Life,
    /// How it died before, the latest last: a few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deaths: Vec<PastDeath>,
    /// The refresh token; `None` if none was issued or its revocation has been confirmed.
    #[serde(skip)]
    pub credential: Option<Credential>,
    /// The refresh token before it: kept sealed until its successor has worked.
    #[serde(skip)]
    pub predecessor: Option<Credential>,
    /// Access tokens, at most one a key.
    #[serde(skip)]
    pub access: Vec<AccessEntry>,
    /// Credentials of late successes. Of a revoked grant: those whose revocation is owed after that of `credential`.
    #[serde(skip)]
    pub spares: Vec<Spare>,
    /// Attempts of this generation, and open ones of any.
    #[serde(skip)]
    pub attempts: Vec<Attempt>,
}

/// Whose grant it is, as the provider and as the caller name the person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Owner {
    /// The provider's `sub`; `None` where it does not tell.
    pub subject: Option<String>,
    /// The organization at the provider (`tid` and its relatives); `None` where it does not tell.
    pub tenant: Option<String>,
    /// The caller's own id of the person.
    pub external_id: Option<String>,
    /// The caller's labels.
    pub labels: BTreeMap<String, String>,
}

/// What a refusal means while other attempts with the same refresh token are under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingVerdict {
    /// As long as one of them may have spent the token.
    pub in_doubt: Diagnosis,
    /// Once all of them are known to have spent nothing.
    pub cleared: Diagnosis,
}

/// An attempt whose outcome nobody knows, and after which another one brought a newer credential. If the network
/// delivers it now, a strict provider takes it for a replay and ends the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overtaken {
    /// How its answer was lost.
    pub manner: PreviousOutcome,
    /// When it was journalled, before it was sent.
    pub journalled_at: Timestamp,
}

impl Overtaken {
    /// What is known of a doubtful attempt.
    pub fn of(attempt: &Attempt) -> Self {
        let manner = match attempt.outcome {
            Some(Outcome::Unknown { manner, .. }) => manner,
            _ => PreviousOutcome::NotRecorded,
        };
        Self { manner, journalled_at: attempt.journalled_at }
    }

    /// What an adopted store may have forgotten: whoever ran with the newer tables, or still runs with the original, may
    /// have sent the token that is replaced at this time.
    pub fn forgotten(replaced_at: Timestamp) -> Self {
        Self { manner: PreviousOutcome::NotInBackup, journalled_at: replaced_at }
    }
}

/// A revocation that the provider has to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When the provider confirmed (RFC 7009 2.2: 200), or had no way to be told.
    pub confirmed_at: Option<Timestamp>,
}

impl GrantRecord {
    /// The access token held for `key`.
    pub fn access_for(&self, key: &AccessKey) -> Option<&AccessEntry> {
        self.access.iter().find(|entry| entry.key == *key)
    }

    /// Attempts of the current generation that may have spent the refresh token without us knowing.
    pub fn doubtful_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.generation == self.generation && attempt.is_doubtful())
    }

    /// The newest request with an earlier refresh token of this lineage whose outcome nobody knows.
    pub fn overtaken_attempt(&self) -> Option<Overtaken> {
        let earlier = self.attempts.iter().filter(|attempt| {
            attempt.is_doubtful() && (self.lineage_start..self.generation).contains(&attempt.generation)
        });
        earlier.map(Overtaken::of).chain(self.overtaken).max_by_key(|overtaken| overtaken.journalled_at)
    }
}
