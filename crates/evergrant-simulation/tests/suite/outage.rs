//! The provider is down, slow, or asks for patience.

use std::collections::BTreeMap;

use evergrant_proto::engine::Refusal;
use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, PolicyName, RotationPolicy};
use evergrant_simulation::{Scene, World};

use crate::support::{issue, lively, minutes, quiet, refusal, seconds};

fn patience(retry_after_s: u64, status: u16) -> Action {
    let headers = BTreeMap::from([("retry-after".to_owned(), retry_after_s.to_string())]);
    Action::Respond { status, headers, body: String::new() }
}

/// Requests in an hour of outage that one grant may cost: backoff grows to five minutes, half of that on average.
const MOST_REQUESTS: usize = 60;

#[test]
fn an_hour_of_outage_is_survived_without_help_and_without_hammering() {
    for status in [503, 500] {
        let (mut world, process, grant) = lively(Scene::grace(30));
        world.run_for(minutes(50));
        let down = Fault::before(Action::status(status)).at(Endpoint::Token).always();
        let fault = world.party.provider.add_fault(down).unwrap();
        let expires = world.grant(grant).access[0].usable_until().unwrap();
        for _ in 0..60 {
            world.run_for(minutes(1));
            let answer = world.token(process, grant);
            if world.wall() < expires {
                issue(&answer);
            } else {
                let told = refusal(&answer);
                let fits =
                    matches!(told, Refusal::ProviderUnavailable { .. } | Refusal::OutcomeUnknown { .. });
                assert!(fits, "{told}");
            }
        }
        let requests = world.refreshes().len();
        assert!((2..=MOST_REQUESTS).contains(&requests), "{requests} requests, status {status}");
        world.party.provider.remove_fault(fault);
        // Without anybody asking: the longest backoff, or what P2 waits for when the window has passed.
        world.run_for(minutes(6));
        assert_eq!(world.grant(grant).state.name(), "active", "status {status}");
        world.expect_order();
    }
}

#[test]
fn an_hour_without_a_network_costs_no_request_and_leaves_nothing_in_doubt() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.run_for(minutes(50));
    world.network.down = true;
    world.run_for(minutes(70));
    assert_eq!(world.refreshes().len(), 0);
    refusal(&world.token(process, grant));
    world.network.down = false;
    world.run_for(minutes(6));
    issue(&world.token(process, grant));
    assert_eq!(world.refreshes().len(), 1);
    world.expect_order();
}

#[test]
fn a_hundred_grants_do_not_hammer_a_provider_that_is_down() {
    hundred_grants_through_an_outage(Scene::strict(), 503);
}

/// Each request is in doubt, and may be repeated for a day: there is time to spare the provider.
#[test]
fn a_hundred_grants_in_doubt_do_not_hammer_it_either() {
    let rotation = RotationPolicy { window_s: Some(86_400), ..RotationPolicy::named(PolicyName::P7) };
    hundred_grants_through_an_outage(Scene::of(rotation), 500);
}

fn hundred_grants_through_an_outage(scene: Scene, status: u16) {
    let mut world = World::new(scene.with_users(100), 3);
    let process = world.start().unwrap();
    let grants: Vec<_> = (0..100).map(|user| world.connect(process, &format!("user{user}"))).collect();
    let down = Fault::before(Action::status(status)).at(Endpoint::Token).always();
    let fault = world.party.provider.add_fault(down).unwrap();
    world.run_for(minutes(115));
    let requests = world.refreshes().len();
    // Three grants may find out; from then on the endpoint is asked by one at a time.
    assert!(requests < MOST_REQUESTS, "{requests} requests");
    world.party.provider.remove_fault(fault);
    world.run_for(minutes(7));
    for grant in grants {
        assert_eq!(world.grant(grant).state.name(), "active");
    }
    world.expect_order();
}

#[test]
fn retry_after_is_a_floor() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.run_for(minutes(50));
    let slow = Fault::before(patience(1200, 503)).of_grant(GrantType::RefreshToken);
    world.party.provider.add_fault(slow).unwrap();
    world.run_for(minutes(10));
    assert_eq!(world.refreshes().len(), 1);
    let first = world.refreshes()[0].at_ms;
    refusal(&world.token(process, grant));
    world.run_for(minutes(25));
    let second = world.refreshes()[1].at_ms;
    assert!(second.since(first) >= seconds(1200), "{:?}", second.since(first));
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn a_rate_limit_slows_only_its_endpoint() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.run_for(minutes(50));
    let limited =
        Fault::before(patience(600, 429)).at(Endpoint::Token).of_grant(GrantType::RefreshToken).times(1);
    world.party.provider.add_fault(limited).unwrap();
    world.run_for(minutes(12));
    assert_eq!(world.refreshes().len(), 1);
    // The repair path and the revocation endpoint are not held up by it.
    let other = world.connect(process, "bob");
    issue(&world.token(process, other));
    let call = world.revoke(process, other, false);
    world.await_answer(call);
    assert_eq!(world.journal_of(Endpoint::Revoke).len(), 1);
    world.run_for(minutes(10));
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn a_rejected_token_costs_one_refresh() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(minutes(1));
    for _ in 0..10 {
        world.reject(grant);
    }
    let calls: Vec<_> = (0..10).map(|_| world.ask(process, grant)).collect();
    assert!(world.run_until_answered(seconds(10)));
    assert_eq!(world.refreshes().len(), 1);
    assert!(calls.iter().all(|call| issue(world.call(*call).answer.as_ref().unwrap()).generation.0 == 2));
    world.expect_order();
}

#[test]
fn an_answer_that_brings_only_a_refresh_token_does_not_start_a_loop() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.run_for(minutes(50));
    let body = r#"{"refresh_token":"only-this"}"#;
    let odd = Fault::after_commit(Action::respond(200, body)).of_grant(GrantType::RefreshToken).always();
    world.party.provider.add_fault(odd).unwrap();
    for _ in 0..10 {
        world.run_for(minutes(5));
        world.token(process, grant);
    }
    let requests = world.refreshes().len();
    assert!(requests < MOST_REQUESTS, "{requests} requests");
}

#[test]
fn tokens_that_end_at_once_do_not_start_a_loop() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.run_for(minutes(50));
    let body = r#"{"access_token":"brief","expires_in":0,"token_type":"Bearer"}"#;
    let odd = Fault::before(Action::respond(200, body)).of_grant(GrantType::RefreshToken).always();
    world.party.provider.add_fault(odd).unwrap();
    for _ in 0..10 {
        world.run_for(minutes(5));
        world.token(process, grant);
    }
    let requests = world.refreshes().len();
    assert!(requests < 400, "{requests} requests");
}
