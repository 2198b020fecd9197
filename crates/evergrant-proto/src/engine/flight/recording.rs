//! An outcome on its way into the store, or into the lifeboat.

use std::{sync::Arc, time::Duration};

use super::{Flight, Found, LONGEST_RETRY, Step};
use crate::{
    engine::{
        Effect, Engine, Issue, Next, Output, StoreFailure,
        conclusion::Conclusion,
        refusal::{as_recorded, closed},
    },
    grant::{Attempt, GrantRecord, GrantState},
    name::AttemptId,
    time::Now,
    transaction::{Command, Reply},
};

/// An outcome on its way into the store.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) conclusion: Conclusion,
    pub(super) tries: u32,
    pub(super) rescued: bool,
    /// The grant was changed since the answer came, by whomever: this very recording, too, may have landed unheard.
    pub(super) doubted: bool,
}

impl Recording {
    pub(super) fn of(conclusion: Conclusion) -> Box<Self> {
        Box::new(Self { conclusion, tries: 0, rescued: false, doubted: false })
    }
}

/// What a success in the lifeboat brought: may be served although the store does not know it yet.
#[derive(Debug)]
pub(super) struct Rescued {
    pub(super) issue: Arc<Issue>,
    attempt: Option<AttemptId>,
    /// The grant was changed since, by whomever.
    pub(super) doubted: bool,
}

impl Rescued {
    /// Whether the store has taken it in, or wants it no more: the store tells what to serve then.
    pub(super) fn is_overtaken_by(&self, grant: &GrantRecord) -> bool {
        let waits = |attempt: &Attempt| Some(attempt.id) == self.attempt && attempt.is_open();
        closed(grant).is_some() || !grant.attempts.iter().any(waits)
    }
}

impl Flight {
    pub(super) fn conclude(&mut self, engine: &mut Engine, conclusion: Conclusion, now: Now) -> Next {
        let recording = Recording::of(conclusion);
        if sabotaged!(UseBeforeTheCommit) && matches!(recording.conclusion.command, Command::Succeed(_)) {
            self.rescued = self.what_is_rescued(&recording);
            let mut answers = Vec::new();
            self.expire(now, &mut answers);
            engine.outputs.extend(answers);
        }
        self.record(recording)
    }

    pub(super) fn record(&mut self, recording: Box<Recording>) -> Next {
        let command = recording.conclusion.command.clone();
        self.step = Step::Recording(recording);
        Next::Perform(Effect::Transact(Box::new(command)))
    }

    pub(super) fn recorded(
        &mut self,
        engine: &mut Engine,
        recording: Box<Recording>,
        reply: Result<Reply, StoreFailure>,
        now: Now,
    ) -> Next {
        let succeeded = matches!(recording.conclusion.command, Command::Succeed(_));
        match reply {
            Ok(Reply::Grant(grant)) => {
                self.rescued = None;
                if engine.outdated && !self.waiters.is_empty() {
                    // Others may have changed the grant since: whoever waits is told what it is now.
                    return self.read(engine);
                }
                if !self.has_seen_newer(&grant) {
                    engine.publish(&grant, &self.key);
                }
                self.see(&grant);
                if succeeded {
                    self.answer_brought(engine, &grant, now.wall);
                    return self.leave(engine);
                }
                self.answer_satisfied(engine, now.wall);
                if grant.state == GrantState::Active && !self.waiters.is_empty() {
                    // A spare took over: those who wait are worth another try.
                    self.give_back(engine);
                    return self.pause(now.moment);
                }
                let refusal = closed(&grant)
                    .unwrap_or_else(|| as_recorded(recording.conclusion.refusal.clone(), &grant));
                self.refuse_all(engine, &refusal, now)
            }
            Err(StoreFailure::Conflict(_))
                if recording.conclusion.was_not_sent() && !self.waiters.is_empty() =>
            {
                // Those who failed with it were told at once; who has come since asks anew.
                self.read(engine)
            }
            Ok(_) | Err(StoreFailure::Conflict(_)) if !succeeded || recording.rescued => {
                self.refuse_all(engine, &recording.conclusion.refusal, now)
            }
            _ if succeeded && sabotaged!(BelieveEveryCommit) => {
                self.rescued = self.what_is_rescued(&recording);
                self.leave(engine)
            }
            _ if succeeded && !recording.rescued && !sabotaged!(ForgetTheLifeboat) => {
                self.rescue(recording, now)
            }
            _ if self.waiters.is_empty() => self.pause_recording(recording, now),
            _ => {
                // Those who wait are told at once, and what is told must not be older than what the store holds.
                self.step = Step::Checking(recording);
                Next::Perform(Effect::Read(self.grant))
            }
        }
    }

    pub(super) fn checked(
        &mut self,
        engine: &mut Engine,
        recording: Box<Recording>,
        found: Found,
        now: Now,
    ) -> Next {
        if let Ok(Some(found)) = found {
            engine.publish(&found.0, &self.key);
            self.see(&found.0);
            self.answer_satisfied(engine, now.wall);
        }
        // What the provider said holds, whether or not the store can be told now.
        let refusal = recording.conclusion.refusal.clone();
        self.answer_all(engine, &refusal, now.wall);
        self.pause_recording(recording, now)
    }

    fn rescue(&mut self, recording: Box<Recording>, now: Now) -> Next {
        let Some(slot) = &mut self.slot else { return self.pause_recording(recording, now) };
        slot.written = true;
        let slot = slot.id;
        let command = Box::new(recording.conclusion.command.clone());
        self.step = Step::Rescuing(recording);
        Next::Perform(Effect::Rescue { slot, command })
    }

    /// What is fsynced in the lifeboat counts as durable: its access token may be served, while its refresh token
    /// waits for the store (DESIGN, step 6).
    pub(super) fn rescue_ended(
        &mut self,
        engine: &mut Engine,
        mut recording: Box<Recording>,
        durable: bool,
        now: Now,
    ) -> Next {
        if durable {
            recording.rescued = true;
            self.rescued = self.what_is_rescued(&recording);
            match &self.rescued {
                Some(rescued) if rescued.doubted => engine.look(self.grant, self.key.clone(), now.moment),
                Some(rescued) => engine.outputs.push_back(Output::Publish(Arc::clone(&rescued.issue))),
                None => {}
            }
            let mut answers = Vec::new();
            self.expire(now, &mut answers);
            engine.outputs.extend(answers);
        }
        self.pause_recording(recording, now)
    }

    fn what_is_rescued(&self, recording: &Recording) -> Option<Rescued> {
        let issue = Arc::new(recording.conclusion.issue(self.seen.as_deref()?)?);
        Some(Rescued { issue, attempt: recording.conclusion.command.attempt(), doubted: recording.doubted })
    }

    pub(super) fn pause_recording(&mut self, mut recording: Box<Recording>, now: Now) -> Next {
        let pause = Duration::from_millis(50).saturating_mul(1 << recording.tries.min(10)).min(LONGEST_RETRY);
        recording.tries += 1;
        let until = now.moment.plus(pause);
        self.step = Step::RetryPause { recording, until };
        Next::Sleep(until)
    }
}
