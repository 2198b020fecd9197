//! Everybody at once.

use std::time::Duration;

use evergrant_proto::{engine::TokenRequest, grant::AccessKey, transaction::Want};
use evergrant_simulation::{Mishap, Scene, World};

use crate::support::{issue, minutes, quiet, seconds};

#[test]
fn a_hundred_callers_and_one_expired_grant_are_one_request() {
    let (mut world, process, grant) = quiet(Scene::strict());
    for round in 1..=20 {
        world.run_for(minutes(61));
        let calls: Vec<_> = (0..100).map(|_| world.ask(process, grant)).collect();
        assert!(world.run_until_answered(seconds(20)));
        assert_eq!(world.refreshes().len(), round);
        let first = issue(world.call(calls[0]).answer.as_ref().unwrap()).access.token.clone();
        for call in calls {
            assert_eq!(issue(world.call(call).answer.as_ref().unwrap()).access.token, first);
        }
        assert!(world.engine(process).is_idle());
    }
    world.expect_order();
}

#[test]
fn eight_processes_and_one_expired_grant_are_one_request() {
    for seed in 0..20 {
        let mut world = World::new(Scene::strict(), seed);
        let processes: Vec<_> = (0..8).map(|_| world.start().unwrap()).collect();
        let grant = world.connect(processes[0], "alice");
        for process in &processes {
            world.pause(*process);
        }
        world.run_for(minutes(61));
        for process in &processes {
            world.resume(*process);
        }
        for process in &processes {
            for _ in 0..10 {
                world.ask(*process, grant);
            }
        }
        assert!(world.run_until_answered(seconds(20)));
        assert_eq!(world.refreshes().len(), 1, "seed {seed}");
        assert!(
            world
                .calls()
                .filter(|call| call.request.is_some())
                .all(|call| { issue(call.answer.as_ref().unwrap()).generation.0 == 2 })
        );
        world.expect_order();
    }
}

#[test]
fn greedy_callers_cost_one_refresh_a_generation() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(minutes(30));
    for _ in 0..50 {
        let call = world.ask_for(process, grant, Want::Usable { min_ttl: minutes(6000) });
        issue(&world.await_answer(call));
    }
    assert_eq!(world.refreshes().len(), 1);
    world.expect_order();
}

#[test]
fn a_caller_in_line_behind_another_resource_is_told_in_time() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(seconds(1));
    world.reject(grant);
    world.network.next.push_back(Mishap::ResponseDelayed(28_000));
    let key = AccessKey { resource: Some("https://resource.example/".to_owned()), scope: None };
    let want = Want::Usable { min_ttl: Duration::ZERO };
    world.request(process, TokenRequest { grant, key, want });
    world.run_for(seconds(3));
    // Each has a deadline of its own, also those who come after the line has formed.
    let calls: Vec<_> = (0..3)
        .map(|_| {
            world.run_for(seconds(1));
            world.ask(process, grant)
        })
        .collect();
    world.run_for(seconds(12));
    for call in calls {
        let call = world.call(call);
        let waited = call.answered_at.expect("told before the flight ahead has ended") - call.asked_at;
        assert!((9_900..=10_050).contains(&waited), "waited {waited} ms");
    }
    world.expect_order();
}
