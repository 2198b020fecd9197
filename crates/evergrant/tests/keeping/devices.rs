//! Devices without a browser: whatever a poll brings is kept.

use evergrant::{
    AuthorizationOptions, AuthorizeError, DeviceLogin,
    proto::{
        authorization::AuthorizationStatus,
        engine::CallbackEnd,
        grant::{GrantRecord, GrantState},
        name::{GrantId, Namespace},
    },
    store::GrantFilter,
};
use evergrant_rehearse::{Action, Endpoint, Fault, FaultId, GrantType, JournalEntry, PolicyName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

use crate::world::World;

type Waiting = JoinHandle<Result<CallbackEnd, AuthorizeError>>;

async fn login(world: &World, grant: Option<GrantId>) -> DeviceLogin {
    let options = AuthorizationOptions { grant, ..AuthorizationOptions::new(World::shop()) };
    world.keeper.authorize_device(options).await.unwrap()
}

async fn approve(world: &World, code: &str) {
    decide(world, code, "user=alice").await;
}

/// Enters the code in a browser somewhere else.
async fn decide(world: &World, code: &str, decision: &str) {
    let address = world.rehearsal.local_addr();
    let form = format!("user_code={code}&{decision}");
    let request = format!(
        "POST /device HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A device whose user has approved, and whose tokens are issued and held on their way.
async fn issued_and_held(world: &World, login: DeviceLogin) -> (FaultId, Waiting) {
    approve(world, login.user_code()).await;
    polled_and_held(world, login, Fault::after_commit(Action::Hold)).await
}

async fn polled_and_held(world: &World, login: DeviceLogin, hold: Fault) -> (FaultId, Waiting) {
    let hold = hold.at(Endpoint::Token).of_grant(GrantType::DeviceCode);
    let hold = world.rehearsal.add_fault(hold).unwrap();
    let waiting = tokio::spawn(login.wait());
    loop {
        tokio::select! {
            biased;
            () = world.rehearsal.wait_held(hold, 1) => return (hold, waiting),
            // Never while the poll is on its way.
            () = world.keeper.settled() => world.advance(1),
        }
    }
}

/// Lets time go by until the device has its answer.
async fn ended(world: &World, mut waiting: Waiting) -> Result<CallbackEnd, AuthorizeError> {
    loop {
        tokio::select! {
            biased;
            end = &mut waiting => return end.unwrap(),
            () = world.keeper.settled() => world.advance(1),
        }
    }
}

fn lock(world: &World) -> rusqlite::Connection {
    let lock = rusqlite::Connection::open(world.folder.path().join("store.sqlite")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    lock
}

async fn rescued(world: &World) {
    while world.keeper.status().await.unwrap().lifeboat_records == 0 {
        tokio::task::yield_now().await;
    }
}

async fn only_grant(world: &World) -> GrantRecord {
    let grants = world.keeper.grants(GrantFilter::all(Namespace::default(), 10)).await.unwrap();
    let [grant] = &grants[..] else { panic!("{grants:?}") };
    grant.clone()
}

/// Its refresh token was kept, and is presented once.
async fn is_kept(world: &World, grant: GrantId) {
    world.token(grant).await.unwrap();
    world.advance(400);
    world.token(grant).await.unwrap();
    assert_eq!(world.record(grant).await.state, GrantState::Active);
    assert!(!world.refreshes().is_empty());
    assert!(world.refreshes().iter().all(|entry| entry.presented_before == Some(0)));
}

fn polls(world: &World) -> Vec<JournalEntry> {
    let is_poll = |entry: &JournalEntry| entry.grant_type == Some(GrantType::DeviceCode);
    world.rehearsal.journal().into_iter().filter(is_poll).collect()
}

fn connected(end: CallbackEnd) -> GrantId {
    match end {
        CallbackEnd::Connected { grant, .. } => grant.id,
        end => panic!("{end:?}"),
    }
}

#[tokio::test]
async fn a_device_connects_a_grant_after_its_user_has_taken_a_while() {
    let world = World::playing(PolicyName::P2).await;
    let login = login(&world, None).await;
    let (id, code) = (login.id(), login.user_code().to_owned());
    let waiting = tokio::spawn(login.wait());
    world.advance_until(60, async || polls(&world).len() == 2).await;
    let record = world.keeper.authorization(id).await.unwrap().unwrap();
    assert!(matches!(record.status, AuthorizationStatus::Exchanging(_)), "{record:?}");
    assert_eq!(world.keeper.status().await.unwrap().lifeboat_records, 0);
    approve(&world, &code).await;
    let grant = connected(ended(&world, waiting).await.unwrap());
    is_kept(&world, grant).await;
}

#[tokio::test]
async fn tokens_for_a_device_that_a_locked_store_cannot_take_survive_in_the_lifeboat_and_land() {
    let world = World::playing(PolicyName::P2).await;
    let (hold, waiting) = issued_and_held(&world, login(&world, None).await).await;
    let lock = lock(&world);
    world.rehearsal.remove_fault(hold);
    rescued(&world).await;
    assert!(!waiting.is_finished(), "nobody is told of a grant that is not there yet");
    lock.execute_batch("ROLLBACK").unwrap();
    world.advance_until(60, async || world.keeper.status().await.unwrap().lifeboat_records == 0).await;
    let grant = connected(ended(&world, waiting).await.unwrap());
    is_kept(&world, grant).await;
}

#[tokio::test]
async fn what_a_killed_process_had_rescued_for_a_device_lands_at_the_next_start() {
    let mut world = World::playing(PolicyName::P2).await;
    let (hold, waiting) = issued_and_held(&world, login(&world, None).await).await;
    let lock = lock(&world);
    world.rehearsal.remove_fault(hold);
    rescued(&world).await;
    waiting.abort();
    let _ = waiting.await;
    world.restart_after(move || drop(lock)).await;
    let grant = only_grant(&world).await.id;
    is_kept(&world, grant).await;
}

#[tokio::test]
async fn tokens_for_a_device_that_nobody_waits_for_any_more_are_kept() {
    let world = World::playing(PolicyName::P2).await;
    let (hold, waiting) = issued_and_held(&world, login(&world, None).await).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    world.rehearsal.remove_fault(hold);
    world.keeper.settled().await;
    let grant = only_grant(&world).await.id;
    is_kept(&world, grant).await;
}

#[tokio::test]
async fn a_driver_that_is_stopped_sees_the_poll_of_a_device_through() {
    let mut world = World::playing(PolicyName::P2).await;
    let (hold, waiting) = issued_and_held(&world, login(&world, None).await).await;
    waiting.abort();
    let _ = waiting.await;
    world.stop();
    world.rehearsal.remove_fault(hold);
    world.ended().await;
    world.restart_after(|| ()).await;
    let grant = only_grant(&world).await.id;
    is_kept(&world, grant).await;
}

/// Nothing but the reason is lost, and the store may be away for long.
#[tokio::test]
async fn a_driver_that_is_stopped_does_not_wait_for_the_store_to_write_down_a_denial() {
    let mut world = World::playing(PolicyName::P2).await;
    let login = login(&world, None).await;
    decide(&world, login.user_code(), "decision=deny").await;
    let (hold, waiting) = polled_and_held(&world, login, Fault::before(Action::Hold)).await;
    let _lock = lock(&world);
    world.rehearsal.remove_fault(hold);
    world.stop();
    world.ended().await;
    assert_eq!(waiting.await.unwrap().unwrap_err(), AuthorizeError::NotRunning);
}

#[tokio::test]
async fn a_device_that_is_denied_is_told_so() {
    let world = World::playing(PolicyName::P2).await;
    let login = login(&world, None).await;
    decide(&world, login.user_code(), "decision=deny").await;
    let end = ended(&world, tokio::spawn(login.wait())).await.unwrap();
    assert!(matches!(end, CallbackEnd::Denied { diagnosis: Some(_), .. }), "{end:?}");
}

#[tokio::test]
async fn a_device_is_told_when_nothing_carries_its_polls() {
    let mut world = World::playing(PolicyName::P2).await;
    let login = login(&world, None).await;
    world.stop();
    world.ended().await;
    let waiting = tokio::spawn(login.wait());
    while !waiting.is_finished() {
        world.advance(1);
        tokio::task::yield_now().await;
    }
    assert_eq!(waiting.await.unwrap().unwrap_err(), AuthorizeError::NotRunning);
    assert!(polls(&world).is_empty());
}

/// The only tokens that could not be kept are those that nobody asked for.
#[tokio::test]
async fn a_device_asks_nothing_while_the_store_is_away_and_asks_again_when_it_is_back() {
    let world = World::playing(PolicyName::P2).await;
    let login = login(&world, None).await;
    approve(&world, login.user_code()).await;
    let lock = lock(&world);
    let waiting = tokio::spawn(login.wait());
    for _ in 0..6 {
        tokio::task::yield_now().await;
        world.advance(1);
        world.keeper.settled().await;
    }
    assert!(polls(&world).is_empty());
    assert!(!waiting.is_finished());
    lock.execute_batch("ROLLBACK").unwrap();
    let grant = connected(ended(&world, waiting).await.unwrap());
    is_kept(&world, grant).await;
}

#[tokio::test]
async fn a_device_that_a_newer_link_overtook_before_its_first_poll_asks_for_nothing() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let login = login(&world, Some(grant)).await;
    approve(&world, login.user_code()).await;
    let query = world.callback_query("alice", Some(grant)).await;
    let end = ended(&world, tokio::spawn(login.wait())).await.unwrap();
    assert_eq!(end, CallbackEnd::LinkUsed);
    assert!(polls(&world).is_empty());
    connected(world.keeper.complete(&query).await.unwrap());
    is_kept(&world, grant).await;
}

/// As with a code that is on its way when a newer link is made: its tokens may be the only ones that live.
#[tokio::test]
async fn a_newer_link_does_not_end_a_device_that_polls_already() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let before = world.record(grant).await.generation;
    let (hold, waiting) = issued_and_held(&world, login(&world, Some(grant)).await).await;
    let query = world.callback_query("alice", Some(grant)).await;
    world.rehearsal.remove_fault(hold);
    assert_eq!(connected(ended(&world, waiting).await.unwrap()), grant);
    let repaired = world.record(grant).await.generation;
    assert!(repaired > before);
    world.token(grant).await.unwrap();
    assert_eq!(connected(world.keeper.complete(&query).await.unwrap()), grant);
    assert!(world.record(grant).await.generation > repaired);
    is_kept(&world, grant).await;
}

/// An answer without an access token, with a refresh token that works.
fn mangled(world: &World) {
    let given = world.rehearsal.issue_grant("shop", "alice", "openid profile").unwrap();
    let body = format!(r#"{{"refresh_token":"{}"}}"#, given.refresh_token);
    let fault =
        Fault::before(Action::respond(200, &body)).at(Endpoint::Token).of_grant(GrantType::DeviceCode);
    world.rehearsal.add_fault(fault).unwrap();
}

#[tokio::test]
async fn a_refresh_token_out_of_a_mangled_answer_to_a_device_is_kept_for_a_new_grant() {
    let world = World::playing(PolicyName::P2).await;
    mangled(&world);
    let login = login(&world, None).await;
    let grant = connected(ended(&world, tokio::spawn(login.wait())).await.unwrap());
    assert_eq!(polls(&world).len(), 1);
    is_kept(&world, grant).await;
}

/// Nobody knows whose it is.
#[tokio::test]
async fn a_refresh_token_out_of_a_mangled_answer_to_a_device_repairs_no_grant() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let before = world.record(grant).await;
    mangled(&world);
    let login = login(&world, Some(grant)).await;
    let end = ended(&world, tokio::spawn(login.wait())).await.unwrap();
    assert!(matches!(end, CallbackEnd::Failed { diagnosis: Some(_), .. }), "{end:?}");
    assert_eq!(polls(&world).len(), 1);
    assert_eq!(world.record(grant).await.generation, before.generation);
    is_kept(&world, grant).await;
}
