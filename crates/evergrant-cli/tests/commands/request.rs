use std::time::Duration;

use crate::support::World;

#[tokio::test]
async fn a_request_carries_the_token_and_prints_the_answer() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let userinfo = format!("{}/userinfo", world.rehearsal.issuer());
    let answer = world.run(&["request", &grant, &userinfo]).await.json();
    assert_eq!(answer["sub"], "alice");
}

#[tokio::test]
async fn a_rejected_token_is_refreshed_and_the_request_repeated_once() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.run(&["token", &grant]).await.good();
    // The provider's clock runs ahead of ours: it rejects a token that still looks good from here.
    let mut ahead = world;
    ahead.rehearsal.advance(Duration::from_secs(301));
    ahead.clock = false;
    let userinfo = format!("{}/userinfo", ahead.rehearsal.issuer());
    let answer = ahead.run(&["request", &grant, &userinfo]).await.json();
    assert_eq!(answer["sub"], "alice");
    assert_eq!(ahead.refreshes(), 2);
}

#[tokio::test]
async fn a_token_never_leaves_over_plain_http() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let said = world.run(&["request", &grant, "http://api.example/me"]).await.bad(2);
    assert!(said.contains("https"), "{said}");
    assert_eq!(world.refreshes(), 0, "nothing was asked for");
}

#[tokio::test]
async fn an_error_of_the_resource_server_is_an_answer_unless_it_shall_fail() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let nowhere = format!("{}/resource/unheard-of", world.rehearsal.issuer());
    world.run(&["request", &grant, &nowhere]).await.good();
    world.run(&["request", &grant, &nowhere, "--fail"]).await.bad(1);
}
