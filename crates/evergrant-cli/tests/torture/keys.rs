//! The key file is gone, or others can read it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use crate::{
    process::until,
    provider::{ACCESS_LIFE, P3},
    world::World,
};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_its_key_file_makes_no_other_one_and_goes_on_when_it_is_put_back() {
    let world = World::with_client(P3).await;
    let kept = world.import().await;
    let server = world.serve(None).await;
    server.token(&world.http, &kept.grant).await.unwrap();
    let (file, aside) = (world.data().join("evergrant.sqlite.keys"), world.folder.path().join("aside"));
    fs::rename(&file, &aside).unwrap();

    // Who has the key goes on with it.
    world.provider.advance(ACCESS_LIFE).await;
    until("the server refreshes", async || (world.provider.refreshes().await.len() == 2).then_some(())).await;
    // In the middle of a rotation it dies, and nobody can read what it was about.
    let hold = world.provider.hold_answers(Some(1)).await;
    world.provider.advance(ACCESS_LIFE).await;
    hold.wait(1).await;
    server.process.kill().await;
    hold.release().await;
    let peek = world.peek();
    let stored = || peek.query_row("SELECT change FROM store", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = stored();
    for arguments in [&["token", &kept.grant][..], &SERVE, &["store", "status"], &["store", "adopt"]] {
        let said = world.run(arguments).await.bad(7);
        assert!(
            said.contains(&file.display().to_string()) && said.contains("restore it from its copy"),
            "{said}"
        );
    }
    assert!(!file.exists(), "no other key was made");
    assert_eq!(stored(), before, "nothing was written");

    fs::rename(&aside, &file).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    for arguments in [&["token", &kept.grant][..], &SERVE] {
        let said = world.run(arguments).await.bad(7);
        assert!(said.contains(&format!("chmod 600 {}", file.display())), "{said}");
    }
    assert_eq!(world.provider.refreshes().await.len(), 3, "nothing was sent without the key");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    world.run(&["token", &kept.grant]).await.good();
    assert_eq!(world.show(&kept.grant).await["state"], "active");
}
