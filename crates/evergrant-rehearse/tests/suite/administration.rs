//! The administration, and what its changes do to grants.

use evergrant_rehearse::{Endpoint, Method, PolicyName::P2, Reason, Request};
use serde_json::{Value, json};

use crate::world::World;

#[test]
fn what_happens_to_an_account_ends_its_grants_with_a_named_cause() {
    for (method, path, reason) in [
        (Method::Post, "/admin/users/alice/change-password", "family_revoked:password_changed"),
        (Method::Post, "/admin/users/alice/revoke-consent", "family_revoked:user_revoked"),
        (Method::Post, "/admin/users/alice/end-session", "family_revoked:session_ended"),
        (Method::Post, "/admin/users/alice/suspect", "family_revoked:suspicious_activity"),
        (Method::Delete, "/admin/users/alice", "family_revoked:user_deleted"),
        (Method::Post, "/admin/grants/1/revoke", "family_revoked:administrator"),
    ] {
        let mut world = World::rotating(P2);
        let alices = world.sign_in("app", "alice").refresh;
        let bobs = world.sign_in("app", "bob").refresh;
        let answer = world.send(Request::new(method, path).with_header("host", "localhost"));
        assert_eq!(answer.status, 200, "{:?}", answer.to_json());
        assert_eq!(world.last().endpoint, Endpoint::Admin);
        assert_eq!(world.last().revoked.len(), 1);
        assert_eq!(world.refusal(&alices).name(), reason);
        world.refreshed(&bobs);
    }
}

#[test]
fn a_disabled_user_can_be_enabled_again() {
    let mut world = World::rotating(P2);
    let alices = world.sign_in("app", "alice").refresh;
    world.admin(Method::Patch, "/admin/users/alice", &json!({ "enabled": false }));
    assert_eq!(world.refusal(&alices), Reason::UserDisabled);
    world.admin(Method::Patch, "/admin/users/alice", &json!({ "enabled": true }));
    world.refreshed(&alices);
}

#[test]
fn a_client_may_survive_a_password_change() {
    let mut world = World::rotating(P2);
    let alices = world.sign_in("app", "alice").refresh;
    world.admin(Method::Patch, "/admin/clients/app", &json!({ "survives_password_change": true }));
    let now = world.now;
    assert!(world.provider.change_password("alice", now).unwrap().is_empty());
    world.refreshed(&alices);
}

#[test]
fn clients_are_listed_added_changed_and_deleted() {
    let mut world = World::demonstration();
    let client = json!({ "client_id": "shop", "client_secret": "s3cr3t", "rotation": "P1" });
    assert_eq!(world.admin(Method::Post, "/admin/clients", &client).status, 201);
    assert_eq!(world.admin(Method::Post, "/admin/clients", &client).status, 409);
    for (rotation, status) in [
        (json!({ "policy": "P3", "window_s": 9 }), 200),
        (json!({ "policy": "P1", "window_s": 9 }), 400),
        (json!("P2"), 200),
    ] {
        let patch = json!({ "rotation": rotation, "lifetimes": { "access_token_s": 60 } });
        assert_eq!(world.admin(Method::Patch, "/admin/clients/shop", &patch).status, status, "{patch}");
    }
    let listed = world.admin(Method::Get, "/admin/clients", &Value::Null).to_json().unwrap();
    let shop =
        listed["clients"].as_array().unwrap().iter().find(|client| client["client_id"] == "shop").unwrap();
    assert_eq!(shop["client_secret"], "***");
    assert_eq!(shop["rotation"]["policy"], "P2");
    assert_eq!(shop["lifetimes"]["access_token_s"], 60);
    let renamed = json!({ "client_id": "other" });
    assert_eq!(world.admin(Method::Patch, "/admin/clients/shop", &renamed).status, 400);
    let mistyped = json!({ "redirect_urls": [] });
    assert_eq!(world.admin(Method::Patch, "/admin/clients/shop", &mistyped).status, 400);
    assert_eq!(world.admin(Method::Delete, "/admin/clients/shop", &Value::Null).status, 200);
    assert_eq!(world.admin(Method::Delete, "/admin/clients/shop", &Value::Null).status, 404);
}

#[test]
fn the_journal_is_read_in_parts() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    world.refreshed(&first);
    let read = |world: &mut World, query: &str| {
        world.admin(Method::Get, &format!("/admin/journal{query}"), &Value::Null).to_json().unwrap()
    };
    let all = read(&mut world, "");
    assert_eq!(all["entries"].as_array().unwrap().len(), 3);
    assert_eq!(all["last"], 3);
    let tokens = read(&mut world, "?endpoint=token&after=2");
    assert_eq!(tokens["entries"].as_array().unwrap().len(), 1);
    let entry = &tokens["entries"][0];
    assert_eq!(entry["grant_type"], "refresh_token");
    assert_eq!((entry["generation"].as_u64(), entry["client_id"].as_str()), (Some(1), Some("app")));
    assert!(read(&mut world, "?endpoint=nowhere")["error"].as_str().unwrap().contains("nowhere"));
    assert!(read(&mut world, "?after=x")["error"].as_str().unwrap().contains("not a number"));
}

#[test]
fn a_journal_of_bounded_size_says_what_it_forgot() {
    let settings = evergrant_rehearse::Settings { journal_capacity: 2, ..Default::default() };
    let mut world = World::new(settings);
    for _ in 0..5 {
        world.send(Request::get("/jwks"));
    }
    let read = world.admin(Method::Get, "/admin/journal", &Value::Null).to_json().unwrap();
    assert_eq!((read["forgotten"].as_u64(), read["last"].as_u64()), (Some(3), Some(5)));
    assert_eq!(read["entries"].as_array().unwrap().len(), 2);
}

#[test]
fn faults_are_added_listed_and_cleared() {
    let mut world = World::demonstration();
    let fault = json!({ "when": "before", "endpoint": "jwks", "action": { "respond": { "status": 503 } } });
    let added = world.admin(Method::Post, "/admin/faults", &fault);
    assert_eq!((added.status, added.to_json().unwrap()), (201, json!({ "id": 1 })));
    assert_eq!(world.send(Request::get("/jwks")).status, 503);
    let listed = world.admin(Method::Get, "/admin/faults", &Value::Null).to_json().unwrap();
    assert_eq!(
        (listed["faults"][0]["struck"].as_u64(), listed["faults"][0]["held"].as_u64()),
        (Some(1), Some(0))
    );
    assert_eq!(world.admin(Method::Delete, "/admin/faults", &Value::Null).status, 200);
    assert_eq!(world.admin(Method::Get, "/admin/faults/1", &Value::Null).status, 404);
    let wrong = json!({ "when": "before", "action": { "truncate": { "bytes": 1 } } });
    assert_eq!(world.admin(Method::Post, "/admin/faults", &wrong).status, 400);
}

#[test]
fn an_unknown_route_points_to_the_index() {
    let mut world = World::demonstration();
    let answer = world.admin(Method::Get, "/admin/nothing", &Value::Null);
    assert_eq!((answer.status, answer.to_json().unwrap()["see"].as_str()), (404, Some("GET /admin")));
    assert!(
        world.admin(Method::Get, "/admin", &Value::Null).to_json().unwrap().as_object().unwrap().len() > 10
    );
}

#[test]
fn a_client_can_have_other_words_for_a_reason_and_only_for_one_that_there_is() {
    let mut world = World::rotating(P2);
    let token = world.sign_in("app", "alice").refresh;
    let worded = |name: &str| json!({ "wordings": { name: { "description": "User disabled" } } });
    assert_eq!(world.admin(Method::Patch, "/admin/clients/app", &worded("user_off")).status, 400);
    assert_eq!(world.admin(Method::Patch, "/admin/clients/app", &worded("user_disabled")).status, 200);
    world.provider.change_user("alice", |user| user.enabled = false).unwrap();
    let refused = world.refresh("app", &token).to_json().unwrap();
    assert_eq!(refused, json!({ "error": "invalid_grant", "error_description": "User disabled" }));
}

#[test]
fn a_factor_that_is_demanded_stops_the_grants_until_it_no_longer_is() {
    let mut world = World::rotating(P2);
    let token = world.sign_in("app", "alice").refresh;
    world.provider.change_user("alice", |user| user.step_up_required = true).unwrap();
    assert_eq!(world.refusal(&token), Reason::StepUpRequired);
    world.provider.change_user("alice", |user| user.step_up_required = false).unwrap();
    world.refreshed(&token);
}
