//! What works and could be better: rotation, scopes, lifetimes; by what the grants of a client show.

use std::time::Duration;

use evergrant::{
    proto::{
        client::ClientRecord,
        diagnosis::Cause,
        forecast::period,
        grant::{Expiry, GrantRecord, GrantState},
        provider::Replacement,
        scope::{Scope, ScopeSet},
        wire::client_authentication::AuthenticationMethod,
    },
    store::GrantFilter,
};

use super::finding::Finding;
use crate::{failure::Failure, session::Session};

/// Grants that are looked at: enough to see what a client's grants have in common.
const LOOKED_AT: usize = 200;

/// An access token cannot be taken back from whoever has copied it: one that lives longer than this should be renewed
/// instead.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn of(session: &Session, client: &ClientRecord) -> Result<Vec<Finding>, Failure> {
    let filter = GrantFilter {
        client: Some(client.name.clone()),
        ..GrantFilter::all(session.namespace.clone(), LOOKED_AT)
    };
    let mut grants = Vec::new();
    for listed in session.keeper.grants(filter).await? {
        if let Some((grant, _)) = session.store.grant(listed.id).await?
            && matches!(grant.state, GrantState::Active | GrantState::Degraded { .. })
        {
            grants.push(grant);
        }
    }
    let rows =
        [rotation(client), wider(client, &grants), unused(&grants), refused(&grants), long_lived(&grants)];
    Ok(contradictions(client).chain(rows.into_iter().flatten()).collect())
}

/// A policy that is stated and not what the provider does costs grants.
fn contradictions(client: &ClientRecord) -> impl Iterator<Item = Finding> {
    let fix = format!("state what it does: evergrant clients update {} --rotation KIND", client.name);
    client.learned.contradictions(&client.provider).into_iter().map(move |contradiction| {
        Finding::warning("rotation", contradiction.meaning(), fix.clone())
            .page(Cause::LostRotationNotPersisted)
    })
}

/// RFC 9700 4.14.2: a public client's refresh tokens are rotated or bound to their sender.
fn rotation(client: &ClientRecord) -> Option<Finding> {
    let offered = client.provider.refresh.replaces == Replacement::Sometimes;
    if !offered || client.learned.replacement() != Replacement::Never {
        return None;
    }
    let text = format!(
        "{} can rotate refresh tokens, and no refresh here has brought another one",
        client.provider.name
    );
    let public = client.authentication == AuthenticationMethod::None;
    let console = client.provider.pages.console.as_deref().unwrap_or("the provider's console");
    let fix = format!("switch rotation on at {console}: a copied token then betrays itself");
    let finding = if public { Finding::warning } else { Finding::advice };
    Some(finding("rotation", text, fix))
}

/// More than the client asks for.
fn wider(client: &ClientRecord, grants: &[GrantRecord]) -> Option<Finding> {
    if client.scopes.is_empty() {
        return None;
    }
    let asked = client.scopes.union(&client.provider.offline.scopes);
    let (count, excess) = beyond(grants, |grant| (grant.granted.clone(), asked.clone()));
    if excess.is_empty() {
        return None;
    }
    let text =
        format!("{count} of {} grants have scopes that this client does not ask for: {excess}", grants.len());
    let fix = "take them from the registration at the provider, or connect those grants anew";
    Some(Finding::advice("scopes", text, fix))
}

/// Asked for, granted, and in none of the narrower tokens that callers ask for. Which scopes a caller uses of a token that
/// has all of them, nobody here sees: so this looks at grants only of which narrower tokens were asked for.
fn unused(grants: &[GrantRecord]) -> Option<Finding> {
    let narrowed: Vec<_> =
        grants.iter().filter(|grant| grant.access.iter().any(|entry| entry.key.scope.is_some())).collect();
    let used = |grant: &GrantRecord| {
        let asked = grant.access.iter().filter_map(|entry| entry.key.scope.as_ref());
        asked.fold(ScopeSet::new(), |all, scopes| all.union(scopes))
    };
    let (_, excess) = beyond(narrowed.iter().copied(), |grant| (grant.granted.clone(), used(grant)));
    let excess = without_session_scopes(&excess);
    if excess.is_empty() {
        return None;
    }
    let text = format!(
        "callers ask for narrower tokens of {} of {} grants, and in none of these is: {excess}",
        narrowed.len(),
        grants.len()
    );
    let fix =
        "if nothing uses tokens with all scopes, ask for less: evergrant clients update CLIENT --scope ...";
    Some(Finding::advice("scopes", text, fix))
}

/// Scopes that are for the sign-in and the refresh token, and not for an API.
fn without_session_scopes(scopes: &ScopeSet) -> ScopeSet {
    let mut rest = ScopeSet::new();
    let of_session = |scope: &&Scope| matches!(scope.as_str(), "openid" | "offline_access");
    scopes.iter().filter(|scope| !of_session(scope)).for_each(|scope| rest.insert(scope.clone()));
    rest
}

/// Asked for and not granted.
fn refused(grants: &[GrantRecord]) -> Option<Finding> {
    let (count, missing) = beyond(grants, |grant| (grant.requested.clone(), grant.granted.clone()));
    if missing.is_empty() {
        return None;
    }
    let text = format!("asked for and not granted in {count} of {} grants: {missing}", grants.len());
    let fix = "ask for less, or have the scopes allowed at the provider";
    Some(Finding::advice("scopes", text, fix).page(Cause::ScopeProblem))
}

/// How many grants have scopes in the first set that are not in the second, and which.
fn beyond<'a>(
    grants: impl IntoIterator<Item = &'a GrantRecord>,
    sets: impl Fn(&GrantRecord) -> (ScopeSet, ScopeSet),
) -> (usize, ScopeSet) {
    let (mut count, mut all) = (0, ScopeSet::new());
    for grant in grants {
        let (first, second) = sets(grant);
        let excess: Vec<&Scope> = first.iter().filter(|scope| !second.contains(scope)).collect();
        count += usize::from(!excess.is_empty());
        for scope in excess {
            all.insert(scope.clone());
        }
    }
    (count, all)
}

fn long_lived(grants: &[GrantRecord]) -> Option<Finding> {
    let entries = grants.iter().filter(|grant| grant.credential.is_some()).flat_map(|grant| &grant.access);
    let (mut count, mut longest, mut endless) = (0_usize, Duration::ZERO, false);
    for entry in entries {
        let is_endless = entry.expiry == Expiry::Never;
        if is_endless || entry.lifetime() > LONG {
            count += 1;
            longest = longest.max(entry.lifetime());
            endless |= is_endless;
        }
    }
    if count == 0 {
        return None;
    }
    let lives = if endless { "for ever".to_owned() } else { period(longest) };
    let text = format!("{count} access tokens live {lives} although they could be refreshed");
    let fix = "set a shorter life at the provider: whoever copies one has it for all of that time";
    Some(Finding::advice("lifetimes", text, fix))
}
