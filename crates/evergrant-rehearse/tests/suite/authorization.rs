//! The authorization endpoint: what is redirected, what is shown, and what the pages do.

use evergrant_rehearse::{Method, PolicyName::P2, Reason, Request};
use serde_json::json;

use crate::world::{ISSUER, REDIRECT, World, location, tokens};

#[test]
fn a_login_hint_brings_a_code_with_state_and_issuer() {
    let mut world = World::demonstration();
    let response = world.authorize("rehearse-public", "alice", &[]);
    assert_eq!(response.status, 303);
    assert!(response.header("location").unwrap().starts_with(&format!("{REDIRECT}?")));
    let answered = location(&response);
    assert_eq!(answered["state"], "st&te");
    assert_eq!(answered["iss"], ISSUER);
    assert!(answered["code"].starts_with("code_"));
}

#[test]
fn errors_that_belong_to_the_client_are_redirected() {
    for (more, error, reason) in [
        (("response_type", "token"), "unsupported_response_type", Reason::UnsupportedResponseType),
        (("response_type", ""), "invalid_request", Reason::MissingParameter),
        (("code_challenge", ""), "invalid_request", Reason::MissingCodeChallenge),
        (("code_challenge_method", "plain"), "invalid_request", Reason::UnsupportedCodeChallenge),
        (("code_challenge_method", ""), "invalid_request", Reason::UnsupportedCodeChallenge),
        (("code_challenge", "tooshort"), "invalid_request", Reason::UnsupportedCodeChallenge),
        (("scope", "a\"b"), "invalid_scope", Reason::ScopeNotAllowed),
        (("resource", "not-absolute"), "invalid_target", Reason::ResourceNotAllowed),
        (("prompt", "none"), "login_required", Reason::LoginRequired),
        (("prompt", "none login"), "invalid_request", Reason::MalformedRequest),
    ] {
        let mut world = World::demonstration();
        let response = world.authorize("rehearse-public", "alice", &[more]);
        let answered = location(&response);
        assert_eq!(answered.get("error").map(String::as_str), Some(error), "{more:?}");
        assert_eq!((answered["state"].as_str(), answered["iss"].as_str()), ("st&te", ISSUER));
        assert_eq!(world.last().reason, Some(reason), "{more:?}");
    }
}

#[test]
fn errors_about_client_or_address_are_shown_and_not_redirected() {
    for (more, reason) in [
        (("client_id", "stranger"), Reason::UnknownClient),
        (("client_id", ""), Reason::MissingParameter),
        (("redirect_uri", "https://evil.example/"), Reason::RedirectUriMismatch),
        (("redirect_uri", ""), Reason::MissingParameter),
    ] {
        let mut world = World::demonstration();
        let response = world.authorize("rehearse-public", "alice", &[more]);
        assert_eq!((response.status, response.header("location")), (400, None), "{more:?}");
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(world.last().reason, Some(reason));
    }
}

#[test]
fn the_login_form_works_by_a_plain_post() {
    let mut world = World::demonstration();
    let page = world.authorize("rehearse-public", "alice", &[("prompt", "login")]);
    assert_eq!(page.status, 200);
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("action=\"/authorize/login\"") && page.contains("value=\"bob\""));
    let pkce = evergrant_rehearse::PkcePair::example();
    let mut fields = vec![
        ("response_type", "code"),
        ("client_id", "rehearse-public"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid offline_access"),
        ("code_challenge", &pkce.challenge),
        ("code_challenge_method", "S256"),
        ("user", "bob"),
    ];
    let answer = world.send(Request::post_form("/authorize/login", &fields));
    let code = location(&answer)["code"].clone();
    let body = world.redeem("rehearse-public", &code).to_json().unwrap();
    assert_eq!(body["tid"], "globex");
    fields.push(("decision", "deny"));
    let denied = world.send(Request::post_form("/authorize/login", &fields));
    assert_eq!(location(&denied)["error"], "access_denied");
    assert_eq!(world.last().reason, Some(Reason::DeniedByUser));
}

#[test]
fn prompt_none_needs_a_session_and_a_consent() {
    let mut world = World::demonstration();
    let pkce = evergrant_rehearse::PkcePair::example();
    let fields = [
        ("response_type", "code"),
        ("client_id", "rehearse-public"),
        ("redirect_uri", REDIRECT),
        ("code_challenge", pkce.challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let with_user: Vec<_> = fields.into_iter().chain([("user", "alice")]).collect();
    let answer = world.send(Request::post_form("/authorize/login", &with_user));
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let silent: Vec<_> = fields.into_iter().chain([("prompt", "none")]).collect();
    let ask = |world: &mut World| {
        location(&world.send(Request::post_form("/authorize", &silent).with_header("cookie", &cookie)))
    };
    assert!(ask(&mut world).contains_key("code"));
    world.admin(Method::Post, "/admin/users/alice/revoke-consent", &json!({}));
    assert_eq!(ask(&mut world)["error"], "consent_required");
}

#[test]
fn a_disabled_or_unknown_user_gets_no_code() {
    let mut world = World::demonstration();
    world.admin(Method::Patch, "/admin/users/alice", &json!({ "enabled": false }));
    assert_eq!(location(&world.authorize("rehearse-public", "alice", &[]))["error"], "access_denied");
    assert_eq!(world.last().reason, Some(Reason::UserDisabled));
    let page = world.authorize("rehearse-public", "mallory", &[]);
    assert!(String::from_utf8(page.body).unwrap().contains("There is no user <code>mallory</code>"));
}

#[test]
fn one_tenant_can_switch_a_client_off_while_others_go_on() {
    let mut world = World::rotating(P2);
    let alices = world.sign_in("app", "alice").refresh;
    let bobs = world.sign_in("app", "bob").refresh;
    let off = json!({ "tenant": "acme", "description": "AADSTS7000112: disabled" });
    assert_eq!(world.admin(Method::Post, "/admin/clients/app/disable", &off).status, 200);
    let refused = world.refresh("app", &alices).to_json().unwrap();
    assert_eq!(refused["error"], "unauthorized_client");
    assert_eq!(refused["error_description"], "AADSTS7000112: disabled");
    assert_eq!(world.last().reason, Some(Reason::ClientDisabledForTenant));
    assert_eq!(location(&world.authorize("app", "alice", &[]))["error"], "unauthorized_client");
    assert!(tokens(&world.refresh("app", &bobs)).is_some());
    world.admin(Method::Post, "/admin/clients/app/enable", &json!({ "tenant": "acme" }));
    assert!(tokens(&world.refresh("app", &alices)).is_some(), "the refusal spent nothing");
}

#[test]
fn both_discovery_documents_describe_what_is_served() {
    let mut world = World::demonstration();
    let oauth = world.send(Request::get("/.well-known/oauth-authorization-server")).to_json().unwrap();
    let oidc = world.send(Request::get("/.well-known/openid-configuration")).to_json().unwrap();
    assert_eq!(oauth, oidc);
    assert_eq!(oauth["issuer"], ISSUER);
    assert_eq!(oauth["authorization_response_iss_parameter_supported"], true);
    assert_eq!(oauth["code_challenge_methods_supported"], json!(["S256"]));
    let paths = oauth.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint"));
    for (name, address) in paths {
        let path = address.as_str().unwrap().strip_prefix(ISSUER).unwrap();
        assert_ne!(world.send(Request::get(path)).status, 404, "{name}");
    }
}
