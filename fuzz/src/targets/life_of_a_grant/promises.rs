//! What holds whatever happens: compared before and after every transaction.

use std::collections::BTreeSet;

use evergrant_proto::{
    grant::{
        Credential, GrantRecord, GrantState, StoreTime, expose_access, expose_credential, expose_spares,
        read_access, read_credential, read_spares,
    },
    name::HolderId,
    transaction::Claimed,
};

/// What one transaction may do to one grant.
pub(super) fn check(before: &GrantRecord, after: &GrantRecord, now: StoreTime, alive: &BTreeSet<HolderId>) {
    assert!(after.generation >= before.generation, "a generation went back: {before:?} {after:?}");
    assert!(after.lineage_start >= before.lineage_start, "a lineage went back: {before:?} {after:?}");
    assert!(after.fence >= before.fence, "a fence went back: {before:?} {after:?}");
    if before.state == GrantState::Revoked {
        assert_eq!(after.state, GrantState::Revoked, "a revoked grant came back");
    }
    if before.removed_at.is_some() {
        assert_eq!(after.removed_at, before.removed_at, "a removed grant came back");
    }
    no_older_secret_replaces_a_newer(before, after);
    no_lease_is_taken_from_somebody_else(before, after, now, alive);
    is_consistent(after);
}

fn no_older_secret_replaces_a_newer(before: &GrantRecord, after: &GrantRecord) {
    let generation = |held: &Option<Credential>| held.as_ref().map(|held| held.generation);
    if let (Some(old), Some(new)) = (generation(&before.credential), generation(&after.credential)) {
        assert!(new >= old, "an older refresh token replaced a newer: {before:?} {after:?}");
        let same = before.credential.as_ref().map(|held| &held.refresh_token)
            == after.credential.as_ref().map(|held| &held.refresh_token);
        assert!(new > old || same, "two refresh tokens of one generation: {before:?} {after:?}");
    }
    for entry in &after.access {
        if let Some(old) = before.access_for(&entry.key) {
            assert!(entry.generation >= old.generation, "an older access token replaced a newer: {after:?}");
            let unchanged = entry.token == old.token;
            assert!(unchanged || entry.generation > old.generation, "two access tokens of one generation");
            assert!(!unchanged || entry.rejected >= old.rejected, "a rejection was forgotten");
        }
    }
}

fn no_lease_is_taken_from_somebody_else(
    before: &GrantRecord,
    after: &GrantRecord,
    now: StoreTime,
    alive: &BTreeSet<HolderId>,
) {
    let (Some(old), Some(new)) = (before.lease, after.lease) else { return };
    if old.holder != new.holder {
        let over = now.is_past(old.until) || !alive.contains(&old.holder);
        assert!(over, "a lease in force was taken from its holder: {before:?} {after:?}");
    }
    if old != new {
        assert!(new.fence > old.fence, "a fence was used twice: {before:?} {after:?}");
    }
}

/// What holds of a grant by itself.
fn is_consistent(grant: &GrantRecord) {
    assert!(grant.lineage_start <= grant.generation, "{grant:?}");
    assert!(grant.lease.is_none_or(|lease| lease.fence <= grant.fence), "{grant:?}");
    assert!(grant.access.iter().all(|entry| entry.generation <= grant.generation), "{grant:?}");
    let held = grant.credential.iter().chain(&grant.predecessor);
    let held = held.chain(grant.spares.iter().map(|spare| &spare.credential));
    assert!(held.clone().all(|held| held.generation <= grant.generation), "{grant:?}");
    let distinct: BTreeSet<_> = held.clone().map(|held| held.refresh_token.expose()).collect();
    assert_eq!(distinct.len(), held.count(), "one refresh token in two places: {grant:?}");
    match &grant.state {
        GrantState::Active | GrantState::Degraded { .. } => {
            assert!(grant.credential.is_some(), "it waits for a refresh that cannot be: {grant:?}");
        }
        GrantState::NeedsReauthorization { .. } => {
            assert!(grant.spares.is_empty(), "given up with a spare at hand: {grant:?}");
        }
        GrantState::NotRefreshable => assert!(grant.credential.is_none(), "{grant:?}"),
        GrantState::Revoked => {}
    }
    if grant.revocation.is_some_and(|revocation| revocation.confirmed_at.is_some()) {
        assert!(grant.credential.is_none() && grant.spares.is_empty(), "revoked, and yet kept: {grant:?}");
    }
}

/// What holds of the right to send.
pub(super) fn check_claim(claimed: &Claimed, before: &GrantRecord, now: StoreTime, holder: HolderId) {
    let grant = &claimed.grant;
    assert!(claimed.fence > before.fence, "a fence was used twice: {before:?} {claimed:?}");
    let lease = grant.lease.expect("who may send has the lease");
    assert_eq!((lease.holder, lease.fence), (holder, claimed.fence));
    assert!(!now.is_past(lease.until), "a lease that has ended when it begins");
    assert_eq!(grant.credential.as_ref(), Some(&claimed.credential), "not the credential of the grant");
    assert!(claimed.credential.generation >= grant.lineage_start, "a token of a superseded authorization");
    assert!(matches!(grant.state, GrantState::Active | GrantState::Degraded { .. }), "{claimed:?}");
    assert!(before.blocked_until.is_none_or(|until| now.is_past(until)), "while a callback waits");
    let journalled = grant.attempts.iter().find(|attempt| attempt.id == claimed.attempt);
    let journalled = journalled.expect("what is sent was journalled");
    assert!(journalled.is_open() && journalled.generation == grant.generation, "{claimed:?}");
}

/// A record is read as it was written, and what is written in the clear holds no token.
pub(super) fn check_texts(grant: &GrantRecord, tokens: &[String]) {
    let json = serde_json::to_string(grant).expect("a record serializes");
    let mut read: GrantRecord = serde_json::from_str(&json).expect("what was written can be read");
    read.access = read_access(&expose_access(&grant.access)).expect("what was sealed can be read");
    read.spares = read_spares(&expose_spares(&grant.spares)).expect("what was sealed can be read");
    let again = |held: &Credential| read_credential(&expose_credential(held)).expect("it can be read");
    read.credential = grant.credential.as_ref().map(again);
    read.predecessor = grant.predecessor.as_ref().map(again);
    assert_eq!(read, *grant, "a record changes by being written");
    let shown = format!("{grant:?}");
    for token in tokens {
        assert!(!json.contains(token) && !shown.contains(token), "a token in the clear: {json} {shown}");
    }
}
