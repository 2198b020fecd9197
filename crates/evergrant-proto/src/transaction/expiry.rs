//! Ends that can be foreseen: idle lives are kept alive, absolute ones are told in time.

use super::{
    Change, Command, Loaded, Reply,
    schedule::{not_before, schedule},
};
use crate::{
    client::ClientRecord,
    diagnosis::{Action, Actor, Cause, Certainty, Diagnosis, Remedy, remedies},
    forecast::{final_end, idle_end},
    grant::{AccessKey, EventKind, GrantRecord, GrantState, Outcome, keep_alive_at},
    name::AttemptId,
    provider::{Provider, RefreshTokens},
    time::Timestamp,
};

/// Writes down when the grant ends at the latest and when its refresh token has to be used, so that the scheduler finds both.
pub(super) fn plan(grant: &mut GrantRecord, client: Option<&ClientRecord>) {
    let end = final_end(grant, client.map(|client| &client.provider));
    let began = end.as_ref().map_or(grant.created_at, |end| end.at.minus(end.lifetime));
    grant.life.set_end(end.map(|end| end.at), began);
    grant.life.keep_alive_at = client.and_then(|client| keep_alive(grant, client));
}

fn keep_alive(grant: &GrantRecord, client: &ClientRecord) -> Option<Timestamp> {
    let end = idle_end(grant, Some(&client.provider)).filter(|_| client.keep_alive)?;
    let at = keep_alive_at(grant.last_success_at, end.at, grant.id.draw())?;
    // Some providers refuse an early refresh, and it would keep nothing alive.
    let earliest = grant.access_for(&AccessKey::default()).and_then(|entry| not_before(entry, client));
    Some(earliest.map_or(at, |earliest| at.max(earliest)))
}

/// Gives the warning of an end if a command finds it due: once for one authorization.
pub(super) fn warn(loaded: &Loaded, command: &Command, change: &mut Change) {
    let wall = match command {
        Command::Claim(claim) => claim.wall,
        // A commit that ran before does nothing, whatever has become due since.
        Command::Succeed(succeed) if !is_recorded(loaded, succeed.attempt) => succeed.wall,
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

fn is_recorded(loaded: &Loaded, id: AttemptId) -> bool {
    let attempts = loaded.grant.iter().flat_map(|grant| &grant.attempts);
    attempts.into_iter().any(|attempt| attempt.id == id && attempt.outcome == Some(Outcome::Succeeded))
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

/// Why a grant has ended that was given without a refresh token.
pub fn unrenewable(grant: &GrantRecord, provider: &Provider) -> Diagnosis {
    let (cause, certainty, alternatives) = if asked_for_offline_access(grant, provider) {
        (Cause::MissingRefreshToken, Certainty::Certain, Vec::new())
    } else {
        (Cause::MissingOfflineScope, Certainty::Possible, vec![Cause::MissingRefreshToken])
    };
    Diagnosis {
        cause,
        certainty,
        culprit: cause.culprit(),
        permanent: true,
        retry: false,
        remedies: remedies(cause),
        evidence: vec!["No refresh token was issued, and the access token has ended.".to_owned()],
        alternatives,
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
