//! Ending grants.

use evergrant_proto::{engine::Answer, grant::GrantState};
use evergrant_rehearse::{Action, Endpoint, Fault, GrantType};
use evergrant_simulation::{Mishap, Scene, World};

use crate::support::{lively, minutes, quiet, refusal, seconds};

fn confirmed(world: &World, grant: evergrant_proto::name::GrantId) -> bool {
    world.grant(grant).revocation.unwrap().confirmed_at.is_some()
}

#[test]
fn a_revocation_is_told_to_the_provider_once() {
    let (mut world, process, grant) = lively(Scene::strict());
    let call = world.revoke(process, grant, false);
    assert!(matches!(world.await_answer(call), Answer::Revoked(_)));
    world.run_for(minutes(120));
    assert_eq!(world.journal_of(Endpoint::Revoke).len(), 1);
    assert!(confirmed(&world, grant));
    assert_eq!(world.grant(grant).credential, None);
    refusal(&world.token(process, grant));
    assert_eq!(world.refreshes().len(), 0);
    world.expect_order();
}

#[test]
fn a_provider_that_is_slow_to_revoke_is_asked_once() {
    let (mut world, process, grant) = lively(Scene::strict());
    let other = world.start().unwrap();
    let slow = Fault::before(Action::Delay { ms: 20_000 }).at(Endpoint::Revoke).always();
    world.party.provider.add_fault(slow).unwrap();
    world.revoke(process, grant, false);
    world.run_for(minutes(2));
    assert_eq!(world.journal_of(Endpoint::Revoke).len(), 1);
    assert!(confirmed(&world, grant));
    assert!(world.engine(other).is_idle());
    world.expect_order();
}

#[test]
fn a_revocation_is_retried_until_it_is_confirmed() {
    let (mut world, process, grant) = lively(Scene::strict());
    let down = Fault::before(Action::status(503)).at(Endpoint::Revoke).times(6);
    world.party.provider.add_fault(down).unwrap();
    let call = world.revoke(process, grant, true);
    let Answer::Revoked(record) = world.await_answer(call) else { panic!() };
    assert_eq!(record.revocation.unwrap().confirmed_at, None);
    assert!(record.credential.is_some(), "kept until the provider has confirmed");
    world.run_for(minutes(30));
    assert!(confirmed(&world, grant));
    assert_eq!(world.journal_of(Endpoint::Revoke).len(), 7);
    world.expect_order();
}

#[test]
fn a_revocation_outlives_the_process_that_was_asked() {
    let (mut world, process, grant) = lively(Scene::strict());
    let down = Fault::before(Action::Drop).at(Endpoint::Revoke).times(1);
    world.party.provider.add_fault(down).unwrap();
    world.revoke(process, grant, false);
    let end = world.now() + 1000;
    world.run_until(end, |world| world.grant(grant).state == GrantState::Revoked);
    world.kill(process);
    world.start().unwrap();
    world.run_for(minutes(5));
    assert!(confirmed(&world, grant));
    world.expect_order();
}

#[test]
fn a_success_after_the_revocation_does_not_revive_and_owes_it_again() {
    for same_process in [true, false] {
        // Not P2: there the revocation of the old token ends the new one, too, and nothing could be seen.
        let (mut world, process, grant) = lively(Scene::grace(120));
        let other = world.start().unwrap();
        world.run_for(minutes(50));
        world.network.next.push_back(Mishap::ResponseDelayed(25_000));
        let end = world.now() + 3_600_000;
        world.run_until(end, |world| !world.judge.presentations().is_empty());
        let flying = world.judge.presentations()[0].process;
        let asked = if same_process == (flying == process) { process } else { other };
        let call = world.revoke(asked, grant, false);
        let end = world.now() + 60_000;
        world.run_until(end, |world| world.call(call).answer.is_some());
        let waited = world.call(call).answered_at.unwrap() - world.call(call).asked_at;
        assert!(waited >= 10_000, "an open flight is waited for; waited {waited} ms");
        assert_eq!(world.grant(grant).state, GrantState::Revoked);
        world.run_for(minutes(5));
        assert_eq!(world.grant(grant).state, GrantState::Revoked);
        assert!(confirmed(&world, grant));
        let revoked: Vec<_> =
            world.journal_of(Endpoint::Revoke).into_iter().map(|entry| entry.presented).collect();
        let issued = world.refreshes()[0].issued.clone();
        assert!(revoked.contains(&issued), "{revoked:?} without {issued:?}");
        world.expect_order();
    }
}

#[test]
fn a_success_that_comes_while_the_revocation_is_under_way_is_revoked_as_well() {
    let (mut world, process, grant) = quiet(Scene::grace(120));
    let keeper = world.start().unwrap();
    world.run_for(minutes(54));
    world.reject(grant);
    world.network.next.push_back(Mishap::ResponseDelayed(14_000));
    let call = world.ask(process, grant);
    world.run_for(seconds(1));
    assert_eq!(world.refreshes().len(), 1, "{:?}", world.call(call));
    let slow = Fault::before(Action::Delay { ms: 8_000 }).at(Endpoint::Revoke).times(1);
    world.party.provider.add_fault(slow).unwrap();
    world.revoke(keeper, grant, false);
    world.run_for(minutes(5));
    let revoked: Vec<_> =
        world.journal_of(Endpoint::Revoke).into_iter().map(|entry| entry.presented).collect();
    let issued = world.refreshes()[0].issued.clone();
    assert!(revoked.contains(&issued), "{revoked:?} without {issued:?}");
    assert!(confirmed(&world, grant));
    assert_eq!(
        world.refreshes().iter().filter(|entry| entry.grant_type == Some(GrantType::RefreshToken)).count(),
        1
    );
    world.expect_order();
}

#[test]
fn a_removed_grant_is_unknown_to_callers_even_while_its_revocation_is_owed() {
    let (mut world, process, grant) = quiet(Scene::strict());
    let down = Fault::before(Action::status(503)).at(Endpoint::Revoke).always();
    world.party.provider.add_fault(down).unwrap();
    let call = world.revoke(process, grant, true);
    world.await_answer(call);
    assert_eq!(*refusal(&world.token(process, grant)), evergrant_proto::engine::Refusal::NoSuchGrant);
    world.expect_order();
}
