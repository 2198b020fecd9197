//! The provider has rotated the token, and the store cannot take it.

use std::{fs, path::Path, process::Command};

use evergrant_rehearse::{Action, Endpoint, Fault, FaultId, GrantType};

use crate::support::{Live, World};

/// A refresh whose answer the provider holds back: its refresh token is spent.
async fn spent(world: &World, grant: &str) -> (Live, FaultId) {
    let hold = Fault::after_commit(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let hold = world.rehearsal.add_fault(hold).expect("a fault that can be played");
    let program = world.start(&["token", grant, "--wait", "60"]);
    world.rehearsal.wait_held(hold, 1).await;
    (program, hold)
}

/// The token was served from the lifeboat, and the next command brings its grant into the store.
async fn landed(world: &World, grant: &str, token: &str) {
    let next = world.run(&["token", grant]).await;
    assert!(next.stderr.contains("rescued"), "{next:?}");
    assert_eq!(next.good(), token);
    let shown = world.run(&["grants", "show", grant, "--format", "json"]).await.json();
    assert_eq!(shown["state"], "active");
    world.run(&["token", grant, "--refresh"]).await.good();
    assert_eq!(world.refreshes(), 2, "nothing was sent twice");
    assert!(world.rehearsal.journal().iter().all(|entry| entry.revoked.is_empty()));
}

#[tokio::test]
async fn a_rotation_survives_a_store_that_somebody_keeps_locked() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let (program, hold) = spent(&world, &grant).await;
    let locker = rusqlite::Connection::open(world.store()).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.rehearsal.release(hold);
    let token = program.finish().await.good();
    locker.execute_batch("ROLLBACK").unwrap();
    drop(locker);
    landed(&world, &grant, &token).await;
}

#[tokio::test]
async fn a_rotation_survives_a_full_disk() {
    let world = World::new().await;
    let disk = world.store().parent().unwrap().to_owned();
    fs::create_dir(&disk).unwrap();
    let _mounted = SmallDisk::mount(&disk);
    world.add_client().await;
    let grant = world.import().await;
    let (program, hold) = spent(&world, &grant).await;
    let filler = disk.join("filler");
    fs::write(&filler, vec![0; 64 * 1024 * 1024]).unwrap_err();
    world.rehearsal.release(hold);
    let token = program.finish().await.good();
    let said = world.run(&["clients", "update", "crm", "--scope", "openid"]).await.bad(7);
    assert!(said.contains("free space"), "{said}");
    fs::remove_file(&filler).unwrap();
    landed(&world, &grant, &token).await;
}

/// A file system in memory, of 24 MiB.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(place: &'a Path) -> Self {
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"]).arg(place);
        let mounted = mount.output().is_ok_and(|done| done.status.success());
        assert!(mounted, "only root may mount, and in a container only with CAP_SYS_ADMIN: run this test so");
        Self(place)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // What it leaves behind is empty, and gone with the machine's memory.
        let _ = Command::new("umount").arg("--lazy").arg(self.0).output();
    }
}
