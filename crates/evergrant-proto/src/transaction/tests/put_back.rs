//! Where a refresh token works until its successor has been used, it takes the place of a successor that was refused.

use std::time::Duration;

use super::world::World;
use crate::{
    diagnosis::{Cause, Diagnosis, PreviousOutcome},
    grant::{Degradation, GrantState},
    name::HolderId,
    provider::{RotationKind, RotationPolicy},
    transaction::{Ending, Reply, Wait, Want},
};

const ELSEWHERE: HolderId = HolderId(2);

fn held(world: &World) -> &str {
    world.grant().credential.as_ref().unwrap().refresh_token.expose()
}

fn claim_elsewhere(world: &mut World, attempt: u128) {
    let reply = world.try_claim_by(ELSEWHERE, attempt);
    assert!(matches!(reply, Reply::Claimed(_)), "{reply:?}");
}

fn assert_in_doubt(world: &World) {
    let state = &world.grant().state;
    assert!(matches!(state, GrantState::Degraded { reason: Degradation::OutcomeUnknown, .. }), "{state:?}");
}

/// But for no longer than so many seconds.
fn until_successors_are_used(seconds: u64) -> World {
    let kind = RotationKind::UntilSuccessorUsed;
    let window = Some(Duration::from_secs(seconds));
    World::of_policy(RotationPolicy { kind, window, ..RotationPolicy::default() })
}

/// The provider does so for so many seconds, and the first token has brought a second one.
fn rotated_where_predecessors_work_for(seconds: u64) -> World {
    let mut world = until_successors_are_used(seconds);
    world.lose(1);
    world.advance(60);
    world.claim(2);
    world.succeed(2, "second");
    world
}

/// The first presentation was slow, and has replaced the successor by the time that it is needed: it is refused.
fn overtaken_where_predecessors_work_for(seconds: u64) -> World {
    let mut world = rotated_where_predecessors_work_for(seconds);
    world.advance(3500);
    assert!(matches!(world.try_renew(3), Reply::Claimed(_)));
    world.refuse(3);
    assert_eq!(held(&world), "first", "it is put back");
    assert_eq!(world.grant().next_due_at, Some(world.wall), "its window may be about to close");
    world
}

#[test]
fn a_predecessor_is_presented_while_its_window_is_open() {
    let mut world = overtaken_where_predecessors_work_for(2 * 3600);
    assert!(matches!(world.try_renew(4), Reply::Claimed(_)));
}

/// It will be refused, most likely: that is found out once there is nothing else to serve.
#[test]
fn a_predecessor_whose_window_has_passed_is_presented_only_when_nothing_else_is_left() {
    let mut world = overtaken_where_predecessors_work_for(3600);
    let Reply::Deferred(deferral) = world.try_renew(4) else { panic!("it is not yet time") };
    assert!(matches!(deferral.wait, Wait::OutcomeUnknown { .. }), "{:?}", deferral.wait);
    world.advance(100);
    world.claim(4);
    world.refuse(4);
    world.died_of();
}

/// A process stands still with the second token, and its heir is refused: that is final when the process has had its time.
#[test]
fn what_a_claim_puts_back_is_presented_only_inside_its_window() {
    for (seconds, inside) in [(2 * 3600, true), (2000, false)] {
        let mut world = rotated_where_predecessors_work_for(seconds);
        let newer = Want::Newer { than: world.grant().generation };
        world.advance(1300);
        assert!(matches!(world.want(newer, HolderId(1), 3), Reply::Claimed(_)));
        world.advance(61);
        assert!(matches!(world.want(newer, ELSEWHERE, 4), Reply::Claimed(_)));
        world.refuse(4);
        assert_eq!(held(&world), "second", "the first process may still succeed");
        world.advance(600);
        assert_eq!(matches!(world.want(newer, ELSEWHERE, 5), Reply::Claimed(_)), inside);
        assert_eq!(held(&world), "first");
    }
}

/// The first process stands still with the first token, which a second one repeats.
fn repeated_elsewhere(mut world: World) -> World {
    world.claim(1);
    world.advance(61);
    claim_elsewhere(&mut world, 2);
    world.succeed(2, "second");
    world
}

/// When a successor is refused, it is because the first one's request came later.
fn put_back_by(world: &mut World, attempt: u128) {
    world.advance(100);
    world.reject();
    claim_elsewhere(world, attempt);
    world.refuse(attempt);
    assert_eq!(held(world), "first");
}

fn replaced_by_a_flight_that_is_open() -> World {
    let mut world = repeated_elsewhere(World::of_rotation(RotationKind::UntilSuccessorUsed));
    put_back_by(&mut world, 3);
    world
}

#[test]
fn what_an_open_flight_with_it_brings_takes_its_place() {
    let mut world = replaced_by_a_flight_that_is_open();
    world.succeed(1, "third");
    assert_eq!(held(&world), "third");
    assert!(world.grant().spares.is_empty());
    assert_eq!(world.grant().put_back, None);
}

#[test]
fn its_refusal_waits_for_an_open_flight_with_it() {
    let mut world = replaced_by_a_flight_that_is_open();
    claim_elsewhere(&mut world, 4);
    world.refuse(4);
    assert_in_doubt(&world);
    world.succeed(1, "third");
    assert_eq!(world.grant().state, GrantState::Active);
    assert_eq!(held(&world), "third");
}

/// Outside its window a replay may end what an open flight with it brings.
#[test]
fn outside_its_window_it_waits_for_an_open_flight_with_it() {
    let mut world = repeated_elsewhere(until_successors_are_used(120));
    put_back_by(&mut world, 3);
    assert!(matches!(world.try_claim_by(ELSEWHERE, 4), Reply::Deferred(_)));
    world.advance(600);
    claim_elsewhere(&mut world, 4);
}

/// What replaces a refused successor first is a spare, and the predecessor comes after it.
#[test]
fn a_spare_leaves_the_predecessor_where_it_is() {
    let mut world = repeated_elsewhere(World::of_rotation(RotationKind::UntilSuccessorUsed));
    world.succeed(1, "third");
    assert_eq!(world.grant().spares.len(), 1);
    world.advance(4000);
    for (attempt, next) in [(3, "third"), (4, "first")] {
        world.claim(attempt);
        world.refuse(attempt);
        assert_eq!(held(&world), next);
    }
    world.claim(5);
    world.refuse(5);
    world.died_of();
}

/// The second token is on its way to the provider.
fn with_a_successor_to_be_tried() -> World {
    let mut world = World::of_rotation(RotationKind::UntilSuccessorUsed);
    world.claim(1);
    world.succeed(1, "second");
    world.advance(4000);
    world.claim(2);
    world
}

/// What the grant dies of when this attempt gets no answer and the next one is refused.
fn refused_after_a_lost_answer(world: &mut World, attempt: u128) -> &Diagnosis {
    world.lose(attempt);
    world.advance(60);
    world.claim(attempt + 1);
    world.refuse(attempt + 1);
    world.died_of()
}

/// That the token was used is no wonder: we did, and got what was refused.
#[test]
fn nobody_else_is_suspected_when_what_was_put_back_was_used() {
    let mut world = with_a_successor_to_be_tried();
    world.refuse(2);
    world.claim(3);
    world.refuse_because(3, "The refresh token was used before");
    let diagnosis = world.died_of();
    assert_ne!(diagnosis.cause, Cause::RotatedTokenReused, "{diagnosis:?}");
    assert!(!diagnosis.evidence.iter().any(|line| line.contains("thief")), "{diagnosis:?}");
}

/// What the newer one was refused for is certain; but the older one may have brought tokens since then, and died of something
/// else.
#[test]
fn what_is_known_of_the_newer_is_supposed_of_an_older_that_was_used_without_an_answer() {
    let mut world = with_a_successor_to_be_tried();
    world.refuse_because(2, "superseded_refresh_token");
    let diagnosis = refused_after_a_lost_answer(&mut world, 3);
    assert_eq!(diagnosis.cause, Cause::Undetermined, "{diagnosis:?}");
    assert_eq!(diagnosis.alternatives[..2], [Cause::RotatedTokenReused, Cause::UserRevoked], "{diagnosis:?}");
}

/// The second token ends ten days after its last use. It is used twice: the answer to the first presentation is heard at
/// once and recorded after the second.
#[test]
fn what_was_put_back_was_used_when_others_presented_it_last() {
    const HOUR: u64 = 3600;
    for (unused, is_idle) in [(10 * 24 * HOUR - HOUR, false), (10 * 24 * HOUR + HOUR, true)] {
        let mut world = World::of_rotation(RotationKind::UntilSuccessorUsed);
        world.announced = Some(world.wall.plus(Duration::from_secs(10 * 24 * HOUR)));
        world.claim(1);
        world.succeed(1, "second");
        world.advance(2 * HOUR);
        world.claim(2);
        let heard = world.wall;
        world.advance(2 * HOUR);
        claim_elsewhere(&mut world, 3);
        let recorded = std::mem::replace(&mut world.wall, heard);
        world.announced = None;
        world.succeed(2, "third");
        world.wall = recorded;
        world.end(3, Ending::Unknown(PreviousOutcome::Timeout), 1);
        world.advance(unused);
        world.claim(4);
        world.refuse(4);
        assert_eq!(held(&world), "second");
        world.claim(5);
        world.refuse(5);
        let cause = world.died_of().cause;
        assert_eq!(cause == Cause::RefreshTokenExpiredIdle, is_idle, "{:?}", world.died_of());
    }
}

/// The third token may have been overtaken by the lost request with the second one. That was put back, and presented after
/// it would have ended unused, and nobody knows with what success.
#[test]
fn what_may_have_ended_since_it_was_put_back_is_supposed_as_well() {
    const DAY: u64 = 86_400;
    let mut world = World::of_rotation(RotationKind::UntilSuccessorUsed);
    world.announced = Some(world.wall.plus(Duration::from_secs(10 * DAY)));
    world.claim(1);
    world.succeed(1, "second");
    world.advance(4000);
    world.lose(2);
    world.advance(60);
    world.claim(3);
    world.announced = None;
    world.succeed(3, "third");
    world.advance(4000);
    world.claim(4);
    world.refuse(4);
    assert_eq!(held(&world), "second");
    world.advance(11 * DAY);
    let diagnosis = refused_after_a_lost_answer(&mut world, 5);
    assert_eq!(diagnosis.cause, Cause::RotatedTokenReused, "{diagnosis:?}");
    assert_eq!(
        diagnosis.alternatives[..2],
        [Cause::RefreshTokenExpiredIdle, Cause::UserRevoked],
        "{diagnosis:?}"
    );
}

/// It was put back twice while the first process stood still with it.
#[test]
fn an_open_flight_with_it_is_known_however_often_it_is_put_back() {
    let mut world = replaced_by_a_flight_that_is_open();
    claim_elsewhere(&mut world, 4);
    world.succeed(4, "third");
    put_back_by(&mut world, 5);
    claim_elsewhere(&mut world, 6);
    world.refuse(6);
    assert_in_doubt(&world);
    world.succeed(1, "fourth");
    assert_eq!((held(&world), &world.grant().state), ("fourth", &GrantState::Active));
}

#[test]
fn a_refusal_of_the_predecessor_is_heard_however_often_it_was_put_back() {
    let mut world = replaced_by_a_flight_that_is_open();
    claim_elsewhere(&mut world, 4);
    world.succeed(4, "third");
    world.refuse(1);
    assert_eq!(world.grant().predecessor, None);
}

#[test]
fn a_success_without_another_token_shows_that_it_works() {
    let mut world = replaced_by_a_flight_that_is_open();
    world.succeed_without_rotation(1);
    assert_eq!((held(&world), world.grant().put_back), ("first", None));
    assert_eq!(world.grant().last_success_at, world.wall);
}
