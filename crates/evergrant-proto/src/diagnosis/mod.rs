//! Why an exchange failed: a cause with its evidence, and what helps.

mod cause;
mod clock;
mod history;
mod neighbours;
mod remedy;
mod rules;
mod wording;

use serde::{Deserialize, Serialize};

pub(crate) use self::clock::skewed_clock;
pub use self::{
    cause::Cause,
    history::{History, OtherGrants, PastDeath, PreviousAttempt, PreviousOutcome},
    neighbours::{LOOKED_AT, Neighbours, Sighting},
    remedy::{Action, Actor, Remedy, remedies},
    rules::diagnose,
};
use crate::failure::Culprit;

/// Most causes that are named beside the first.
pub const MAX_ALTERNATIVES: usize = 5;

/// What is held to be the cause of a failure, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The cause.
    pub cause: Cause,
    /// How sure that is.
    pub certainty: Certainty,
    /// Who is at fault.
    pub culprit: Culprit,
    /// Whether repeating the very same request can never succeed.
    pub permanent: bool,
    /// Whether it is tried again without anybody's help.
    pub retry: bool,
    /// What helps, the first step first.
    pub remedies: Vec<Remedy>,
    /// Plain sentences; no secrets.
    pub evidence: Vec<String>,
    /// What else it could be, the likeliest first; at most [`MAX_ALTERNATIVES`].
    pub alternatives: Vec<Cause>,
}

impl Diagnosis {
    /// Names first, of all that it could be besides, what a newer credential of the grant was refused for.
    pub(crate) fn suspect(&mut self, cause: Cause, evidence: &[String]) {
        self.evidence
            .push("Of the newer refresh token that was refused before this one is known:".to_owned());
        self.evidence.extend_from_slice(evidence);
        self.allow_for(cause);
    }

    /// Puts a cause before the other candidates.
    pub(crate) fn allow_for(&mut self, cause: Cause) {
        if cause != self.cause {
            self.alternatives.retain(|other| *other != cause);
            self.alternatives.insert(0, cause);
            self.alternatives.truncate(MAX_ALTERNATIVES);
        }
    }
}

/// How sure a diagnosis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// One of several causes that fit.
    Possible,
    /// The evidence points to it; something else is not ruled out.
    Likely,
    /// The provider said so, or nothing else fits.
    Certain,
}
