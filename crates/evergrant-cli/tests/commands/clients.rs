use crate::support::{CLIENT_ID, CLIENT_SECRET, World};

#[tokio::test]
async fn a_client_is_added_by_its_issuer_and_shown_without_its_secret() {
    let world = World::new().await;
    world.add_client().await;
    let shown = world.run(&["clients", "show", "crm", "--format", "json"]).await.json();
    assert_eq!(shown["issuer"], world.rehearsal.issuer());
    assert_eq!(shown["client_id"], CLIENT_ID);
    assert_eq!(shown["has_secret"], true);
    assert_eq!(shown["authentication"], "client_secret_basic");
    assert_eq!(shown["endpoints"]["token"], format!("{}/token", world.rehearsal.issuer()));
    let listed = world.run(&["clients", "list"]).await.good();
    assert!(listed.contains("crm") && listed.contains("ok"), "{listed}");
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let world = World::new().await;
    world.add_client().await;
    let issuer = world.rehearsal.issuer();
    let again = ["clients", "add", "crm", "--issuer", issuer, "--client-id", "x", "--public"];
    let said = world.run(&again).await.bad(1);
    assert!(said.contains("evergrant clients update crm"), "{said}");
}

#[tokio::test]
async fn an_address_that_no_user_may_be_returned_to_is_refused() {
    let world = World::new().await;
    let add = ["clients", "add", "crm", "--issuer", world.rehearsal.issuer(), "--client-id", "x", "--public"];
    let with = |url| [&add[..], &["--return-url", url]].concat();
    for url in ["javascript:alert(1)", "/done", "https://app.example@evil.example/"] {
        let said = world.run(&with(url)).await.bad(2);
        assert!(said.contains("no return URL"), "{url}: {said}");
    }
    world.run(&with("https://app.example/done")).await.good();
    world.run(&["clients", "update", "crm", "--return-url", "data:text/html,x"]).await.bad(2);
    let shown = world.run(&["clients", "show", "crm", "--format", "json"]).await.json();
    assert_eq!(shown["return_urls"], serde_json::json!(["https://app.example/done"]));
}

#[tokio::test]
async fn a_secret_that_nobody_names_is_asked_for_by_its_options() {
    let world = World::new().await;
    let issuer = world.rehearsal.issuer();
    let said = world.run(&["clients", "add", "crm", "--issuer", issuer, "--client-id", "x"]).await.bad(2);
    assert!(said.contains("--secret-file") && said.contains("--public"), "{said}");
    assert!(!world.store().exists(), "nothing was begun");
}

#[tokio::test]
async fn a_client_that_grants_need_is_not_removed() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let said = world.run(&["clients", "remove", "crm"]).await.bad(1);
    assert!(said.contains("evergrant grants list --client crm"), "{said}");
    world.run(&["grants", "remove", &grant]).await.good();
    world.run(&["clients", "remove", "crm"]).await.good();
    world.run(&["clients", "show", "crm"]).await.bad(8);
}

#[tokio::test]
async fn new_credentials_resume_what_the_provider_rejected() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.rehearsal.change_secret(CLIENT_ID, "another-secret-Zz71").unwrap();
    let said = world.run(&["token", &grant]).await.bad(5);
    assert!(said.contains("evergrant clients update crm"), "{said}");
    let state = world.run(&["grants", "show", &grant, "--format", "json"]).await.json()["state"].clone();
    assert_ne!(state, "needs_reauthorization", "no grant dies of it");
    world.run_with(&["clients", "update", "crm", "--secret-stdin"], "another-secret-Zz71").await.good();
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn a_namespace_sees_its_own_clients_only() {
    let world = World::new().await;
    world.add_client().await;
    let elsewhere = world.run(&["clients", "list", "--namespace", "other", "--format", "json"]).await.json();
    assert_eq!(elsewhere, serde_json::json!([]));
    let grant = world.import().await;
    world.run(&["token", &grant, "--namespace", "other"]).await.bad(8);
}

#[tokio::test]
async fn the_secret_comes_from_a_file_as_well() {
    let world = World::new().await;
    let file = world.directory.path().join("secret");
    std::fs::write(&file, format!("{CLIENT_SECRET}\n")).unwrap();
    let issuer = world.rehearsal.issuer();
    let file = file.to_str().unwrap();
    let add = ["clients", "add", "crm", "--issuer", issuer, "--client-id", CLIENT_ID, "--secret-file", file];
    let done = world.run(&add).await;
    assert!(done.stderr.contains("chmod 600"), "a file that others can read is worth a word: {done:?}");
    done.good();
    let grant = world.import().await;
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn what_answers_have_shown_is_told_beside_what_is_stated() {
    let world = World::new().await;
    world.add_client().await;
    let silent = world.run(&["clients", "show", "crm", "--format", "json"]).await.json();
    assert_eq!(silent["learned"]["replaces"], "unknown");
    let grant = world.import().await;
    for _ in 0..3 {
        world.run(&["token", &grant, "--refresh"]).await.good();
    }
    let shown = world.run(&["clients", "show", "crm", "--format", "json"]).await.json();
    assert_eq!(shown["learned"]["replaces"], "always");
    assert_eq!(shown["learned"]["contradicts"], serde_json::json!([]));
    assert_eq!(shown["learned"]["access_lifetime"]["shortest_s"], 300);
    let text = world.run(&["clients", "show", "crm"]).await.good();
    for words in ["replaced by every refresh (3 times or more)", "5 min", "keep-alive"] {
        assert!(text.contains(words), "{text}");
    }
    world.run(&["clients", "update", "crm", "--keep-alive", "false"]).await.good();
    let updated = world.run(&["clients", "show", "crm", "--format", "json"]).await.json();
    assert_eq!(updated["keep_alive"], false);
    assert_eq!(updated["learned"], shown["learned"], "an update of something else forgets nothing");
}

#[tokio::test]
async fn a_brand_is_chosen_changed_one_by_one_and_taken_back() {
    let world = World::new().await;
    world.add_client().await;
    let show =
        async || world.run(&["clients", "show", "crm", "--format", "json"]).await.json()["branding"].clone();
    assert_eq!(show().await, serde_json::json!({ "name": null, "color": null }));
    world.run(&["clients", "update", "crm", "--brand-name", "Acme Billing"]).await.good();
    world.run(&["clients", "update", "crm", "--brand-color", "#FFD400"]).await.good();
    assert_eq!(show().await, serde_json::json!({ "name": "Acme Billing", "color": "#ffd400" }));
    let text = world.run(&["clients", "show", "crm"]).await.good();
    assert!(text.contains("Acme Billing") && text.contains("#ffd400"), "{text}");
    let said = world.run(&["clients", "update", "crm", "--brand-color", "yellow"]).await.bad(2);
    assert!(said.contains("#rrggbb"), "{said}");
    world.run(&["clients", "update", "crm", "--no-brand"]).await.good();
    assert_eq!(show().await, serde_json::json!({ "name": null, "color": null }));
}
