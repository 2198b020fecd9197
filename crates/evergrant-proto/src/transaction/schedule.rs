//! When the scheduler looks at a grant next.

use super::{Change, Conflict, Loaded, Reply, deadlines};
use crate::{
    client::ClientRecord,
    grant::{AccessKey, Attempt, GrantRecord, GrantState},
    name::GrantId,
    time::Timestamp,
};

/// Puts off a grant that is due while its provider is down, so that the scheduler does not find it at every tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postpone {
    /// The grant.
    pub grant: GrantId,
    /// When to look at it again.
    pub until: Timestamp,
    /// Wall clock.
    pub wall: Timestamp,
}

pub(super) fn postpone(loaded: &Loaded, command: &Postpone) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    if grant.next_due_at.is_none_or(|due| due > command.wall) {
        return Ok(Change::none(Reply::Grant(Box::new(grant))));
    }
    grant.next_due_at = Some(command.until);
    Ok(Change::grant(grant, Vec::new()))
}

/// Sets `next_due_at` from the grant's state. Only the default access token is renewed ahead of time; tokens of other
/// resources are renewed when they are asked for.
pub(super) fn schedule(grant: &mut GrantRecord, client: Option<&ClientRecord>, wall: Timestamp) {
    grant.next_due_at = match &grant.state {
        GrantState::Active => {
            let renewal = grant.credential.as_ref().and_then(|_| renewal(grant, client, wall));
            renewal.map(|at| grant.retry_at.map_or(at, |not_before| at.max(not_before)))
        }
        // Also with a token in doubt: a window may be about to close, and a claim that comes too early is put off.
        GrantState::Degraded { .. } => Some(grant.retry_at.unwrap_or(wall)),
        GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable => None,
        GrantState::Revoked => grant
            .revocation
            .filter(|revocation| revocation.confirmed_at.is_none())
            .map(|_| grant.retry_at.unwrap_or(wall)),
    };
    if grant.next_due_at.is_none() && grant.attempts.iter().any(Attempt::is_open) {
        // It asks for nothing any more, and somebody has to notice when the process of the attempt has ended.
        grant.next_due_at = Some(wall.plus(deadlines::LEASE));
    }
}

/// When the current default access token is to be renewed ahead of time; `None`: never.
pub(super) fn renewal(
    grant: &GrantRecord,
    client: Option<&ClientRecord>,
    wall: Timestamp,
) -> Option<Timestamp> {
    let Some(entry) = grant.access_for(&AccessKey::default()) else { return Some(wall) };
    if entry.rejected {
        return Some(wall);
    }
    // Where a refresh ends the current access token, an early one would break requests under way.
    let ends_access_token = client.is_some_and(|client| client.provider.refresh.ends_access_token);
    if ends_access_token { entry.usable_until() } else { entry.stale_at() }
}
