//! A provider that answers a repetition as it answered before, long after what it brings was spent.

use std::time::Duration;

use super::world::World;
use crate::{diagnosis::Cause, provider::RotationKind};

/// The first attempt is in doubt, and another has brought a successor.
fn overtaken() -> World {
    let mut world = World::new();
    world.lose(1);
    world.advance(4000);
    world.claim(2);
    world.succeed(2, "second");
    world
}

/// And later ones have moved on twice.
fn moved_on() -> World {
    let mut world = overtaken();
    for (attempt, brought) in [(3, "third"), (4, "fourth")] {
        world.advance(4000);
        world.claim(attempt);
        world.succeed(attempt, brought);
    }
    assert_eq!(world.grant().credential.as_ref().unwrap().refresh_token.expose(), "fourth");
    world
}

#[test]
fn what_another_presentation_has_brought_and_spent_is_no_spare() {
    let mut world = moved_on();
    world.succeed(1, "second");
    assert!(world.grant().spares.is_empty(), "it would be presented again when the grant is in need");
}

#[test]
fn what_nobody_has_seen_is_kept_as_a_spare() {
    let mut world = moved_on();
    world.succeed(1, "another");
    let spares: Vec<_> =
        world.grant().spares.iter().map(|spare| spare.credential.refresh_token.expose()).collect();
    assert_eq!(spares, ["another"]);
}

/// The late success comes first, and the repetition brings the same successor after it.
#[test]
fn what_is_installed_is_no_spare_any_more() {
    let mut world = overtaken();
    world.advance(4000);
    world.claim(3);
    world.succeed(1, "third");
    assert_eq!(world.grant().spares.len(), 1);
    world.succeed(3, "third");
    assert!(world.grant().spares.is_empty());
}

/// The newest token was in doubt, and is refused: a spare has taken its place, and is presented.
fn down_to_a_spare() -> World {
    let mut world = overtaken();
    world.succeed(1, "another");
    world.advance(4000);
    world.lose(3);
    world.advance(4000);
    world.claim(4);
    world.refuse(4);
    assert_eq!(world.grant().credential.as_ref().unwrap().refresh_token.expose(), "another");
    world.claim(5);
    world
}

/// A spare is older than what it replaces: what became of that says more of the grant.
#[test]
fn a_grant_dies_of_what_its_newest_token_was_refused_for() {
    let mut world = down_to_a_spare();
    world.refuse(5);
    assert_eq!(world.died_of().cause, Cause::LostRotationNotPersisted);
}

#[test]
fn a_grant_dies_of_what_ended_all_its_tokens_while_older_ones_were_tried() {
    let mut world = down_to_a_spare();
    world.refuse_because(5, "The user has revoked the consent");
    assert_eq!(world.died_of().cause, Cause::UserRevoked);
    let mut world = down_to_a_spare();
    world.refuse_because(5, "The refresh token was used before");
    assert_eq!(world.died_of().cause, Cause::LostRotationNotPersisted);
}

/// What is repeated was made when the first request came, and ends as long after that: its end has not stood still.
#[test]
fn the_end_of_what_is_repeated_counts_from_the_first_request() {
    const DAY: u64 = 86_400;
    let mut world = World::of_rotation(RotationKind::GraceSame);
    let start = world.wall;
    let ends_on = |world: &mut World, day: u64| {
        world.announced = Some(start.plus(Duration::from_secs(day * DAY)));
    };
    ends_on(&mut world, 30);
    world.claim(1);
    world.succeed(1, "second");
    world.advance(10 * DAY);
    world.lose(2);
    world.advance(15 * DAY);
    ends_on(&mut world, 40);
    world.claim(3);
    world.succeed(3, "third");
    assert_eq!(world.grant().life.fixed_end, None);
    world.advance(5 * DAY);
    world.claim(4);
    world.succeed(4, "fourth");
    assert_eq!(world.grant().life.fixed_end, world.announced);
}

#[test]
fn every_change_has_a_revision_of_its_own_and_a_repeated_one_none() {
    let mut world = World::new();
    let before = world.grant().revision;
    world.claim(1);
    assert_eq!(world.grant().revision, before + 1);
    let change = world.succeed(1, "second");
    assert_eq!(change.grant.unwrap().revision, before + 2);
    assert_eq!(world.succeed(1, "second").grant.unwrap().revision, before + 2);
}
