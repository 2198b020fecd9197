//! Lifetimes on the provider's clock.

use evergrant_rehearse::{
    Lifetimes,
    PolicyName::{P0, P1, P2},
    Reason,
};

use crate::world::{World, tokens};

fn lifetimes() -> Lifetimes {
    Lifetimes {
        access_token_s: 300,
        refresh_idle_s: Some(1000),
        refresh_absolute_s: Some(2500),
        announces_refresh_lifetime: true,
        ..Lifetimes::default()
    }
}

#[test]
fn an_access_token_ends_when_it_said_it_would() {
    let mut world = World::living(P2, lifetimes());
    let access = world.sign_in("app", "alice").access;
    world.advance_s(299);
    assert_eq!(world.userinfo(&access), 200);
    world.advance_s(1);
    assert_eq!(world.userinfo(&access), 401);
    assert_eq!(world.last().reason, Some(Reason::ExpiredAccessToken));
}

#[test]
fn a_refresh_token_that_is_not_used_expires() {
    let mut world = World::living(P2, lifetimes());
    let first = world.sign_in("app", "alice").refresh;
    world.advance_s(999);
    let second = world.refreshed(&first);
    world.advance_s(1000);
    assert_eq!(world.refusal(&second), Reason::ExpiredIdle);
}

#[test]
fn use_keeps_a_token_alive_that_is_not_rotated() {
    let mut world = World::living(P0, lifetimes());
    let first = world.sign_in("app", "alice").refresh;
    for _ in 0..2 {
        world.advance_s(900);
        assert_eq!(world.refresh("app", &first).status, 200);
    }
}

#[test]
fn the_absolute_lifetime_is_anchored_or_restarts() {
    for (restarts, reason) in [(false, Some(Reason::ExpiredAbsolute)), (true, None)] {
        let lifetimes = Lifetimes { refresh_absolute_restarts: restarts, ..lifetimes() };
        let mut world = World::living(P1, lifetimes);
        let mut token = world.sign_in("app", "alice").refresh;
        for _ in 0..2 {
            world.advance_s(900);
            token = world.refreshed(&token);
        }
        world.advance_s(700);
        world.refresh("app", &token);
        assert_eq!(world.last().reason, reason);
    }
}

#[test]
fn expiry_is_looked_at_before_a_replay_is() {
    let mut world = World::living(P2, lifetimes());
    let first = world.sign_in("app", "alice").refresh;
    world.refreshed(&first);
    world.advance_s(2500);
    assert_eq!(world.refusal(&first), Reason::ExpiredAbsolute);
    assert!(world.last().revoked.is_empty());
}

#[test]
fn the_refresh_lifetime_is_announced_if_configured() {
    let mut world = World::living(P2, lifetimes());
    let first = world.sign_in("app", "alice").refresh;
    world.advance_s(900);
    let second = world.refresh("app", &first);
    assert_eq!(second.to_json().unwrap()["refresh_token_expires_in"], 1000);
    world.advance_s(900);
    let third = world.refresh("app", &tokens(&second).unwrap().refresh);
    assert_eq!(third.to_json().unwrap()["refresh_token_expires_in"], 700);
}

#[test]
fn a_refresh_may_end_the_access_tokens_before_it() {
    let mut world = World::living(P2, lifetimes());
    world.provider.change_client("app", |client| client.refresh_ends_access_tokens = true).unwrap();
    let first = world.sign_in("app", "alice");
    let second = tokens(&world.refresh("app", &first.refresh)).unwrap();
    assert_eq!(world.userinfo(&first.access), 401);
    assert_eq!(world.userinfo(&second.access), 200);
}

#[test]
fn one_grant_too_many_silently_ends_the_oldest() {
    let mut world = World::rotating(P2);
    world.provider.change_client("app", |client| client.grants_per_user = Some(2)).unwrap();
    let first = world.sign_in("app", "alice").refresh;
    let bobs = world.sign_in("app", "bob").refresh;
    let second = world.sign_in("app", "alice").refresh;
    world.sign_in("app", "alice");
    assert_eq!(world.last().revoked.len(), 1);
    assert_eq!(world.refusal(&first).name(), "family_revoked:token_limit");
    world.refreshed(&second);
    world.refreshed(&bobs);
}
