//! What the keeper learns of a provider that nobody has described, and what it does not conclude from it.

use evergrant::{
    ClientChanges,
    proto::{
        client::{Contradiction, Learned},
        name::Namespace,
        provider::{Replacement, RotationKind, RotationPolicy},
    },
};
use evergrant_rehearse::{Action, ClientSettings, Endpoint, Fault, GrantType, Lifetimes, PolicyName};

use crate::world::{SECRET, World};

/// A provider of which nobody has said what it does with used refresh tokens.
async fn unknown(client: ClientSettings) -> World {
    let world = World::with(client).await;
    assert_eq!(state(&world, RotationPolicy::default()).await, Learned::default());
    world
}

/// States the rotation policy; returns what is learned.
async fn state(world: &World, rotation: RotationPolicy) -> Learned {
    let changes = ClientChanges { rotation: Some(rotation), ..ClientChanges::default() };
    world.keeper.update_client(&Namespace::default(), &World::shop(), changes).await.unwrap().learned
}

async fn learned(world: &World) -> Learned {
    world.keeper.client(&Namespace::default(), &World::shop()).await.unwrap().unwrap().learned
}

async fn refresh(world: &World, grant: evergrant::proto::name::GrantId, times: usize) {
    for _ in 0..times {
        world.advance(400);
        world.token(grant).await.unwrap();
        world.keeper.settled().await;
    }
}

fn lose_the_answer() -> Fault {
    Fault::after_commit(Action::Drop).at(Endpoint::Token).of_grant(GrantType::RefreshToken)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_refreshes_tell_whether_refresh_tokens_are_replaced_and_how_long_tokens_live() {
    let announced = Lifetimes { announces_refresh_lifetime: true, ..Lifetimes::default() };
    for (policy, expected) in [(PolicyName::P0, Replacement::Never), (PolicyName::P2, Replacement::Always)] {
        let world = unknown(ClientSettings::basic("shop", SECRET).rotating(policy).living(announced)).await;
        let grant = world.connect("alice").await;
        refresh(&world, grant, 2).await;
        assert_eq!(learned(&world).await.replacement(), Replacement::Unknown, "two are no rule");
        refresh(&world, grant, 8).await;
        let learned = learned(&world).await;
        assert_eq!(learned.replacement(), expected);
        assert_eq!(learned.access_lifetime.unwrap().longest_s, 300);
        // The rehearsal announces it with a refresh token only.
        let rotates = policy == PolicyName::P2;
        assert_eq!(learned.refresh_lifetime.map(|range| range.shortest_s), rotates.then_some(30 * 86_400));
        assert_eq!(learned.use_extends, rotates.then_some(true));
    }
}

/// Servers that have never rotated may rotate next time: a token in doubt is treated as ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_does_not_make_a_repetition_safer() {
    let world = unknown(ClientSettings::basic("shop", SECRET).rotating(PolicyName::P0)).await;
    let grant = world.connect("alice").await;
    refresh(&world, grant, 5).await;
    assert_eq!(learned(&world).await.replacement(), Replacement::Never);
    let before = world.refreshes().len();
    world.rehearsal.add_fault(lose_the_answer()).unwrap();
    // Inside the margin, so that the current token lives on for some seconds.
    world.advance(285);
    world.token(grant).await.unwrap();
    for _ in 0..8 {
        world.keeper.settled().await;
        world.advance(1);
        world.token(grant).await.unwrap();
    }
    assert_eq!(world.refreshes().len(), before + 1, "not repeated while there is something to lose");
    // The repetition that step 8 allows in the end shows something.
    world.advance_until(60, async || learned(&world).await.repetitions.accepted > 0).await;
    assert!(learned(&world).await.repetitions.accepted_after_s.unwrap() > 0);
    assert_eq!(state(&world, RotationPolicy::default()).await.replacement(), Replacement::Never);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_inside_a_stated_window_is_shown_beside_the_statement_and_changes_nothing() {
    let world = World::playing(PolicyName::P2).await;
    let wrong = RotationPolicy {
        kind: RotationKind::GraceSame,
        window: Some(std::time::Duration::from_secs(60)),
        ..RotationPolicy::default()
    };
    state(&world, wrong.clone()).await;
    let grant = world.connect("alice").await;
    world.rehearsal.add_fault(lose_the_answer()).unwrap();
    world.advance(400);
    let _ = world.token(grant).await;
    world.advance_until(60, async || learned(&world).await.repetitions.refused > 0).await;
    let client = world.keeper.client(&Namespace::default(), &World::shop()).await.unwrap().unwrap();
    assert_eq!(client.learned.contradictions(&client.provider), [Contradiction::RefusesRepetition]);
    assert_eq!(client.provider.rotation, wrong, "what people state governs");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_registration_begins_without_what_was_learned_of_the_last() {
    let world = unknown(ClientSettings::basic("shop", SECRET).rotating(PolicyName::P2)).await;
    let grant = world.connect("alice").await;
    refresh(&world, grant, 3).await;
    assert!(!learned(&world).await.is_nothing());
    let identifier = evergrant::proto::wire::client_authentication::ClientIdentifier::new("other").unwrap();
    let changes = ClientChanges { identifier: Some(identifier), ..ClientChanges::default() };
    let client = world.keeper.update_client(&Namespace::default(), &World::shop(), changes).await.unwrap();
    assert!(client.learned.is_nothing());
}
