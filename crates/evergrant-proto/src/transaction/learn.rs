//! What an outcome shows of the provider, noted with the outcome itself.

use std::{sync::Arc, time::Duration};

use super::{Change, Command, Loaded, Refuse, Succeed};
use crate::{
    client::{ClientRecord, Learned, Observation},
    grant::{Expiry, GrantRecord, Life},
    name::AttemptId,
    time::Timestamp,
};

/// Notes what the command shows, if that is anything new.
pub(super) fn note(loaded: &Loaded, command: &Command, change: &mut Change) {
    let (Some(grant), Some(client)) = (&loaded.grant, &loaded.client) else { return };
    let mut learned = client.learned;
    match command {
        Command::Succeed(succeed) if client.version == succeed.client_version => {
            let Some(seen) = observation(grant, succeed) else { return };
            learned.note(&seen);
        }
        Command::Refuse(refuse) if client.version == refuse.client_version => {
            let Some(after) = refused_repetition(grant, refuse) else { return };
            learned.note_refused_repetition(after);
        }
        _ => return,
    }
    update(change, client, learned);
}

fn update(change: &mut Change, client: &Arc<ClientRecord>, learned: Learned) {
    if learned != client.learned {
        change.client.get_or_insert_with(|| ClientRecord::clone(client)).learned = learned;
    }
}

/// What a success shows; `None` if it is not the one that moved the generation, and so compares with nothing.
fn observation(grant: &GrantRecord, succeed: &Succeed) -> Option<Observation> {
    let attempt = grant.attempts.iter().find(|attempt| attempt.id == succeed.attempt)?;
    let credential = grant.credential.as_ref().filter(|_| attempt.generation == grant.generation)?;
    if attempt.outcome.is_some() {
        return None;
    }
    let issued = &succeed.issued;
    let lifetime = |end: Option<Timestamp>| end.map(|end| end.since(issued.sent_at));
    let access_end = issued.access.as_ref().and_then(|access| match access.expiry {
        Expiry::At(end) => Some(end),
        Expiry::Unknown | Expiry::Never => None,
    });
    Some(Observation {
        replaced: issued.refresh_token.as_ref().is_some_and(|token| *token != credential.refresh_token),
        repeated_after: first_of(grant, succeed.attempt).map(|first| attempt.journalled_at.since(first)),
        access_lifetime: lifetime(access_end),
        refresh_lifetime: lifetime(issued.refresh_expires_at),
        authorization_lifetime: lifetime(issued.authorization_expires_at),
        use_extends: extends(grant, succeed),
    })
}

/// Whether the refresh moved the announced end of the refresh token; `None` if that cannot be told.
fn extends(grant: &GrantRecord, succeed: &Succeed) -> Option<bool> {
    let before = grant.credential.as_ref()?.expires_at?;
    let after = succeed.issued.refresh_expires_at?;
    let passed = unused_before(grant, succeed);
    let mut life = Life::default();
    life.note_ends(Some(before), Some(after), passed);
    Life::can_tell(passed).then_some(life.fixed_end.is_none())
}

/// For how long the refresh token had not been used when what came was made, at the least: where an earlier request got no
/// answer, a provider may repeat now what it made then.
pub(super) fn unused_before(grant: &GrantRecord, succeed: &Succeed) -> Duration {
    let sent_at = succeed.issued.sent_at;
    let first = first_of(grant, succeed.attempt).map_or(sent_at, |first| first.min(sent_at));
    first.since(grant.last_success_at)
}

/// How long after the first presentation a repetition was refused; `None`: it was none, or an earlier one has told.
fn refused_repetition(grant: &GrantRecord, refuse: &Refuse) -> Option<Duration> {
    let attempt = grant.attempts.iter().find(|attempt| attempt.id == refuse.attempt)?;
    if attempt.outcome.is_some() || attempt.generation != grant.generation {
        return None;
    }
    first_of(grant, refuse.attempt).map(|first| attempt.journalled_at.since(first))
}

/// When the refresh token of this generation was first presented, if that was not by this attempt and nobody knows
/// what came of it.
fn first_of(grant: &GrantRecord, own: AttemptId) -> Option<Timestamp> {
    let others = grant.doubtful_attempts().filter(|attempt| attempt.id != own);
    others.map(|attempt| attempt.journalled_at).min()
}
