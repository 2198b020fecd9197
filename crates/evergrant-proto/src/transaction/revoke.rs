//! Ending a grant ourselves.

use super::{Change, Conflict, Loaded, Reply, claim::occupied, deadlines, schedule::schedule};
use crate::{
    grant::{Credential, EventKind, GrantRecord, GrantState, Revocation},
    name::{Generation, GrantId, HolderId},
    time::Timestamp,
};

/// Marks a grant as revoked. What it held stays sealed until the provider has confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct Revoke {
    /// The grant.
    pub grant: GrantId,
    /// The process that asks.
    pub holder: HolderId,
    /// Do not wait for an open flight: its late success will owe the revocation again.
    pub force: bool,
    /// Also hide the grant from every list.
    pub remove: bool,
    /// Wall clock.
    pub wall: Timestamp,
}

/// Records the provider's answer to a revocation request.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmRevocation {
    /// The grant.
    pub grant: GrantId,
    /// The credential that was revoked: another one that has come in since is not covered.
    pub credential: Option<Generation>,
    /// `None`: confirmed (RFC 7009 2.2), or there was nothing to tell the provider. Else when to try again.
    pub retry_at: Option<Timestamp>,
    /// Wall clock.
    pub wall: Timestamp,
}

pub(super) fn revoke(loaded: &Loaded, command: &Revoke) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    if !command.force
        && let Some(for_at_most) = occupied(&grant, loaded, command.holder)
    {
        return Ok(Change::none(Reply::Busy { for_at_most }));
    }
    let mut events = Vec::new();
    if grant.state != GrantState::Revoked {
        grant.state = GrantState::Revoked;
        grant.fence = grant.fence.next();
        grant.lease = None;
        grant.verdict = None;
        grant.retry_at = None;
        grant.revocation = Some(Revocation { requested_at: command.wall, confirmed_at: None });
        events.push(grant.event(EventKind::Revoked, command.wall));
    }
    if command.remove && grant.removed_at.is_none() {
        grant.removed_at = Some(command.wall);
    }
    schedule(&mut grant, loaded.client.as_deref(), command.wall);
    leave_to_the_one_who_asks(&mut grant, command.wall);
    Ok(Change::grant(grant, events))
}

pub(super) fn confirm(loaded: &Loaded, command: &ConfirmRevocation) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    let covered = grant.credential.as_ref().map(|held| held.generation) == command.credential;
    let owed = grant.revocation.filter(|revocation| revocation.confirmed_at.is_none());
    let (Some(mut revocation), GrantState::Revoked, true) = (owed, &grant.state, covered) else {
        return Ok(Change::grant(grant, Vec::new()));
    };
    let mut events = Vec::new();
    grant.retry_at = command.retry_at;
    if command.retry_at.is_some() {
        grant.failures = grant.failures.saturating_add(1);
    } else if !install_next(&mut grant) {
        revocation.confirmed_at = Some(command.wall);
        grant.revocation = Some(revocation);
        grant.predecessor = None;
        grant.access.clear();
        events.push(grant.event(EventKind::RevocationConfirmed, command.wall));
    }
    schedule(&mut grant, loaded.client.as_deref(), command.wall);
    if command.retry_at.is_none() {
        leave_to_the_one_who_asks(&mut grant, command.wall);
    }
    Ok(Change::grant(grant, events))
}

/// The process that asks tells the provider, too; a scheduler comes to it only if that process has ended.
fn leave_to_the_one_who_asks(grant: &mut GrantRecord, wall: Timestamp) {
    let turn = wall.plus(deadlines::SEND_WITHIN + deadlines::FLIGHT);
    grant.next_due_at = grant.next_due_at.map(|due| due.max(turn));
}

/// Late successes each left a refresh token that may live: the next one takes the place of the one that is revoked, as
/// another generation, so that an answer about one never passes for one about another. False: none is left.
pub(super) fn install_next(grant: &mut GrantRecord) -> bool {
    grant.credential = grant.spares.pop().map(|spare| {
        grant.generation = grant.generation.next();
        Credential { generation: grant.generation, ..spare.credential }
    });
    grant.credential.is_some()
}
