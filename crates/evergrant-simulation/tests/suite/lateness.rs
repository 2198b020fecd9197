//! What comes late: it is judged by what is true when it comes.

use std::time::Duration;

use evergrant_proto::{diagnosis::Cause, grant::GrantState};
use evergrant_rehearse::PolicyName;
use evergrant_simulation::{Dice, Mishap, Scene};

use crate::support::{issue, minutes, quiet, seconds};

#[test]
fn a_refusal_that_is_heard_late_is_explained_by_the_attempt_in_doubt_that_came_after_it() {
    let (mut world, first, grant) = quiet(Scene::named(PolicyName::P1));
    world.run_for(minutes(61));
    world.network.next.push_back(Mishap::RequestDelayed(650_000));
    world.ask(first, grant);
    world.run_for(seconds(1));
    world.pause(first);
    let second = world.start().unwrap();
    world.network.next.push_back(Mishap::ResponseLost);
    let end = world.now() + 640_000;
    world.run_until(end, |world| world.refreshes().len() == 1);
    assert_eq!(world.refreshes().len(), 1, "the second has spent the token");
    world.kill(second);
    world.run_for(minutes(11));
    assert_eq!(world.refreshes().len(), 2, "the first one's request was refused");
    // The answer is looked at before the deadline that has passed, too.
    world.dice = (0..100).map(Dice::new).find(|dice| dice.clone().permille(500)).unwrap();
    world.resume(first);
    world.run_for(seconds(2));
    let GrantState::NeedsReauthorization { diagnosis } = &world.grant(grant).state else {
        panic!("{:?}", world.grant(grant).state)
    };
    assert_eq!(diagnosis.cause, Cause::LostRotationNotPersisted, "{diagnosis:?}");
    world.expect_order();
}

#[test]
fn a_read_that_began_before_a_change_was_noticed_does_not_come_back_into_the_cache() {
    let (mut world, _, grant) = quiet(Scene::named(PolicyName::P6));
    world.with_drivers();
    let reader = world.start_without_scheduler();
    world.network.store_latency = (300, 300);
    let call = world.ask(reader, grant);
    world.run_for(Duration::from_millis(350));
    let rejected = world.grant(grant).generation;
    world.reject(grant);
    assert_eq!(issue(&world.await_answer(call)).generation, rejected, "it was asked for before");
    world.run_for(Duration::from_millis(1_500));
    assert!(issue(&world.token(reader, grant)).generation > rejected);
    world.expect_order();
}
