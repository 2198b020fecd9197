//! Answering those who wait for a flight.

use std::{sync::Arc, time::Duration};

use super::{Flight, Step, WAITS_FOR_STORE};
use crate::{
    engine::{Answer, Engine, HOLDS_FOR, Issue, Next, Output, Refusal, refusal::refused},
    grant::{Freshness, GrantRecord},
    time::{Moment, Now, Timestamp},
    transaction::Want,
};

impl Flight {
    /// Answers those whose time has run out.
    pub(crate) fn expire(&mut self, now: Now, outputs: &mut Vec<Output>) {
        let rescued = self.living_rescued(now.wall);
        let (late, on_time): (Vec<_>, Vec<_>) =
            self.waiters.drain(..).partition(|waiter| waiter.deadline <= now.moment || rescued.is_some());
        self.waiters = on_time;
        for waiter in late {
            let answer = match rescued.clone().or_else(|| self.usable(waiter.want, now.wall)) {
                Some(issue) => Answer::Token(issue),
                // What was rescued has ended before the store came back.
                None if self.rescued.is_some() => {
                    refused(Refusal::StoreUnavailable(WAITS_FOR_STORE.to_owned()))
                }
                None => refused(Refusal::InProgress { retry_after: Duration::from_secs(1) }),
            };
            outputs.push(Output::Answer(waiter.call, answer));
        }
    }

    /// What was rescued, if it can be handed out. Once it has ended, the store may hold what another process brought.
    pub(super) fn living_rescued(&self, wall: Timestamp) -> Option<Arc<Issue>> {
        let rescued = self.rescued.as_ref().filter(|rescued| !rescued.doubted)?;
        let lives = rescued.issue.access.freshness(wall) != Freshness::Expired;
        lives.then(|| Arc::clone(&rescued.issue))
    }

    /// What can be handed out to somebody with this wish, as far as last seen.
    pub(super) fn usable(&self, want: Want, wall: Timestamp) -> Option<Arc<Issue>> {
        let grant = self.seen.as_deref().filter(|_| !sabotaged!(WithholdTokens))?;
        // Whoever asks for a lifetime is served what lives rather than nothing: a failure never displaces a valid token.
        let lenient = match want {
            Want::Usable { .. } => Want::Usable { min_ttl: Duration::ZERO },
            Want::Early | Want::Newer { .. } => want,
        };
        lenient
            .is_satisfied(grant, &self.key, wall)
            .then(|| Issue::of(grant, &self.key))
            .flatten()
            .map(Arc::new)
    }

    pub(super) fn answer_satisfied(&mut self, engine: &mut Engine, wall: Timestamp) {
        let satisfied = self.satisfied(engine.asked_at, wall);
        engine.outputs.extend(satisfied);
    }

    /// Somebody else has read the grant: what it holds may be all that those who wait want.
    pub(crate) fn look_at(&mut self, grant: &GrantRecord, asked_at: Moment, wall: Timestamp) -> Vec<Output> {
        self.see(grant);
        self.satisfied(asked_at, wall)
    }

    /// The grant was changed: what is in the lifeboat may be in the store by now, and rejected there.
    pub(crate) fn doubt_what_was_rescued(&mut self) {
        if let Some(rescued) = &mut self.rescued {
            rescued.doubted = true;
        }
        if let Step::Recording(recording) | Step::Rescuing(recording) | Step::RetryPause { recording, .. } =
            &mut self.step
        {
            recording.doubted = true;
        }
    }

    /// Whether what was rescued is not handed out before somebody has looked what the store holds.
    pub(crate) fn doubts_what_was_rescued(&self) -> bool {
        self.rescued.as_ref().is_some_and(|rescued| rescued.doubted)
    }

    /// The grant as it is now decides whether what was rescued is still to be handed out.
    pub(crate) fn settle_what_was_rescued(&mut self, grant: &GrantRecord, now: Now) -> Vec<Output> {
        let mut answers = Vec::new();
        self.rescued.take_if(|rescued| rescued.is_overtaken_by(grant));
        if let Some(rescued) = &mut self.rescued {
            rescued.doubted = false;
            self.expire(now, &mut answers);
        }
        answers
    }

    /// Whoever came long after the question is not content with the answer: what others have changed in between, a
    /// token that was rejected above all, is not in it.
    fn satisfied(&mut self, asked_at: Moment, wall: Timestamp) -> Vec<Output> {
        let fresh_for = asked_at.plus(HOLDS_FOR);
        let Some(grant) = self.seen.as_deref() else { return Vec::new() };
        let Some(issue) = Issue::of(grant, &self.key).map(Arc::new) else { return Vec::new() };
        let key = &self.key;
        let (satisfied, others): (Vec<_>, Vec<_>) = self
            .waiters
            .drain(..)
            .partition(|waiter| waiter.since <= fresh_for && waiter.want.is_satisfied(grant, key, wall));
        self.waiters = others;
        let answer = |waiter: super::Waiter| Output::Answer(waiter.call, Answer::Token(Arc::clone(&issue)));
        satisfied.into_iter().map(answer).collect()
    }

    /// A refresh worked: everyone who waited gets what it brought, however short-lived; a second one would bring no more.
    pub(super) fn answer_brought(&mut self, engine: &mut Engine, grant: &GrantRecord, wall: Timestamp) {
        if !(Want::Usable { min_ttl: Duration::ZERO }).is_satisfied(grant, &self.key, wall) {
            return;
        }
        let Some(issue) = Issue::of(grant, &self.key).map(Arc::new) else { return };
        for waiter in self.waiters.drain(..) {
            engine.answer(waiter.call, Answer::Token(Arc::clone(&issue)));
        }
    }

    pub(super) fn answer_all(&mut self, engine: &mut Engine, refusal: &Refusal, wall: Timestamp) {
        for waiter in std::mem::take(&mut self.waiters) {
            let answer = match self.usable(waiter.want, wall) {
                Some(issue) => Answer::Token(issue),
                None => refused(refusal.clone()),
            };
            engine.answer(waiter.call, answer);
        }
    }

    pub(super) fn refuse_all(&mut self, engine: &mut Engine, refusal: &Refusal, now: Now) -> Next {
        self.answer_all(engine, refusal, now.wall);
        self.leave(engine)
    }
}
