//! Revocation, introspection, and the resource servers' refusals.

use evergrant_rehearse::{Method, PolicyName::P2, Reason, Request, RevocationCause};
use serde_json::{Value, json};

use crate::world::{World, basic, error, tokens};

fn introspect(world: &mut World, token: &str) -> Value {
    let request = Request::post_form("/introspect", &[("token", token)]);
    let request = request.with_header("authorization", &basic("rehearse-basic", "demo-secret-basic"));
    world.send(request).to_json().unwrap()
}

#[test]
fn revoking_a_refresh_token_ends_its_family() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice");
    let second = tokens(&world.refresh("app", &first.refresh)).unwrap();
    let revoke = |token: &str| Request::post_form("/revoke", &[("client_id", "app"), ("token", token)]);
    assert_eq!(world.send(revoke(&second.refresh)).status, 200);
    assert_eq!(world.last().revoked[0].cause, RevocationCause::ClientRequest);
    assert_eq!(world.refusal(&second.refresh).name(), "family_revoked:client_request");
    assert_eq!(world.userinfo(&second.access), 401);
    assert_eq!(world.send(revoke("rt_unknown")).status, 200, "RFC 7009 2.2");
}

#[test]
fn revoking_an_access_token_leaves_the_grant_alone() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice");
    world.send(Request::post_form("/revoke", &[("client_id", "app"), ("token", &first.access)]));
    assert_eq!(world.userinfo(&first.access), 401);
    assert_eq!(world.last().reason, Some(Reason::RevokedAccessToken));
    world.refreshed(&first.refresh);
}

#[test]
fn a_client_cannot_revoke_or_refresh_what_another_holds() {
    let mut world = World::demonstration();
    let held = world.sign_in("rehearse-public", "alice");
    world.provider.add_client(evergrant_rehearse::ClientSettings::public("stranger")).unwrap();
    for token in [&held.refresh, &held.access] {
        let revoke = Request::post_form("/revoke", &[("client_id", "stranger"), ("token", token)]);
        assert_eq!(world.send(revoke).status, 400);
    }
    assert_eq!(error(&world.refresh("stranger", &held.refresh)), "invalid_grant");
    assert_eq!(world.last().reason, Some(Reason::RefreshTokenOfOtherClient));
    assert_eq!(world.userinfo(&held.access), 200);
    assert_eq!(world.refresh("rehearse-public", &held.refresh).status, 200);
}

#[test]
fn introspection_tells_live_tokens_from_all_others() {
    let mut world = World::demonstration();
    let first = world.sign_in("rehearse-public", "alice");
    let access = introspect(&mut world, &first.access);
    assert_eq!((access["active"].as_bool(), access["sub"].as_str()), (Some(true), Some("alice")));
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 300);
    assert_eq!(introspect(&mut world, &first.refresh)["token_type"], "refresh_token");
    let second = tokens(&world.refresh("rehearse-public", &first.refresh)).unwrap();
    assert_eq!(introspect(&mut world, &first.refresh), json!({ "active": false }));
    assert_eq!(introspect(&mut world, &second.refresh)["active"], true);
    world.advance_s(300);
    assert_eq!(introspect(&mut world, &first.access), json!({ "active": false }));
    assert_eq!(introspect(&mut world, "nonsense"), json!({ "active": false }));
    let public = Request::post_form("/introspect", &[("client_id", "rehearse-public"), ("token", "x")]);
    assert_eq!(error(&world.send(public)), "unauthorized_client");
}

#[test]
fn a_resource_server_answers_401_and_403_with_a_challenge() {
    let mut world = World::rotating(P2);
    let access = world.sign_in("app", "alice").access;
    let mut ask = |path: &str, authorization: Option<String>| {
        let mut request = Request::get(path);
        if let Some(authorization) = authorization {
            request = request.with_header("authorization", &authorization);
        }
        let response = world.send(request);
        (response.status, response.header("www-authenticate").unwrap_or_default().to_owned())
    };
    let bearer = Some(format!("Bearer {access}"));
    assert_eq!(ask("/resource", None), (401, "Bearer realm=\"rehearsal\"".into()));
    let (status, challenge) = ask("/resource", Some("Bearer nonsense".into()));
    assert!(status == 401 && challenge.contains("error=\"invalid_token\""), "{challenge}");
    let (status, challenge) = ask("/resource/files.read", bearer.clone());
    assert!(status == 403 && challenge.contains("insufficient_scope"), "{challenge}");
    assert!(challenge.contains("scope=\"files.read\""), "{challenge}");
    assert_eq!(ask("/resource/openid", bearer.clone()).0, 200);
    assert_eq!(ask("/resource/a%22%0D%0Ab", bearer).0, 404, "no header is built from what was sent");
}

#[test]
fn the_end_of_an_account_shows_as_an_invalid_token_and_its_true_reason_in_the_journal() {
    let mut world = World::rotating(P2);
    let access = world.sign_in("app", "alice").access;
    world.admin(Method::Patch, "/admin/users/alice", &json!({ "enabled": false }));
    assert_eq!(world.userinfo(&access), 401);
    assert_eq!(world.last().reason, Some(Reason::UserDisabled));
}

#[test]
fn resources_are_bound_and_narrowed() {
    let mut world = World::rotating(P2);
    let (mail, files) = ("https://mail.example", "https://files.example");
    let code = world.code("app", "alice", &[("resource", mail)]);
    let first = tokens(&world.redeem("app", &code)).unwrap();
    let mut refresh = |resource: &str| {
        world.token(&[
            ("client_id", "app"),
            ("grant_type", "refresh_token"),
            ("refresh_token", &first.refresh),
            ("resource", resource),
        ])
    };
    assert_eq!(error(&refresh(files)), "invalid_target");
    assert_eq!(refresh(mail).status, 200);
}
