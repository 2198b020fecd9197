//! The wall clock is set.

use evergrant_proto::grant::GrantState;
use evergrant_simulation::{Scene, World};

use crate::support::{issue, lively, minutes};

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
