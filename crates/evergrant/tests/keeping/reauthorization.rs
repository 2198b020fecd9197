//! Leading the user back to the same grant.

use evergrant::proto::{
    engine::{CallbackEnd, Refusal},
    grant::GrantState,
};
use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, PolicyName};

use crate::world::{World, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_grant_comes_back_under_the_same_id() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    world.rehearsal.with_provider(|provider, now| provider.change_password("alice", now)).unwrap();
    world.advance(400);
    assert!(matches!(refusal(world.token(grant).await), Refusal::NeedsReauthorization(_)));
    let CallbackEnd::Connected { grant: repaired, .. } = world.authorize("alice", Some(grant)).await else {
        panic!()
    };
    assert_eq!(repaired.id, grant);
    world.token(grant).await.unwrap();
    world.advance(400);
    world.token(grant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_changes_nothing() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let before = world.record(grant).await;
    assert!(matches!(world.authorize("bob", Some(grant)).await, CallbackEnd::WrongAccount(_)));
    let after = world.record(grant).await;
    assert_eq!((after.generation, after.owner, after.state), (before.generation, before.owner, before.state));
    world.token(grant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_account_without_a_grant_named_updates_the_one_it_has() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    assert_eq!(world.connect("alice").await, grant);
    assert_ne!(world.connect("bob").await, grant);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_used_once_and_its_code_sent_once() {
    let world = World::playing(PolicyName::P2).await;
    let query = world.callback_query("alice", None).await;
    let (first, second) = tokio::join!(world.keeper.complete(&query), world.keeper.complete(&query));
    let ends = [first.unwrap(), second.unwrap()];
    assert_eq!(ends.iter().filter(|end| matches!(end, CallbackEnd::Connected { .. })).count(), 1, "{ends:?}");
    assert_eq!(ends.iter().filter(|end| matches!(end, CallbackEnd::LinkUsed)).count(), 1, "{ends:?}");
    let is_exchange = |grant_type| grant_type == Some(GrantType::AuthorizationCode);
    assert_eq!(world.rehearsal.journal().iter().filter(|entry| is_exchange(entry.grant_type)).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_has_run_out_is_refused() {
    let world = World::playing(PolicyName::P2).await;
    let query = world.callback_query("alice", None).await;
    world.advance(31 * 60);
    assert!(matches!(world.keeper.complete(&query).await.unwrap(), CallbackEnd::LinkUsed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_issuer_is_not_redeemed() {
    let world = World::playing(PolicyName::P2).await;
    let query = world.callback_query("alice", None).await;
    let forged = query.replace("127.0.0.1", "evil.example");
    assert!(matches!(world.keeper.complete(&forged).await.unwrap(), CallbackEnd::Failed { .. }));
    // And it has not used up the link.
    assert!(matches!(world.keeper.complete(&query).await.unwrap(), CallbackEnd::Connected { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reauthorization_waits_for_a_slow_refresh_and_is_not_overwritten_by_it() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let hold = Fault::after_commit(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let hold = world.rehearsal.add_fault(hold).unwrap();
    world.advance(400);
    let keeper = world.keeper.clone();
    let slow = tokio::spawn(async move { keeper.token(grant).await });
    world.rehearsal.wait_held(hold, 1).await;
    let query = world.callback_query("alice", Some(grant)).await;
    let keeper = world.keeper.clone();
    let callback = tokio::spawn(async move { keeper.complete(&query).await });
    // Ten virtual seconds of patience, each step no faster than the store.
    while !callback.is_finished() {
        world.clock.advance(std::time::Duration::from_millis(100));
        world.keeper.status().await.unwrap();
    }
    let end = callback.await.unwrap().unwrap();
    let CallbackEnd::Connected { grant: connected, .. } = end else { panic!("{end:?}") };
    world.rehearsal.remove_fault(hold);
    let _ = slow.await.unwrap();
    let after = world.record(grant).await;
    assert_eq!(after.generation, connected.generation);
    assert_eq!(after.state, GrantState::Active);
    world.advance(400);
    world.token(grant).await.unwrap();
}
