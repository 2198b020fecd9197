//! Ends that can be foreseen: idle lives are prevented, absolute ones are told in time.

use std::time::Duration;

use evergrant::{
    ClientChanges,
    clock::Clock,
    proto::{
        diagnosis::Action,
        grant::{Event, EventKind, GrantState},
        name::{GrantId, Namespace},
    },
    store::EventFilter,
};
use evergrant_rehearse::{ClientSettings, Lifetimes, PolicyName, RefreshTokens};

use crate::{
    offline,
    world::{SECRET, World},
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn playing(lifetimes: Lifetimes) -> ClientSettings {
    ClientSettings::basic("shop", SECRET).rotating(PolicyName::P2).living(lifetimes)
}

/// An access token that outlives the refresh token beside it, which is announced.
fn long_access() -> Lifetimes {
    Lifetimes {
        access_token_s: 300 * DAY,
        refresh_idle_s: Some(30 * DAY),
        refresh_absolute_s: None,
        announces_refresh_lifetime: true,
        ..Lifetimes::default()
    }
}

async fn pass(world: &World, days: u64) {
    for _ in 0..days * 12 {
        world.advance(2 * HOUR);
        world.keeper.settled().await;
    }
}

async fn warnings(world: &World, grant: GrantId) -> Vec<Event> {
    let filter =
        EventFilter { namespace: Some(Namespace::default()), grant: Some(grant), after: 0, limit: 10_000 };
    let events = world.keeper.events(filter).await.unwrap().into_iter().map(|numbered| numbered.event);
    events.filter(|event| event.kind == EventKind::ExpiresSoon).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_nobody_needs_is_used_before_it_ends_unused() {
    let world = World::with(playing(long_access())).await;
    let grant = world.connect("alice").await;
    pass(&world, 20).await;
    assert_eq!(world.refreshes().len(), 0, "a fifth of its life before the end, and half as much again");
    pass(&world, 100).await;
    let refreshes = world.refreshes().len();
    assert!((4..=6).contains(&refreshes), "{refreshes} in 120 days");
    assert_eq!(world.record(grant).await.state, GrantState::Active);
    assert!(warnings(&world, grant).await.is_empty(), "its end moves with every use");
}

#[tokio::test(flavor = "multi_thread")]
async fn keeping_alive_can_be_switched_off_for_a_client() {
    let world = World::with(playing(long_access())).await;
    world.connect("alice").await;
    let off = ClientChanges { keep_alive: Some(false), ..ClientChanges::default() };
    world.keeper.update_client(&Namespace::default(), &World::shop(), off).await.unwrap();
    pass(&world, 40).await;
    assert_eq!(world.refreshes().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_no_refresh_moves_is_told_once_a_week_before_with_what_helps() {
    let lifetimes = Lifetimes {
        access_token_s: DAY,
        refresh_idle_s: None,
        refresh_absolute_s: Some(90 * DAY),
        announces_refresh_lifetime: true,
        ..Lifetimes::default()
    };
    let world = World::with(playing(lifetimes)).await;
    let grant = world.connect("alice").await;
    let connected = world.record(grant).await.created_at;
    pass(&world, 82).await;
    assert!(warnings(&world, grant).await.is_empty());
    let known = world.record(grant).await.life.ends_at.unwrap();
    assert!(known.since(connected).as_secs().abs_diff(90 * DAY) < 60, "{known}");
    pass(&world, 5).await;
    let told = warnings(&world, grant).await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].expires_at.unwrap().since(connected).as_secs().abs_diff(90 * DAY) < 60);
    assert_eq!(told[0].diagnosis.as_ref().unwrap().remedies[0].action, Action::Reauthorize);
    assert!(world.record(grant).await.life.ends_soon(world.clock.now().wall));

    // A new authorization lives anew, and is warned of anew.
    world.authorize("alice", Some(grant)).await;
    assert!(!world.record(grant).await.life.ends_soon(world.clock.now().wall));
    pass(&world, 88).await;
    assert_eq!(warnings(&world, grant).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_without_a_refresh_token_is_told_to_end_with_its_access_token() {
    let lifetimes = Lifetimes { access_token_s: 10 * DAY, ..Lifetimes::default() };
    let never = ClientSettings { refresh_tokens: RefreshTokens::Never, ..playing(lifetimes) };
    let world = World::with(never).await;
    let grant = world.connect("alice").await;
    assert_eq!(world.record(grant).await.state, GrantState::NotRefreshable);
    pass(&world, 8).await;
    assert!(warnings(&world, grant).await.is_empty());
    pass(&world, 2).await;
    assert_eq!(warnings(&world, grant).await.len(), 1);
    assert_eq!(world.record(grant).await.next_due_at, None, "there is nothing more to look at");
}

/// What the catalogue states counts where the provider announces nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_tells_lifetimes_that_the_answers_do_not() {
    let lifetimes = Lifetimes {
        access_token_s: 300 * DAY,
        refresh_idle_s: Some(20 * DAY),
        refresh_absolute_s: Some(60 * DAY),
        ..Lifetimes::default()
    };
    let mut world = World::with(playing(lifetimes)).await;
    offline::change_client(&mut world, |client| {
        client.provider.lifetimes.idle = Some(Duration::from_secs(20 * DAY));
        client.provider.lifetimes.absolute = Some(Duration::from_secs(60 * DAY));
    })
    .await;
    let grant = world.connect("alice").await;
    pass(&world, 52).await;
    let refreshes = world.refreshes().len();
    assert!((3..=5).contains(&refreshes), "{refreshes}");
    assert_eq!(world.record(grant).await.state, GrantState::Active);
    assert!(warnings(&world, grant).await.is_empty());
    pass(&world, 3).await;
    assert_eq!(warnings(&world, grant).await.len(), 1);
}
