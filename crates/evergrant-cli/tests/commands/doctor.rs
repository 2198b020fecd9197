//! `evergrant doctor` against a rehearsal that is sound, changed, away or wrong about the time.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{fs, os::unix::fs::PermissionsExt};

use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, PolicyName, RotationPolicy};
use serde_json::Value;

use crate::support::{CLIENT_ID, CLIENT_SECRET, Live, World};

/// The result of a check, and the whole finding.
fn found<'a>(report: &'a Value, check: &str) -> (&'a str, &'a Value) {
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["check"] == check);
    let finding = finding.unwrap_or_else(|| panic!("no check {check} in {report:#}"));
    (finding["result"].as_str().unwrap(), finding)
}

async fn report(world: &World, code: i32) -> Value {
    let done = world.run(&["doctor", "--format", "json"]).await;
    assert_eq!(done.code, code, "{done:?}");
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(
            finding["result"] == "ok",
            finding["fix"].is_null(),
            "all but what is in order has a fix: {finding:#}"
        );
    }
    report
}

#[tokio::test]
async fn a_sound_installation_passes_every_check_and_no_grant_is_touched() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let report = report(&world, 0).await;
    for check in [
        "settings",
        "catalogue",
        "permissions",
        "store",
        "keys",
        "reach",
        "discovery",
        "clock",
        "authentication",
    ] {
        assert_eq!(found(&report, check).0, "ok", "{report:#}");
    }
    assert_eq!(world.refreshes(), 0, "introspection of a made-up token was enough");
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn nothing_is_made_by_looking() {
    let world = World::new().await;
    let report = report(&world, 0).await;
    assert_eq!(found(&report, "store").0, "advice");
    assert!(!world.store().exists());
}

#[tokio::test]
async fn a_changed_secret_is_found_with_its_fix_and_its_page() {
    let world = World::new().await;
    world.add_client().await;
    world.rehearsal.change_secret(CLIENT_ID, "another").unwrap();
    let report = report(&world, 5).await;
    let (result, finding) = found(&report, "authentication");
    assert_eq!(result, "fails");
    assert!(finding["fix"].as_str().unwrap().contains("evergrant clients update crm"), "{finding:#}");
    assert_eq!(finding["page"], "/problems/wrong_client_credentials");
    let shown = world.run(&["doctor"]).await;
    assert_eq!(shown.code, 5);
    assert!(shown.stdout.contains("fails    authentication"), "{shown:?}");
    assert!(shown.stdout.contains("why: evergrant explain --cause wrong_client_credentials"), "{shown:?}");
}

#[tokio::test]
async fn without_introspection_a_made_up_refresh_token_is_presented_and_no_real_one() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.rehearsal.add_fault(Fault::before(Action::status(404)).at(Endpoint::Introspect).always()).unwrap();
    let report = report(&world, 0).await;
    let (result, finding) = found(&report, "authentication");
    assert_eq!(result, "ok", "{finding:#}");
    let journal = world.rehearsal.journal();
    let sent: Vec<_> =
        journal.iter().filter(|entry| entry.grant_type == Some(GrantType::RefreshToken)).collect();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].family.is_none(), "it belongs to nobody: {:?}", sent[0]);
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn a_redirect_uri_that_the_provider_does_not_know_is_found() {
    let world = World::new().await;
    world.add_client().await;
    let uri = "https://other.example/callback";
    world.run(&["clients", "update", "crm", "--redirect-uri", uri]).await.good();
    let report = report(&world, 5).await;
    let (result, finding) = found(&report, "redirect URI");
    assert_eq!(
        (result, &finding["page"]),
        ("fails", &"/problems/redirect_uri_mismatch".into()),
        "{finding:#}"
    );
}

#[tokio::test]
async fn a_clock_that_is_off_is_measured_against_the_providers() {
    let mut world = World::new().await;
    world.add_client().await;
    // The program goes by the machine's clock, and the provider's is an hour ahead.
    world.clock = false;
    world.rehearsal.advance(std::time::Duration::from_secs(3600));
    let report = report(&world, 1).await;
    let (result, finding) = found(&report, "clock");
    assert_eq!((result, &finding["page"]), ("fails", &"/problems/clock_skew".into()), "{finding:#}");
    assert!(finding["finding"].as_str().unwrap().contains("behind the provider's"), "{finding:#}");
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_once() {
    let world = World::new().await;
    world.add_client().await;
    let mut command = world.program(&["doctor", "--format", "json"]);
    command.env_remove("EVERGRANT_CLOCK");
    world.rehearsal.shutdown().await;
    let done = Live::of(command).finish().await;
    assert_eq!(done.code, 4, "{done:?}");
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let (result, finding) = found(&report, "reach");
    assert_eq!((result, &finding["page"]), ("fails", &"/problems/network_or_tls".into()));
    let fails = report["findings"].as_array().unwrap().iter().filter(|row| row["result"] == "fails").count();
    assert_eq!(fails, 1, "{report:#}");
}

#[tokio::test]
async fn a_key_that_others_can_read_and_a_broken_catalogue_are_found() {
    let world = World::new().await;
    world.add_client().await;
    let keys = world.store().with_extension("sqlite.keys");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    let open = report(&world, 7).await;
    let (result, finding) = found(&open, "permissions");
    assert_eq!(result, "fails");
    assert_eq!(finding["fix"], format!("chmod 600 {}", keys.display()));
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();

    let folder = world.directory.path().join("own");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("acme.toml"), "id = 'acme'\nnaem = 'Acme'\n").unwrap();
    let folder = folder.to_str().unwrap();
    let done = world.run(&["doctor", "--catalogue", folder, "--format", "json"]).await;
    assert_eq!(done.code, 1, "{done:?}");
    let broken: Value = serde_json::from_str(&done.stdout).unwrap();
    let (result, finding) = found(&broken, "catalogue");
    assert!(result == "fails" && finding["finding"].as_str().unwrap().contains("acme.toml:2"), "{finding:#}");
}

#[tokio::test]
async fn a_quarantined_store_is_found_with_the_way_out() {
    let world = World::new().await;
    world.add_client().await;
    fs::remove_dir_all(world.store().with_extension("sqlite.d")).unwrap();
    let report = report(&world, 7).await;
    let (result, finding) = found(&report, "store");
    assert!(result == "fails" && finding["fix"].as_str().unwrap().contains("store adopt"), "{finding:#}");
}

#[tokio::test]
async fn what_works_and_could_be_better_is_advised() {
    let world = World::rotating(RotationPolicy::named(PolicyName::P0)).await;
    let two_days = 2 * 86_400;
    let change = |client: &mut evergrant_rehearse::ClientSettings| client.lifetimes.access_token_s = two_days;
    world.rehearsal.with_provider(|provider, _| provider.change_client(CLIENT_ID, change)).unwrap();
    let folder = world.directory.path().join("own");
    fs::create_dir(&folder).unwrap();
    let entry =
        "id = 'acme'\nname = 'Acme'\n[rotation]\nkind = 'reusable'\n[refresh]\nreplaces = 'sometimes'\n";
    fs::write(folder.join("acme.toml"), entry).unwrap();
    let (folder, issuer) = (folder.to_str().unwrap(), world.rehearsal.issuer());
    let add = ["clients", "add", "crm", "--provider", "acme", "--issuer", issuer, "--client-id", CLIENT_ID];
    let more = ["--scope", "openid", "--secret-stdin", "--catalogue", folder];
    world.run_with(&[&add[..], &more].concat(), CLIENT_SECRET).await.good();
    let grant = world.import().await;
    for _ in 0..4 {
        world.run(&["token", &grant, "--refresh"]).await.good();
    }
    let report = report(&world, 0).await;
    assert_eq!(report["result"], "advice", "{report:#}");
    let said = |check: &str| found(&report, check).1["finding"].as_str().unwrap().to_owned();
    assert!(said("rotation").contains("no refresh here has brought another one"), "{report:#}");
    assert!(said("scopes").contains("profile"), "{report:#}");
    assert!(said("lifetimes").contains("2 days"), "{report:#}");
}

#[tokio::test]
async fn scopes_that_no_narrower_token_has_are_advised_against() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    assert!(!report(&world, 0).await.to_string().contains("narrower tokens"), "nobody asked for one");
    world.run(&["token", &grant]).await.good();
    world.run(&["token", &grant, "--scope", "openid"]).await.good();
    let report = report(&world, 0).await;
    let finding = found(&report, "scopes").1;
    let text = finding["finding"].as_str().unwrap();
    assert!(text.contains("1 of 1 grants") && text.ends_with("profile"), "{finding:#}");
}
