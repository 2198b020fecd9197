//! Code exchanges, while refreshes stand in line.

use evergrant::{
    NewGrant,
    proto::{engine::CallbackEnd, secret::RefreshToken},
};
use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, JournalEntry, PolicyName};

use crate::world::World;

/// Refreshes that are under way at once, and some that wait for them.
const REFRESHES: usize = 80;

/// Codes of one client that are exchanged at once, and some more.
const AT_ONCE: usize = 8;
const CODES: usize = 11;

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_exchanged_while_every_place_for_refreshes_is_taken() {
    let world = World::playing(PolicyName::P2).await;
    let mut grants = Vec::new();
    for _ in 0..REFRESHES {
        let given = world.rehearsal.issue_grant("shop", "bob", "openid profile").unwrap();
        let token = RefreshToken::new(given.refresh_token).unwrap();
        grants.push(world.keeper.import(NewGrant::new(World::shop(), token)).await.unwrap().id);
    }
    let hold = Fault::before(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken).always();
    let hold = world.rehearsal.add_fault(hold).unwrap();
    let callers: Vec<_> = grants
        .iter()
        .map(|grant| {
            let (keeper, grant) = (world.keeper.clone(), *grant);
            tokio::spawn(async move { keeper.token(grant).await })
        })
        .collect();
    world.rehearsal.wait_held(hold, 64).await;
    let end = world.authorize("alice", None).await;
    assert!(matches!(end, CallbackEnd::Connected { .. }), "{end:?}");
    assert_eq!(world.rehearsal.fault(hold).unwrap().held, 64, "none of them has moved");
    world.rehearsal.remove_fault(hold);
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_have_a_budget_of_their_own_and_wait_for_other_codes_alone() {
    let world = World::playing(PolicyName::P2).await;
    let mut queries = Vec::new();
    for _ in 0..CODES {
        queries.push(world.callback_query("alice", None).await);
    }
    let hold =
        Fault::before(Action::Hold).at(Endpoint::Token).of_grant(GrantType::AuthorizationCode).always();
    let hold = world.rehearsal.add_fault(hold).unwrap();
    let exchanges: Vec<_> = queries
        .into_iter()
        .map(|query| {
            let keeper = world.keeper.clone();
            tokio::spawn(async move { keeper.complete(&query).await })
        })
        .collect();
    world.rehearsal.wait_held(hold, AT_ONCE).await;
    for _ in 0..100 {
        world.keeper.status().await.unwrap();
    }
    assert_eq!(world.rehearsal.fault(hold).unwrap().held, AT_ONCE, "the others wait");
    world.rehearsal.remove_fault(hold);
    world.keeper.settled().await;
    // Who waits looks again by the clock.
    world.advance(1);
    for exchange in exchanges {
        let end = exchange.await.unwrap().unwrap();
        assert!(matches!(end, CallbackEnd::Connected { .. }), "{end:?}");
    }
    assert_eq!(world.rehearsal.journal().iter().filter(|entry| is_exchange(entry)).count(), CODES);
}

fn is_exchange(entry: &JournalEntry) -> bool {
    entry.grant_type == Some(GrantType::AuthorizationCode)
}
