use std::fs;

use crate::support::World;

#[tokio::test]
async fn the_catalogue_is_listed_and_searched_without_a_store() {
    let world = World::new().await;
    let listed = world.run(&["providers", "list", "--format", "json"]).await.json();
    assert!(listed.as_array().unwrap().len() > 170);
    let found = world.run(&["providers", "list", "slack.com"]).await.good();
    assert_eq!(found.lines().count(), 2, "{found}");
    assert!(found.contains("Slack"), "{found}");
    let nothing = world.run(&["providers", "list", "no such provider"]).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""));
    assert!(nothing.stderr.contains("--issuer"), "{nothing:?}");
    assert!(!world.store().exists());
}

#[tokio::test]
async fn a_provider_is_shown_for_people_and_for_programs() {
    let world = World::new().await;
    let shown = world.run(&["providers", "show", "atlassian"]).await.good();
    for part in ["confidence 0.90", "works for the window", "10 min", "365 d", "unknown", "Sources"] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    let shown = world.run(&["providers", "show", "atlassian", "--format", "json"]).await.json();
    assert_eq!(shown["rotation"]["window"], 600);
    let said = world.run(&["providers", "show", "atlasian"]).await.bad(8);
    assert!(said.contains("evergrant providers list"), "{said}");
}

#[tokio::test]
async fn a_file_is_checked_with_line_field_and_remedy() {
    let world = World::new().await;
    let file = world.directory.path().join("acme.toml");
    let path = file.to_str().unwrap();
    fs::write(
        &file,
        "id = \"acme\"\nname = \"Acme\"\n\n[endpoints]\ntoken = \"https://acme.example/token\"\n",
    )
    .unwrap();
    let said = world.run(&["providers", "check", path]).await.good();
    assert!(said.contains("acme: ok; unknown: rotation policy, lifetimes, signatures"), "{said}");

    fs::write(&file, "id = \"acme\"\nname = \"Acme\"\n\n[rotation]\nknid = \"one_time\"\n").unwrap();
    let said = world.run(&["providers", "check", path]).await.bad(1);
    assert!(said.contains("acme.toml:5: rotation.knid: unknown field"), "{said}");
    assert!(said.contains("did you mean `kind`?"), "{said}");

    let missing = world.directory.path().join("none.toml");
    world.run(&["providers", "check", missing.to_str().unwrap()]).await.bad(1);
    world.run(&["providers", "check"]).await.bad(2);
}

#[tokio::test]
async fn an_own_folder_adds_and_replaces_for_every_command() {
    let world = World::new().await;
    let folder = world.directory.path().join("catalogue");
    fs::create_dir(&folder).unwrap();
    let entry = |id: &str, name: &str| {
        fs::write(folder.join(format!("{id}.toml")), format!("id = \"{id}\"\nname = \"{name}\"\n"))
    };
    entry("acme", "Acme").unwrap();
    entry("slack", "Our Slack").unwrap();
    let folder = folder.to_str().unwrap();
    let listed = world.run(&["providers", "list", "--catalogue", folder, "--format", "json"]).await.json();
    let own: Vec<_> = listed.as_array().unwrap().iter().filter(|entry| entry["own"] == true).collect();
    assert_eq!(own.iter().map(|entry| &entry["name"]).collect::<Vec<_>>(), ["Acme", "Our Slack"]);

    let issuer = world.rehearsal.issuer();
    let add =
        ["clients", "add", "crm", "--provider", "acme", "--issuer", issuer, "--client-id", "x", "--public"];
    let said = world.run(&add).await.bad(8);
    assert!(said.contains("acme"), "{said}");
    world.run(&[&add[..], &["--catalogue", folder]].concat()).await.good();

    fs::write(std::path::Path::new(folder).join("acme.toml"), "id = \"acme\"\n").unwrap();
    let said = world.run(&["clients", "list", "--catalogue", folder]).await.bad(1);
    assert!(said.contains("acme.toml:1:") && said.contains("name"), "{said}");
}
