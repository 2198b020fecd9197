use reqwest::Method;
use serde_json::json;

use crate::world::World;

async fn dead(world: &World) -> (String, String) {
    let grant = world.connect("alice").await;
    world.kill("alice").await;
    let problem = world.token(&grant).await.problem(409, "needs_reauthorization");
    (grant, problem["reauthorize_url"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_dead_grant_is_repaired_through_the_link_of_its_problem() {
    let world = World::new().await;
    let (grant, link) = dead(&world).await;
    let asked = world.browse(Method::GET, &link).await;
    let page = asked.page(200);
    assert!(page.contains("Reconnect") && page.contains("<b>shop</b>") && page.contains("Why"), "{page}");

    let led = world.browse(Method::POST, &link).await;
    assert_eq!(led.status, 303, "{led:?}");
    assert_eq!(led.header("referrer-policy"), "no-referrer");
    let callback = world.sign_in(led.header("location"), "alice").await;
    world.browse(Method::GET, &callback).await.page(200);
    world.token(&grant).await.ok();

    let again = world.browse(Method::GET, &link).await;
    assert!(again.page(200).contains("nothing to do"), "{}", again.body);
}

#[tokio::test]
async fn asking_for_a_dead_grant_ends_no_link_that_its_user_follows() {
    let world = World::new().await;
    let (grant, _) = dead(&world).await;
    let followed = world.link(json!({ "grant": grant })).await;
    for _ in 0..3 {
        world.token(&grant).await.problem(409, "needs_reauthorization");
    }
    let callback = world.sign_in(&followed, "alice").await;
    world.browse(Method::GET, &callback).await.page(200);
}

#[tokio::test]
async fn looking_at_a_link_opens_nothing() {
    let world = World::new().await;
    let (grant, link) = dead(&world).await;
    let open = world.link(json!({ "grant": grant })).await;
    for method in [Method::GET, Method::HEAD, Method::GET] {
        assert_eq!(world.browse(method, &link).await.status, 200);
    }
    let callback = world.sign_in(&open, "alice").await;
    world.browse(Method::GET, &callback).await.page(200);
}

#[tokio::test]
async fn a_loop_ends_and_the_problem_says_so() {
    let world = World::new().await;
    let (grant, link) = dead(&world).await;
    for _ in 0..5 {
        assert_eq!(world.browse(Method::POST, &link).await.status, 303);
    }
    let answer = world.browse(Method::POST, &link).await;
    assert!(answer.page(429).contains("60 minutes"), "{}", answer.body);
    let problem = world.token(&grant).await.problem(409, "needs_reauthorization");
    assert!(problem.get("reauthorize_url").is_none(), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("too often"), "{problem}");
    world.advance(3600);
    let problem = world.token(&grant).await.problem(409, "needs_reauthorization");
    let link = problem["reauthorize_url"].as_str().unwrap();
    assert_eq!(world.browse(Method::POST, link).await.status, 303);
}

#[tokio::test]
async fn a_link_that_was_forged_or_has_expired_leads_nowhere() {
    let world = World::new().await;
    let (_, link) = dead(&world).await;
    let forged = format!("{}A{}", &link[..link.len() - 10], &link[link.len() - 9..]);
    for method in [Method::GET, Method::POST] {
        for nonsense in ["nonsense", "%ff"] {
            world.browse(method.clone(), &format!("/connect/{nonsense}")).await.page(410);
        }
        if forged != link {
            world.browse(method, &forged).await.page(410);
        }
    }
    world.advance(30 * 60);
    world.browse(Method::POST, &link).await.page(410);
}

#[tokio::test]
async fn a_link_to_a_revoked_grant_says_that_it_has_ended() {
    let world = World::new().await;
    let (grant, link) = dead(&world).await;
    world.post(&format!("/v1/grants/{grant}/revoke"), json!({})).await.ok();
    assert!(world.browse(Method::GET, &link).await.page(410).contains("ended on purpose"));
    world.delete(&format!("/v1/grants/{grant}")).await.ok();
    world.browse(Method::POST, &link).await.page(410);
}

#[tokio::test]
async fn a_client_without_this_servers_redirect_uri_names_what_is_missing() {
    let world = World::new().await;
    let (_, link) = dead(&world).await;
    world.patch("/v1/clients/shop", json!({ "redirect_uris": ["https://elsewhere.example/cb"] })).await.ok();
    let answer = world.browse(Method::POST, &link).await;
    assert!(answer.page(422).contains("not one of the client"), "{}", answer.body);
}

#[tokio::test]
async fn a_page_has_the_name_and_the_colour_that_were_chosen_and_no_markup_of_them() {
    let world = World::new().await;
    let (_, link) = dead(&world).await;
    let plain = world.browse(Method::GET, &link).await;
    assert_eq!(plain.page(200).matches("<style>").count(), 1);
    let hostile = json!({ "name": "<img src=x onerror=alert(1)>", "color": "#ffd400" });
    world.patch("/v1/clients/shop", json!({ "branding": hostile })).await.ok();
    let branded = world.browse(Method::GET, &link).await;
    let page = branded.page(200);
    assert!(page.contains("&#60;img src=x") && !page.contains("<img"), "{page}");
    assert!(page.contains("--fill:#ffd400;--on-fill:#000000"), "{page}");
    assert_ne!(branded.header("content-security-policy"), plain.header("content-security-policy"));
    assert!(!branded.header("content-security-policy").contains("unsafe"));
    world.patch("/v1/clients/shop", json!({ "branding": { "name": "Acme Billing" } })).await.ok();
    assert!(world.browse(Method::GET, &link).await.page(200).contains("<b>Acme Billing</b>"));
}

#[tokio::test]
async fn pages_neither_need_nor_set_a_cookie_and_survive_the_largest() {
    let world = World::new().await;
    let (_, link) = dead(&world).await;
    let path = link.strip_prefix(&world.url).unwrap();
    for (bytes, statuses) in [(16 << 10, [200, 200]), (1 << 20, [431, 400])] {
        let request = world.anonymous(Method::GET, path).header("cookie", format!("a={}", "x".repeat(bytes)));
        // A server that has refused the head reads no further, so that the rest may find no reader.
        if let Ok(answer) = request.send().await {
            assert!(statuses.contains(&answer.status().as_u16()), "{bytes} bytes: {answer:?}");
            assert!(answer.headers().get("set-cookie").is_none());
        } else {
            assert!(bytes > 16 << 10);
        }
    }
    world.browse(Method::GET, &link).await.page(200);
}

/// Opens an authorization, and gives its link and that of our own page.
async fn opened(world: &World, fields: serde_json::Value) -> (String, String) {
    let mut body = json!({ "client": "shop" });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let opened = world.post("/v1/authorizations", body).await.ok();
    let link = |name: &str| opened[name].as_str().unwrap().to_owned();
    (link("url"), link("connect_url"))
}

#[tokio::test]
async fn a_first_connection_is_asked_for_and_led_to_the_very_link_of_its_authorization() {
    let world = World::new().await;
    let (url, page) = opened(&world, json!({ "login_hint": "alice", "scopes": ["openid"] })).await;
    assert!(url.contains("login_hint=alice") && !url.contains("profile"), "{url}");
    assert_eq!(world.browse(Method::POST, &page).await.header("location"), url);
    let (url, page) = opened(&world, json!({})).await;
    let asked = world.browse(Method::GET, &page).await;
    let text = asked.page(200);
    assert!(text.contains("<h1>Connect ") && text.contains("<b>shop</b> would like to use"), "{text}");
    assert!(!text.contains("stopped working") && !text.contains("Why"), "{text}");
    for _ in 0..2 {
        let led = world.browse(Method::POST, &page).await;
        assert_eq!((led.status, led.header("location")), (303, url.as_str()));
    }
    let callback = world.sign_in(&url, "alice").await;
    world.browse(Method::GET, &callback).await.page(200);
    for method in [Method::GET, Method::POST] {
        assert!(world.browse(method, &page).await.page(410).contains("It worked"));
    }
}

#[tokio::test]
async fn a_page_of_an_authorization_ends_with_it() {
    let world = World::new().await;
    let (_, page) = opened(&world, json!({})).await;
    world.advance(30 * 60);
    assert!(world.browse(Method::POST, &page).await.page(410).contains("This link has expired"));
    let (grant, _) = dead(&world).await;
    let (_, first) = opened(&world, json!({ "grant": grant })).await;
    assert!(world.browse(Method::GET, &first).await.page(200).contains("stopped working"));
    let (_, second) = opened(&world, json!({ "grant": grant })).await;
    assert!(world.browse(Method::POST, &first).await.page(410).contains("There is a newer link"));
    world.browse(Method::GET, &second).await.page(200);
}

#[tokio::test]
async fn a_grant_that_lives_may_be_confirmed_without_being_called_dead() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let (_, page) = opened(&world, json!({ "grant": grant })).await;
    let asked = world.browse(Method::GET, &page).await;
    let text = asked.page(200);
    assert!(text.contains("confirm its connection") && text.contains("same account"), "{text}");
    assert!(!text.contains("stopped working"), "{text}");
}
