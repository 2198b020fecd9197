use evergrant_rehearse::GrantType;
use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_browser_that_comes_back_sees_that_the_grant_is_connected() {
    let world = World::new().await;
    let callback = world.sign_in(&world.link(json!({})).await, "alice").await;
    let answer = world.browse(Method::GET, &callback).await;
    assert!(answer.page(200).contains("is connected"), "{}", answer.body);
}

#[tokio::test]
async fn a_user_is_returned_to_the_app_with_the_grant() {
    let world = World::empty().await;
    world.add_shop(json!({ "return_urls": ["https://app.example/done?x=1"] })).await;
    let link = world.link(json!({ "return_url": "https://app.example/done?x=1" })).await;
    let callback = world.sign_in(&link, "alice").await;
    let answer = world.browse(Method::GET, &callback).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.header("location");
    assert!(location.starts_with("https://app.example/done?x=1&authorization=a_"), "{location}");
    let (_, grant) = location.split_once("&grant=").unwrap();
    world.token(grant).await.ok();
}

#[tokio::test]
async fn a_callback_works_once() {
    let world = World::new().await;
    let callback = world.sign_in(&world.link(json!({})).await, "alice").await;
    world.browse(Method::GET, &callback).await.page(200);
    for _ in 0..2 {
        let again = world.browse(Method::GET, &callback).await;
        assert!(again.page(410).contains("This link was used already"), "{}", again.body);
    }
    let journal = world.rehearsal.journal();
    let redeemed = journal.iter().filter(|entry| entry.grant_type == Some(GrantType::AuthorizationCode));
    assert_eq!(redeemed.count(), 1);
}

#[tokio::test]
async fn looking_without_fetching_uses_nothing_up() {
    let world = World::new().await;
    let callback = world.sign_in(&world.link(json!({})).await, "alice").await;
    assert_eq!(world.browse(Method::HEAD, &callback).await.status, 405);
    world.browse(Method::GET, &callback).await.page(200);
}

#[tokio::test]
async fn a_refusal_is_told_in_the_providers_words_without_their_markup() {
    let world = World::empty().await;
    world.add_shop(json!({ "return_urls": ["https://app.example/done"] })).await;
    let link = world.link(json!({ "return_url": "https://app.example/done" })).await;
    let link: url::Url = link.parse().unwrap();
    let state = link.query_pairs().find(|pair| pair.0 == "state").unwrap().1.into_owned();
    let issuer = world.rehearsal.issuer();
    let query =
        format!("error=access_denied&error_description=%3Cb%3Eno%3C%2Fb%3E&state={state}&iss={issuer}");
    let answer = world.browse(Method::GET, &format!("/callback?{query}")).await;
    let page = answer.page(403);
    assert!(page.contains("Not connected") && !page.contains("<b>no"), "{page}");
    assert!(page.contains("https://app.example/done?authorization="), "{page}");
    assert!(page.contains("error=denied"), "{page}");
    world.remember(&state);
}

#[tokio::test]
async fn another_account_changes_nothing() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let before = world.get(&format!("/v1/grants/{grant}")).await.ok();
    let callback = world.sign_in(&world.link(json!({ "grant": grant })).await, "bob").await;
    let answer = world.browse(Method::GET, &callback).await;
    assert!(answer.page(409).contains("another account"), "{}", answer.body);
    assert_eq!(world.get(&format!("/v1/grants/{grant}")).await.ok(), before);
}

#[tokio::test]
async fn what_is_no_answer_of_a_provider_is_refused() {
    let world = World::new().await;
    for query in ["", "?code=c", "?state=s", "?state=s&code=c&code=d", "?state=%00&code=c", "?%ff=1"] {
        world.browse(Method::GET, &format!("/callback{query}")).await.page(400);
    }
    world.browse(Method::GET, "/callback?state=unknown&code=c").await.page(410);
}

#[tokio::test]
async fn a_code_that_the_provider_refuses_is_explained() {
    let world = World::new().await;
    let callback = world.sign_in(&world.link(json!({})).await, "alice").await;
    world.advance(120);
    let answer = world.browse(Method::GET, &callback).await;
    assert!(answer.page(502).contains("The connection failed"), "{}", answer.body);
}

#[tokio::test]
async fn a_browser_that_comes_twice_at_once_is_told_twice_that_it_worked() {
    let world = World::new().await;
    let callback = world.sign_in(&world.link(json!({})).await, "alice").await;
    let (one, other) =
        tokio::join!(world.browse(Method::GET, &callback), world.browse(Method::GET, &callback));
    let (first, second) = if one.status == 200 { (one, other) } else { (other, one) };
    assert!(first.page(200).contains("is connected"), "{}", first.body);
    assert!(second.page(410).contains("It worked"), "{}", second.body);
}

#[tokio::test]
async fn a_link_that_led_to_nothing_or_was_replaced_or_ran_out_says_which_when_it_comes_again() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let wrong = world.sign_in(&world.link(json!({ "grant": grant })).await, "bob").await;
    for _ in 0..2 {
        assert!(world.browse(Method::GET, &wrong).await.page(409).contains("This is another account"));
    }
    let old = world.sign_in(&world.link(json!({ "grant": grant })).await, "alice").await;
    let new = world.sign_in(&world.link(json!({ "grant": grant })).await, "alice").await;
    assert!(world.browse(Method::GET, &old).await.page(410).contains("There is a newer link"));
    world.advance(31 * 60);
    for _ in 0..2 {
        assert!(world.browse(Method::GET, &new).await.page(410).contains("This link has expired"));
    }
    let late = world.sign_in(&world.link(json!({})).await, "alice").await;
    world.advance(120);
    world.browse(Method::GET, &late).await.page(502);
    assert!(world.browse(Method::GET, &late).await.page(410).contains("did not lead to a connection"));
}
