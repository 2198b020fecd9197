//! A disk that is full, and one that cannot be written.

use crate::{
    mounted::Mounted,
    process::until,
    provider::{ACCESS_LIFE, P2},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_a_full_disk_cannot_take_is_served_raises_the_alarm_and_lands_when_there_is_room() {
    let world = World::new(P2).await;
    let disk = Mounted::small_disk(&world.data());
    world.add_client(&[]).await;
    let kept = world.import().await;
    let hold = world.provider.hold_answers(Some(1)).await;
    let mut server = world.serve(None).await;
    hold.wait(1).await;
    disk.fill();
    hold.release().await;
    server.process.says("goes into the lifeboat").await;
    let answer = until("the rescued token is served", async || {
        let (status, body) = server.token(&world.http, &kept.grant).await.unwrap();
        (status == 200).then_some(body)
    })
    .await;
    assert_eq!(server.metric(&world.http, "evergrant_lifeboat_records").await, 1);
    let ready: serde_json::Value =
        world.http.get(format!("{}/readyz", server.address)).send().await.unwrap().json().await.unwrap();
    assert_eq!(ready["lifeboat_records"], 1, "{ready}");
    assert_eq!(ready["type"], "/problems/store_unavailable", "{ready}");
    assert_eq!(world.provider.refreshes().await.len(), 1);

    disk.make_room();
    until("the credential lands", async || {
        (server.metric(&world.http, "evergrant_lifeboat_records").await == 0).then_some(())
    })
    .await;
    assert_eq!(world.run(&["token", &kept.grant]).await.good(), answer["access_token"]);
    world.run(&["token", &kept.grant, "--refresh"]).await.good();
    nothing_was_replayed(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_killed_on_a_full_disk_had_rescued_lands_at_the_next_start() {
    let world = World::new(P2).await;
    let disk = Mounted::small_disk(&world.data());
    world.add_client(&[]).await;
    let kept = world.import().await;
    let hold = world.provider.hold_answers(Some(1)).await;
    let mut server = world.serve(None).await;
    hold.wait(1).await;
    disk.fill();
    hold.release().await;
    server.process.says("goes into the lifeboat").await;
    until("it is written", async || {
        (server.metric(&world.http, "evergrant_lifeboat_records").await == 1).then_some(())
    })
    .await;
    let key = server.key.clone();
    server.process.kill().await;

    // On the disk that is still full nothing starts, and nothing is lost.
    let said = world.run(&["token", &kept.grant]).await.bad(7);
    assert!(said.contains("free space"), "{said}");
    disk.make_room();
    let server = world.serve(Some(&key)).await;
    assert_eq!(server.metric(&world.http, "evergrant_lifeboat_records").await, 0);
    let (status, body) = server.token(&world.http, &kept.grant).await.unwrap();
    assert_eq!(status, 200, "{body}");
    world.run(&["token", &kept.grant, "--refresh"]).await.good();
    nothing_was_replayed(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_good_tokens_are_served_and_nothing_is_sent() {
    let world = World::new(P2).await;
    let disk = Mounted::small_disk(&world.data());
    world.add_client(&[]).await;
    let kept = world.import().await;
    let mut server = world.serve(None).await;
    let (_, answer) = server.token(&world.http, &kept.grant).await.unwrap();
    disk.fill();
    let (status, again) = server.token(&world.http, &kept.grant).await.unwrap();
    assert_eq!((status, &again["access_token"]), (200, &answer["access_token"]), "{again}");
    world.provider.advance(ACCESS_LIFE).await;
    let refused = until("the token has expired", async || {
        let (status, body) = server.token(&world.http, &kept.grant).await.unwrap();
        (status != 200).then_some((status, body))
    })
    .await;
    assert_eq!((refused.0, &refused.1["type"]), (503, &"/problems/store_unavailable".into()), "{refused:?}");
    server.process.says("free space").await;
    let readiness = || world.http.get(format!("{}/readyz", server.address)).send();
    assert_eq!(readiness().await.unwrap().status(), 503);
    let shown = async |name| server.metric(&world.http, name).await;
    assert_eq!([shown("evergrant_store_up").await, shown("evergrant_store_writable").await], [1, 0]);
    for arguments in [&["store", "status"][..], &["store", "status", "--format", "json"], &["doctor"]] {
        let done = world.run(arguments).await;
        assert_eq!(done.code, Some(7), "{done:?}");
        assert!([done.stdout, done.stderr].concat().contains("free space"), "{arguments:?}");
    }
    assert_eq!(world.provider.refreshes().await.len(), 1, "nothing was sent");
    disk.make_room();
    until("it is refreshed", async || {
        (server.token(&world.http, &kept.grant).await.unwrap().0 == 200).then_some(())
    })
    .await;
    until("it shows", async || (shown("evergrant_store_writable").await == 1).then_some(())).await;
    nothing_was_replayed(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_sends_nothing_says_what_helps_and_loses_nothing() {
    let world = World::with_client(P2).await;
    let kept = world.import().await;
    world.run(&["token", &kept.grant]).await.good();
    world.provider.advance(ACCESS_LIFE).await;
    let read_only = Mounted::read_only(&world.data());
    for arguments in
        [&["token", &kept.grant][..], &["serve", "--listen", "127.0.0.1:0"], &["store", "status"]]
    {
        let said = world.run(arguments).await.bad(7);
        assert!(said.contains("writable"), "{arguments:?}: {said}");
    }
    assert_eq!(world.provider.refreshes().await.len(), 1, "nothing was sent");
    drop(read_only);
    world.run(&["token", &kept.grant]).await.good();
    nothing_was_replayed(&world, 2).await;
}

/// So many refreshes, each with a token that was never seen before.
async fn nothing_was_replayed(world: &World, expected: usize) {
    let refreshes = world.provider.refreshes().await;
    assert_eq!(refreshes.len(), expected, "{refreshes:#?}");
    assert!(refreshes.iter().all(|refresh| refresh.presented_before == Some(0)), "{refreshes:#?}");
}
