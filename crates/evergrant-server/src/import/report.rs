//! What is reported of each line, and of all of them. Nothing of a token.

use evergrant::{
    proto::{name::GrantId, transaction::Conflict},
    store::import::{Declined, Imported},
};
use serde::{Deserialize, Serialize};

use crate::problem::{Problem, Reason};

/// What became of one line. One JSON line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number of the line, from 1.
    pub line: u64,
    /// The caller's id of the person, if the line could be read that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What was done.
    pub outcome: Outcome,
    /// The grant that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Refusal>,
}

/// What was done for a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new grant.
    Created,
    /// A grant has a new refresh token.
    Updated,
    /// It was imported before.
    Unchanged,
    /// Nothing: the problem says why.
    Refused,
}

/// A problem (RFC 9457) of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// `/problems/` and the name of the reason.
    pub r#type: String,
    /// The reason in few words.
    pub title: String,
    /// The status that a single import would have had.
    pub status: u16,
    /// What is wrong with this line.
    pub detail: String,
}

/// How many lines had which outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub lines: u64,
    /// New grants.
    pub created: u64,
    /// Grants with a new refresh token.
    pub updated: u64,
    /// Lines that were imported before.
    pub unchanged: u64,
    /// Lines that were not taken.
    pub refused: u64,
}

/// The last JSON line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How many lines had which outcome.
    pub summary: Counts,
    /// Every line was looked at; if not, the problem says why.
    pub complete: bool,
    /// Nothing was written.
    pub dry_run: bool,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Refusal>,
}

impl Entry {
    /// Of a line that was read and handed to the store.
    pub fn of(line: u64, external_id: Option<String>, outcome: Result<Imported, Declined>) -> Self {
        match outcome {
            Ok(imported) => Self {
                line,
                external_id,
                outcome: match imported {
                    Imported::Created(_) => Outcome::Created,
                    Imported::Updated(_) => Outcome::Updated,
                    Imported::Unchanged(_) => Outcome::Unchanged,
                },
                grant: Some(imported.grant()),
                problem: None,
            },
            Err(declined) => Self::refused(line, external_id, declined.into()),
        }
    }

    /// Of a line that cannot be taken.
    pub fn refused(line: u64, external_id: Option<String>, refusal: Refused) -> Self {
        let Refused { reason, detail, grant } = refusal;
        Self {
            line,
            external_id,
            outcome: Outcome::Refused,
            grant,
            problem: Some(Refusal::new(reason, detail)),
        }
    }
}

/// Why a line is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
    pub(crate) grant: Option<GrantId>,
}

impl Refused {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), grant: None }
    }
}

impl From<Declined> for Refused {
    fn from(declined: Declined) -> Self {
        let (reason, grant) = match &declined {
            Declined::Conflict(Conflict::NoSuchClient) => (Reason::NoSuchClient, None),
            Declined::Conflict(Conflict::NoSuchGrant) => (Reason::NoSuchGrant, None),
            Declined::Conflict(Conflict::Revoked) => (Reason::Revoked, None),
            Declined::Conflict(Conflict::AlreadyHeld(_)) | Declined::HeldElsewhere => {
                (Reason::RefreshTokenHeld, None)
            }
            Declined::Conflict(_) | Declined::Ambiguous => (Reason::Unprocessable, None),
            Declined::HeldByAnother(grant) => (Reason::RefreshTokenHeld, Some(*grant)),
            Declined::Ended(grant) => (Reason::Revoked, Some(*grant)),
            Declined::Older(grant) => (Reason::Unprocessable, Some(*grant)),
        };
        Self { reason, detail: sentence(&declined.to_string()), grant }
    }
}

impl From<&Problem> for Refusal {
    fn from(problem: &Problem) -> Self {
        Self::new(problem.reason(), problem.detail().to_owned())
    }
}

impl Refusal {
    fn new(reason: Reason, detail: String) -> Self {
        Self {
            r#type: format!("/problems/{}", reason.as_str()),
            title: reason.title().to_owned(),
            status: reason.status().as_u16(),
            detail,
        }
    }
}

impl Counts {
    /// Counts one line.
    pub fn count(&mut self, outcome: Outcome) {
        self.lines += 1;
        *self.of(outcome) += 1;
    }

    /// Takes back that a line was counted: it is tried again.
    pub fn discount(&mut self, outcome: Outcome) {
        self.lines = self.lines.saturating_sub(1);
        let count = self.of(outcome);
        *count = count.saturating_sub(1);
    }

    fn of(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Refused => &mut self.refused,
        }
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
