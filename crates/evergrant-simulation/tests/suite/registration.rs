//! The provider rejects the client's registration.

use evergrant_proto::{engine::Refusal, grant::GrantState};
use evergrant_rehearse::TenantRefusal;
use evergrant_simulation::{Scene, World};

use crate::support::{is_dead, issue, minutes, refusal};

#[test]
fn a_changed_secret_kills_no_grant_and_new_credentials_resume_all_of_them() {
    let mut world = World::new(Scene::strict().with_users(20), 5);
    let process = world.start().unwrap();
    let grants: Vec<_> = (0..20).map(|user| world.connect(process, &format!("user{user}"))).collect();
    world.change_secret_at_provider("second secret");
    world.run_for(minutes(180));
    assert!(grants.iter().all(|grant| !is_dead(&world, *grant)));
    let probes = world.refreshes().len();
    // Two to find out, then one probe after 1, 2, 4, 8, 15, 15, ... minutes.
    assert!(probes <= 16, "{probes} probes in two hours");
    let told = refusal(&world.token(process, grants[3])).clone();
    assert!(matches!(told, Refusal::ClientRejected { .. }), "{told}");
    assert!(world.put_secret("second secret"));
    world.run_for(minutes(1));
    for grant in &grants {
        assert_eq!(world.grant(*grant).state.name(), "active");
        issue(&world.token(process, *grant));
    }
    world.expect_order();
}

#[test]
fn a_secret_that_works_again_is_found_out_without_help() {
    let mut world = World::new(Scene::strict().with_users(5), 6);
    let process = world.start().unwrap();
    let grants: Vec<_> = (0..5).map(|user| world.connect(process, &format!("user{user}"))).collect();
    world.change_secret_at_provider("a mistake");
    world.run_for(minutes(120));
    world.change_secret_at_provider(evergrant_simulation::CLIENT_SECRET);
    world.run_for(minutes(17));
    assert!(grants.iter().all(|grant| world.grant(*grant).state == GrantState::Active));
    world.expect_order();
}

#[test]
fn an_organization_that_disables_the_app_stops_only_its_own_grants() {
    let mut world = World::new(Scene::strict().with_users(10), 7);
    let process = world.start().unwrap();
    let others: Vec<_> = (0..10).map(|user| world.connect(process, &format!("user{user}"))).collect();
    let theirs = world.connect(process, "alice");
    let provider = &mut world.party.provider;
    provider.disable_client_for_tenant("app", "acme", TenantRefusal::default()).unwrap();
    for _ in 0..180 {
        world.run_for(minutes(1));
        for grant in &others {
            issue(&world.token(process, *grant));
        }
    }
    assert!(!is_dead(&world, theirs));
    refusal(&world.token(process, theirs));
    world.party.provider.enable_client_for_tenant("app", "acme").unwrap();
    world.run_for(minutes(17));
    issue(&world.token(process, theirs));
    world.expect_order();
}

#[test]
fn two_organizations_that_disable_the_app_do_not_stop_the_others_for_long() {
    let mut world = World::new(Scene::strict().with_users(10), 8);
    let process = world.start().unwrap();
    let others: Vec<_> = (0..8).map(|user| world.connect(process, &format!("user{user}"))).collect();
    let theirs: Vec<_> = (8..10).map(|user| world.connect(process, &format!("user{user}"))).collect();
    for tenant in ["organization8", "organization9"] {
        let provider = &mut world.party.provider;
        provider.disable_client_for_tenant("app", tenant, TenantRefusal::default()).unwrap();
    }
    let mut refused = 0;
    for _ in 0..180 {
        world.run_for(minutes(1));
        for grant in &others {
            let answer = world.token(process, *grant);
            refused += usize::from(matches!(answer, evergrant_proto::engine::Answer::Refused(_)));
        }
    }
    assert!(refused <= 8 * 4, "{refused} minutes without a token");
    assert!(theirs.iter().all(|grant| !is_dead(&world, *grant)));
    world.expect_order();
}
