use std::time::Duration;

use evergrant_proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus},
    grant::{AccessKey, Outcome, Owner},
    name::{AttemptId, AuthorizationId, ClientName, Generation, GrantId, Namespace},
    scope::ScopeSet,
    secret::{AuthorizationState, CodeVerifier},
    transaction::{Block, Command, Conflict, Import, OpenAuthorization, Reject, Reply, Seen, Wait},
    wire::redirect_uri::RedirectUri,
};

use super::world::{Host, NOW, claim, claimed, import, put_client, read, refresh_token, stocked, succeed};
use crate::store::{Store, StoreError};

#[tokio::test]
async fn a_refresh_is_there_after_the_process_has_ended() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    let claimed = claimed(&store, 1, 10).await;
    assert_eq!(claimed.credential.refresh_token.expose(), "rt-canary-1-1");
    store.execute(succeed(1, 10)).await.unwrap();
    let before = read(&store, 1).await;
    drop(store);
    let after = read(&host.open(), 1).await;
    assert_eq!(after, before);
    assert_eq!(refresh_token(&after), "rt-canary-1-2");
    assert_eq!(after.predecessor.as_ref().unwrap().refresh_token.expose(), "rt-canary-1-1");
    assert_eq!(after.access[0].token.expose(), "at-canary-1-10");
    assert_eq!(after.generation, Generation(2));
}

#[tokio::test]
async fn an_attempt_is_in_the_journal_before_its_claim_is_answered() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    claimed(&store, 1, 10).await;
    let open = host.open().attempts(GrantId(1), 10).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id, open[0].holder, &open[0].outcome), (AttemptId(10), store.holder(), &None));
    store.execute(succeed(1, 10)).await.unwrap();
    let ended = store.attempts(GrantId(1), 10).await.unwrap();
    assert_eq!(ended[0].outcome, Some(Outcome::Succeeded));
}

#[tokio::test]
async fn a_grant_claimed_by_one_process_is_leased_for_another() {
    let host = Host::new();
    let (here, there) = (host.open(), host.open());
    stocked(&here, [1]).await;
    claimed(&here, 1, 10).await;
    match there.execute(claim(&there, 1, 11)).await.unwrap() {
        Reply::Deferred(deferral) => {
            assert!(matches!(deferral.wait, Wait::Leased { .. }), "{:?}", deferral.wait);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_lease_of_a_process_that_has_ended_binds_nobody() {
    let host = Host::new();
    let (here, there) = (host.open(), host.open());
    stocked(&here, [1]).await;
    claimed(&here, 1, 10).await;
    let block = Command::Block(Block {
        grant: GrantId(1),
        holder: there.holder(),
        duration: Duration::from_secs(10),
    });
    assert!(matches!(there.execute(block.clone()).await.unwrap(), Reply::Busy { .. }));
    drop(here);
    assert!(matches!(there.execute(block).await.unwrap(), Reply::Grant(_)));
}

#[tokio::test]
async fn a_process_that_ended_with_a_record_in_the_lifeboat_still_binds_others_until_it_is_replayed() {
    let host = Host::new();
    let (here, there) = (host.open(), host.open());
    stocked(&here, [1]).await;
    let place = here.reserve().await.unwrap();
    claimed(&here, 1, 10).await;
    here.rescue(place, succeed(1, 10)).await.unwrap();
    drop(here);
    let block = Command::Block(Block {
        grant: GrantId(1),
        holder: there.holder(),
        duration: Duration::from_secs(10),
    });
    assert!(matches!(there.execute(block.clone()).await.unwrap(), Reply::Busy { .. }));
    let replayed = there.replay().await.unwrap();
    assert_eq!((replayed.landed, replayed.left), (1, 0));
    assert!(matches!(there.execute(block).await.unwrap(), Reply::Grant(_)));
    assert_eq!(refresh_token(&read(&there, 1).await), "rt-canary-1-2");
    assert_eq!(there.status().await.unwrap().lifeboat_free, 4);
}

/// Of its older generations a command sees what is open, and no more if its grant was remembered: what it decides would depend
/// on who has written last.
#[tokio::test]
async fn a_remembered_grant_has_the_attempts_that_it_would_be_read_with() {
    let host = Host::new();
    let (here, gone) = (host.open(), host.open());
    stocked(&here, [1]).await;
    claimed(&gone, 1, 10).await;
    drop(gone);
    claimed(&here, 1, 11).await;
    let newer = Import { refresh_token: import(2).refresh_token, ..import(1) };
    here.execute(Command::Import(Box::new(newer))).await.unwrap();
    let (key, seen) = (AccessKey::default(), Seen::Generation(Generation(0)));
    let nothing = Command::Reject(Reject { grant: GrantId(1), key, seen, wall: NOW });
    let remembered = here.execute(nothing.clone()).await.unwrap();
    assert_eq!(remembered, Reply::Grant(Box::new(read(&here, 1).await)));
    assert_eq!(remembered, host.open().execute(nothing).await.unwrap());
}

#[tokio::test]
async fn a_record_that_landed_before_is_replayed_without_effect() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    let place = store.reserve().await.unwrap();
    claimed(&store, 1, 10).await;
    store.rescue(place, succeed(1, 10)).await.unwrap();
    store.execute(succeed(1, 10)).await.unwrap();
    assert_eq!(store.replay().await.unwrap().landed, 1);
    assert_eq!(read(&store, 1).await.generation, Generation(2));
    assert_eq!(store.replay().await.unwrap().landed, 0);
}

#[tokio::test]
async fn a_refresh_token_has_one_holder_here() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    let mut second = import(2);
    second.refresh_token = import(1).refresh_token;
    let refused = store.execute(Command::Import(Box::new(second))).await;
    assert_eq!(refused, Err(StoreError::Conflict(Conflict::AlreadyHeld(GrantId(1)))));
    // Importing it into the grant that has it already is no second holder.
    store.execute(Command::Import(Box::new(import(1)))).await.unwrap();
}

#[tokio::test]
async fn a_command_that_does_not_fit_leaves_the_others_of_its_batch_alone() {
    let host = Host::new();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    let mut foreign = import(2);
    foreign.client = ClientName::new("nobody").unwrap();
    let (first, second, third) = tokio::join!(
        store.execute(Command::Import(Box::new(import(1)))),
        store.execute(Command::Import(Box::new(foreign))),
        store.execute(Command::Import(Box::new(import(3)))),
    );
    assert_eq!(second, Err(StoreError::Conflict(Conflict::NoSuchClient)));
    assert!(first.is_ok() && third.is_ok());
    assert!(store.grant(GrantId(2)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_changed_client_is_seen_by_the_next_command_of_every_process() {
    let host = Host::new();
    let (here, there) = (host.open(), host.open());
    stocked(&here, [1]).await;
    assert_eq!(claimed(&there, 1, 10).await.client.version, 1);
    let Command::PutClient(mut put) = put_client() else { unreachable!() };
    put.replaces = Some(1);
    here.execute(Command::PutClient(put)).await.unwrap();
    there.execute(succeed(1, 10)).await.unwrap();
    let mut again = import(1);
    again.refresh_token = evergrant_proto::secret::RefreshToken::new("rt-canary-1-3").unwrap();
    there.execute(Command::Import(Box::new(again))).await.unwrap();
    assert_eq!(claimed(&there, 1, 11).await.client.version, 2);
}

#[tokio::test]
async fn a_callback_finds_its_authorization_and_a_newer_link_ends_an_older_one() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    for number in [1, 2] {
        let record = authorization(number);
        store.execute(Command::OpenAuthorization(Box::new(OpenAuthorization { record }))).await.unwrap();
    }
    let state = AuthorizationState::new("state-canary-2").unwrap();
    let (found, client) = host.open().authorization_of(state).await.unwrap().unwrap();
    assert_eq!(found, authorization(2));
    assert_eq!(client.secret, super::world::client().secret);
    let unknown = AuthorizationState::new("state-canary-3").unwrap();
    assert!(store.authorization_of(unknown).await.unwrap().is_none());
    let older = store.authorization(AuthorizationId(1)).await.unwrap().unwrap();
    assert!(matches!(older.status, AuthorizationStatus::Failed { .. }), "{:?}", older.status);
}

fn authorization(number: u128) -> AuthorizationRecord {
    AuthorizationRecord {
        id: AuthorizationId(number),
        namespace: Namespace::default(),
        client: ClientName::new("crm").unwrap(),
        grant: Some(GrantId(1)),
        always_new: false,
        result: None,
        owner: Owner::default(),
        scopes: ScopeSet::new(),
        resources: Vec::new(),
        redirect_uri: RedirectUri::new("http://127.0.0.1:8780/callback").unwrap(),
        return_url: None,
        login_hint: None,
        status: AuthorizationStatus::Open,
        created_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(600)),
        state: Some(AuthorizationState::new(format!("state-canary-{number}")).unwrap()),
        verifier: Some(CodeVerifier::new("v".repeat(43)).unwrap()),
    }
}
