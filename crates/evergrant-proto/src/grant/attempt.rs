//! The journal: every request that spends a credential, written down before it is sent.

use serde::{Deserialize, Serialize};

use super::{access::AccessKey, lease::StoreTime, mark::TokenMark};
use crate::{
    diagnosis::PreviousOutcome,
    name::{AttemptId, Fence, Generation, HolderId},
    time::Timestamp,
};

/// One refresh, from the moment it was allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Names it across retries of its commit and in the lifeboat.
    pub id: AttemptId,
    /// The generation whose refresh token it presents.
    pub generation: Generation,
    /// The number of the lease it ran under.
    pub fence: Fence,
    /// The process that made it.
    pub holder: HolderId,
    /// What the access token is for.
    pub key: AccessKey,
    /// Wall clock when it was journalled, before it was sent.
    pub journalled_at: Timestamp,
    /// The store's clock at the same instant: `owner_wait` is counted on it, since the wall clock can be set.
    pub journalled_on: StoreTime,
    /// `None` while open.
    pub outcome: Option<Outcome>,
    /// Wall clock when the outcome was recorded.
    pub ended_at: Option<Timestamp>,
    /// Refresh tokens that other presentations of the same one have brought while this one was in doubt: a provider
    /// that answers a repetition as it answered before brings one of them again, long spent by then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought_by_others: Vec<TokenMark>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Tokens came and were made durable.
    Succeeded,
    /// The provider answered with a parsed OAuth error.
    Refused {
        /// The RFC 6749 5.2 code or its dialect, masked.
        code: String,
    },
    /// Provably not processed: the refresh token was not spent.
    Failed {
        /// One line, masked.
        reason: String,
    },
    /// The request may have reached the provider and no answer was stored: the refresh token may be spent.
    Unknown {
        /// How the answer was lost.
        manner: PreviousOutcome,
        /// One line, masked.
        reason: String,
    },
}

impl Attempt {
    /// Whether its refresh token may have been spent by it without us knowing.
    pub fn is_doubtful(&self) -> bool {
        matches!(self.outcome, None | Some(Outcome::Unknown { .. }))
            && !(sabotaged!(ForgetOpenAttempts) && self.is_open())
    }

    /// Whether its outcome has not been recorded.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none()
    }
}
