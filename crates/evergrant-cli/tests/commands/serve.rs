use evergrant_rehearse::{Action, Endpoint, Fault, GrantType};
use rustix::process::Signal;

use crate::support::{Live, World};

/// Starts a server on a free port: where it listens, and the API key if it says one.
async fn serve(world: &World, arguments: &[&str]) -> (Live, String, Option<String>) {
    let mut program = world.start(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
    let mut line = program.first_line().await;
    let key = line.strip_prefix("API key, shown this once: ").map(str::to_owned);
    if key.is_some() {
        line = program.first_line().await;
    }
    let (address, _) = line.split_once(", store ").expect("it says where it listens");
    (program, format!("http://{}", address.trim_start_matches("listening on ")), key)
}

#[tokio::test]
async fn a_server_shows_its_key_once_serves_tokens_and_stops_when_told() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let (program, address, key) = serve(&world, &[]).await;
    let key = key.expect("the first start makes a key");
    let token = format!("{address}/v1/grants/{grant}/token");
    let http = reqwest::Client::new();
    assert_eq!(http.get(&token).send().await.unwrap().status(), 401);
    let answer = http.get(&token).bearer_auth(&key).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let served: serde_json::Value = answer.json().await.unwrap();
    // Beside it, a command works on the same store and finds the same token.
    assert_eq!(world.run(&["token", &grant]).await.good(), served["access_token"].as_str().unwrap());
    assert_eq!(world.refreshes(), 1);
    program.signal(Signal::TERM);
    let done = program.finish().await;
    assert!(!done.stderr.contains(&key), "the log names no key");
    done.good();

    let (program, address, key_again) = serve(&world, &[]).await;
    assert_eq!(key_again, None, "a key is shown once");
    let token = format!("{address}/v1/grants/{grant}/token");
    assert_eq!(http.get(&token).bearer_auth(&key).send().await.unwrap().status(), 200);
    program.signal(Signal::TERM);
    program.finish().await.good();
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_sees_its_refresh_through() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let hold = Fault::after_commit(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let hold = world.rehearsal.add_fault(hold).unwrap();
    let (mut program, _, _) = serve(&world, &[]).await;
    // Its scheduler finds the grant due by itself.
    world.rehearsal.wait_held(hold, 1).await;
    program.signal(Signal::TERM);
    program.line_with("stopping").await;
    world.rehearsal.release(hold);
    program.finish().await.good();
    world.run(&["token", &grant]).await.good();
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_the_remedy() {
    let world = World::new().await;
    let taken = world.rehearsal.local_addr().to_string();
    for command in ["serve", "rehearse"] {
        let said = world.run(&[command, "--listen", &taken]).await.bad(1);
        assert!(said.contains("in use") && said.contains("another address"), "{said}");
    }
    assert!(!world.store().exists(), "no store was made for nothing");
}

#[tokio::test]
async fn a_server_says_that_it_does_not_reach_providers_on_its_host_unless_allowed() {
    let mut world = World::new().await;
    world.add_client().await;
    world.clock = false;
    let (mut program, _, _) = serve(&world, &[]).await;
    program.line_with("--allow-loopback-http").await;
    program.signal(Signal::TERM);
    program.finish().await.good();
}

#[tokio::test]
async fn a_rehearsal_prints_what_a_person_needs_and_stops_when_told() {
    let world = World::new().await;
    let mut program = world.start(&["rehearse", "--listen", "127.0.0.1:0"]);
    assert_eq!(program.first_line().await, "Rehearsal authorization server");
    program.signal(Signal::TERM);
    let banner = program.finish().await.good();
    for part in ["issuer", "rehearse-basic", "alice", "admin", "curl"] {
        assert!(banner.contains(part), "{part} is missing in {banner}");
    }
}
