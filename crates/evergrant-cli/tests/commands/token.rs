use std::time::Duration;

use evergrant_rehearse::{Action, Endpoint, Fault, GrantType};

use crate::support::{CLIENT_ID, World};

#[tokio::test]
async fn a_token_is_printed_in_each_format_and_refreshed_once() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let token = world.run(&["token", &grant]).await.good();
    let json = world.run(&["token", &grant, "--format", "json"]).await.json();
    assert_eq!(json["access_token"], token.as_str());
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["grant"], grant.as_str());
    assert!(json["expires_in"].as_u64().unwrap() <= 300);
    assert_eq!(
        world.run(&["token", &grant, "--format", "header"]).await.good(),
        format!("Authorization: Bearer {token}")
    );
    let assignments = world.run(&["token", &grant, "--format", "env"]).await.good();
    assert!(assignments.starts_with(&format!("export EVERGRANT_ACCESS_TOKEN='{token}'\n")), "{assignments}");
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_refresh_that_is_asked_for_brings_a_newer_token() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let first = world.run(&["token", &grant]).await.good();
    let second = world.run(&["token", &grant, "--refresh"]).await.good();
    assert_ne!(first, second);
    assert_eq!(world.refreshes(), 2);
}

#[tokio::test]
async fn a_dead_grant_is_explained_and_asked_for_no_more() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    world.run(&["token", &grant]).await.good();
    world
        .rehearsal
        .with_provider(|provider, now| provider.revoke_consent("alice", Some(CLIENT_ID), now))
        .unwrap();
    world.rehearsal.advance(Duration::from_secs(301));
    let said = world.run(&["token", &grant]).await.bad(3);
    for part in ["cause", "evidence", "remedy", &format!("evergrant connect crm --grant {grant}")] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    let requests = world.refreshes();
    let done = world.run(&["token", &grant, "--format", "json"]).await;
    assert_eq!(done.stdout, "", "nothing on stdout that could be taken for a token");
    let problem =
        done.stderr.lines().find(|line| line.starts_with("{\"")).expect("a problem in JSON").to_owned();
    let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
    assert_eq!(problem["exit_code"], 3);
    assert_eq!(problem["exit"], "needs_reauthorization");
    assert_eq!(problem["type"], "/problems/needs_reauthorization");
    assert!(problem["diagnosis"]["remedies"].is_array(), "{problem}");
    assert_eq!(world.refreshes(), requests, "a dead grant costs no request");
}

#[tokio::test]
async fn an_outage_is_something_to_try_again_later() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let down = Fault::before(Action::status(503)).at(Endpoint::Token).always();
    world.rehearsal.add_fault(down).unwrap();
    let said = world.run(&["token", &grant]).await.bad(4);
    assert!(said.contains("try again in"), "{said}");
    world.rehearsal.clear_faults();
    world.rehearsal.advance(Duration::from_secs(3600));
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn an_interrupted_command_sees_its_refresh_through() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let hold = Fault::after_commit(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let hold = world.rehearsal.add_fault(hold).unwrap();
    let mut program = world.start(&["token", &grant]);
    world.rehearsal.wait_held(hold, 1).await;
    program.signal(rustix::process::Signal::INT);
    // It has been told, and still waits for the answer that holds the only refresh token.
    program.line_with("seeing through").await;
    world.rehearsal.release(hold);
    program.finish().await.bad(130);
    let state = world.run(&["grants", "show", &grant, "--format", "json"]).await.json();
    assert_eq!(state["generation"], 2, "the rotated token is kept: {state}");
    world.run(&["token", &grant]).await.good();
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn there_is_no_token_of_a_grant_that_does_not_exist() {
    let world = World::new().await;
    let said = world.run(&["token", "g_00000000000000000000000000000001"]).await.bad(8);
    assert!(said.contains("evergrant grants list"), "{said}");
}
