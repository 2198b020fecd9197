//! An entry of a grant's journal.

use evergrant::proto::{
    grant::{Attempt, Outcome},
    name::{AttemptId, Fence, Generation, HolderId},
};
use serde::Serialize;

use super::{list, time};

#[derive(Debug, Serialize)]
pub(crate) struct AttemptView<'a> {
    id: AttemptId,
    generation: Generation,
    fence: Fence,
    /// The process that made it.
    process: HolderId,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<&'a str>>,
    journalled_at: String,
    ended_at: Option<String>,
    /// Absent while open.
    #[serde(flatten)]
    outcome: Option<&'a Outcome>,
}

impl<'a> AttemptView<'a> {
    pub(crate) fn new(attempt: &'a Attempt) -> Self {
        Self {
            id: attempt.id,
            generation: attempt.generation,
            fence: attempt.fence,
            process: attempt.holder,
            resource: attempt.key.resource.as_deref(),
            scopes: attempt.key.scope.as_ref().map(list),
            journalled_at: time(attempt.journalled_at),
            ended_at: attempt.ended_at.map(time),
            outcome: attempt.outcome.as_ref(),
        }
    }
}
