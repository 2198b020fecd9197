//! Ends that can be foreseen: idle lives are kept alive, absolute ones are told in time.

use super::{
    Change, Command, Loaded, Reply,
    schedule::{not_before, schedule},
};
use crate::{
    client::ClientRecord,
    diagnosis::{Action, Actor, Cause, Certainty, Diagnosis, Remedy},
    grant::{AccessKey, EventKind, Expiry, GrantRecord, GrantState, keep_alive_at},
    provider::{Provider, RefreshTokens},
    time::Timestamp,
};

/// Works out when the grant ends at the latest and when its refresh token has to be used.
pub(super) fn plan(grant: &mut GrantRecord, client: Option<&ClientRecord>) {
    let (end, began) = match grant.state {
        GrantState::NotRefreshable => end_of_access(grant),
        GrantState::Active | GrantState::Degraded { .. } => end_of_authorization(grant, client),
        GrantState::NeedsReauthorization { .. } | GrantState::Revoked => (None, grant.created_at),
    };
    grant.life.set_end(end, began);
    grant.life.keep_alive_at = client.and_then(|client| keep_alive(grant, client));
}

/// Without a refresh token the grant ends with its access token.
fn end_of_access(grant: &GrantRecord) -> (Option<Timestamp>, Timestamp) {
    match grant.access_for(&AccessKey::default()) {
        Some(entry) if !entry.rejected => {
            let end = if let Expiry::At(end) = entry.expiry { Some(end) } else { None };
            (end, entry.issued_at)
        }
        _ => (None, grant.created_at),
    }
}

/// What the provider announced wins over the catalogue. An announced end of the refresh token that no use moves is one of
/// the whole authorization.
fn end_of_authorization(
    grant: &GrantRecord,
    client: Option<&ClientRecord>,
) -> (Option<Timestamp>, Timestamp) {
    // Of a record from before this was written down, the first authorization is known by its creation.
    let first = (grant.lineage_start.0 <= 1).then_some(grant.created_at);
    let authorized_at = grant.life.authorized_at.or(first);
    let began = authorized_at.unwrap_or(grant.created_at);
    let announced = grant.credential.as_ref().and_then(|held| held.authorization_expires_at);
    let listed = client.and_then(|client| client.provider.lifetimes.absolute);
    let by_catalogue = listed.zip(authorized_at).map(|(lifetime, from)| from.plus(lifetime));
    let end = announced.or(by_catalogue).into_iter().chain(grant.life.fixed_end).min();
    (end, began)
}

fn keep_alive(grant: &GrantRecord, client: &ClientRecord) -> Option<Timestamp> {
    let credential = grant.credential.as_ref().filter(|_| client.keep_alive)?;
    if !matches!(grant.state, GrantState::Active | GrantState::Degraded { .. }) {
        return None;
    }
    let announced = credential.expires_at.filter(|_| grant.life.fixed_end.is_none());
    let listed = client.provider.lifetimes.idle.map(|idle| grant.last_success_at.plus(idle));
    let end = announced.or(listed)?;
    let at = keep_alive_at(grant.last_success_at, end, grant.id.draw())?;
    // Some providers refuse an early refresh, and it would keep nothing alive.
    let earliest = grant.access_for(&AccessKey::default()).and_then(|entry| not_before(entry, client));
    Some(earliest.map_or(at, |earliest| at.max(earliest)))
}

/// Gives the warning of an end if a command finds it due: once for one authorization.
pub(super) fn warn(loaded: &Loaded, command: &Command, change: &mut Change) {
    let wall = match command {
        Command::Claim(claim) => claim.wall,
        Command::Succeed(succeed) => succeed.wall,
        Command::Postpone(postpone) => postpone.wall,
        _ => return,
    };
    let held = match &mut change.reply {
        // A claim that goes out leaves the warning to what it brings.
        Reply::Deferred(deferral) => &mut deferral.grant,
        Reply::Grant(grant) => &mut **grant,
        _ => return,
    };
    if held.removed_at.is_some() || held.life.pending_warning().is_none_or(|at| at > wall) {
        return;
    }
    let Some(end) = held.life.ends_at else { return };
    held.life.warned_at = Some(wall);
    if held.next_due_at.is_some_and(|due| due <= wall) {
        schedule(held, loaded.client.as_deref(), wall);
    }
    let mut event = held.event(EventKind::ExpiresSoon, wall);
    event.expires_at = Some(end);
    event.diagnosis = Some(foreseen(held, loaded.client.as_deref(), end));
    change.grant = Some(held.clone());
    change.events.push(event);
}

/// What ends the grant, before it does.
fn foreseen(grant: &GrantRecord, client: Option<&ClientRecord>, end: Timestamp) -> Diagnosis {
    let announced = grant.credential.as_ref().and_then(|held| held.authorization_expires_at);
    let (cause, certainty, source) = if grant.state == GrantState::NotRefreshable {
        let source = "no refresh token was issued, so the grant ends with its access token";
        if client.is_some_and(|client| asked_for_offline_access(grant, &client.provider)) {
            (Cause::MissingRefreshToken, Certainty::Certain, source)
        } else {
            (Cause::MissingOfflineScope, Certainty::Possible, source)
        }
    } else if announced == Some(end) {
        let source = "the provider announced this end of the authorization";
        (Cause::RefreshTokenExpiredAbsolute, Certainty::Certain, source)
    } else if grant.life.fixed_end == Some(end) {
        let source =
            "the provider announced this end of the refresh token, and using the token does not move it";
        (Cause::RefreshTokenExpiredAbsolute, Certainty::Likely, source)
    } else {
        let source =
            "the catalogue states how long a grant lives at this provider, counted from the authorization";
        (Cause::RefreshTokenExpiredAbsolute, Certainty::Likely, source)
    };
    Diagnosis {
        cause,
        certainty,
        culprit: cause.culprit(),
        permanent: true,
        retry: false,
        remedies: vec![Remedy { action: Action::Reauthorize, actor: Actor::User }],
        evidence: vec![format!("the grant ends at {end} at the latest"), source.to_owned()],
        alternatives: match cause {
            Cause::MissingOfflineScope => vec![Cause::MissingRefreshToken],
            _ => Vec::new(),
        },
    }
}

/// Whether the authorization held anything that could bring a refresh token, as far as the catalogue or OpenID Connect
/// (Core 11) know one.
fn asked_for_offline_access(grant: &GrantRecord, provider: &Provider) -> bool {
    let offline = &provider.offline;
    let asked = !offline.parameters.is_empty()
        || offline.scopes.iter().any(|scope| grant.requested.contains(scope))
        || grant.requested.iter().any(|scope| scope.as_str() == "offline_access");
    asked || matches!(offline.issued, RefreshTokens::Always | RefreshTokens::Never)
}
