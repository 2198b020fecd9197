//! Many callers, one refresh.

use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, PolicyName};

use crate::world::World;

/// Requirement 1, in one process. The provider holds the refresh until every caller waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_callers_of_one_expired_grant_cause_one_refresh() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    for round in 1..=rounds(200) {
        let hold = Fault::before(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
        let hold = world.rehearsal.add_fault(hold).unwrap();
        world.advance(600);
        let callers: Vec<_> = (0..100)
            .map(|_| {
                let keeper = world.keeper.clone();
                tokio::spawn(async move { keeper.token(grant).await })
            })
            .collect();
        while world.keeper.waiting() < 100 {
            assert!(
                !callers.iter().any(tokio::task::JoinHandle::is_finished),
                "answered before everyone waited"
            );
            tokio::task::yield_now().await;
        }
        world.rehearsal.wait_held(hold, 1).await;
        world.rehearsal.remove_fault(hold);
        let mut generations = Vec::new();
        for caller in callers {
            generations.push(caller.await.unwrap().unwrap().generation());
        }
        generations.dedup();
        assert_eq!(generations.len(), 1, "round {round}");
        assert_eq!(world.refreshes().len(), round, "round {round}");
    }
    assert!(world.refreshes().iter().all(|entry| entry.presented_before == Some(0)));
}

/// Requirement 1, across keepers that share nothing but the store.
#[tokio::test(flavor = "multi_thread")]
async fn eight_keepers_on_one_store_cause_one_refresh() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let mut keepers = vec![world.keeper.clone()];
    for _ in 1..8 {
        keepers.push(world.another_keeper().await);
    }
    for round in 1..=rounds(20) {
        let hold = Fault::before(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
        let hold = world.rehearsal.add_fault(hold).unwrap();
        world.advance(600);
        let callers: Vec<_> = keepers
            .iter()
            .cloned()
            .map(|keeper| tokio::spawn(async move { keeper.token(grant).await }))
            .collect();
        world.rehearsal.wait_held(hold, 1).await;
        while keepers.iter().any(|keeper| keeper.waiting() == 0) {
            assert!(
                !callers.iter().any(tokio::task::JoinHandle::is_finished),
                "answered before everyone waited"
            );
            tokio::task::yield_now().await;
        }
        world.rehearsal.remove_fault(hold);
        // Whoever asked the provider needs no time to go by.
        while !callers.iter().any(tokio::task::JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
        // Those who wait for another keeper look again after a while, by a clock that moves only here: a millisecond
        // for each look at the store, so that the store is always faster.
        while !callers.iter().all(tokio::task::JoinHandle::is_finished) {
            world.clock.advance(std::time::Duration::from_millis(1));
            world.keeper.status().await.unwrap();
        }
        for caller in callers {
            caller.await.unwrap().unwrap();
        }
        assert_eq!(world.refreshes().len(), round, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greedy_minimum_of_life_causes_one_refresh_a_generation() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    world.advance(200);
    let key = evergrant::proto::grant::AccessKey::default();
    for _ in 0..10 {
        world.keeper.token_for(grant, key.clone(), std::time::Duration::from_secs(1_000_000)).await.unwrap();
    }
    assert_eq!(world.refreshes().len(), 1);
}

/// More of them in the soak.
fn rounds(usual: usize) -> usize {
    std::env::var("EVERGRANT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}
