//! What a living process has heard from the provider is durable soon, in the store or in the lifeboat: a crash after
//! that is no excuse for its loss.

use evergrant_proto::{
    engine::StoreFailure,
    grant::Outcome,
    name::{AttemptId, GrantId},
    transaction::{Command, Reply},
};

use super::{Happening, ProcessId, World};
use crate::Invariant;

/// Within what time a process puts into the lifeboat what the store did not take.
const SOON: u64 = 1_000;

/// What a refresh brought and the store did not take.
#[derive(Debug)]
pub(super) struct Debt {
    process: ProcessId,
    grant: GrantId,
    attempt: AttemptId,
    /// When the process hears of it.
    since: u64,
}

impl World {
    /// The store has answered a command of a process, which hears of it after `latency`.
    pub(super) fn note_debt(
        &mut self,
        process: ProcessId,
        command: &Command,
        answer: &Result<Reply, StoreFailure>,
        latency: u64,
    ) {
        let (Command::Succeed(succeed), Err(StoreFailure::Away(_) | StoreFailure::Ambiguous(_))) =
            (command, answer)
        else {
            return;
        };
        let (grant, attempt) = (succeed.grant, succeed.attempt);
        let debt = Debt { process, grant, attempt, since: self.now + latency };
        self.after(latency + SOON, Happening::Audit(debt));
    }

    pub(super) fn audit(&mut self, debt: &Debt) {
        let stood_still = self.stopped_since.get(&debt.process).is_some_and(|at| *at >= debt.since);
        let refused = self.lifeboat_failed_at.is_some_and(|at| at >= debt.since);
        if !self.runs(debt.process) || stood_still || refused {
            return;
        }
        let recorded = self.store.attempt_of(debt.grant, debt.attempt);
        let in_store = recorded.is_some_and(|attempt| attempt.outcome == Some(Outcome::Succeeded));
        let holder = self.processes[debt.process.0].holder;
        let mut rescued = self.store.rescued_by(holder);
        if !in_store && !rescued.any(|command| command.attempt() == Some(debt.attempt)) {
            let evidence = format!(
                "what attempt {} of grant {} brought is durable nowhere, {} ms after the store did not take it",
                debt.attempt,
                debt.grant,
                self.now - debt.since
            );
            self.judge.object(Invariant::NothingLost, self.now, evidence);
        }
    }
}
