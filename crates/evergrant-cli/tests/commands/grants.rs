use std::time::Duration;

use evergrant_rehearse::{Action, Endpoint, Fault};

use crate::support::World;

#[tokio::test]
async fn an_imported_grant_is_listed_shown_and_kept() {
    let world = World::new().await;
    world.add_client().await;
    let refresh_token = world.issue();
    let import = [
        "grants",
        "import",
        "crm",
        "--refresh-token-stdin",
        "--external-id",
        "user-7",
        "--label",
        "team=blue",
        "--scope",
        "openid profile",
    ];
    let done = world.run_with(&import, &refresh_token).await;
    assert!(!done.stderr.contains(&refresh_token) && !done.stdout.contains(&refresh_token));
    let grant = done.good();
    let found = world.run(&["grants", "list", "--label", "team=blue", "--format", "json"]).await.json();
    assert_eq!(found[0]["grant"], grant.as_str());
    assert_eq!(found[0]["external_id"], "user-7");
    let none = world.run(&["grants", "list", "--label", "team=red", "--format", "json"]).await.json();
    assert_eq!(none, serde_json::json!([]));
    world.run(&["token", &grant]).await.good();
    let shown = world.run(&["grants", "show", &grant]).await.good();
    for part in ["active", "user-7", "team=blue", "succeeded", "refreshed"] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    assert!(!shown.contains(&refresh_token));
}

#[tokio::test]
async fn a_refresh_token_has_one_holder() {
    let world = World::new().await;
    world.add_client().await;
    let refresh_token = world.issue();
    let import = ["grants", "import", "crm", "--refresh-token-stdin"];
    let grant = world.run_with(&import, &refresh_token).await.good();
    let said = world.run_with(&import, &refresh_token).await.bad(1);
    assert!(said.contains(&grant) && !said.contains(&refresh_token), "{said}");
}

#[tokio::test]
async fn a_revoked_grant_is_ended_at_the_provider_and_gives_no_token() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.run(&["token", &grant]).await.good();
    let ended = world.run(&["grants", "revoke", &grant, "--format", "json"]).await.json();
    assert_eq!(ended["state"], "revoked");
    assert!(ended["revocation"]["confirmed_at"].is_string(), "{ended}");
    let journal = world.rehearsal.journal();
    assert!(journal.iter().any(|entry| entry.endpoint == Endpoint::Revoke && !entry.revoked.is_empty()));
    world.run(&["token", &grant]).await.bad(8);
    let listed = world.run(&["grants", "list", "--state", "revoked", "--format", "json"]).await.json();
    assert_eq!(listed[0]["grant"], grant.as_str());
}

#[tokio::test]
async fn a_revocation_that_the_provider_did_not_hear_of_is_said_to_be_owed() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.rehearsal.add_fault(Fault::before(Action::status(503)).at(Endpoint::Revoke).always()).unwrap();
    let done = world.run(&["grants", "revoke", &grant]).await;
    assert!(done.stderr.contains("has not confirmed"), "{done:?}");
    done.good();
    world.rehearsal.clear_faults();
    world.rehearsal.advance(Duration::from_secs(3600));
    let again = world.run(&["grants", "revoke", &grant, "--format", "json"]).await.json();
    assert!(again["revocation"]["confirmed_at"].is_string(), "{again}");
}

#[tokio::test]
async fn a_removed_grant_is_in_no_list() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.run(&["grants", "remove", &grant]).await.good();
    assert_eq!(world.run(&["grants", "list", "--format", "json"]).await.json(), serde_json::json!([]));
    world.run(&["grants", "show", &grant]).await.bad(8);
}
