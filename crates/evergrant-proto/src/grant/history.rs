//! What the record of a grant says about a refresh that failed.

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
        let since_obtained = |end: Option<Timestamp>| Some(end?.since(credential?.obtained_at));
        let previous = self.doubtful_attempts().filter(|attempt| attempt.id != own);
        let previous = previous.max_by_key(|attempt| attempt.journalled_at);
        History {
            refresh_token_age: since_obtained(Some(sent_at)),
            authorization_age: authorized_at(self).map(|from| sent_at.since(from)),
            idle: Some(sent_at.since(self.last_success_at)),
            since_last_success: Some(sent_at.since(self.last_success_at)),
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
            announced_refresh_lifetime: since_obtained(credential.and_then(|held| held.expires_at)),
            announced_authorization_lifetime: since_obtained(
                credential.and_then(|held| held.authorization_expires_at),
            ),
            past_deaths: self.deaths.clone(),
            ..History::default()
        }
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
