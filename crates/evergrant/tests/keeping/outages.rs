//! Providers that are down, slow, or lose their answers.

use std::{future::poll_fn, task::Poll};

use evergrant::proto::{
    diagnosis::{Cause, Certainty},
    engine::Refusal,
    grant::GrantState,
};
use evergrant_rehearse::{
    Action, ClientSettings, Endpoint, Fault, GrantType, Otherwise, PolicyName, RotationPolicy,
};

use crate::world::{SECRET, World, refusal};

fn on_refresh(fault: Fault) -> Fault {
    fault.at(Endpoint::Token).of_grant(GrantType::RefreshToken)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_outage_is_ridden_out_with_few_requests_and_no_help() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let down = world.rehearsal.add_fault(on_refresh(Fault::before(Action::status(503))).always()).unwrap();
    let (mut served, mut callers) = (0, Vec::new());
    for _ in 0..3600 {
        world.advance(1);
        let keeper = world.keeper.clone();
        let mut call = Box::pin(async move { keeper.token(grant).await.is_ok() });
        // Asked now and not whenever the scheduler gets to it, and not awaited: a caller may wait through a short pause, and
        // time must go on meanwhile.
        match poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
            Poll::Ready(is_served) => served += usize::from(is_served),
            Poll::Pending => callers.push(tokio::spawn(call)),
        }
        world.keeper.settled().await;
    }
    world.advance(10);
    for caller in callers {
        served += usize::from(caller.await.unwrap());
    }
    // The access token lives for 300 s: it is served to its end, whatever the provider says.
    assert!((290..=300).contains(&served), "{served} served");
    let requests = world.refreshes().len();
    assert!((5..=60).contains(&requests), "{requests} requests in an hour");
    world.rehearsal.remove_fault(down);
    // By itself: nobody asks for a token.
    world.advance_until(400, async || world.record(grant).await.state == GrantState::Active).await;
    world.token(grant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_recovered_inside_a_grace_window() {
    let world = World::playing(PolicyName::P3).await;
    let grant = world.connect("alice").await;
    world.rehearsal.add_fault(on_refresh(Fault::after_commit(Action::Drop))).unwrap();
    world.advance(400);
    let first = refusal(world.token(grant).await);
    assert!(matches!(first, Refusal::OutcomeUnknown { .. }), "{first:?}");
    world.advance_until(25, async || world.record(grant).await.state == GrantState::Active).await;
    world.token(grant).await.unwrap();
    assert_eq!(world.refreshes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_strict_provider_is_a_lost_rotation_and_no_revocation() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    world.rehearsal.add_fault(on_refresh(Fault::after_commit(Action::Drop))).unwrap();
    // Inside the margin: the current token is still good when the answer is lost.
    world.advance(285);
    world.token(grant).await.unwrap();
    world.keeper.settled().await;
    assert_eq!(world.refreshes().len(), 1);
    // While the access token lives it is served, and the refresh token is not presented again.
    world.advance(3);
    let warned = world.token(grant).await.unwrap();
    assert!(warned.warning().is_some());
    assert_eq!(world.refreshes().len(), 1);
    // Then it is, once, since nothing is left to lose.
    world
        .advance_until(60, async || {
            matches!(world.record(grant).await.state, GrantState::NeedsReauthorization { .. })
        })
        .await;
    let Refusal::NeedsReauthorization(diagnosis) = refusal(world.token(grant).await) else { panic!() };
    assert_eq!(diagnosis.cause, Cause::LostRotationNotPersisted);
    assert_eq!(diagnosis.certainty, Certainty::Likely);
    assert!(diagnosis.alternatives.contains(&Cause::UserRevoked), "{diagnosis:?}");
    assert_eq!(world.refreshes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_500_after_the_commit_of_a_strict_provider_is_not_repeated_while_the_token_lives() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    world.rehearsal.add_fault(on_refresh(Fault::after_commit(Action::status(500)))).unwrap();
    world.advance(285);
    world.token(grant).await.unwrap();
    world.keeper.settled().await;
    assert_eq!(world.refreshes().len(), 1);
    for _ in 0..8 {
        world.advance(1);
        world.keeper.settled().await;
        world.token(grant).await.unwrap();
    }
    assert_eq!(world.refreshes().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_obeyed() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let mut headers = std::collections::BTreeMap::new();
    headers.insert("retry-after".to_owned(), "120".to_owned());
    let busy = Action::Respond { status: 429, headers, body: String::new() };
    world.rehearsal.add_fault(on_refresh(Fault::before(busy))).unwrap();
    world.advance(400);
    let Refusal::ProviderUnavailable { retry_after, .. } = refusal(world.token(grant).await) else {
        panic!()
    };
    assert!(retry_after.as_secs() >= 120, "{retry_after:?}");
    for _ in 0..119 {
        world.advance(1);
        world.keeper.settled().await;
    }
    assert_eq!(world.refreshes().len(), 1);
    world.advance_until(60, async || world.record(grant).await.state == GrantState::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_forgives_nothing_but_keeps_the_successor_is_asked_again() {
    let policy = RotationPolicy { otherwise: Otherwise::Refuse, ..RotationPolicy::named(PolicyName::P0) };
    let world = World::with(ClientSettings::basic("shop", SECRET).rotating(policy)).await;
    let grant = world.connect("alice").await;
    world.rehearsal.add_fault(on_refresh(Fault::after_commit(Action::Truncate { bytes: 20 }))).unwrap();
    world.advance(400);
    let _ = world.token(grant).await;
    world.advance_until(30, async || world.record(grant).await.state == GrantState::Active).await;
}
