//! What the record of a grant says about a refresh that failed.

use std::time::Duration;

use super::{
    access::AccessKey,
    record::{GrantRecord, Overtaken},
    state::GrantState,
};
use crate::{
    client::ClientRecord,
    diagnosis::{Cause, History, PastDeath, PreviousAttempt},
    forecast::authorized_at,
    name::AttemptId,
    time::Timestamp,
};

/// Deaths that are remembered: enough to see a period.
const MAX_DEATHS: usize = 8;

/// A request that was answered was not under way for longer.
const LONGEST_UNDER_WAY: Duration = Duration::from_secs(2 * 60);

impl GrantRecord {
    /// What is known when the attempt `own`, sent at `sent_at` with the refresh token that is held, has failed.
    pub fn history_of_failure(
        &self,
        client: &ClientRecord,
        own: AttemptId,
        sent_at: Timestamp,
        wall: Timestamp,
    ) -> History {
        let credential = self.credential.as_ref();
        let (announced_refresh_lifetime, announced_authorization_lifetime) = self.announced_lifetimes();
        let previous = self.doubtful_attempts().filter(|attempt| attempt.id != own);
        let previous = previous.max_by_key(|attempt| attempt.journalled_at);
        // What nobody answered may have been a use.
        let used = previous.map(|doubtful| doubtful.journalled_at).max(Some(self.last_used_at()));
        // A process that stood still hears long after.
        let judged_at = wall.max(sent_at).min(sent_at.plus(LONGEST_UNDER_WAY));
        History {
            refresh_token_age: credential.map(|held| sent_at.since(held.obtained_at)),
            authorization_age: authorized_at(self).map(|from| sent_at.since(from)),
            idle: used.map(|used| sent_at.since(used)),
            // At the most: when it was judged, nobody knows.
            since_last_success: Some(judged_at.since(self.last_success_at)),
            access_token_expired: self
                .access_for(&AccessKey::default())
                .map(|entry| entry.usable_until().is_some_and(|end| end <= wall)),
            previous_attempt: previous.map(|attempt| before(&Overtaken::of(attempt), wall)),
            overtaken_attempt: self.overtaken_attempt().map(|overtaken| before(&overtaken, wall)),
            rotation_observed: Some(self.predecessor.is_some()),
            sent_token_is_latest: Some(true),
            newest_token_persisted: Some(previous.is_none()),
            refresh_token_present: Some(true),
            client_changed_recently: Some(client.updated_at > self.last_success_at),
            client_worked_before: Some(self.generation > self.lineage_start),
            announced_refresh_lifetime,
            announced_authorization_lifetime,
            past_deaths: self.deaths.clone(),
            ..History::default()
        }
    }

    /// When the refresh token in force was used last, or came; what was presented since without an answer is not counted.
    /// Not only the last success tells: a spare came after it, and what is put back was presented beside it, by others.
    pub(crate) fn last_used_at(&self) -> Timestamp {
        let came = self.credential.as_ref().map(|held| held.obtained_at);
        let before = self.put_back.and(self.exchanged.as_ref()).map(|presented| presented.last_at);
        came.into_iter().chain(before).fold(self.last_success_at, Timestamp::max)
    }

    /// How long the provider said that the refresh token lives, and that the authorization does, each from its own beginning.
    /// An announced end of the token that using it does not move is one of the authorization.
    pub(crate) fn announced_lifetimes(&self) -> (Option<Duration>, Option<Duration>) {
        let Some(held) = &self.credential else { return (None, None) };
        let fixed = self.life.fixed_end;
        let refresh = held.expires_at.filter(|_| fixed.is_none()).map(|end| end.since(held.obtained_at));
        let authorization = held.authorization_expires_at.into_iter().chain(fixed).min();
        (refresh, authorization.zip(authorized_at(self)).map(|(end, began)| end.since(began)))
    }

    /// Notes that it died of this: what recurs is not cured by signing in again.
    pub(crate) fn note_death(&mut self, cause: Cause, wall: Timestamp) {
        let Some(from) = authorized_at(self) else { return };
        if self.deaths.len() >= MAX_DEATHS {
            self.deaths.remove(0);
        }
        self.deaths.push(PastDeath { cause, after_consent: wall.since(from) });
    }

    /// It lives after all: a late success, or a spare. To be called while its state still says that it is dead.
    pub(crate) fn take_back_death(&mut self) {
        if matches!(self.state, GrantState::NeedsReauthorization { .. }) {
            self.deaths.pop();
        }
    }
}

fn before(attempt: &Overtaken, wall: Timestamp) -> PreviousAttempt {
    PreviousAttempt { outcome: attempt.manner, age: Some(wall.since(attempt.journalled_at)) }
}
