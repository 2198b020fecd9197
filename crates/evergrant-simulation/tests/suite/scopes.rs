//! Callers that want a part of what was granted.

use std::time::Duration;

use evergrant_proto::{
    engine::{Refusal, TokenRequest},
    grant::AccessKey,
    name::Generation,
    transaction::Want,
};
use evergrant_rehearse::PolicyName;
use evergrant_simulation::Scene;

use crate::support::{issue, lively, minutes, quiet, refusal};

#[test]
fn a_narrower_token_leaves_the_grant_as_wide_as_it_is() {
    for policy in [PolicyName::P0, PolicyName::P2, PolicyName::P7] {
        let mut scene = Scene::named(policy);
        "offline_access mail calendar".clone_into(&mut scene.scopes);
        let (mut world, process, grant) = quiet(scene);
        for part in ["mail", "calendar mail"] {
            let key = AccessKey { resource: None, scope: Some(part.parse().unwrap()) };
            let request = TokenRequest { grant, key, want: Want::Usable { min_ttl: Duration::ZERO } };
            let call = world.request(process, request);
            let told = world.await_answer(call);
            assert_eq!(issue(&told).scope, part.parse().unwrap(), "{policy:?}");
            world.run_for(minutes(61));
            let told = world.token(process, grant);
            assert_eq!(issue(&told).scope, world.scene.scopes.parse().unwrap(), "{policy:?}");
        }
        assert_eq!(world.grant(grant).granted, world.scene.scopes.parse().unwrap());
        world.expect_order();
    }
}

#[test]
fn a_scope_that_was_never_granted_costs_nobody_anything() {
    let (mut world, process, grant) = quiet(Scene::named(PolicyName::P0));
    let key = AccessKey { resource: None, scope: Some("never-granted".parse().unwrap()) };
    for want in [Want::Usable { min_ttl: Duration::ZERO }, Want::Newer { than: Generation(1) }] {
        let call = world.request(process, TokenRequest { grant, key: key.clone(), want });
        let told = world.await_answer(call);
        assert!(matches!(refusal(&told), Refusal::RequestRefused(_)), "{told:?}");
        assert_eq!(world.grant(grant).state.name(), "active");
    }
    assert_eq!(world.refreshes().len(), 0);
    world.run_for(minutes(61));
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn a_resource_that_is_refused_to_one_caller_is_no_lasting_trouble_of_the_grant() {
    let (mut world, process, grant) = lively(Scene::named(PolicyName::P0));
    world.run_for(minutes(1));
    let key = AccessKey { resource: Some("https://unheard-of.example/".parse().unwrap()), scope: None };
    let request = TokenRequest { grant, key, want: Want::Usable { min_ttl: Duration::ZERO } };
    let call = world.request(process, request);
    let told = world.await_answer(call);
    assert!(matches!(refusal(&told), Refusal::RequestRefused(_)), "{told:?}");
    assert_eq!(world.grant(grant).state.name(), "degraded");
    world.run_for(minutes(3));
    assert_eq!(world.grant(grant).state.name(), "active");
    assert_eq!(world.refreshes().len(), 1, "nothing more was asked of the provider");
    issue(&world.token(process, grant));
    world.expect_order();
}
