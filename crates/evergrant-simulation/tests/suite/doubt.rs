//! Answers that are lost after the provider has rotated the token, and grants that are dead.

use evergrant_proto::{
    diagnosis::{Cause, Certainty},
    engine::Refusal,
    grant::GrantState,
};
use evergrant_rehearse::{Action, Fault, GrantType, PolicyName};
use evergrant_simulation::{Mishap, Scene, World};

use crate::support::{is_dead, issue, lively, minutes, quiet, refusal, seconds};

#[test]
fn a_lost_response_is_recovered_inside_the_window() {
    for mishap in [Mishap::ResponseLost, Mishap::Reset, Mishap::ResponseDelayed(20_000)] {
        let (mut world, process, grant) = lively(Scene::grace(30));
        world.network.next.push_back(mishap);
        world.run_for(minutes(62));
        assert_eq!(world.grant(grant).state, GrantState::Active, "{mishap:?}");
        assert_eq!(world.refreshes().len(), 2, "{mishap:?}");
        issue(&world.token(process, grant));
        world.run_for(minutes(600));
        assert_eq!(world.grant(grant).state, GrantState::Active, "{mishap:?}");
        world.expect_order();
    }
}

#[test]
fn a_lost_response_is_recovered_inside_the_window_even_after_an_outage() {
    let (mut world, process, grant) = lively(Scene::grace(30));
    world.run_for(minutes(50));
    world.network.down = true;
    world.run_for(minutes(120));
    world.network.down = false;
    world.network.next.push_back(Mishap::ResponseLost);
    world.run_for(minutes(12));
    assert_eq!(world.grant(grant).state, GrantState::Active);
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn a_lost_response_under_a_strict_provider_is_served_through_and_named_as_what_it_is() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.network.next.push_back(Mishap::ResponseLost);
    let expires = world.grant(grant).access[0].usable_until().unwrap();
    while world.wall().plus(seconds(30)) < expires {
        world.run_for(seconds(20));
        issue(&world.token(process, grant));
    }
    assert_eq!(world.refreshes().len(), 1, "the token in doubt is not presented while it can be served");
    world.run_for(minutes(2));
    assert!(is_dead(&world, grant));
    let told = refusal(&world.token(process, grant)).clone();
    let Refusal::NeedsReauthorization(diagnosis) = told else { panic!("{told}") };
    assert_eq!((diagnosis.cause, diagnosis.certainty), (Cause::LostRotationNotPersisted, Certainty::Likely));
    assert!(diagnosis.alternatives.contains(&Cause::UserRevoked), "{diagnosis:?}");
    world.expect_order();
}

#[test]
fn a_server_error_after_the_commit_is_not_repeated_blindly() {
    let (mut world, process, grant) = lively(Scene::strict());
    let broken = Fault::after_commit(Action::status(500)).of_grant(GrantType::RefreshToken);
    world.party.provider.add_fault(broken).unwrap();
    world.run_for(minutes(59));
    assert_eq!(world.refreshes().len(), 1);
    issue(&world.token(process, grant));
    world.run_for(minutes(3));
    assert_eq!(world.refreshes().len(), 2);
    let GrantState::NeedsReauthorization { diagnosis } = &world.grant(grant).state else { panic!() };
    assert_eq!(diagnosis.cause, Cause::LostRotationNotPersisted);
    world.expect_order();
}

#[test]
fn a_lost_request_under_a_strict_provider_costs_nothing() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.network.next.push_back(Mishap::RequestLost);
    world.run_for(minutes(65));
    issue(&world.token(process, grant));
    assert_eq!(world.grant(grant).state, GrantState::Active);
    world.expect_order();
}

#[test]
fn a_truncated_answer_is_an_unknown_outcome() {
    let (mut world, process, grant) = lively(Scene::grace(30));
    let cut = Fault::after_commit(Action::Truncate { bytes: 20 }).of_grant(GrantType::RefreshToken);
    world.party.provider.add_fault(cut).unwrap();
    world.run_for(minutes(62));
    issue(&world.token(process, grant));
    assert_eq!(world.refreshes().len(), 2);
    world.expect_order();
}

#[test]
fn a_rejected_token_in_doubt_is_renewed_by_the_scheduler() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.network.next.push_back(Mishap::RequestLost);
    world.run_for(minutes(58));
    assert_eq!(world.refreshes().len(), 0);
    assert_eq!(world.grant(grant).state.name(), "degraded");
    world.reject(grant);
    world.run_for(seconds(40));
    assert_eq!(world.grant(grant).state, GrantState::Active);
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn a_dead_grant_costs_nothing_however_often_it_is_asked_for() {
    for policy in [PolicyName::P0, PolicyName::P1, PolicyName::P2, PolicyName::P3] {
        let (mut world, process, grant) = lively(Scene::named(policy));
        world.withdraw_consent("alice");
        world.run_for(minutes(62));
        assert!(is_dead(&world, grant));
        let requests = world.refreshes().len();
        assert_eq!(requests, 1);
        for _ in 0..100 {
            refusal(&world.token(process, grant));
            world.run_for(minutes(10));
        }
        assert_eq!(world.refreshes().len(), requests);
        world.expect_order();
    }
}

#[test]
fn a_dead_grant_serves_its_access_token_to_the_end() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.withdraw_consent("alice");
    world.run_for(minutes(58));
    assert!(is_dead(&world, grant));
    let answer = world.token(process, grant);
    assert!(issue(&answer).warning.is_some());
    world.expect_order();
}

#[test]
fn a_forced_refresh_that_fails_does_not_occupy_the_scheduler() {
    let mut world = World::new(Scene::strict(), 9);
    let process = world.start().unwrap();
    let grant = world.connect(process, "alice");
    world.network.next.push_back(Mishap::Refused);
    let than = world.grant(grant).generation;
    let call = world.ask_for(process, grant, evergrant_proto::transaction::Want::Newer { than });
    world.await_answer(call);
    world.run_for(minutes(5));
    let wall = world.wall();
    assert!(world.grant(grant).next_due_at.is_some_and(|due| due > wall), "due and nothing to do");
    world.expect_order();
}

#[test]
fn a_token_without_an_end_is_not_risked_for_a_repetition() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(minutes(61));
    let body = r#"{"access_token":"endless","token_type":"Bearer"}"#;
    let odd = Fault::before(Action::respond(200, body)).of_grant(GrantType::RefreshToken);
    world.party.provider.add_fault(odd).unwrap();
    assert_eq!(issue(&world.token(process, grant)).access.token.expose(), "endless");
    world.network.next.push_back(Mishap::RequestLost);
    world.run_for(minutes(40));
    let than = world.grant(grant).generation;
    let call = world.ask_for(process, grant, evergrant_proto::transaction::Want::Newer { than });
    world.await_answer(call);
    world.run_for(minutes(2));
    let call = world.ask_for(process, grant, evergrant_proto::transaction::Want::Newer { than });
    let answer = world.await_answer(call);
    assert!(matches!(refusal(&answer), Refusal::OutcomeUnknown { .. }), "{answer:?}");
    issue(&world.token(process, grant));
    world.reject(grant);
    assert_eq!(issue(&world.token(process, grant)).generation.0, 3);
}

#[test]
fn a_request_that_arrives_after_its_token_was_replaced_is_named_as_the_replay_that_it_was() {
    let (mut world, _, grant) = lively(Scene::strict());
    // Longer than the access token is served, so that the token in doubt is presented again, and that succeeds.
    world.network.next.push_back(Mishap::RequestDelayed(40 * 60 * 1000));
    world.run_for(minutes(180));
    let GrantState::NeedsReauthorization { diagnosis } = &world.grant(grant).state else {
        panic!("{:?}", world.grant(grant).state)
    };
    assert_eq!(diagnosis.cause, Cause::RotatedTokenReused, "{diagnosis:?}");
    world.expect_order();
}
