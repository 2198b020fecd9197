use evergrant_rehearse::{Action, Endpoint, Fault};

use crate::support::World;

#[tokio::test]
async fn a_hostile_description_is_shown_harmless_and_masked() {
    let world = World::new().await;
    world.add_client().await;
    let refresh_token = world.issue();
    let import = ["grants", "import", "crm", "--refresh-token-stdin"];
    let grant = world.run_with(&import, &refresh_token).await.good();
    let body = serde_json::json!({
        "error": "invalid_grant",
        "error_description": format!("\u{1b}]0;owned\u{7} <script> {refresh_token} \u{202e}gnp.exe"),
    });
    let hostile = Action::respond(400, &body.to_string());
    world.rehearsal.add_fault(Fault::before(hostile).at(Endpoint::Token).always()).unwrap();
    let said = world.run(&["token", &grant]).await.bad(3);
    let shown = world.run(&["grants", "show", &grant]).await.good();
    for text in [said, shown] {
        assert!(!text.contains(&refresh_token), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    }
}

#[tokio::test]
async fn a_clock_beyond_this_host_is_not_followed() {
    let mut world = World::new().await;
    world.clock = false;
    for url in ["http://192.0.2.1/admin/clock", "https://clock.example/", "nonsense"] {
        let said = world.run(&["clients", "list", "--clock", url]).await.bad(1);
        assert!(said.contains("loopback"), "{url}: {said}");
    }
}

#[tokio::test]
async fn a_rehearsals_clock_is_not_followed_beside_real_providers() {
    let mut world = World::new().await;
    world.clock = false;
    let add = [
        "clients",
        "add",
        "real",
        "--client-id",
        "x",
        "--public",
        "--token-endpoint",
        "https://provider.example/token",
    ];
    world.run(&add).await.good();
    world.clock = true;
    let said = world.run(&["clients", "list"]).await.bad(2);
    assert!(said.contains("EVERGRANT_CLOCK"), "{said}");
}

#[tokio::test]
async fn what_is_no_id_name_or_store_is_refused_before_anything_happens() {
    let world = World::new().await;
    for arguments in [
        vec!["token", "not-an-id"],
        vec!["clients", "show", "No Name"],
        vec!["clients", "list", "--store", "postgres://localhost/x"],
        vec!["clients", "list", "--namespace", "../x"],
        vec!["connect", "crm", "--scope", "a\"b"],
        vec!["frobnicate"],
    ] {
        world.run(&arguments).await.bad(2);
    }
    assert!(!world.store().exists());
}

#[tokio::test]
async fn an_issuer_that_is_none_is_an_error_that_says_what_was_tried() {
    let world = World::new().await;
    let issuer = format!("{}/nowhere", world.rehearsal.issuer());
    let add = ["clients", "add", "crm", "--issuer", &issuer, "--client-id", "x", "--public"];
    let said = world.run(&add).await.bad(1);
    assert!(said.contains("well-known") && said.contains("--token-endpoint"), "{said}");
}

#[tokio::test]
async fn a_settings_file_with_a_mistake_is_refused_by_its_line() {
    let world = World::new().await;
    let file = world.directory.path().join("evergrant.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nlisten_on = 3\n").unwrap();
    let said = world.run(&["clients", "list", "--config", file.to_str().unwrap()]).await.bad(1);
    assert!(said.contains("evergrant.toml:2: listen_on:"), "{said}");
}
