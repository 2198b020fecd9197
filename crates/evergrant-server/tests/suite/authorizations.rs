use evergrant::{
    AuthorizationOptions,
    proto::{authorization::AuthorizationStatus, engine::CallbackEnd, name::ClientName},
};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_link_leads_to_the_provider_and_its_state_can_be_followed() {
    let world = World::new().await;
    let answer =
        world.post("/v1/authorizations", json!({ "client": "shop", "labels": { "team": "blue" } })).await;
    assert_eq!(answer.status, 201);
    let opened = answer.ok();
    let url = opened["url"].as_str().unwrap();
    assert!(url.starts_with(world.rehearsal.issuer()), "{url}");
    assert!(url.contains("code_challenge_method=S256") && url.contains("state="), "{url}");
    let path = format!("/v1/authorizations/{}", opened["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    assert_eq!(world.get(&path).await.ok()["state"], "open");

    let callback = world.sign_in(url, "alice").await;
    world.browse(reqwest::Method::GET, &callback).await.page(200);
    let done = world.get(&path).await.ok();
    assert_eq!(done["state"], "connected");
    let grant = world.get(&format!("/v1/grants/{}", done["grant"].as_str().unwrap())).await.ok();
    assert_eq!(grant["labels"], json!({ "team": "blue" }));
}

#[tokio::test]
async fn a_failed_exchange_keeps_its_diagnosis_and_another_process_reads_it_too() {
    let world = World::new().await;
    let opened = world.post("/v1/authorizations", json!({ "client": "shop" })).await.ok();
    let callback = world.sign_in(opened["url"].as_str().unwrap(), "alice").await;
    // A code lives for a minute.
    world.advance(120);
    world.browse(reqwest::Method::GET, &callback).await.page(502);
    let id = opened["id"].as_str().unwrap();
    let failed = world.get(&format!("/v1/authorizations/{id}")).await.ok();
    assert_eq!(failed["state"], "failed", "{failed:#}");
    let diagnosis = &failed["diagnosis"];
    let candidates = diagnosis["alternatives"].as_array().unwrap();
    assert!(
        diagnosis["cause"] == "code_expired" || candidates.contains(&json!("code_expired")),
        "{failed:#}"
    );
    assert!(diagnosis["evidence"][0].as_str().unwrap().contains("invalid_grant"), "{failed:#}");
    assert!(diagnosis["remedies"][0]["action"].is_string(), "{failed:#}");
    let checked: Vec<_> =
        diagnosis["checks"].as_array().unwrap().iter().map(|check| check["cause"].clone()).collect();
    for candidate in candidates {
        assert!(checked.contains(candidate), "no check tells {candidate} apart: {failed:#}");
    }
    let page = diagnosis["page"].as_str().unwrap();
    world.browse(reqwest::Method::GET, page).await.page(200);

    let (keeper, _driver) = world.opened_again().await;
    let record = keeper.authorization(id.parse().unwrap()).await.unwrap().unwrap();
    let AuthorizationStatus::Failed { diagnosis: Some(kept), .. } = record.status else {
        panic!("{record:?}")
    };
    assert_eq!(json!(kept.cause), diagnosis["cause"]);
    assert_eq!(json!(kept.evidence), diagnosis["evidence"]);
}

#[tokio::test]
async fn a_device_that_was_not_approved_keeps_why_with_its_authorization() {
    let world = World::new().await;
    let (keeper, _driver) = world.opened_again().await;
    for (decision, cause) in [("deny", "consent_required"), ("", "code_expired")] {
        let shop = ClientName::new("shop").unwrap();
        let login = keeper.authorize_device(AuthorizationOptions::new(shop)).await.unwrap();
        let path = format!("/v1/authorizations/{}", login.id());
        assert_eq!(world.get(&path).await.ok()["state"], "open");
        if decision.is_empty() {
            world.advance(3600);
        } else {
            let form = [("user_code", login.user_code()), ("decision", decision)];
            let page = format!("{}/device", world.rehearsal.issuer());
            reqwest::Client::new().post(page).form(&form).send().await.unwrap();
        }
        let waiting = tokio::spawn(login.wait());
        // A clock that runs while the poll is on its way ends the code, or the request, before its answer comes.
        while !waiting.is_finished() {
            world.advance(1);
            keeper.settled().await;
        }
        let end = waiting.await.unwrap().unwrap();
        assert!(!matches!(end, CallbackEnd::Connected { .. }), "{end:?}");
        let failed = world.get(&path).await.ok();
        assert_eq!(failed["state"], "failed", "{failed:#}");
        assert_eq!(failed["diagnosis"]["cause"], cause, "{failed:#}");
        assert_eq!(failed["diagnosis"]["certainty"], "certain", "{failed:#}");
    }
}

#[tokio::test]
async fn a_denied_authorization_says_what_the_denial_means() {
    let world = World::new().await;
    for (error, cause, remedy) in [
        ("access_denied", "consent_required", "reauthorize"),
        ("invalid_scope", "scope_problem", "fix_code"),
        ("temporarily_unavailable", "provider_outage", "retry_with_backoff"),
    ] {
        let opened = world.post("/v1/authorizations", json!({ "client": "shop" })).await.ok();
        let link: url::Url = opened["url"].as_str().unwrap().parse().unwrap();
        let state = link.query_pairs().find(|pair| pair.0 == "state").unwrap().1.into_owned();
        world.remember(&state);
        let query = format!("error={error}&state={state}&iss={}", world.rehearsal.issuer());
        world.browse(reqwest::Method::GET, &format!("/callback?{query}")).await.page(403);
        let path = format!("/v1/authorizations/{}", opened["id"].as_str().unwrap());
        let denied = world.get(&path).await.ok();
        assert_eq!(denied["state"], "failed", "{denied:#}");
        assert_eq!(denied["diagnosis"]["cause"], cause, "{denied:#}");
        assert_eq!(denied["diagnosis"]["remedies"][0]["action"], remedy, "{denied:#}");
    }
}

#[tokio::test]
async fn a_link_that_nobody_used_expires() {
    let world = World::new().await;
    let opened = world.post("/v1/authorizations", json!({ "client": "shop" })).await.ok();
    world.advance(30 * 60);
    let path = format!("/v1/authorizations/{}", opened["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.ok()["state"], "expired");
}

#[tokio::test]
async fn an_account_that_two_of_your_users_connect_is_a_grant_for_each() {
    let world = World::new().await;
    let as_user = async |external_id| {
        world.advance(1);
        world.connect_as("bob", json!({ "external_id": external_id })).await
    };
    let (first, second) = (as_user("first").await, as_user("second").await);
    assert_ne!(first, second);
    for (external_id, grant) in [("first", &first), ("second", &second)] {
        let found = world.get(&format!("/v1/grants?external_id={external_id}")).await.ok();
        assert_eq!(found["grants"][0]["id"], **grant, "{found}");
        world.token(grant).await.ok();
    }
    // Each comes back to its own.
    assert_eq!(as_user("first").await, first);
    assert_eq!(as_user("second").await, second);
    assert_eq!(world.get("/v1/grants").await.ok()["grants"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_does_not_fit_the_client_is_refused() {
    let world = World::new().await;
    let rows = [
        (json!({ "client": "nobody" }), 404, "no_such_client"),
        (json!({ "client": "shop", "grant": "g_00000000000000000000000000000001" }), 404, "no_such_grant"),
        (json!({ "client": "shop", "return_url": "https://evil.example/" }), 422, "unprocessable"),
        (json!({ "client": "shop", "redirect_uri": "https://evil.example/callback" }), 422, "unprocessable"),
        (json!({ "client": "shop", "grant": "nonsense" }), 400, "invalid_body"),
        (json!({ "client": "shop", "external_id": "" }), 400, "invalid_body"),
        (json!({ "client": "shop", "labels": { "a:b": "c" } }), 400, "invalid_body"),
    ];
    for (body, status, reason) in rows {
        world.post("/v1/authorizations", body).await.problem(status, reason);
    }
}

#[tokio::test]
async fn an_authorization_that_does_not_exist_is_a_problem() {
    let world = World::empty().await;
    for id in ["a_00000000000000000000000000000001", "g_00000000000000000000000000000001", "x"] {
        world.get(&format!("/v1/authorizations/{id}")).await.problem(404, "no_such_authorization");
    }
}
