//! Client authentication: one method, form-decoded, refused with a challenge.

use evergrant_rehearse::{
    ClientSettings, ErrorDescriptions, Method, Reason, RefreshTokens, Request, Settings,
};

use crate::world::{World, basic, error};

fn ask(
    authorization: Option<&str>,
    fields: &[(&str, &str)],
) -> (u16, String, Option<String>, Option<Reason>) {
    let mut world = World::demonstration();
    let mut all = vec![("grant_type", "client_credentials")];
    all.extend(fields);
    let mut request = Request::post_form("/token", &all);
    if let Some(authorization) = authorization {
        request = request.with_header("authorization", authorization);
    }
    let response = world.send(request);
    let error = response.to_json().unwrap()["error"].as_str().unwrap_or_default().to_owned();
    (response.status, error, response.header("www-authenticate").map(String::from), world.last().reason)
}

#[test]
fn each_method_works_for_the_client_that_is_registered_for_it() {
    assert_eq!(ask(Some(&basic("rehearse-basic", "demo-secret-basic")), &[]).0, 200);
    assert_eq!(ask(None, &[("client_id", "rehearse-post"), ("client_secret", "demo-secret-post")]).0, 200);
}

#[test]
fn a_failed_authentication_is_401_with_a_challenge_and_a_named_reason() {
    let wrong = basic("rehearse-basic", "wrong");
    let stranger = basic("stranger", "x");
    let not_basic = "Bearer abc".to_owned();
    let post_with_basic = basic("rehearse-post", "demo-secret-post");
    for (authorization, fields, reason) in [
        (Some(&wrong), vec![], Reason::WrongSecret),
        (Some(&stranger), vec![], Reason::UnknownClient),
        (Some(&not_basic), vec![], Reason::MissingClientAuthentication),
        (Some(&post_with_basic), vec![], Reason::WrongAuthenticationMethod),
        (None, vec![], Reason::MissingClientAuthentication),
        (None, vec![("client_id", "rehearse-basic")], Reason::MissingClientAuthentication),
        (
            None,
            vec![("client_id", "rehearse-basic"), ("client_secret", "demo-secret-basic")],
            Reason::WrongAuthenticationMethod,
        ),
    ] {
        let (status, error, challenge, named) = ask(authorization.map(String::as_str), &fields);
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{reason}");
        assert!(challenge.unwrap().starts_with("Basic realm="));
        assert_eq!(named, Some(reason));
    }
}

#[test]
fn two_methods_in_one_request_are_an_error() {
    let authorization = basic("rehearse-basic", "demo-secret-basic");
    let (status, error, _, reason) = ask(Some(&authorization), &[("client_secret", "demo-secret-basic")]);
    assert_eq!((status, error.as_str()), (400, "invalid_request"));
    assert_eq!(reason, Some(Reason::SeveralAuthenticationMethods));
}

#[test]
fn basic_credentials_are_form_decoded() {
    let mut world = World::demonstration();
    world.provider.add_client(ClientSettings::basic("a:b", "s%+ü")).unwrap();
    let authorization = basic("a%3Ab", "s%25%2B%C3%BC");
    let request = Request::post_form("/token", &[("grant_type", "client_credentials")]);
    assert_eq!(world.send(request.with_header("authorization", &authorization)).status, 200);
}

#[test]
fn a_replaced_secret_is_told_from_one_that_never_was() {
    let mut world = World::demonstration();
    let changed = serde_json::json!({ "client_secret": "new" });
    assert_eq!(world.admin(Method::Patch, "/admin/clients/rehearse-basic", &changed).status, 200);
    let request = || Request::post_form("/token", &[("grant_type", "client_credentials")]);
    let old = basic("rehearse-basic", "demo-secret-basic");
    assert_eq!(error(&world.send(request().with_header("authorization", &old))), "invalid_client");
    assert_eq!(world.last().reason, Some(Reason::FormerSecret));
    let new = basic("rehearse-basic", "new");
    assert_eq!(world.send(request().with_header("authorization", &new)).status, 200);
}

#[test]
fn a_disabled_client_is_refused_and_its_grants_survive() {
    let mut world = World::demonstration();
    let refresh = world.sign_in("rehearse-public", "alice").refresh;
    world.admin(Method::Post, "/admin/clients/rehearse-public/disable", &serde_json::json!({}));
    let refused = world.refresh("rehearse-public", &refresh);
    assert_eq!((refused.status, error(&refused).as_str()), (401, "invalid_client"));
    assert_eq!(world.last().reason, Some(Reason::ClientDisabled));
    world.admin(Method::Post, "/admin/clients/rehearse-public/enable", &serde_json::json!({}));
    assert_eq!(world.refresh("rehearse-public", &refresh).status, 200);
}

#[test]
fn a_public_client_gets_no_token_for_itself_and_may_not_introspect() {
    let (status, error, _, reason) = ask(None, &[("client_id", "rehearse-public")]);
    assert_eq!((status, error.as_str()), (400, "unauthorized_client"));
    assert_eq!(reason, Some(Reason::GrantNotAllowed));
}

#[test]
fn a_refusal_says_more_only_if_it_is_told_to() {
    for (error_descriptions, description) in [
        (ErrorDescriptions::Uniform, "client authentication failed"),
        (ErrorDescriptions::Named, "unknown_client"),
    ] {
        let mut world = World::new(Settings { error_descriptions, ..Settings::default() });
        let refused = world.refresh("stranger", "rt_none").to_json().unwrap();
        assert_eq!(refused["error_description"], description);
    }
}

#[test]
fn a_request_that_cannot_be_read_is_an_invalid_request() {
    let mut world = World::demonstration();
    let json = Request::json(Method::Post, "/token", &serde_json::json!({ "grant_type": "refresh_token" }));
    assert_eq!(error(&world.send(json)), "invalid_request");
    let repeated = Request {
        body: b"grant_type=refresh_token&grant_type=refresh_token".to_vec(),
        ..Request::post_form("/token", &[])
    };
    let response = world.send(repeated);
    assert_eq!(error(&response), "invalid_request");
    assert_eq!(world.last().reason, Some(Reason::MalformedRequest));
    let wrong_method = world.send(Request::get("/token"));
    assert_eq!(wrong_method.status, 405);
    assert_eq!(wrong_method.header("allow"), Some("POST"));
    assert_eq!(world.send(Request::get("/nowhere")).status, 404);
}

#[test]
fn a_token_request_by_get_is_for_clients_that_are_registered_for_it() {
    let by_get = |takes_queries: bool| {
        let client = ClientSettings {
            takes_queries,
            refresh_tokens: RefreshTokens::Always,
            ..ClientSettings::post("app", "hush")
        };
        let mut world = World::new(Settings { clients: vec![client], ..Settings::bare() });
        let asked = "grant_type=client_credentials&client_id=app&client_secret=hush";
        let request = Request { query: asked.to_owned(), ..Request::get("/token") };
        let response = world.send(request);
        (response.status, format!("{:?}", world.last()).contains("hush"))
    };
    assert_eq!(by_get(true), (200, false), "the journal keeps no query");
    assert_eq!(by_get(false), (405, false));
}
