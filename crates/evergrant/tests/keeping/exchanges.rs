//! Code exchanges, while refreshes stand in line.

use evergrant::{
    NewGrant,
    proto::{engine::CallbackEnd, secret::RefreshToken},
};
use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, PolicyName};

use crate::world::World;

/// Refreshes that are under way at once, and some that wait for them.
const REFRESHES: usize = 80;

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
