//! When the scheduler looks at a grant next.

use super::{Change, Conflict, Loaded, Reply, deadlines, expiry};
use crate::{
    client::ClientRecord,
    grant::{
        AccessEntry, AccessKey, Attempt, Degradation, Event, EventKind, Freshness, GrantRecord, GrantState,
    },
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
    let events = end_of_refused_request(&mut grant, command.wall);
    Ok(Change::grant(grant, events))
}

/// Trouble that is over without a refresh: what was refused is a request that somebody made, for a scope or a resource, and
/// what everybody else is given is fresh.
pub(super) fn end_of_refused_request(grant: &mut GrantRecord, wall: Timestamp) -> Vec<Event> {
    let refused = matches!(grant.state, GrantState::Degraded { reason: Degradation::RequestRefused, .. });
    let usual = grant.access_for(&AccessKey::default()).filter(|entry| !entry.rejected);
    let is_fresh = usual.is_some_and(|entry| entry.freshness(wall) == Freshness::Fresh);
    if !refused || !is_fresh || grant.retry_at.is_some_and(|at| at > wall) {
        return Vec::new();
    }
    grant.state = GrantState::Active;
    vec![grant.event(EventKind::Recovered, wall)]
}

/// Sets `next_due_at` from the grant's state. Only the default access token is renewed ahead of time; tokens of other
/// resources are renewed when they are asked for.
pub(super) fn schedule(grant: &mut GrantRecord, client: Option<&ClientRecord>, wall: Timestamp) {
    expiry::plan(grant, client);
    grant.next_due_at = match &grant.state {
        // What is put back may work for a short time only.
        GrantState::Active if grant.put_back.is_some() => Some(grant.retry_at.unwrap_or(wall)),
        GrantState::Active => {
            let renewal = grant.credential.as_ref().and_then(|_| renewal(grant, client, wall));
            let renewal = renewal.filter(|_| !sabotaged!(ForgetWhatIsDue));
            renewal.map(|at| grant.retry_at.map_or(at, |not_before| at.max(not_before)))
        }
        // Also with a token in doubt: a window may be about to close, and a claim that comes too early is put off.
        GrantState::Degraded { .. } => Some(grant.retry_at.unwrap_or(wall)),
        GrantState::NotRefreshable => grant.life.pending_warning(),
        GrantState::NeedsReauthorization { .. } => None,
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

/// When the scheduler has something to do for a grant that is in order: renew its default access token, use a refresh token
/// before it ends unused, warn of its end. `None`: never.
pub(super) fn renewal(
    grant: &GrantRecord,
    client: Option<&ClientRecord>,
    wall: Timestamp,
) -> Option<Timestamp> {
    let stale = match grant.access_for(&AccessKey::default()) {
        Some(entry) if !entry.rejected => stale_at(entry, client),
        _ => Some(wall),
    };
    let others = [grant.life.keep_alive_at, grant.life.pending_warning()];
    stale.into_iter().chain(others.into_iter().flatten()).min()
}

fn stale_at(entry: &AccessEntry, client: Option<&ClientRecord>) -> Option<Timestamp> {
    // Where a refresh ends the current access token, an early one would break requests under way.
    if client.is_some_and(|client| client.provider.refresh.ends_access_token) {
        return entry.usable_until();
    }
    let earliest = client.and_then(|client| not_before(entry, client));
    entry.stale_at().map(|stale| earliest.map_or(stale, |earliest| stale.max(earliest)))
}

/// Before this time the provider refuses a refresh as too early; `None`: it takes it at any time.
pub(super) fn not_before(entry: &AccessEntry, client: &ClientRecord) -> Option<Timestamp> {
    let percent = client.provider.refresh.not_before_percent?;
    Some(entry.issued_at.plus(entry.lifetime().saturating_mul(u32::from(percent.min(100))) / 100))
}
