use std::time::Duration;

use evergrant::proto::name::ClientName;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{listening::Listening, world::World};

async fn import(world: &World, token: &str) -> String {
    let body = json!({ "client": "shop", "refresh_token": token });
    world.post("/v1/grants", body).await.ok()["id"].as_str().unwrap().to_owned()
}

/// As many events as that, written past the server by somebody with a database tool: only their number matters.
fn flood(world: &World, count: u32) {
    let database = rusqlite::Connection::open(world.store()).unwrap();
    let copy = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO events (namespace, grant_id, record)
        SELECT namespace, grant_id, record FROM n, (SELECT * FROM events ORDER BY number DESC LIMIT 1)";
    database.execute(copy, [count]).unwrap();
}

#[tokio::test]
async fn events_arrive_as_they_happen_with_their_numbers() {
    let world = World::new().await;
    let mut listening = Listening::to(&world, "", None).await;
    let grant = world.connect("alice").await;
    let event = listening.event().await;
    assert_eq!(event.event.as_deref(), Some("connected"));
    assert_eq!((&event.data["kind"], &event.data["grant"]), (&json!("connected"), &json!(grant)));
    assert_eq!(event.data["number"], event.id.unwrap());
    world.kill("alice").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    let event = listening.event().await;
    assert_eq!(event.event.as_deref(), Some("needs_reauthorization"));
    assert!(event.data["diagnosis"]["meaning"].is_string(), "{event:?}");
}

#[tokio::test]
async fn a_listener_that_comes_back_misses_nothing_and_hears_nothing_twice() {
    let world = World::new().await;
    let mut listening = Listening::to(&world, "", None).await;
    world.connect("alice").await;
    let seen = listening.event().await.id;
    drop(listening);
    world.connect("bob").await;
    let mut back = Listening::to(&world, "", seen).await;
    import(&world, "imported-1").await;
    assert_eq!(back.kinds(2).await, ["connected", "imported"]);
    let everything = world.get("/v1/events").await.ok();
    assert_eq!(everything["events"].as_array().unwrap().len(), 4, "{everything:#}");
}

#[tokio::test]
async fn a_listener_goes_on_where_it_was_at_another_process_and_after_a_restart() {
    let mut world = World::new().await;
    let mut listening = Listening::to(&world, "", None).await;
    world.connect("alice").await;
    let seen = listening.event().await.id;
    let (_, url) = world.another_process().await;
    world.connect("bob").await;
    world.stop.take().unwrap().send(()).unwrap();
    world.serving.take().unwrap().await.unwrap();
    let mut back = Listening::at(&world, &url, world.key.expose(), "", seen).await;
    assert_eq!(back.kinds(1).await, ["connected"]);
}

#[tokio::test]
async fn what_another_process_writes_arrives_at_the_next_look() {
    let world = World::new().await;
    let mut listening = Listening::to(&world, "", None).await;
    let (other, _) = world.opened_again().await;
    let token = evergrant::proto::secret::RefreshToken::new("written-elsewhere").unwrap();
    other.import(evergrant::NewGrant::new(ClientName::new("shop").unwrap(), token)).await.unwrap();
    let event = world.meanwhile(listening.event()).await;
    assert_eq!(event.event.as_deref(), Some("imported"));
}

#[tokio::test]
async fn events_are_chosen_by_grant_client_and_type() {
    let world = World::new().await;
    let (alice, _) = (world.connect("alice").await, world.connect("bob").await);
    let count = async |query: &str| {
        world.get(&format!("/v1/events?{query}")).await.ok()["events"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count(&format!("grant={alice}")).await, 1);
    assert_eq!(count("client=shop").await, 3);
    assert_eq!(count("client=other").await, 0);
    assert_eq!(count("type=connected").await, 2);
    assert_eq!(count("type=client_updated").await, 1);
    assert_eq!(count("type=connected&type=client_updated").await, 3);
    let mut listening = Listening::to(&world, &format!("?after=0&grant={alice}"), None).await;
    import(&world, "nobody-listens-to-it").await;
    world.kill("alice").await;
    world.token(&alice).await.problem(409, "needs_reauthorization");
    assert_eq!(listening.kinds(2).await, ["connected", "needs_reauthorization"]);
}

#[tokio::test]
async fn another_namespace_hears_nothing() {
    let world = World::new().await;
    let key = world.neighbour.expose();
    let mut listening = Listening::at(&world, &world.url, key, "?after=0", None).await;
    world.connect("alice").await;
    world.clock.advance(Duration::from_secs(15));
    assert!(listening.frame().await.unwrap().is_heartbeat);
    let request = world.anonymous(Method::GET, "/v1/events").bearer_auth(key);
    assert_eq!(world.send(request).await.ok()["events"], json!([]));
}

#[tokio::test]
async fn silence_is_broken_by_signs_of_life_that_tell_where_to_go_on() {
    let world = World::new().await;
    let mut listening = Listening::to(&world, "?type=revoked", None).await;
    world.connect("alice").await;
    world.clock.advance(Duration::from_secs(15));
    let heartbeat = world.meanwhile(listening.frame()).await.unwrap();
    assert!(heartbeat.is_heartbeat);
    let newest = world.get("/v1/events").await.ok()["next"].as_u64();
    assert_eq!(heartbeat.id, newest, "whoever comes back need not read again what was none of its");
}

#[tokio::test]
async fn whoever_missed_what_was_forgotten_is_told_so() {
    let world = World::new().await;
    world.connect("alice").await;
    let database = rusqlite::Connection::open(world.store()).unwrap();
    database.execute_batch("DELETE FROM events WHERE number = 1; UPDATE store SET forgotten = 1").unwrap();
    let mut listening = Listening::to(&world, "", Some(0)).await;
    let gap = listening.event().await;
    assert_eq!(gap.event.as_deref(), Some("gap"));
    assert_eq!((&gap.data["reason"], &gap.data["up_to"]), (&json!("forgotten"), &json!(1)));
    assert_eq!(listening.kinds(1).await, ["connected"]);
    assert_eq!(world.get("/v1/events?after=0").await.ok()["gap"]["reason"], "forgotten");
    assert_eq!(world.get("/v1/events?after=1").await.ok()["gap"], Value::Null);
}

#[tokio::test]
async fn a_number_that_the_log_never_had_is_told_and_the_listener_goes_on_from_now() {
    let world = World::new().await;
    let mut listening = Listening::to(&world, "", Some(1_000_000)).await;
    let gap = listening.event().await;
    assert_eq!((gap.event.as_deref(), &gap.data["reason"]), (Some("gap"), &json!("unknown")));
    world.connect("alice").await;
    assert_eq!(listening.kinds(1).await, ["connected"]);
}

#[tokio::test]
async fn a_slow_reader_holds_nobody_up_and_gets_every_event_from_the_log() {
    let world = World::new().await;
    world.connect("alice").await;
    let (mut slow, mut fast) = (Listening::to(&world, "", None).await, Listening::to(&world, "", None).await);
    flood(&world, 5000);
    for listening in [&mut fast, &mut slow] {
        for number in 3..=5002 {
            assert_eq!(world.meanwhile(listening.event()).await.id, Some(number));
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_end() {
    let world = World::new().await;
    for number in 0..4 {
        import(&world, &format!("imported-{number}")).await;
    }
    let first = world.get("/v1/events?limit=3").await.ok();
    assert_eq!((first["events"].as_array().unwrap().len(), &first["more"]), (3, &json!(true)));
    let rest = world.get(&format!("/v1/events?limit=3&after={}", first["next"])).await.ok();
    assert_eq!((rest["events"].as_array().unwrap().len(), &rest["more"]), (2, &json!(false)));
    let nothing = world.get(&format!("/v1/events?after={}", rest["next"])).await.ok();
    assert_eq!((&nothing["events"], &nothing["next"]), (&json!([]), &rest["next"]));
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let mut world = World::new().await;
    let mut listening = Listening::to(&world, "", None).await;
    world.stop.take().unwrap().send(()).unwrap();
    while listening.frame().await.is_some() {}
    let serving = world.serving.take().unwrap();
    world.meanwhile(serving).await.unwrap();
}

#[tokio::test]
async fn a_query_or_header_that_does_not_fit_is_refused() {
    let world = World::new().await;
    for query in ["after=-1", "grant=x", "client=NO", "type=refresh", "since=1", "limit=1001"] {
        world.get(&format!("/v1/events?{query}")).await.problem(400, "invalid_query");
    }
    for last in ["", "x", "-1", "1.5", "99999999999999999999999"] {
        let request = world.request(Method::GET, "/v1/events").header("accept", "text/event-stream");
        world.send(request.header("last-event-id", last)).await.problem(400, "invalid_header");
    }
    let request = world.request(Method::GET, "/v1/events?limit=5").header("accept", "text/event-stream");
    world.send(request).await.problem(400, "invalid_query");
}
