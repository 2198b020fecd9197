//! `grants check` and `grants forecast`, and how often remedies worked.

use std::{fs, net::IpAddr, time::Duration};

use evergrant_rehearse::{Action, Endpoint, Fault};

use crate::support::{CLIENT_ID, CLIENT_SECRET, World};

#[tokio::test]
async fn a_grant_is_asked_about_without_being_refreshed() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let alive = world.run(&["grants", "check", &grant, "--format", "json"]).await.json();
    assert_eq!((&alive["alive"], &alive["diagnosis"]), (&true.into(), &serde_json::Value::Null), "{alive:#}");
    world.rehearsal.with_provider(|provider, now| provider.revoke_consent("alice", None, now)).unwrap();
    let dead = world.run(&["grants", "check", &grant]).await;
    assert_eq!(dead.code, 3, "{dead:?}");
    assert!(
        dead.stdout.matches("is not active").count() == 1 && dead.stdout.contains("it does not live"),
        "{dead:?}"
    );
    assert!(dead.stderr.lines().all(|line| !line.starts_with("error")), "{dead:?}");
    assert_eq!(world.refreshes(), 0);
    // A suspicion changes nothing: only a refusal does.
    let shown = world.run(&["grants", "show", &grant, "--format", "json"]).await.json();
    assert_eq!(shown["state"], "active");
}

#[tokio::test]
async fn where_introspection_tells_nothing_the_access_token_is_tried() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.rehearsal.add_fault(Fault::before(Action::status(403)).at(Endpoint::Introspect).always()).unwrap();
    let unasked = world.run(&["grants", "check", &grant]).await;
    assert_eq!(unasked.code, 4, "there is no access token yet: {unasked:?}");
    world.run(&["token", &grant]).await.good();
    let alive = world.run(&["grants", "check", &grant, "--format", "json"]).await.json();
    assert_eq!(
        (&alive["alive"], &alive["asked"][1]["probe"]),
        (&true.into(), &"userinfo".into()),
        "{alive:#}"
    );
    assert_eq!(world.refreshes(), 1, "the one that brought the token");
}

#[tokio::test]
async fn a_lost_answer_is_cleared_up_by_a_check() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.rehearsal.add_fault(Fault::after_commit(Action::Drop).at(Endpoint::Token)).unwrap();
    world.run(&["token", &grant]).await.bad(4);
    let checked = world.run(&["grants", "check", &grant, "--format", "json"]).await;
    assert_eq!(checked.code, 3, "{checked:?}");
    let checked: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(checked["diagnosis"]["cause"], "lost_rotation_not_persisted", "{checked:#}");
    assert!(checked["diagnosis"]["evidence"].to_string().contains("was processed"), "{checked:#}");
}

#[tokio::test]
async fn a_request_that_was_lost_on_its_way_is_found_to_have_spent_nothing() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.rehearsal.add_fault(Fault::before(Action::Drop).at(Endpoint::Token)).unwrap();
    world.run(&["token", &grant]).await.bad(4);
    let checked = world.run(&["grants", "check", &grant, "--format", "json"]).await.json();
    assert_eq!((&checked["alive"], &checked["state"]), (&true.into(), &"degraded".into()), "{checked:#}");
    assert!(checked["diagnosis"]["evidence"].to_string().contains("has not spent"), "{checked:#}");
}

#[tokio::test]
async fn ends_are_foreseen_by_what_the_catalogue_knows() {
    let world = World::new().await;
    let folder = world.directory.path().join("own");
    fs::create_dir(&folder).unwrap();
    let entry = "id = 'acme'\nname = 'Acme'\n[lifetimes]\nidle = 864000\nabsolute = 8640000\n";
    fs::write(folder.join("acme.toml"), entry).unwrap();
    let folder = folder.to_str().unwrap();
    let issuer = world.rehearsal.issuer();
    let add = ["clients", "add", "crm", "--provider", "acme", "--issuer", issuer, "--client-id", CLIENT_ID];
    world
        .run_with(&[&add[..], &["--secret-stdin", "--catalogue", folder]].concat(), CLIENT_SECRET)
        .await
        .good();
    let grant = world.import().await;
    let forecast = world.run(&["grants", "forecast", "--format", "json"]).await.json();
    let endings = &forecast[0]["endings"];
    assert_eq!(forecast[0]["grant"], grant.as_str(), "{forecast:#}");
    assert_eq!(
        (&endings[0]["cause"], &endings[0]["averted_by"]),
        (&"refresh_token_expired_idle".into(), &"refresh".into()),
        "{forecast:#}"
    );
    assert_eq!(
        (&endings[1]["cause"], &endings[1]["averted_by"]),
        (&"refresh_token_expired_absolute".into(), &"reauthorization".into())
    );
    let soon = world.run(&["grants", "forecast", "--within", "9"]).await;
    assert!(soon.stdout.is_empty() && soon.stderr.contains("no grant has a known end"), "{soon:?}");
    world.rehearsal.advance(Duration::from_secs(2 * 86_400));
    let shown = world.run(&["grants", "forecast", "--within", "9"]).await.good();
    assert!(shown.contains("which a running server makes in time") && !shown.contains("absolute"), "{shown}");
}

#[tokio::test]
async fn a_dead_grant_is_in_no_forecast_and_its_remedy_is_counted() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.run(&["token", &grant]).await.good();
    let kill = || {
        world.rehearsal.with_provider(|provider, now| provider.revoke_consent("alice", None, now)).unwrap();
        world.rehearsal.advance(Duration::from_secs(400));
    };
    kill();
    world.run(&["token", &grant]).await.bad(3);
    let forecast = world.run(&["grants", "forecast", "--format", "json"]).await.json();
    assert_eq!(forecast, serde_json::json!([]));
    // Another token of the same user comes into the same grant: the remedy. Then it dies in the same way.
    let again = ["grants", "import", "crm", "--refresh-token-stdin", "--into", &grant];
    world.run_with(&again, &world.issue()).await.good();
    world.run(&["token", &grant]).await.good();
    kill();
    world.run(&["token", &grant]).await.bad(3);
    let shown = world.run(&["grants", "show", &grant, "--format", "json"]).await.json();
    let measured = serde_json::json!([{ "action": "reauthorize", "worked": 1, "tried": 1 }]);
    assert_eq!(shown["diagnosis"]["measured"], measured, "{shown:#}");
    let cause = shown["diagnosis"]["cause"].as_str().unwrap();
    let events = shown["events"].as_array().unwrap();
    let died = events.iter().rfind(|event| event["event"] == "needs_reauthorization").unwrap();
    assert_eq!(died["diagnosis"]["measured"], measured, "{died:#}");
    let failed = world.run(&["token", &grant, "--format", "json"]).await.bad(3);
    let failed: serde_json::Value = serde_json::from_str(&failed).unwrap();
    assert_eq!(failed["diagnosis"]["measured"], measured, "{failed:#}");
    let words = "signing in again worked 1 of 1 times";
    for (arguments, code) in [
        (&["grants", "show", &grant][..], 0),
        (&["token", &grant], 3),
        (&["explain", "--cause", cause], 0),
        (&["grants", "check", &grant], 3),
    ] {
        let done = world.run(arguments).await;
        let shown = format!("{}{}", done.stdout, done.stderr);
        assert!(
            done.code == code && (shown.contains(words) || !shown.contains(cause)),
            "{arguments:?}: {done:?}"
        );
    }
    let page = world.run(&["explain", "--cause", cause, "--format", "json"]).await.json();
    assert!(page["workarounds"].to_string().contains(r#""tried":1"#), "{page:#}");
    let other = world.run(&["explain", "--cause", "clock_skew"]).await.good();
    assert!(other.contains("Here: no remedy was taken yet"), "{other}");
}

#[tokio::test]
async fn a_second_holder_is_seen_on_both_sides() {
    let world = World::new().await;
    world.add_client().await;
    let refresh_token = world.issue();
    let import = ["grants", "import", "crm", "--refresh-token-stdin"];
    let grant = world.run_with(&import, &refresh_token).await.good();
    // A copy of the token is used somewhere else.
    let elsewhere =
        reqwest::Client::builder().no_proxy().local_address(IpAddr::from([127, 0, 0, 2])).build().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh_token)];
    let request = elsewhere.post(format!("{}/token", world.rehearsal.issuer())).form(&form);
    let answer = request.basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).send().await.unwrap();
    assert!(answer.status().is_success());
    let checked = world.run(&["grants", "check", &grant, "--format", "json"]).await;
    assert_eq!(checked.code, 3, "{checked:?}");
    let checked: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    assert!(checked["diagnosis"]["evidence"].to_string().contains("somebody else holds"), "{checked:#}");
    assert!(checked["diagnosis"].to_string().contains("rotated_token_reused"), "{checked:#}");
    world.run(&["token", &grant]).await.bad(3);
    let journal = world.rehearsal.journal();
    let refused = journal.iter().rfind(|entry| entry.reason.is_some()).unwrap();
    assert_eq!((refused.addresses, refused.presented_before), (Some(2), Some(1)), "{refused:?}");
}
