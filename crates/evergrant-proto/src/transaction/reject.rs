//! A resource server answered 401 to an access token.

use super::{Change, Conflict, Loaded, schedule::schedule};
use crate::{
    grant::{AccessKey, EventKind, GrantState},
    name::{Generation, GrantId},
    time::Timestamp,
};

/// Notes the rejection. Names what was seen: a rejection of a token that has been replaced since changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Reject {
    /// The grant.
    pub grant: GrantId,
    /// What the access token was for.
    pub key: AccessKey,
    /// What was rejected.
    pub seen: Seen,
    /// Wall clock.
    pub wall: Timestamp,
}

/// How a caller names the access token that it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// By the generation that was handed out with it.
    Generation(Generation),
}

pub(super) fn reject(loaded: &Loaded, command: &Reject) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    let Seen::Generation(seen) = command.seen;
    let entry = grant.access.iter_mut().find(|entry| entry.key == command.key);
    let Some(entry) = entry.filter(|entry| entry.generation == seen && !entry.rejected) else {
        return Ok(Change::grant(grant, Vec::new()));
    };
    entry.rejected = !sabotaged!(IgnoreRejections);
    if matches!(grant.state, GrantState::Active | GrantState::Degraded { .. }) {
        schedule(&mut grant, loaded.client.as_deref(), command.wall);
    }
    let event = grant.event(EventKind::AccessTokenRejected, command.wall);
    Ok(Change::grant(grant, vec![event]))
}
