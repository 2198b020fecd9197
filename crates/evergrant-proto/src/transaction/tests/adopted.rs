//! What became of a refresh token that a store held which was restored from a backup, or copied.

use super::world::World;
use crate::diagnosis::{Cause, Certainty, PreviousOutcome};

/// The first refresh after the adoption has worked.
fn proven() -> World {
    let mut world = World::new();
    world.adopt();
    world.claim(1);
    world.succeed(1, "second");
    world
}

/// The cause and its alternatives, of the refresh that comes next.
fn candidates(world: &mut World, attempt: u128) -> Vec<Cause> {
    world.claim(attempt);
    world.refuse(attempt);
    let diagnosis = world.died_of();
    std::iter::once(diagnosis.cause).chain(diagnosis.alternatives.iter().copied()).collect()
}

#[test]
fn a_refusal_of_what_the_backup_held_may_be_due_to_its_use_since() {
    let mut world = World::new();
    world.adopt();
    assert!(candidates(&mut world, 1).contains(&Cause::LostRotationNotPersisted));
}

/// The request of a process that ran with the newer tables arrives after ours has worked.
#[test]
fn a_refusal_after_the_first_success_may_be_due_to_what_the_backup_knows_nothing_of() {
    let mut world = proven();
    assert_eq!(world.grant().overtaken.unwrap().manner, PreviousOutcome::NotInBackup);
    world.advance(3600);
    world.claim(2);
    world.refuse(2);
    let diagnosis = world.died_of();
    assert_eq!(
        (diagnosis.cause, diagnosis.certainty),
        (Cause::LostRotationNotPersisted, Certainty::Possible)
    );
    assert!(diagnosis.evidence.iter().any(|line| line.contains("restored from a backup")), "{diagnosis:?}");
}

#[test]
fn what_the_backup_knows_nothing_of_is_on_its_way_for_a_day_at_most() {
    let mut world = proven();
    for attempt in 2..5 {
        world.advance(10 * 3600);
        world.claim(attempt);
        world.succeed(attempt, &attempt.to_string());
    }
    assert_eq!(world.grant().overtaken, None);
}

#[test]
fn a_grant_of_a_store_that_was_never_adopted_has_no_backup_to_blame() {
    let mut world = World::new();
    world.claim(1);
    world.succeed(1, "second");
    assert_eq!(world.grant().overtaken, None);
}
