//! What the record of a grant says about a refresh that failed.

use super::{
    access::AccessKey,
    record::{GrantRecord, Overtaken},
};
use crate::{
    client::ClientRecord,
    diagnosis::{History, PreviousAttempt},
    name::AttemptId,
    time::Timestamp,
};

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
            authorization_age: Some(sent_at.since(self.created_at)),
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
            ..History::default()
        }
    }
}

fn before(attempt: &Overtaken, wall: Timestamp) -> PreviousAttempt {
    PreviousAttempt { outcome: attempt.manner, age: Some(wall.since(attempt.journalled_at)) }
}
