//! The store is away just when a rotated token has to be written.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use evergrant::proto::{grant::GrantState, name::GrantId};
use evergrant_rehearse::{Action, Endpoint, Fault, FaultId, GrantType, PolicyName};
use tokio::task::JoinHandle;

use crate::world::World;

/// A caller whose refresh the provider has carried out, and whose answer the provider holds.
async fn rotated_and_held(
    world: &World,
    grant: GrantId,
) -> (FaultId, JoinHandle<Result<evergrant::Token, evergrant::TokenError>>) {
    let hold = Fault::after_commit(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let hold = world.rehearsal.add_fault(hold).unwrap();
    world.advance(400);
    let keeper = world.keeper.clone();
    let caller = tokio::spawn(async move { keeper.token(grant).await });
    world.rehearsal.wait_held(hold, 1).await;
    (hold, caller)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_a_locked_store_cannot_take_survives_in_the_lifeboat_and_lands() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let (hold, caller) = rotated_and_held(&world, grant).await;
    let lock = rusqlite::Connection::open(world.folder.path().join("store.sqlite")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.rehearsal.remove_fault(hold);
    // What is fsynced in the lifeboat may be served.
    caller.await.unwrap().unwrap();
    assert_eq!(world.keeper.status().await.unwrap().lifeboat_records, 1);
    lock.execute_batch("ROLLBACK").unwrap();
    world.advance_until(60, async || world.keeper.status().await.unwrap().lifeboat_records == 0).await;
    assert_eq!(world.record(grant).await.state, GrantState::Active);
    world.advance(400);
    world.token(grant).await.unwrap();
    assert!(world.refreshes().iter().all(|entry| entry.presented_before == Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_had_rescued_lands_at_the_next_start() {
    let mut world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let (hold, caller) = rotated_and_held(&world, grant).await;
    let lock = rusqlite::Connection::open(world.folder.path().join("store.sqlite")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.rehearsal.remove_fault(hold);
    caller.await.unwrap().unwrap();
    world.restart_after(move || drop(lock)).await;
    world.token(grant).await.unwrap();
    world.advance(400);
    world.token(grant).await.unwrap();
    assert!(world.refreshes().iter().all(|entry| entry.presented_before == Some(0)));
}

/// A sent refresh survives the end of its caller and of its process (requirement 8).
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_is_stopped_sees_a_sent_refresh_through() {
    let mut world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let (hold, caller) = rotated_and_held(&world, grant).await;
    caller.abort();
    world.stop();
    world.rehearsal.remove_fault(hold);
    world.ended().await;
    world.restart_after(|| ()).await;
    world.token(grant).await.unwrap();
    assert_eq!(world.refreshes().len(), 1);
}

/// A full disk, for which tests run as root: a small file system of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_a_full_disk_cannot_take_survives_in_the_lifeboat_and_lands() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mounted_at(folder.path());
    let client = evergrant_rehearse::ClientSettings::basic("shop", crate::world::SECRET);
    let world = World::inside(folder, client).await;
    let grant = world.connect("alice").await;
    let (hold, caller) = rotated_and_held(&world, grant).await;
    disk.fill();
    world.rehearsal.remove_fault(hold);
    caller.await.unwrap().unwrap();
    assert_eq!(world.keeper.status().await.unwrap().lifeboat_records, 1);
    disk.make_room();
    world.advance_until(60, async || world.keeper.status().await.unwrap().lifeboat_records == 0).await;
    world.advance(400);
    world.token(grant).await.unwrap();
    assert!(world.refreshes().iter().all(|entry| entry.presented_before == Some(0)));
}

/// On a full disk no refresh begins: nothing is sent that could not be written down.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mounted_at(folder.path());
    let client = evergrant_rehearse::ClientSettings::basic("shop", crate::world::SECRET);
    let world = World::inside(folder, client).await;
    let grant = world.connect("alice").await;
    disk.fill();
    world.advance(400);
    let refused = crate::world::refusal(world.token(grant).await);
    let evergrant::proto::engine::Refusal::StoreUnavailable(detail) = refused else { panic!("{refused:?}") };
    assert!(detail.contains("free space"), "{detail}");
    assert!(world.refreshes().is_empty());
    disk.make_room();
    world.advance_until(60, async || world.token(grant).await.is_ok()).await;
}

/// A file system of 40 MiB.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mounted_at(folder: &Path) -> Self {
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=40m", "tmpfs"]).arg(folder).status();
        assert!(
            mount.is_ok_and(|status| status.success()),
            "these tests run as root: they mount a small tmpfs"
        );
        Self(folder.to_owned())
    }

    /// Until not one byte more is taken.
    fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).unwrap();
        let mut block = vec![0; 1024 * 1024];
        while !block.is_empty() {
            match file.write(&block) {
                Ok(written) if written > 0 => {}
                _ => block.truncate(block.len() / 2),
            }
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the store may still have it open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
