//! A backup restored over newer state, and a copy started elsewhere.

use std::{fs, path::Path};

use rusqlite::Connection;
use tokio::process::Command;

use crate::{
    process::{Done, Process},
    provider::{ACCESS_LIFE, P2, P7},
    world::{Kept, World},
};

const GRANTS: usize = 3;

async fn world_with_tokens(policy: crate::provider::Policy) -> (World, Vec<Kept>) {
    let world = World::with_client(policy).await;
    let mut kept = Vec::new();
    for _ in 0..GRANTS {
        let one = world.import().await;
        world.run(&["token", &one.grant]).await.good();
        kept.push(one);
    }
    (world, kept)
}

/// As a careful administrator makes it, while processes may be at work.
fn back_up(world: &World, to: &Path) {
    let store = Connection::open(world.store()).unwrap();
    store.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
}

fn restore(world: &World, from: &Path) {
    for beside in ["-wal", "-shm"] {
        // They belong to the database that is replaced.
        let _ = fs::remove_file(format!("{}{beside}", world.store().display()));
    }
    fs::copy(from, world.store()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_restored_over_newer_state_is_quarantined_and_presents_nothing_until_it_is_adopted() {
    let (world, kept) = world_with_tokens(P7).await;
    let backup = world.folder.path().join("backup.sqlite");
    back_up(&world, &backup);
    for one in &kept {
        world.run(&["token", &one.grant, "--refresh"]).await.good();
    }
    let newest = world.provider.refreshes().await.len();
    restore(&world, &backup);

    // The tokens of the backup are good still: they are served, by commands and by a server.
    for one in &kept {
        world.run(&["token", &one.grant]).await.good();
    }
    let server = world.serve(None).await;
    assert_eq!(server.metric(&world.http, "evergrant_store_quarantined").await, 1);
    let unready = world.http.get(format!("{}/readyz", server.address)).send().await.unwrap();
    assert_eq!(unready.status(), 503);
    let problem: serde_json::Value = unready.json().await.unwrap();
    assert!(problem["type"].as_str().unwrap().ends_with("/problems/store_quarantined"), "{problem}");
    let (status, _) = server.token(&world.http, &kept[0].grant).await.unwrap();
    assert_eq!(status, 200);
    world.provider.advance(ACCESS_LIFE).await;
    for one in &kept {
        let said = world.run(&["token", &one.grant]).await.bad(7);
        assert!(said.contains("evergrant store adopt"), "{said}");
        let said = world.run(&["token", &one.grant, "--refresh"]).await.bad(7);
        assert!(said.contains("evergrant store adopt"), "{said}");
    }
    assert_eq!(world.provider.refreshes().await.len(), newest, "nothing was presented");

    world.run(&["store", "adopt"]).await.good();
    // The server could write nothing any more: whoever supervises it starts it again.
    let said = server.process.finish().await.bad(7);
    assert!(said.contains("start this server again"), "{said}");
    assert_eq!(world.provider.refreshes().await.len(), newest, "nor was anything presented by it");
    // The provider forgives for half an hour: the spent tokens of the backup bring every grant back.
    for one in &kept {
        world.run(&["token", &one.grant]).await.good();
        assert_eq!(world.show(&one.grant).await["state"], "active");
    }
    assert_eq!(world.provider.refreshes().await.len(), newest + GRANTS, "each was presented once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_started_elsewhere_presents_nothing_while_the_original_goes_on() {
    let (world, kept) = world_with_tokens(P2).await;
    let elsewhere = world.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let copy = elsewhere.join("evergrant.sqlite");
    back_up(&world, &copy);
    fs::copy(world.data().join("evergrant.sqlite.keys"), elsewhere.join("evergrant.sqlite.keys")).unwrap();
    let there = async |arguments: &[&str]| -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evergrant"));
        command.args(arguments);
        world.dress(&mut command, &copy);
        Process::start(command).finish().await
    };
    world.provider.advance(ACCESS_LIFE).await;
    let before = world.provider.refreshes().await.len();
    for one in &kept {
        let said = there(&["token", &one.grant]).await.bad(7);
        assert!(said.contains("evergrant store adopt"), "{said}");
    }
    assert_eq!(there(&["store", "status", "--format", "json"]).await.json()["quarantined"], true);
    assert_eq!(world.provider.refreshes().await.len(), before, "the copy presents nothing");

    // The original ends; the copy is declared to be the one, and nothing of it was spent.
    there(&["store", "adopt"]).await.good();
    for one in &kept {
        there(&["token", &one.grant]).await.good();
    }
    let refreshes = world.provider.refreshes().await;
    assert_eq!(refreshes.len(), before + GRANTS);
    assert!(refreshes.iter().all(|refresh| refresh.presented_before == Some(0)), "{refreshes:#?}");
}
