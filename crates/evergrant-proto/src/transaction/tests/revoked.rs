//! Successes that come after their grant was revoked.

use super::world::World;
use crate::grant::{EventKind, GrantState};

/// Two requests with one token, both on their way, and the grant is revoked over them.
fn revoked_over_two_flights() -> World {
    let mut world = World::new();
    world.lose(1);
    world.advance(3600);
    world.claim(2);
    world.revoke();
    world
}

fn revoked_in_turn(world: &mut World) -> Vec<String> {
    let mut revoked = Vec::new();
    while let Some((token, generation)) = world.owed() {
        let change = world.confirm(generation);
        let last = world.owed().is_none();
        assert_eq!(change.events.iter().any(|event| event.kind == EventKind::RevocationConfirmed), last);
        revoked.push(token);
    }
    revoked
}

#[test]
fn each_late_success_of_a_revoked_grant_is_revoked_beside_what_is_owed_already() {
    let mut world = revoked_over_two_flights();
    world.succeed(2, "second");
    world.succeed(1, "third");
    let mut revoked = revoked_in_turn(&mut world);
    revoked.sort();
    assert_eq!(revoked, ["first", "second", "third"]);
    assert_eq!(world.grant().state, GrantState::Revoked);
    assert_eq!((&world.grant().credential, world.grant().spares.len()), (&None, 0));
}

#[test]
fn late_successes_that_come_one_after_the_other_s_revocation_are_all_revoked() {
    let mut world = revoked_over_two_flights();
    assert_eq!(revoked_in_turn(&mut world), ["first"]);
    world.succeed(2, "second");
    assert_eq!(revoked_in_turn(&mut world), ["second"]);
    world.succeed(1, "third");
    assert_eq!(revoked_in_turn(&mut world), ["third"]);
}

/// It used to take over the generation of the token before it, whose confirmation then passed for its own.
#[test]
fn the_confirmation_of_the_old_token_does_not_pass_for_one_of_a_late_success() {
    let mut world = revoked_over_two_flights();
    let (first, asked_about) = world.owed().unwrap();
    assert_eq!(first, "first");
    // While the provider is being told of the first one.
    world.succeed(2, "second");
    world.confirm(asked_about);
    let (owed, generation) = world.owed().expect("the new token lives");
    assert_eq!(owed, "second");
    assert_ne!(generation, asked_about);
    // Whoever is told late of the first one again confirms nothing.
    world.confirm(asked_about);
    assert_eq!(world.owed(), Some((owed, generation)));
}

#[test]
fn a_late_success_that_brings_the_same_token_again_is_revoked_once() {
    let mut world = revoked_over_two_flights();
    world.succeed(2, "first");
    world.succeed(1, "first");
    assert_eq!(revoked_in_turn(&mut world), ["first"]);
}

#[test]
fn the_spares_of_a_grant_are_revoked_with_it() {
    let mut world = World::new();
    world.lose(1);
    world.advance(3600);
    world.claim(2);
    world.succeed(2, "second");
    world.succeed(1, "late");
    assert_eq!(world.grant().spares.len(), 1);
    world.revoke();
    let mut revoked = revoked_in_turn(&mut world);
    revoked.sort();
    assert_eq!(revoked, ["late", "second"]);
}
