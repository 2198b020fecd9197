//! Grants that are dead, and clients that are rejected.

use evergrant::{
    ClientChanges,
    proto::{engine::Refusal, grant::GrantState, name::Namespace, secret::ClientSecret},
};
use evergrant_rehearse::PolicyName;

use crate::world::{World, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_grant_costs_no_request_however_often_it_is_asked_for() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    world.rehearsal.with_provider(|provider, now| provider.change_password("alice", now)).unwrap();
    world.advance(400);
    let Refusal::NeedsReauthorization(diagnosis) = refusal(world.token(grant).await) else { panic!() };
    assert!(!diagnosis.evidence.is_empty(), "{diagnosis:?}");
    let asked = world.refreshes().len();
    assert_eq!(asked, 1);
    for _ in 0..50 {
        assert!(matches!(refusal(world.token(grant).await), Refusal::NeedsReauthorization(_)));
        world.advance(3600);
    }
    assert_eq!(world.refreshes().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_kills_no_grant_and_new_credentials_resume_all() {
    let world = World::playing(PolicyName::P2).await;
    let grants = [world.connect("alice").await, world.connect("anna").await, world.connect("bob").await];
    world.rehearsal.change_secret("shop", "the-new-secret").unwrap();
    world.advance(400);
    for grant in grants {
        let refused = refusal(world.token(grant).await);
        assert!(
            matches!(refused, Refusal::ClientRejected { .. } | Refusal::InProgress { .. }),
            "{refused:?}"
        );
    }
    for _ in 0..1800 {
        world.advance(1);
        world.keeper.settled().await;
    }
    let probes = world.refreshes().len();
    assert!(probes <= 15, "{probes} requests with credentials that are known to be wrong");
    for grant in grants {
        assert!(!matches!(world.record(grant).await.state, GrantState::NeedsReauthorization { .. }));
    }
    let changes =
        ClientChanges { secret: Some(ClientSecret::new("the-new-secret").unwrap()), ..Default::default() };
    world.keeper.update_client(&Namespace::default(), &World::shop(), changes).await.unwrap();
    // By itself: nobody asks for a token.
    world
        .advance_until(30, async || {
            for grant in grants {
                if world.record(grant).await.state != GrantState::Active {
                    return false;
                }
            }
            true
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_organization_that_disables_the_app_does_not_pause_the_others() {
    let world = World::playing(PolicyName::P2).await;
    let (alice, bob) = (world.connect("alice").await, world.connect("bob").await);
    let refusal_text = evergrant_rehearse::TenantRefusal::default();
    world
        .rehearsal
        .with_provider(|provider, _| provider.disable_client_for_tenant("shop", "acme", refusal_text))
        .unwrap();
    world.advance(400);
    let refused = refusal(world.token(alice).await);
    assert!(matches!(refused, Refusal::ClientRejected { .. }), "{refused:?}");
    for _ in 0..10 {
        world.token(bob).await.unwrap();
        world.advance(400);
    }
    assert!(matches!(world.record(alice).await.state, GrantState::Degraded { .. }));
    world.rehearsal.with_provider(|provider, _| provider.enable_client_for_tenant("shop", "acme")).unwrap();
    world.advance_until(1200, async || world.record(alice).await.state == GrantState::Active).await;
}
