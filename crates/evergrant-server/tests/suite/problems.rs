use evergrant::proto::diagnosis::Cause;
use reqwest::Method;

use crate::{answer::Answer, world::World};

/// The hostile text of an attacker, as it would stand in an address.
const SCRIPT: &str = "%3Cscript%3Ealert(1)%3C/script%3E%22%3E";

async fn accepting(world: &World, path: &str, accept: &str) -> Answer {
    world.send(world.anonymous(Method::GET, path).header("accept", accept)).await
}

#[tokio::test]
async fn every_cause_has_a_page() {
    let world = World::empty().await;
    for cause in Cause::all() {
        let answer = world.browse(Method::GET, &format!("/problems/{cause}")).await;
        let page = answer.page(200);
        for section in ["what-it-means", "how-to-confirm", "what-helps", "what-never-helps"] {
            assert!(page.contains(&format!("<section id=\"{section}\">")), "{cause}: {section}");
        }
        assert!(page.contains(&format!("<code>{cause}</code>")), "{cause}");
    }
}

#[tokio::test]
async fn every_type_of_a_refusal_has_a_page() {
    let world = World::empty().await;
    for (name, words) in
        [("needs_reauthorization", "The grant needs re-authorization"), ("store_unavailable", "HTTP 503")]
    {
        let answer = world.browse(Method::GET, &format!("/problems/{name}")).await;
        assert!(answer.page(200).contains(words), "{name}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_cause_says_whether_it_lasts_and_who_is_at_fault() {
    let world = World::empty().await;
    let revoked = world.browse(Method::GET, "/problems/user_revoked").await;
    assert!(revoked.page(200).contains("<span class=\"lasting\">Yes.</span>"), "{}", revoked.body);
    assert!(revoked.body.contains("<dd>the user</dd>"), "{}", revoked.body);
    let outage = world.browse(Method::GET, "/problems/provider_outage").await;
    assert!(outage.page(200).contains("<span class=\"passing\">No.</span>"), "{}", outage.body);
}

#[tokio::test]
async fn a_program_gets_a_cause_as_json_or_markdown() {
    let world = World::empty().await;
    let json = accepting(&world, "/problems/user_revoked", "application/json").await;
    assert_eq!(json.header("vary"), "accept");
    let json = json.ok();
    assert_eq!(json["id"], "user_revoked");
    assert_eq!(json["permanent"], true);
    assert_eq!(json["workarounds"][0]["action"], "reauthorize");
    let markdown = accepting(&world, "/problems/user_revoked", "text/markdown").await;
    assert_eq!(markdown.header("content-type"), "text/markdown; charset=utf-8");
    assert!(markdown.body.starts_with("# The user withdrew the app's access\n"), "{}", markdown.body);
}

#[tokio::test]
async fn an_unknown_cause_is_not_found() {
    let world = World::empty().await;
    for name in ["no_such_cause", "..%2Fuser_revoked", "user_revoked.md", SCRIPT, "%00"] {
        world.browse(Method::GET, &format!("/problems/{name}")).await.problem(404, "no_such_route");
    }
    world.browse(Method::POST, "/problems").await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn the_list_has_every_cause_by_category() {
    let world = World::empty().await;
    let answer = world.browse(Method::GET, "/problems").await;
    let page = answer.page(200);
    for cause in Cause::all() {
        assert!(page.contains(&format!("<a href=\"problems/{cause}\">")), "{cause}");
    }
    assert!(page.contains("<section id=\"rotation\">"), "{page}");
    let json = accepting(&world, "/problems", "application/json").await.ok();
    assert_eq!(json["problems"].as_array().unwrap().len(), Cause::all().count());
}

#[tokio::test]
async fn a_search_begins_with_what_fits_best() {
    let world = World::empty().await;
    let path = "/problems?q=token+has+expired+and+refresh+failed&provider=&code=&status=";
    let answer = world.browse(Method::GET, path).await;
    let page = answer.page(200);
    let first = page.split("<a href=\"problems/").nth(1).unwrap();
    assert!(first.starts_with("session_timed_out\""), "{first}");
    assert!(page.contains("value=\"token has expired and refresh failed\""), "{page}");
}

#[tokio::test]
async fn a_message_that_many_causes_share_names_none_of_them() {
    let world = World::empty().await;
    let shared =
        world.browse(Method::GET, "/problems?q=Token+has+been+expired+or+revoked&provider=google").await;
    assert!(shared.page(200).contains("It can be one of these"), "{}", shared.body);
    assert!(!shared.body.contains("Most likely"), "{}", shared.body);
    let plain = world.browse(Method::GET, "/problems?q=redirect_uri_mismatch").await;
    assert!(plain.page(200).contains("Most likely"), "{}", plain.body);
}

#[tokio::test]
async fn a_search_filters_by_code_status_and_provider() {
    let world = World::empty().await;
    for (query, expected) in [
        ("code=AADSTS700082", "refresh_token_expired_idle"),
        ("status=429", "rate_limited"),
        ("provider=outreach&q=consent+every+week", "app_in_testing_mode"),
    ] {
        let json = accepting(&world, &format!("/problems?{query}"), "application/json").await.ok();
        let found: Vec<_> = json["problems"].as_array().unwrap().iter().map(|found| &found["id"]).collect();
        assert_eq!(found[0], expected, "{query}: {found:?}");
        assert!(found.len() < Cause::all().count());
    }
    let answer = world.browse(Method::GET, "/problems?provider=slack&status=200").await;
    assert!(answer.page(200).contains("<option value=\"slack\" selected>"), "{}", answer.body);
    assert!(answer.body.contains("<option selected>200</option>"), "{}", answer.body);
}

#[tokio::test]
async fn a_search_without_a_result_says_what_to_try() {
    let world = World::empty().await;
    for query in ["q=qwzxqwzx", "code=NOPE", "provider=nobody", "status=299"] {
        let answer = world.browse(Method::GET, &format!("/problems?{query}")).await;
        assert_eq!(answer.page(200).contains("Nothing fits that"), query != "provider=nobody", "{query}");
    }
}

#[tokio::test]
async fn a_hostile_search_is_only_shown() {
    let world = World::empty().await;
    for query in
        [format!("q={SCRIPT}"), format!("code={SCRIPT}"), format!("q={}", "%F0%9F%A6%80+x_".repeat(800))]
    {
        let answer = world.browse(Method::GET, &format!("/problems?{query}")).await;
        assert!(!answer.page(200).contains("<script"), "{query}");
    }
}

#[tokio::test]
async fn a_search_that_cannot_be_read_is_refused() {
    let world = World::empty().await;
    for query in [
        "q=a&q=b".to_owned(),
        "query=x".to_owned(),
        "status=many".to_owned(),
        "status=99999999".to_owned(),
        "q=%FF".to_owned(),
        format!("code={}", "x".repeat(101)),
        format!("provider={}", "x".repeat(101)),
    ] {
        world.browse(Method::GET, &format!("/problems?{query}")).await.problem(400, "invalid_query");
    }
}

#[tokio::test]
async fn a_remedy_that_was_taken_here_shows_its_rate_on_the_page_and_beside_the_diagnosis() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.kill("alice").await;
    let problem = world.token(&grant).await.problem(409, "needs_reauthorization");
    assert_eq!(problem["diagnosis"]["measured"], serde_json::json!([]), "none is said as none: {problem:#}");
    let cause = problem["diagnosis"]["cause"].as_str().unwrap().to_owned();
    let link = world.link(serde_json::json!({ "grant": grant })).await;
    let callback = world.sign_in(&link, "alice").await;
    world.browse(Method::GET, &callback).await.page(200);
    world.advance(400);
    world.token(&grant).await.ok();
    world.kill("alice").await;
    let measured = serde_json::json!([{ "action": "reauthorize", "worked": 1, "tried": 1 }]);
    let problem = world.token(&grant).await.problem(409, "needs_reauthorization");
    assert_eq!(problem["diagnosis"]["measured"], measured, "{problem:#}");
    let read = world.get(&format!("/v1/grants/{grant}")).await.ok();
    assert_eq!(
        (&read["diagnosis"]["cause"], &read["diagnosis"]["measured"]),
        (&cause.clone().into(), &measured)
    );
    let listed = world.get("/v1/grants").await.ok();
    assert_eq!(listed["grants"][0]["diagnosis"]["measured"], measured, "{listed:#}");
    let events = world.get(&format!("/v1/grants/{grant}/events")).await.ok();
    let died =
        events["events"].as_array().unwrap().iter().rfind(|event| event["kind"] == "needs_reauthorization");
    assert_eq!(died.unwrap()["diagnosis"]["measured"], measured, "{events:#}");
    let checked = world.post(&format!("/v1/grants/{grant}/check"), serde_json::json!({})).await.ok();
    if checked["diagnosis"]["cause"] == cause.as_str() {
        assert_eq!(checked["diagnosis"]["measured"], measured, "{checked:#}");
    }
    let page = world.browse(Method::GET, &format!("/problems/{cause}")).await.body;
    assert!(page.contains("1 of 1") && page.contains("is said beside it"), "{page}");
    let other = world.browse(Method::GET, "/problems/clock_skew").await.body;
    assert!(other.contains("No step was taken here yet"), "{other}");
}
