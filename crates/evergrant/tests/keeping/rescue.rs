//! The store is away just when a rotated token has to be written.

use evergrant::proto::grant::GrantState;
use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, PolicyName};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_a_locked_store_cannot_take_survives_in_the_lifeboat_and_lands() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    world.advance(400);
    let hold = Fault::after_commit(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let hold = world.rehearsal.add_fault(hold).unwrap();
    let keeper = world.keeper.clone();
    let caller = tokio::spawn(async move { keeper.token(grant).await });
    world.rehearsal.wait_held(hold, 1).await;
    let lock = rusqlite::Connection::open(world.folder.path().join("store.sqlite")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.rehearsal.remove_fault(hold);
    // What is fsynced in the lifeboat may be served.
    caller.await.unwrap().unwrap();
    assert_eq!(world.keeper.status().await.unwrap().lifeboat_records, 1);
    lock.execute_batch("ROLLBACK").unwrap();
    world.advance_until(60, async || world.keeper.status().await.unwrap().lifeboat_records == 0).await;
    assert_eq!(world.record(grant).await.state, GrantState::Active);
    world.advance(400);
    world.keeper.token(grant).await.unwrap();
    assert!(world.refreshes().iter().all(|entry| entry.presented_before == Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_had_rescued_lands_at_the_next_start() {
    let mut world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    world.advance(400);
    let hold = Fault::after_commit(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let hold = world.rehearsal.add_fault(hold).unwrap();
    let keeper = world.keeper.clone();
    let caller = tokio::spawn(async move { keeper.token(grant).await });
    world.rehearsal.wait_held(hold, 1).await;
    let lock = rusqlite::Connection::open(world.folder.path().join("store.sqlite")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.rehearsal.remove_fault(hold);
    caller.await.unwrap().unwrap();
    world.restart_after(move || drop(lock)).await;
    world.keeper.token(grant).await.unwrap();
    world.advance(400);
    world.keeper.token(grant).await.unwrap();
    assert!(world.refreshes().iter().all(|entry| entry.presented_before == Some(0)));
}
