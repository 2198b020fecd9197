//! `evergrant config check`, and what `serve` makes of the same settings.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::fs;

use serde_json::Value;

use crate::support::{Done, World};

async fn check(world: &World, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
    let mut command = world.program(&[&["config", "check"], arguments].concat());
    command.env_remove("EVERGRANT_LOG").envs(variables.iter().copied());
    crate::support::Live::of(command).finish().await
}

/// The row of a setting in JSON.
fn row<'a>(shown: &'a Value, name: &str) -> &'a Value {
    let rows = shown["settings"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} is missing in {shown}"))
}

#[tokio::test]
async fn every_setting_is_shown_with_its_origin_and_without_its_secrets() {
    let world = World::new().await;
    let file = world.directory.path().join("evergrant.toml");
    fs::write(&file, "drain = 5\n\n[egress]\nproxy = \"http://me:canary-password@proxy.example:3128\"\n")
        .unwrap();
    let path = file.to_str().unwrap();
    let arguments = ["--config", path, "--listen", "127.0.0.1:9", "--format", "json"];
    let done = check(&world, &arguments, &[("EVERGRANT_FINISH", "7")]).await;
    assert!(!done.stdout.contains("canary-password") && !done.stderr.contains("canary-password"));
    let shown = done.json();
    assert_eq!(shown["result"], "ok");
    assert_eq!(shown["findings"], serde_json::json!([]));
    for (name, value, source, place) in [
        ("listen", "127.0.0.1:9", "flag", "--listen".to_owned()),
        ("finish", "7", "environment", "EVERGRANT_FINISH".to_owned()),
        ("drain", "5", "file", format!("{path}:1")),
        ("egress.proxy", "http://***@proxy.example:3128", "file", format!("{path}:4")),
    ] {
        let row = row(&shown, name);
        assert_eq!(
            (&row["value"], &row["source"], &row["place"]),
            (&value.into(), &source.into(), &place.into())
        );
    }
    assert_eq!(row(&shown, "patience")["source"], "default");
    let table = check(&world, &["--config", path], &[]).await.good();
    assert!(table.lines().next().unwrap().starts_with("SETTING"), "{table}");
    assert!(table.contains(&format!("{path}:4")) && !table.contains("canary-password"), "{table}");
}

#[tokio::test]
async fn every_mistake_is_told_at_once_and_the_exit_code_says_so() {
    let world = World::new().await;
    let file = world.directory.path().join("evergrant.toml");
    fs::write(&file, "public_url = 'http://a.example'\nlistn = 'x'\n[tls]\nkey = 3\n").unwrap();
    let arguments = ["--config", file.to_str().unwrap(), "--drain", "soon"];
    let done = check(&world, &arguments, &[("EVERGRANT_BEHIND_PROXY", "perhaps")]).await;
    let text = done.stdout.clone();
    done.bad(1);
    for part in [
        "evergrant.toml:1: public_url: is not https",
        "evergrant.toml:2: listn: there is no such setting; did you mean listen?",
        "evergrant.toml:4: tls.key: takes a text in quotation marks",
        "--drain: drain: takes a whole number",
        "EVERGRANT_BEHIND_PROXY: behind_proxy: takes true or false",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let told = world.run(&[&["serve"], &arguments[..]].concat()).await.bad(1);
    assert!(told.contains("listn") && told.contains("public_url") && told.contains("config check"), "{told}");
    assert!(!world.store().exists(), "no store was made for nothing");
    let json = check(&world, &[&arguments[..], &["--format", "json"]].concat(), &[]).await;
    let shown: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &shown["result"]), (1, &"wrong".into()));
    assert!(shown["findings"].as_array().unwrap().iter().all(|finding| finding["weight"] == "refused"));
}

#[tokio::test]
async fn a_server_speaks_in_the_clear_beyond_loopback_only_behind_a_proxy() {
    let world = World::new().await;
    let told = world.run(&["serve", "--listen", "0.0.0.0:0"]).await.bad(1);
    for part in ["in the clear", "tls.certificate", "behind_proxy"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert!(!world.store().exists(), "no store was made for nothing");
    let public = ["--public-url", "https://a.example"];
    let mut program =
        world.start(&[&["serve", "--listen", "0.0.0.0:0", "--behind-proxy"], &public[..]].concat());
    while !program.first_line().await.starts_with("listening on 0.0.0.0:") {}
    program.signal(rustix::process::Signal::TERM);
    program.finish().await.good();
}
