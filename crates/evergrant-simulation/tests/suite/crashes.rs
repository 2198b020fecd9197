//! Processes that end, or stand still, at the worst moment.

use evergrant_proto::{
    diagnosis::Cause,
    grant::{EventKind, GrantState},
};
use evergrant_rehearse::PolicyName;
use evergrant_simulation::{Mishap, ProcessId, Scene, World};

use crate::support::{is_dead, issue, minutes, seconds};

/// A process asks for an expired token; the provider has rotated, and the answer is still under way.
fn rotated_and_not_answered(scene: Scene) -> (World, ProcessId, evergrant_proto::name::GrantId) {
    let mut world = World::new(scene, 11);
    let first = world.start_without_scheduler();
    let grant = world.connect(first, "alice");
    world.run_for(minutes(61));
    world.network.next.push_back(Mishap::ResponseDelayed(5_000));
    world.ask(first, grant);
    world.run_for(seconds(2));
    assert_eq!(world.refreshes().len(), 1);
    (world, first, grant)
}

#[test]
fn a_killed_process_is_succeeded_as_the_policy_allows() {
    let expected = [
        (PolicyName::P0, None),
        (PolicyName::P1, Some(Cause::LostRotationNotPersisted)),
        (PolicyName::P2, Some(Cause::LostRotationNotPersisted)),
        (PolicyName::P3, None),
        (PolicyName::P6, None),
    ];
    for (policy, cause) in expected {
        let (mut world, first, grant) = rotated_and_not_answered(Scene::named(policy));
        world.kill(first);
        // Nobody asks: the scheduler of the next process has to find it.
        world.start().unwrap();
        world.run_for(minutes(2));
        match (&world.grant(grant).state, cause) {
            (GrantState::Active, None) => {}
            (GrantState::NeedsReauthorization { diagnosis }, Some(cause)) => {
                assert_eq!(diagnosis.cause, cause, "{policy:?}");
            }
            (state, _) => panic!("{policy:?}: {state:?}"),
        }
        assert_eq!(world.refreshes().len(), 2, "{policy:?}");
        world.run_for(minutes(300));
        let open = world.store.attempts(grant).filter(|attempt| attempt.is_open()).count();
        assert_eq!(open, 0, "{policy:?}: an attempt is left open");
        world.expect_order();
    }
}

#[test]
fn a_stopped_process_is_waited_for_and_its_late_success_revives() {
    for policy in [PolicyName::P1, PolicyName::P2] {
        let (mut world, first, grant) = rotated_and_not_answered(Scene::named(policy));
        world.pause(first);
        let second = world.start().unwrap();
        world.run_for(minutes(5));
        assert!(!is_dead(&world, grant), "{policy:?}: the answer may still come");
        world.resume(first);
        world.run_for(seconds(10));
        assert_eq!(world.grant(grant).state, GrantState::Active, "{policy:?}");
        issue(&world.token(second, grant));
        world.run_for(minutes(61));
        issue(&world.token(second, grant));
        world.expect_order();
    }
}

#[test]
fn a_process_that_stands_still_for_too_long_is_given_up_and_may_still_revive_the_grant() {
    let (mut world, first, grant) = rotated_and_not_answered(Scene::named(PolicyName::P1));
    world.pause(first);
    let second = world.start().unwrap();
    world.run_for(minutes(15));
    assert!(is_dead(&world, grant));
    world.resume(first);
    world.run_for(seconds(10));
    assert_eq!(world.grant(grant).state, GrantState::Active);
    issue(&world.token(second, grant));
    world.expect_order();
}

#[test]
fn a_success_whose_generation_was_moved_by_a_refresh_is_kept_as_a_spare() {
    let (mut world, first, grant) = rotated_and_not_answered(Scene::named(PolicyName::P6));
    world.pause(first);
    let second = world.start().unwrap();
    world.run_for(minutes(2));
    assert_eq!(world.grant(grant).generation.0, 2);
    world.resume(first);
    world.run_for(minutes(1));
    let kept = world.store.events().iter().filter(|event| event.kind == EventKind::SpareKept).count();
    assert_eq!(kept, 1);
    assert_eq!(world.grant(grant).generation.0, 2, "what was installed goes on");
    issue(&world.token(second, grant));
    world.expect_order();
}

#[test]
fn a_spare_is_tried_before_a_grant_is_declared_dead() {
    // Each repetition mints a pair of its own, and both lineages live.
    let (mut world, first, grant) = rotated_and_not_answered(Scene::named(PolicyName::P7));
    world.pause(first);
    let second = world.start().unwrap();
    world.run_for(minutes(2));
    assert_eq!(world.grant(grant).generation.0, 2);
    world.resume(first);
    world.run_for(minutes(1));
    assert_eq!(world.grant(grant).spares.len(), 1);
    // What is installed is refused by a proxy's mistake; the spare works.
    let refused = evergrant_rehearse::Action::respond(400, r#"{"error":"invalid_grant"}"#);
    let fault =
        evergrant_rehearse::Fault::before(refused).of_grant(evergrant_rehearse::GrantType::RefreshToken);
    world.party.provider.add_fault(fault).unwrap();
    world.run_for(minutes(62));
    assert_eq!(world.grant(grant).state, GrantState::Active);
    assert!(world.store.events().iter().any(|event| event.kind == EventKind::SpareInstalled));
    issue(&world.token(second, grant));
    world.expect_order();
}

#[test]
fn the_same_token_that_came_twice_is_no_spare() {
    let (mut world, first, grant) = rotated_and_not_answered(Scene::grace(120));
    world.pause(first);
    let second = world.start().unwrap();
    world.ask(second, grant);
    world.run_for(seconds(70));
    assert_eq!(world.grant(grant).generation.0, 2);
    world.resume(first);
    world.run_for(minutes(1));
    assert!(world.grant(grant).spares.is_empty());
    world.run_for(minutes(62));
    world.withdraw_consent("alice");
    world.run_for(minutes(62));
    assert!(is_dead(&world, grant));
    world.expect_order();
}

#[test]
fn a_process_killed_before_it_sends_costs_nothing() {
    let mut world = World::new(Scene::strict(), 12);
    let first = world.start_without_scheduler();
    let grant = world.connect(first, "alice");
    world.run_for(minutes(61));
    world.ask(first, grant);
    let end = world.now() + 1000;
    world.run_until(end, |world| world.store.attempts(grant).next().is_some());
    world.kill(first);
    let second = world.start().unwrap();
    world.run_for(minutes(2));
    assert_eq!(world.refreshes().len(), 1);
    issue(&world.token(second, grant));
    world.expect_order();
}

#[test]
fn a_process_that_stands_still_before_it_sends_does_not_send_late() {
    let mut world = World::new(Scene::strict(), 13);
    let first = world.start_without_scheduler();
    let grant = world.connect(first, "alice");
    world.run_for(minutes(61));
    world.ask(first, grant);
    let end = world.now() + 1000;
    world.run_until(end, |world| world.store.attempts(grant).next().is_some());
    world.pause(first);
    world.run_for(seconds(70));
    assert_eq!(world.refreshes().len(), 0);
    world.resume(first);
    world.run_for(seconds(5));
    assert_eq!(world.refreshes().len(), 0, "its lease may be somebody else's");
    issue(&world.token(first, grant));
    world.expect_order();
}

#[test]
fn a_process_that_is_drained_sees_through_what_it_has_sent() {
    let mut world = World::new(Scene::strict(), 14);
    let process = world.start().unwrap();
    let grant = world.connect(process, "alice");
    world.run_for(minutes(50));
    world.network.next.push_back(Mishap::ResponseDelayed(10_000));
    let end = world.now() + 3_600_000;
    world.run_until(end, |world| !world.judge.presentations().is_empty());
    world.drain_process(process);
    world.run_for(seconds(15));
    assert!(world.engine(process).is_idle());
    assert_eq!(world.grant(grant).generation.0, 2);
    world.run_for(minutes(120));
    assert_eq!(world.refreshes().len(), 1);
    world.expect_order();
}
