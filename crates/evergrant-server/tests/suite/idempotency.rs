use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, world::World};

async fn named(world: &World, path: &str, name: &str, body: &Value) -> Answer {
    world.send(world.request(Method::POST, path).header("idempotency-key", name).json(body)).await
}

fn import(world: &World, user: &str) -> Value {
    let issued = world.rehearsal.issue_grant("shop", user, "openid profile").unwrap();
    world.remember(&issued.refresh_token);
    json!({ "client": "shop", "refresh_token": issued.refresh_token })
}

async fn grants(world: &World) -> usize {
    world.get("/v1/grants").await.ok()["grants"].as_array().unwrap().len()
}

#[track_caller]
fn same(first: &Answer, again: &Answer) {
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.header("content-type"), again.header("content-type"));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
}

#[tokio::test]
async fn an_import_that_is_repeated_gets_the_same_answer_and_makes_no_second_grant() {
    let world = World::new().await;
    let body = import(&world, "alice");
    let first = named(&world, "/v1/grants", "\"import 1\"", &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    // What has happened since changes nothing of the answer.
    let grant = first.ok()["id"].as_str().unwrap().to_owned();
    world.token(&grant).await.ok();
    same(&first, &named(&world, "/v1/grants", "\"import 1\"", &body).await);
    world.delete(&format!("/v1/grants/{grant}")).await.ok();
    same(&first, &named(&world, "/v1/grants", "\"import 1\"", &body).await);
    assert_eq!(grants(&world).await, 0);
}

#[tokio::test]
async fn an_authorization_that_is_repeated_gives_the_same_link() {
    let world = World::new().await;
    let body = json!({ "client": "shop", "external_id": "u-1" });
    let first = named(&world, "/v1/authorizations", "a", &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = named(&world, "/v1/authorizations", "a", &body).await;
    same(&first, &again);
    let link = again.ok()["url"].as_str().unwrap().to_owned();
    let callback = world.sign_in(&link, "alice").await;
    world.browse(Method::GET, &callback).await.page(200);
    assert_eq!(grants(&world).await, 1);
}

#[tokio::test]
async fn another_request_of_the_same_name_is_refused_and_makes_nothing() {
    let world = World::new().await;
    named(&world, "/v1/grants", "a", &import(&world, "alice")).await.ok();
    let other = named(&world, "/v1/grants", "a", &import(&world, "bob")).await;
    other.problem(422, "idempotency_key_reused");
    let elsewhere = named(&world, "/v1/authorizations", "a", &json!({ "client": "shop" })).await;
    elsewhere.problem(422, "idempotency_key_reused");
    assert_eq!(grants(&world).await, 1);
}

#[tokio::test]
async fn another_process_knows_the_answer_and_so_does_one_that_starts_later() {
    let world = World::new().await;
    let body = import(&world, "alice");
    let first = named(&world, "/v1/grants", "a", &body).await;
    let (_, elsewhere) = world.another_process().await;
    let request = reqwest::Client::new().post(format!("{elsewhere}/v1/grants"));
    let request = request.bearer_auth(world.key.expose()).header("idempotency-key", "a").json(&body);
    same(&first, &Answer::read(request.send().await.unwrap()).await);
}

#[tokio::test]
async fn repetitions_at_once_at_two_servers_make_one_grant_and_get_one_answer() {
    let world = World::new().await;
    let body = import(&world, "alice");
    let (_, elsewhere) = world.another_process().await;
    let http = reqwest::Client::new();
    let asked: Vec<_> = (0..12)
        .map(|number| {
            let url = if number % 2 == 0 { &world.url } else { &elsewhere };
            let request = http.post(format!("{url}/v1/grants")).bearer_auth(world.key.expose());
            tokio::spawn(request.header("idempotency-key", "a").json(&body).send())
        })
        .collect();
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(Answer::read(asked.await.unwrap().unwrap()).await);
    }
    assert!(
        answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body),
        "{answers:?}"
    );
    let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty());
    assert_eq!(first.count(), 1);
    assert_eq!(grants(&world).await, 1);
}

#[tokio::test]
async fn a_refusal_is_not_kept_since_nothing_was_done() {
    let world = World::empty().await;
    let body = import(&world, "alice");
    named(&world, "/v1/grants", "a", &body).await.problem(404, "no_such_client");
    world.add_shop(json!({})).await;
    assert_eq!(named(&world, "/v1/grants", "a", &body).await.status, 201);
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day() {
    let world = World::new().await;
    let body = json!({ "client": "shop" });
    let first = named(&world, "/v1/authorizations", "a", &body).await;
    world.clock.advance(Duration::from_secs(86_399));
    same(&first, &named(&world, "/v1/authorizations", "a", &body).await);
    world.clock.advance(Duration::from_secs(1));
    let later = named(&world, "/v1/authorizations", "a", &body).await;
    assert_ne!(first.ok()["id"], later.ok()["id"]);
}

#[tokio::test]
async fn a_name_belongs_to_its_namespace_and_survives_a_change_of_key() {
    let world = World::new().await;
    let body = json!({ "client": "shop" });
    let first = named(&world, "/v1/authorizations", "a", &body).await;
    let ask = |key: &str| {
        let request = world.anonymous(Method::POST, "/v1/authorizations").bearer_auth(key);
        world.send(request.header("idempotency-key", "a").json(&body))
    };
    ask(world.neighbour.expose()).await.problem(404, "no_such_client");
    let (successor, _) = world.make_key(json!({ "scope": "manage" })).await;
    same(&first, &ask(&successor).await);
}

#[tokio::test]
async fn what_is_no_name_is_refused() {
    let world = World::new().await;
    let body = json!({ "client": "shop" });
    for odd in ["\"", "\"\"", "a b", "\"a\"; b", "\"a\\n\"", "", &"a".repeat(256)] {
        named(&world, "/v1/authorizations", odd, &body).await.problem(400, "invalid_header");
    }
    let twice = world.request(Method::POST, "/v1/authorizations").json(&body);
    let twice = twice.header("idempotency-key", "a").header("idempotency-key", "a");
    world.send(twice).await.problem(400, "invalid_header");
}

#[tokio::test]
async fn the_store_holds_neither_name_nor_link_nor_refresh_token_in_the_clear() {
    let world = World::new().await;
    let body = import(&world, "alice");
    named(&world, "/v1/grants", "\"name-canary\"", &body).await.ok();
    let opened = named(&world, "/v1/authorizations", "\"name-canary-2\"", &json!({ "client": "shop" })).await;
    let link: url::Url = opened.ok()["url"].as_str().unwrap().parse().unwrap();
    let state = link.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let refresh_token = body["refresh_token"].as_str().unwrap();
    for entry in std::fs::read_dir(world.store().parent().unwrap()).unwrap() {
        let Ok(bytes) = std::fs::read(entry.unwrap().path()) else { continue };
        for secret in [state.as_str(), refresh_token, "name-canary"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}
