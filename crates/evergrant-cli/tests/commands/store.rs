use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
};

use crate::support::World;

#[tokio::test]
async fn a_store_is_made_on_first_use_for_its_owner_alone() {
    let world = World::new().await;
    world.add_client().await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(world.store().parent().unwrap()), 0o700);
    assert_eq!(mode(&world.store()), 0o600);
    assert_eq!(mode(&world.store().with_extension("sqlite.keys")), 0o600);
    let keys = world.run(&["keys", "status", "--format", "json"]).await.json();
    assert_eq!(keys["keys"][0]["primary"], true);
    let status = world.run(&["store", "status", "--format", "json"]).await.json();
    assert_eq!(status["quarantined"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_come_first_together_make_one_store() {
    let world = World::new().await;
    let first: Vec<_> = (0..8).map(|_| world.start(&["keys", "status", "--format", "json"])).collect();
    let mut keys = Vec::new();
    for process in first {
        keys.push(process.finish().await.json()["keys"].clone());
    }
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_refused_with_the_command_that_helps() {
    let world = World::new().await;
    world.add_client().await;
    let keys = world.store().with_extension("sqlite.keys");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    let said = world.run(&["clients", "list"]).await.bad(7);
    assert!(said.contains(&format!("chmod 600 {}", keys.display())), "{said}");
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let world = World::new().await;
    world.add_client().await;
    let mut header = fs::read(world.store()).unwrap();
    fs::remove_file(world.store().with_extension("sqlite-wal")).unwrap_or_default();
    fs::remove_file(world.store().with_extension("sqlite-shm")).unwrap_or_default();
    // The user version of a SQLite file: four bytes at offset 60, big-endian.
    header[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(world.store(), &header).unwrap();
    let said = world.run(&["clients", "list"]).await.bad(7);
    assert!(said.contains("upgrade Evergrant"), "{said}");
    assert_eq!(fs::read(world.store()).unwrap(), header, "not a byte has changed");
}

#[tokio::test]
async fn a_file_of_something_else_is_no_store() {
    let world = World::new().await;
    fs::create_dir_all(world.store().parent().unwrap()).unwrap();
    fs::write(world.store(), "dear diary").unwrap();
    world.run(&["clients", "list"]).await.bad(7);
    assert_eq!(fs::read_to_string(world.store()).unwrap(), "dear diary");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let world = World::new().await;
    let place = world.directory.path().join("locked");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(world.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = world.program(&["clients", "list"]);
    command.env("EVERGRANT_STORE", place.join("in/evergrant.sqlite"));
    if rustix::process::geteuid().is_root() {
        // Root writes anywhere: the program runs as nobody, where it can be reached.
        let program = world.directory.path().join("evergrant");
        fs::copy(env!("CARGO_BIN_EXE_evergrant"), &program).unwrap();
        chown(&program, Some(65534), None).unwrap();
        let mut as_nobody = tokio::process::Command::new(&program);
        as_nobody
            .args(["clients", "list", "--store"])
            .arg(place.join("in/evergrant.sqlite"))
            .env_clear()
            .uid(65534)
            .gid(65534)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        command = as_nobody;
    }
    let said = crate::support::Live::of(command).finish().await.bad(7);
    assert!(said.contains("locked") && said.contains("EVERGRANT_STORE"), "{said}");
}

#[tokio::test]
async fn a_restored_store_refreshes_nothing_until_it_is_adopted() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    fs::remove_dir_all(world.store().with_extension("sqlite.d")).unwrap();
    let said = world.run(&["token", &grant]).await.bad(7);
    assert!(said.contains("evergrant store adopt"), "{said}");
    assert_eq!(world.refreshes(), 0);
    world.run(&["store", "adopt"]).await.good();
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn keys_from_the_environment_seal_a_store_that_opens_with_no_others() {
    let world = World::new().await;
    let keys_file = world.store().with_extension("sqlite.keys");
    let with_key = |key: &str| {
        let mut command = world.program(&["keys", "status", "--format", "json"]);
        command.env("EVERGRANT_KEY", key);
        crate::support::Live::of(command)
    };
    // 32 bytes in Base64.
    let key = "A".repeat(43) + "=";
    assert_eq!(with_key(&key).finish().await.json()["keys"][0]["primary"], true);
    assert!(!keys_file.exists(), "no key lies beside a store whose keys come from elsewhere");
    let again = with_key(&key).finish().await.json();
    assert_eq!(again["keys"][0]["primary"], true);
    assert!(again["file"].is_null(), "no file has them: {again}");
    let other = "B".repeat(42) + "A=";
    with_key(&other).finish().await.bad(7);
    let said = with_key("not a key").finish().await.bad(7);
    assert!(said.contains("openssl rand -base64 32") && !said.contains("not a key"), "{said}");
}
