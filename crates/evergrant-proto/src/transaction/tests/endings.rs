//! What an attempt that brought nothing does to its grant.

use std::time::Duration;

use super::world::World;
use crate::{
    diagnosis::{Cause, PreviousOutcome},
    grant::{Degradation, EventKind, GrantState, Outcome},
    name::HolderId,
    provider::{RotationKind, RotationPolicy},
    transaction::{Ending, Reply, Wait},
};

fn degradation(world: &World) -> Option<Degradation> {
    match world.grant().state {
        GrantState::Degraded { reason, .. } => Some(reason),
        _ => None,
    }
}

#[test]
fn a_claim_that_was_not_sent_leaves_a_healthy_grant_healthy() {
    let mut world = World::new();
    world.claim(1);
    let change = world.end(1, Ending::NotSent, 2);
    assert_eq!(world.grant().state, GrantState::Active);
    assert_eq!(world.grant().failures, 0);
    assert!(
        matches!(world.grant().attempts[0].outcome, Some(Outcome::Failed { .. })),
        "it is in the journal"
    );
    assert_eq!(change.events[0].kind, EventKind::RefreshFailed);
    // The pause is kept, and then the same token is presented.
    assert!(
        matches!(world.try_claim(2), Reply::Deferred(deferral) if matches!(deferral.wait, Wait::BackingOff { .. }))
    );
    world.advance(2);
    assert_eq!(world.claim(3).credential.refresh_token.expose(), "first");
}

#[test]
fn a_claim_that_was_not_sent_changes_no_trouble_and_no_reason_for_it() {
    let mut world = World::new();
    world.claim(1);
    world.end(1, Ending::RequestRefused, 1);
    let before = world.grant().state.clone();
    assert_eq!(degradation(&world), Some(Degradation::RequestRefused));
    world.advance(1);
    world.claim(2);
    world.end(2, Ending::NotSent, 0);
    assert_eq!(world.grant().state, before);
}

#[test]
fn a_token_in_doubt_stays_in_doubt_when_its_repetition_was_not_sent() {
    let mut world = World::new();
    world.lose(1);
    world.advance(3600);
    world.claim(2);
    world.end(2, Ending::NotSent, 0);
    assert_eq!(degradation(&world), Some(Degradation::OutcomeUnknown));
    assert_eq!(world.grant().next_due_at, Some(world.wall), "it is looked after at once");
}

#[test]
fn what_cannot_be_sent_at_all_does_not_pass_by_waiting() {
    let mut world = World::new();
    world.claim(1);
    world.end(1, Ending::Unsendable, 60);
    assert_eq!(degradation(&world), Some(Degradation::RequestRefused));
}

/// Its process stood still with its lease, another one took over and was refused: that is final only once the first has
/// said what became of its own attempt.
fn refused_while_another_is_open(rotation: RotationKind) -> World {
    let mut world = World::of_rotation(rotation);
    world.claim(1);
    world.advance(61);
    let heir = world.try_claim_by(HolderId(2), 2);
    assert!(matches!(heir, Reply::Claimed(_)), "{heir:?}");
    world.refuse(2);
    assert_eq!(degradation(&world), Some(Degradation::OutcomeUnknown));
    world
}

#[test]
fn a_refusal_is_final_once_nothing_is_open_any_more() {
    let spends = (RotationKind::OneTime, Cause::LostRotationNotPersisted);
    let forgives = (RotationKind::UntilSuccessorUsed, Cause::Undetermined);
    for (rotation, cause) in [spends, forgives] {
        let mut world = refused_while_another_is_open(rotation);
        world.end(1, Ending::Unknown(PreviousOutcome::Timeout), 1);
        assert_eq!(world.died_of().cause, cause, "{rotation:?}");
    }
}

#[test]
fn a_refusal_that_waited_for_what_was_never_sent_is_not_put_down_to_it() {
    let mut world = refused_while_another_is_open(RotationKind::UntilSuccessorUsed);
    let change = world.end(1, Ending::NotSent, 1);
    assert_ne!(world.died_of().cause, Cause::LostRotationNotPersisted);
    assert!(!world.died_of().evidence.iter().any(|line| line.contains("may have replaced")));
    assert!(change.events.iter().any(|event| event.kind == EventKind::NeedsReauthorization));
}

/// What was never sent was no use either.
#[test]
fn a_token_that_was_not_used_in_time_is_found_out_all_the_same() {
    const DAY: u64 = 86_400;
    let mut world = World::of_rotation(RotationKind::OneTime);
    world.announced = Some(world.wall.plus(Duration::from_secs(10 * DAY)));
    world.claim(1);
    world.succeed(1, "second");
    world.advance(20 * DAY);
    world.claim(2);
    world.advance(61);
    assert!(matches!(world.try_claim_by(HolderId(2), 3), Reply::Claimed(_)));
    world.refuse(3);
    world.end(2, Ending::NotSent, 1);
    assert_eq!(world.died_of().cause, Cause::RefreshTokenExpiredIdle);
}

/// It came after the last success of the grant, and was not idle before it was there.
#[test]
fn a_spare_was_not_used_for_no_longer_than_it_is_held() {
    const DAY: u64 = 86_400;
    for (days, is_idle) in [(9, false), (11, true)] {
        let mut world = World::of_rotation(RotationKind::OneTime);
        world.claim(1);
        world.advance(61);
        assert!(matches!(world.try_claim_by(HolderId(2), 2), Reply::Claimed(_)));
        world.succeed(2, "second");
        world.advance(2 * DAY);
        world.announced = Some(world.wall.plus(Duration::from_secs(10 * DAY)));
        world.succeed(1, "third");
        world.advance(days * DAY);
        for attempt in [3, 4] {
            world.claim(attempt);
            world.refuse(attempt);
        }
        let cause = world.died_of().cause;
        assert_eq!(cause == Cause::RefreshTokenExpiredIdle, is_idle, "{:?}", world.died_of());
    }
}

#[test]
fn what_the_first_brings_after_all_outweighs_the_refusal() {
    let mut world = refused_while_another_is_open(RotationKind::UntilSuccessorUsed);
    world.succeed(1, "second");
    assert_eq!(world.grant().state, GrantState::Active);
    assert_eq!(world.grant().verdict, None);
}

/// An answer is lost, and the repetition is refused after so many seconds.
fn refused_after_a_lost_answer(policy: RotationPolicy, wait: u64) -> Cause {
    let mut world = World::of_policy(policy);
    world.lose(1);
    // Until the access token is no longer any good, which is in good time for a repetition outside the window.
    world.advance(wait);
    world.claim(2);
    world.refuse(2);
    match &world.grant().state {
        GrantState::NeedsReauthorization { diagnosis } => diagnosis.cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lost_answer_is_blamed_only_where_it_may_have_cost_the_token() {
    let known = |kind, window: Option<u64>, count| RotationPolicy {
        kind,
        window: window.map(Duration::from_secs),
        count,
        ..RotationPolicy::default()
    };
    let lost = Cause::LostRotationNotPersisted;
    for (policy, wait, cause) in [
        (known(RotationKind::Reusable, None, None), 4000, Cause::Undetermined),
        (known(RotationKind::UntilSuccessorUsed, None, None), 4000, Cause::Undetermined),
        (known(RotationKind::UntilSuccessorUsed, Some(300), None), 60, Cause::Undetermined),
        (known(RotationKind::UntilSuccessorUsed, Some(300), None), 4000, lost),
        (known(RotationKind::GraceNew, Some(300), None), 60, Cause::Undetermined),
        (known(RotationKind::GraceNew, Some(300), None), 4000, lost),
        // Counted, and for as long as it takes.
        (known(RotationKind::LongOverlap, None, Some(1)), 4000, Cause::Undetermined),
        (known(RotationKind::LongOverlap, None, Some(0)), 4000, lost),
        (known(RotationKind::OneTime, None, None), 4000, lost),
        (known(RotationKind::ReplayRevokes, None, None), 4000, lost),
        (known(RotationKind::Unknown, None, None), 4000, lost),
    ] {
        assert_eq!(refused_after_a_lost_answer(policy.clone(), wait), cause, "{policy:?} after {wait} s");
    }
}

/// A process that stands still hears long after; when its request arrived, nobody knows.
#[test]
fn a_refusal_that_is_heard_late_may_have_come_outside_the_window() {
    let policy = RotationPolicy {
        kind: RotationKind::GraceNew,
        window: Some(Duration::from_secs(300)),
        ..RotationPolicy::default()
    };
    let mut world = World::of_policy(policy);
    world.lose(1);
    world.advance(60);
    world.claim(2);
    world.advance(301);
    world.refuse(2);
    let GrantState::NeedsReauthorization { diagnosis } = &world.grant().state else { panic!() };
    assert_eq!(diagnosis.cause, Cause::LostRotationNotPersisted);
}
