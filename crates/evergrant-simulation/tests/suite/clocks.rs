//! The wall clock is set.

use evergrant_proto::{grant::GrantState, transaction::Command};
use evergrant_rehearse::{Action, Fault, GrantType, PolicyName};
use evergrant_simulation::{Blow, Doom, Scene, Side, StoreDelay, Work, World};

use crate::support::{is_dead, issue, lively, minutes, quiet, seconds};

const DAY: i64 = 86_400_000;

#[test]
fn a_wall_clock_that_steps_costs_a_refresh_or_two_and_no_grant() {
    for step in [DAY, -DAY] {
        let mut world = World::new(Scene::strict().with_users(5), 21);
        let process = world.start().unwrap();
        let grants: Vec<_> = (0..5).map(|user| world.connect(process, &format!("user{user}"))).collect();
        world.run_for(minutes(10));
        world.step_wall_clock(step);
        for _ in 0..30 {
            world.run_for(minutes(1));
            for grant in &grants {
                issue(&world.token(process, *grant));
            }
        }
        assert!(world.refreshes().len() <= 10, "{} after {step}", world.refreshes().len());
        for back in [false, true] {
            if back {
                world.step_wall_clock(-step);
            }
            for _ in 0..12 {
                // Served tokens must be good at the provider, whose clock is right; a refresh takes a moment.
                for grant in &grants {
                    world.token(process, *grant);
                }
                world.run_for(minutes(10));
            }
            for grant in &grants {
                let token = issue(&world.token(process, *grant)).access.token.clone();
                assert!(world.works(token.expose()), "step {step}, back {back}");
                assert_eq!(world.grant(*grant).state, GrantState::Active);
            }
        }
        assert!(world.refreshes().len() <= 60, "{} after {step}", world.refreshes().len());
        world.expect_order();
    }
}

#[test]
fn a_wall_clock_that_steps_back_during_an_outage_does_not_freeze_the_retries() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.run_for(minutes(50));
    world.network.down = true;
    world.run_for(minutes(30));
    world.step_wall_clock(-DAY);
    world.network.down = false;
    for _ in 0..7 {
        world.run_for(minutes(1));
        issue(&world.token(process, grant));
    }
    world.run_for(minutes(1));
    assert_eq!(world.grant(grant).state, GrantState::Active);
    world.expect_order();
}

#[test]
fn a_claim_that_was_asked_for_before_the_wall_clock_was_set_breaks_no_promise() {
    for step in [300_000, -400_000] {
        let (mut world, first, grant) = quiet(Scene::strict());
        let second = world.start_without_scheduler();
        world.run_for(minutes(70));
        let headers = [("retry-after".to_owned(), "300".to_owned())].into();
        let busy = Fault::before(Action::Respond { status: 429, headers, body: String::new() });
        world.party.provider.add_fault(busy.of_grant(GrantType::RefreshToken).times(1)).unwrap();
        world.doom(second, Doom { work: Work::Claim, side: Side::Before, blow: Blow::Stop(10_000) });
        world.ask(second, grant);
        world.run_for(seconds(1));
        world.step_wall_clock(step);
        world.ask(first, grant);
        world.run_for(seconds(60));
        assert_eq!(world.refreshes().len(), 1, "only the one that was answered with Retry-After: {step}");
        world.run_for(minutes(5));
        issue(&world.token(second, grant));
        world.expect_order();
    }
}

#[test]
fn a_refusal_is_not_final_while_another_attempt_is_open_wherever_the_wall_clock_is_set() {
    let (mut world, first, grant) = quiet(Scene::named(PolicyName::P0));
    let (second, third) = (world.start_without_scheduler(), world.start_without_scheduler());
    world.run_for(minutes(61));
    world.withdraw_consent("alice");
    // Longer than a lease: both are refused, and neither can say so.
    let outcomes = |command: &Command| command.attempt().is_some();
    world.store.delays.push(StoreDelay { strikes: outcomes, before: 65_000, after: 0, times: 2 });
    world.ask(first, grant);
    world.run_for(seconds(61));
    world.ask(second, grant);
    world.run_for(seconds(10));
    world.step_wall_clock(700_000);
    world.run_for(seconds(51));
    world.ask(third, grant);
    world.run_for(seconds(1));
    assert!(!is_dead(&world, grant), "the second may still succeed, for all that the store knows");
    world.run_for(seconds(10));
    assert!(is_dead(&world, grant));
    world.expect_order();
}
