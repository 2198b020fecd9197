#![expect(clippy::unnecessary_wraps, reason = "what an outcome is compared with is one")]

use std::{sync::atomic::AtomicU32, time::Duration};

use evergrant_proto::{
    name::{ClientName, GrantId, Namespace},
    secret::RefreshToken,
    transaction::{Command, Conflict, PutClient, Revoke},
};
use rusqlite::Connection;

use super::world::{
    Host, NOW, claimed, client, commit_in_silence, import, put_client, read, refresh_token, succeed,
};
use crate::{
    import::{Candidate, Declined, Imported, Imports, Matching, Outcome},
    sqlite::SqliteStore,
    store::{GrantFilter, Store, StoreError},
};

fn candidate(number: u128) -> Candidate {
    Candidate { import: import(number), named: false }
}

/// A candidate of this id with this refresh token.
fn with_token(number: u128, token: &str) -> Candidate {
    let mut candidate = candidate(number);
    candidate.import.refresh_token = RefreshToken::new(token).unwrap();
    candidate
}

fn of_person(number: u128, external_id: &str) -> Candidate {
    let mut candidate = candidate(number);
    candidate.import.owner.external_id = Some(external_id.to_owned());
    candidate
}

fn of_account(number: u128, subject: &str) -> Candidate {
    let mut candidate = candidate(number);
    candidate.import.owner.subject = Some(subject.to_owned());
    candidate
}

async fn import_all(store: &SqliteStore, candidates: Vec<Candidate>, matching: Matching) -> Vec<Outcome> {
    store.import(Imports { candidates, matching, dry_run: false }).await.unwrap()
}

async fn import_one(store: &SqliteStore, candidate: Candidate) -> Outcome {
    import_all(store, vec![candidate], Matching::Account).await.remove(0)
}

fn created(number: u128) -> Outcome {
    Ok(Imported::Created(GrantId(number)))
}

fn updated(number: u128) -> Outcome {
    Ok(Imported::Updated(GrantId(number)))
}

fn unchanged(number: u128) -> Outcome {
    Ok(Imported::Unchanged(GrantId(number)))
}

async fn grants(store: &SqliteStore) -> usize {
    store.grants(GrantFilter::all(Namespace::default(), 100)).await.unwrap().len()
}

async fn open() -> (Host, SqliteStore) {
    let host = Host::new();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    (host, store)
}

async fn end(store: &SqliteStore, grant: u128, remove: bool) {
    let (grant, holder) = (GrantId(grant), store.holder());
    let revoke = Revoke { grant, holder, force: true, remove, wall: NOW };
    store.execute(Command::Revoke(revoke)).await.unwrap();
}

#[tokio::test]
async fn the_same_candidates_may_come_twice_and_half_of_them_before() {
    let (_host, store) = open().await;
    let half = import_all(&store, vec![candidate(1), candidate(2)], Matching::Account).await;
    assert_eq!(half, [created(1), created(2)]);
    let before = store.status().await.unwrap().change;
    // New ids for the same refresh tokens, as every run makes them.
    let again: Vec<_> =
        (1..=3).map(|number| with_token(number + 10, &format!("rt-canary-{number}-1"))).collect();
    let whole = import_all(&store, again.clone(), Matching::Person).await;
    assert_eq!(whole, [unchanged(1), unchanged(2), created(13)]);
    assert_eq!(store.status().await.unwrap().change, before + 1);
    let whole = import_all(&store, again, Matching::Account).await;
    assert_eq!(whole, [unchanged(1), unchanged(2), unchanged(13)]);
    assert_eq!((grants(&store).await, store.status().await.unwrap().change), (3, before + 1));
}

#[tokio::test]
async fn a_refresh_token_is_known_after_its_rotation_and_never_becomes_a_second_grant() {
    let (_host, store) = open().await;
    import_one(&store, candidate(1)).await.unwrap();
    store.execute(Command::Import(Box::new(import(2)))).await.unwrap();
    for grant in [1, 2] {
        claimed(&store, grant, grant + 100).await;
        store.execute(succeed(grant, grant + 100)).await.unwrap();
        assert_eq!(
            import_one(&store, with_token(9, &format!("rt-canary-{grant}-1"))).await,
            unchanged(grant)
        );
        assert_eq!(
            import_one(&store, with_token(9, &format!("rt-canary-{grant}-2"))).await,
            unchanged(grant)
        );
        assert_eq!(refresh_token(&read(&store, grant).await), format!("rt-canary-{grant}-2"));
        let single = Command::Import(Box::new(with_token(9, &format!("rt-canary-{grant}-1")).import));
        let refused = store.execute(single).await.unwrap_err();
        assert_eq!(refused, StoreError::Conflict(Conflict::AlreadyHeld(GrantId(grant))));
    }
    assert_eq!(grants(&store).await, 2);
}

#[tokio::test]
async fn a_refresh_token_of_somebody_else_is_declined() {
    let (_host, store) = open().await;
    import_one(&store, of_person(1, "anna")).await.unwrap();
    let like_the_first = |mut candidate: Candidate| {
        candidate.import.refresh_token = import(1).refresh_token;
        candidate
    };
    let mut elsewhere = like_the_first(candidate(9));
    elsewhere.import.namespace = Namespace::new("other").unwrap();
    let mut of_other_client = like_the_first(candidate(9));
    of_other_client.import.client = ClientName::new("other").unwrap();
    let mut named = like_the_first(candidate(9));
    named.named = true;
    assert_eq!(import_one(&store, elsewhere).await, Err(Declined::HeldElsewhere));
    for candidate in [of_other_client, named, like_the_first(of_person(9, "bert"))] {
        assert_eq!(import_one(&store, candidate).await, Err(Declined::HeldByAnother(GrantId(1))));
    }
    assert_eq!(import_one(&store, like_the_first(of_person(9, "anna"))).await, unchanged(1));
    assert_eq!(import_one(&store, like_the_first(candidate(9))).await, unchanged(1));
}

#[tokio::test]
async fn an_account_of_two_people_is_a_grant_for_each() {
    let (_host, store) = open().await;
    let of_both = |number, external_id: &str| {
        let mut candidate = of_account(number, "sub-1");
        candidate.import.owner.external_id = Some(external_id.to_owned());
        candidate
    };
    assert_eq!(import_one(&store, of_both(1, "anna")).await, created(1));
    assert_eq!(import_one(&store, of_both(2, "ben")).await, created(2));
    assert_eq!(import_one(&store, of_both(3, "ben")).await, updated(2));
    assert_eq!(import_one(&store, of_both(4, "anna")).await, updated(1));
    // Nobody says whose it is: the oldest of the account.
    assert_eq!(import_one(&store, of_account(5, "sub-1")).await, updated(1));
    // A grant that nobody has claimed becomes that of the first who does, unless there is one of theirs.
    assert_eq!(import_one(&store, of_account(6, "sub-2")).await, created(6));
    let mut claimed = of_account(7, "sub-2");
    claimed.import.owner.external_id = Some("carl".to_owned());
    assert_eq!(import_one(&store, claimed).await, updated(6));
    // Of one's own and an older one that nobody has claimed it is one's own.
    let (own, unclaimed) = (of_both(12, "dora"), of_account(11, "sub-1"));
    let mut named = unclaimed;
    named.import.owner.subject = None;
    assert_eq!(import_one(&store, own).await, created(12));
    assert_eq!(import_one(&store, named).await, created(11));
    let mut known = candidate(11);
    (known.import.grant, known.named, known.import.owner.subject) =
        (GrantId(11), true, Some("sub-1".to_owned()));
    known.import.refresh_token = RefreshToken::new("rt-canary-known").unwrap();
    assert_eq!(import_one(&store, known).await, updated(11));
    assert_eq!(import_one(&store, of_both(13, "dora")).await, updated(12));
}

#[tokio::test]
async fn a_new_refresh_token_goes_to_the_grant_of_its_account_and_keeps_what_nobody_says() {
    let (_host, store) = open().await;
    let mut first = of_account(1, "sub-1");
    first.import.owner.external_id = Some("anna".to_owned());
    first.import.owner.labels.insert("plan".to_owned(), "pro".to_owned());
    first.import.scopes = "openid mail".parse().unwrap();
    import_one(&store, first).await.unwrap();
    assert_eq!(import_one(&store, of_account(2, "sub-1")).await, updated(1));
    let grant = read(&store, 1).await;
    assert_eq!(refresh_token(&grant), "rt-canary-2-1");
    assert_eq!(grant.owner.external_id.as_deref(), Some("anna"));
    assert_eq!((grant.owner.labels["plan"].as_str(), grant.granted.len()), ("pro", 2));
    // The one that it had was imported, too, and is not a new one.
    assert_eq!(import_one(&store, with_token(9, "rt-canary-1-1")).await, unchanged(1));
    assert_eq!(import_one(&store, of_account(3, "sub-2")).await, created(3));
    let mut named = candidate(4);
    (named.import.grant, named.named) = (GrantId(3), true);
    assert_eq!(import_one(&store, named).await, updated(3));
    assert_eq!(read(&store, 3).await.owner.subject.as_deref(), Some("sub-2"));
}

#[tokio::test]
async fn a_person_has_one_grant_of_a_client_only_where_the_caller_says_so() {
    let (_host, store) = open().await;
    import_one(&store, of_person(1, "anna")).await.unwrap();
    let person = |candidate| import_all(&store, vec![candidate], Matching::Person);
    assert_eq!(person(of_person(2, "anna")).await, [updated(1)]);
    assert_eq!(import_one(&store, of_person(3, "anna")).await, created(3));
    assert_eq!(person(of_person(4, "anna")).await, [Err(Declined::Ambiguous)]);
    let mut account = of_person(5, "bert");
    account.import.owner.subject = Some("sub-1".to_owned());
    assert_eq!(person(account.clone()).await, [created(5)]);
    account = of_person(6, "bert");
    account.import.owner.subject = Some("sub-2".to_owned());
    assert_eq!(person(account).await, [created(6)], "another account of the same person");
}

#[tokio::test]
async fn an_older_refresh_token_displaces_no_newer_one() {
    let (_host, store) = open().await;
    import_one(&store, of_account(1, "sub-1")).await.unwrap();
    let mut older = of_account(2, "sub-1");
    older.import.obtained_at = Some(NOW.minus(Duration::from_secs(1)));
    assert_eq!(import_one(&store, older.clone()).await, Err(Declined::Older(GrantId(1))));
    assert_eq!(refresh_token(&read(&store, 1).await), "rt-canary-1-1");
    older.import.obtained_at = Some(NOW);
    assert_eq!(import_one(&store, older).await, updated(1));
    let mut from_before = candidate(3);
    from_before.import.obtained_at = Some(NOW.minus(Duration::from_secs(1)));
    import_one(&store, from_before).await.unwrap();
    let held = read(&store, 3).await.credential.unwrap();
    assert_eq!(held.obtained_at, NOW.minus(Duration::from_secs(1)));
    assert_eq!(import_one(&store, candidate(3)).await, unchanged(3));
}

#[tokio::test]
async fn a_grant_that_was_ended_on_purpose_is_not_brought_back_by_the_same_file() {
    let (_host, store) = open().await;
    for (grant, remove) in [(1, true), (2, false)] {
        import_one(&store, candidate(grant)).await.unwrap();
        end(&store, grant, remove).await;
        let again = with_token(9, &format!("rt-canary-{grant}-1"));
        assert_eq!(import_one(&store, again).await, Err(Declined::Ended(GrantId(grant))));
    }
    assert_eq!(grants(&store).await, 1);
}

#[tokio::test]
async fn one_that_is_declined_leaves_the_others_alone() {
    let (_host, store) = open().await;
    let mut stray = candidate(2);
    stray.import.client = ClientName::new("nobody").unwrap();
    let mut lost = candidate(3);
    lost.named = true;
    let outcomes = import_all(
        &store,
        vec![candidate(1), stray, lost, with_token(4, "rt-canary-1-1"), candidate(5)],
        Matching::Account,
    );
    let expected = [
        created(1),
        Err(Conflict::NoSuchClient.into()),
        Err(Conflict::NoSuchGrant.into()),
        unchanged(1),
        created(5),
    ];
    assert_eq!(outcomes.await, expected);
    assert_eq!(grants(&store).await, 2);
}

#[tokio::test]
async fn a_dry_run_tells_what_would_happen_and_writes_nothing() {
    let (_host, store) = open().await;
    import_one(&store, candidate(1)).await.unwrap();
    let before = store.status().await.unwrap().change;
    let mut stray = candidate(3);
    stray.import.client = ClientName::new("nobody").unwrap();
    let candidates = vec![with_token(9, "rt-canary-1-1"), candidate(2), stray];
    let told = store.import(Imports { candidates, matching: Matching::Account, dry_run: true });
    let expected = [unchanged(1), created(2), Err(Conflict::NoSuchClient.into())];
    assert_eq!(told.await.unwrap(), expected);
    assert_eq!((store.status().await.unwrap().change, grants(&store).await), (before, 1));
    // The number of a change that was not made is given to one that is.
    assert_eq!(import_one(&store, candidate(2)).await, created(2));
    assert_eq!(store.status().await.unwrap().change, before + 1);
}

#[tokio::test]
async fn a_grant_that_is_imported_again_and_again_is_known_by_the_newest_refresh_tokens() {
    let (host, store) = open().await;
    for number in 1..=20 {
        let mut again = of_account(1, "sub-1");
        again.import.refresh_token = RefreshToken::new(format!("rt-{number}")).unwrap();
        import_one(&store, again).await.unwrap();
    }
    for number in 13..=20 {
        assert_eq!(import_one(&store, with_token(9, &format!("rt-{number}"))).await, unchanged(1));
    }
    let rows: i64 = host.database().query_row("SELECT count(*) FROM imported", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 8);
}

#[tokio::test]
async fn two_processes_that_import_the_same_make_one_grant_of_each() {
    let host = Host::of_patience();
    let (one, other) = (host.open(), host.open());
    one.execute(put_client()).await.unwrap();
    for number in 1..=20 {
        let token = format!("rt-{number}");
        let (first, second) = tokio::join!(
            import_one(&one, with_token(number, &token)),
            import_one(&other, with_token(number + 100, &token)),
        );
        let made = [&first, &second].map(|outcome| matches!(outcome, Ok(Imported::Created(_))));
        assert!(made[0] != made[1], "{first:?} {second:?}");
        assert_eq!(first.unwrap().grant(), second.unwrap().grant());
    }
    assert_eq!(grants(&one).await, 20);
}

/// The second commit lands, and says that it has failed.
fn landing_in_silence(connection: &Connection) -> rusqlite::Result<()> {
    static COMMITS: AtomicU32 = AtomicU32::new(0);
    commit_in_silence(&COMMITS, connection)
}

#[tokio::test]
async fn a_commit_of_unknown_fate_is_found_again() {
    let host = Host::new();
    let store = host.open_with(landing_in_silence);
    store.execute(put_client()).await.unwrap();
    let outcomes = import_all(&store, vec![candidate(1), candidate(2)], Matching::Account).await;
    assert_eq!(outcomes, [created(1), created(2)]);
    assert_eq!(grants(&store).await, 2);
}

#[tokio::test]
async fn an_import_into_a_client_of_a_namespace_of_its_own_is_seen_there_alone() {
    let (_host, store) = open().await;
    let mut there = client();
    there.namespace = Namespace::new("other").unwrap();
    store
        .execute(Command::PutClient(Box::new(PutClient { record: there, replaces: None, wall: NOW })))
        .await
        .unwrap();
    let mut candidate = of_account(1, "sub-1");
    candidate.import.namespace = Namespace::new("other").unwrap();
    assert_eq!(import_one(&store, candidate).await, created(1));
    assert_eq!(import_one(&store, of_account(2, "sub-1")).await, created(2), "accounts end at the namespace");
    let mut named = with_token(1, "rt-3");
    named.named = true;
    assert_eq!(import_one(&store, named).await, Err(Conflict::NoSuchGrant.into()));
}

#[tokio::test]
async fn no_refresh_token_stands_in_the_clear_after_an_import() {
    let (host, store) = open().await;
    import_one(&store, candidate(1)).await.unwrap();
    drop(store);
    for entry in std::fs::read_dir(host.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(bytes) = std::fs::read(&entry) else { continue };
        assert!(!bytes.windows(9).any(|window| window == b"rt-canary"), "{}", entry.display());
    }
}
