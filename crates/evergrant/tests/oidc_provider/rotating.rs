//! Keeping a grant through rotations.

use std::collections::BTreeSet;

use evergrant::proto::grant::GrantState;
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_dozen_rotations_cost_one_request_each_and_every_access_token_works() {
    let world = World::of("basic").await;
    let grant = world.connect("alice").await;
    let mut handed_out = BTreeSet::from([world.keeper.token(grant).await.unwrap().expose().to_owned()]);
    for rotation in 1..=12 {
        let before = world.token_requests();
        let token = world.refresh(grant).await.unwrap();
        assert_eq!(world.token_requests(), before + 1, "rotation {rotation}");
        assert_eq!(world.userinfo(&token), Ok("alice".to_owned()), "rotation {rotation}");
        assert!(
            handed_out.insert(token.expose().to_owned()),
            "rotation {rotation} brought a new access token"
        );
    }
    // Rotated: no refresh token was presented twice, and the provider refused nothing.
    let presented: BTreeSet<_> = world.tap.presented().into_iter().collect();
    assert_eq!(presented.len(), 12);
    let journal = world.journal();
    assert!(journal["entries"].as_array().unwrap().iter().all(|entry| entry["status"] == 200), "{journal}");
    assert_eq!(world.record(grant).await.state, GrantState::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_callers_at_once_share_one_rotation() {
    let world = World::of("basic").await;
    let grant = world.connect("alice").await;
    let seen = world.keeper.token(grant).await.unwrap();
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (keeper, generation) = (world.keeper.clone(), seen.generation());
            tokio::spawn(async move { keeper.refresh(grant, generation).await.unwrap().expose().to_owned() })
        })
        .collect();
    let mut brought = BTreeSet::new();
    for caller in callers {
        brought.insert(caller.await.unwrap());
    }
    assert_eq!(brought.len(), 1);
    assert_eq!(world.tap.presented().len(), 1);
    assert_eq!(world.token_requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_is_replaced_and_the_provider_accepts_the_next() {
    let world = World::with("basic", &json!({ "access_token_ttl": 1 })).await;
    let grant = world.connect("alice").await;
    let mut token = world.keeper.token(grant).await.unwrap();
    for _ in 0..2 {
        let clock = world.keeper.clock();
        let remaining = token.expires_at().unwrap().since(clock.now().wall);
        clock.wait_until(clock.moment().plus(remaining)).await;
        let next = world.keeper.token(grant).await.unwrap();
        assert_ne!(next.expose(), token.expose());
        assert_eq!(world.userinfo(&next), Ok("alice".to_owned()));
        token = next;
    }
    // Whoever refreshed, the caller or the scheduler ahead of it: no refresh token was presented twice.
    let presented = world.tap.presented();
    assert_eq!(presented.iter().collect::<BTreeSet<_>>().len(), presented.len());
}
