//! The states of a grant.

use serde::{Deserialize, Serialize};

use crate::diagnosis::Diagnosis;

/// What can be done with a grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum GrantState {
    /// Refreshes work.
    Active,
    /// Refreshes do not work now and may work again without the user.
    Degraded {
        /// What is in the way.
        reason: Degradation,
        /// Why we think so.
        diagnosis: Box<Diagnosis>,
    },
    /// The credential is dead: no request is ever sent for this generation again. Only the user can help.
    NeedsReauthorization {
        /// Why, with the evidence.
        diagnosis: Box<Diagnosis>,
    },
    /// No refresh token was issued: serves until its access token expires.
    NotRefreshable,
    /// Revoked by us; the sealed credential is kept until the provider has confirmed.
    Revoked,
}

/// What keeps a grant from refreshing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degradation {
    /// The network or the provider; retried with backoff.
    Transient,
    /// The provider rejects the client's registration; resumes with new credentials or a good probe.
    ClientSuspended,
    /// The refresh token may be spent; DESIGN step 8 says when it may be presented again.
    OutcomeUnknown,
    /// The provider refuses what is asked (`invalid_scope`, `invalid_target`): the configuration must change.
    RequestRefused,
}

impl GrantState {
    /// The state's name as in the API: `active`, `degraded`, `needs_reauthorization`, `not_refreshable`, `revoked`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Degraded { .. } => "degraded",
            Self::NeedsReauthorization { .. } => "needs_reauthorization",
            Self::NotRefreshable => "not_refreshable",
            Self::Revoked => "revoked",
        }
    }

    /// The diagnosis behind a grant in trouble.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        match self {
            Self::Degraded { diagnosis, .. } | Self::NeedsReauthorization { diagnosis } => Some(diagnosis),
            Self::Active | Self::NotRefreshable | Self::Revoked => None,
        }
    }
}
