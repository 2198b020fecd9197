#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use rustix::process::Signal;

use crate::support::{Live, World};

async fn list(world: &World, arguments: &[&str]) -> Vec<serde_json::Value> {
    let all = [&["api-keys", "list", "--format", "json"], arguments].concat();
    world.run(&all).await.json()["api_keys"].as_array().unwrap().clone()
}

/// Starts a server, and gives its address.
async fn serve(world: &World) -> (Live, String) {
    let mut command = world.program(&["serve", "--listen", "127.0.0.1:0"]);
    // Nobody reads what it says while it is asked again and again: a line for each would fill the pipe.
    command.env("EVERGRANT_LOG", "warn");
    let mut program = Live::of(command);
    let line = program.first_line().await;
    let (address, _) = line.split_once(", store ").unwrap_or_else(|| panic!("it says {line:?}"));
    (program, format!("http://{}", address.trim_start_matches("listening on ")))
}

#[tokio::test]
async fn a_key_is_printed_once_listed_without_itself_and_revoked() {
    let world = World::new().await;
    let made =
        world.run(&["api-keys", "create", "billing", "--scope", "read-token", "--expires-in", "90d"]).await;
    assert!(made.stderr.contains("shown this once"), "{made:?}");
    let key = made.good();
    assert!(key.starts_with("egk_") && key.len() == 47, "the key alone is the result");

    let listed = list(&world, &[]).await;
    let [found] = &listed[..] else { panic!("{listed:?}") };
    for (field, value) in
        [("name", "billing"), ("scope", "read-token"), ("namespace", "default"), ("state", "active")]
    {
        assert_eq!(found[field], value);
    }
    assert!(found["expires_at"].is_string() && found["last_used_at"].is_null());
    let shown = world.run(&["api-keys", "list"]).await.good();
    assert!(shown.contains("billing") && !shown.contains(&key), "{shown}");

    let id = found["id"].as_str().unwrap();
    world.run(&["api-keys", "revoke", id]).await.good();
    assert_eq!(list(&world, &[]).await[0]["state"], "revoked");
    let nobodys = "k_00000000000000000000000000000000";
    let said = world.run(&["api-keys", "revoke", nobodys]).await.bad(8);
    assert!(said.contains("api-keys list"), "{said}");
    world.run(&["api-keys", "revoke", &key]).await.bad(2);
}

#[tokio::test]
async fn a_key_sees_the_namespace_it_was_made_for_or_all() {
    let world = World::new().await;
    let absent = ["api-keys", "create", "x", "--scope", "manage", "--namespace", "team"];
    let said = world.run(&absent).await.bad(8);
    assert!(said.contains("evergrant namespaces add team"), "{said}");
    world.run(&["namespaces", "add", "team"]).await.good();
    world.run(&absent).await.good();
    let all = ["api-keys", "create", "root", "--scope", "admin", "--all-namespaces", "--format", "json"];
    let made = world.run(&all).await.json();
    assert!(made["key"].as_str().unwrap().starts_with("egk_") && made["namespace"].is_null(), "{made}");
    assert_eq!(list(&world, &[]).await.len(), 1, "of this namespace: the one that sees all");
    assert_eq!(list(&world, &["--namespace", "team"]).await.len(), 2);
    assert_eq!(list(&world, &["--all-namespaces"]).await.len(), 2);
}

#[tokio::test]
async fn a_running_server_knows_a_key_that_is_made_or_revoked_beside_it() {
    let mut world = World::new().await;
    // The server looks at its keys by its own clock.
    world.clock = false;
    let key = world.run(&["api-keys", "create", "first", "--scope", "manage"]).await.good();
    let (program, address) = serve(&world).await;
    let http = reqwest::Client::new();
    let ask = |key: String| {
        let asking = http.get(format!("{address}/v1/clients")).bearer_auth(key).send();
        async { asking.await.unwrap().status().as_u16() }
    };
    assert_eq!(ask(key.clone()).await, 200);
    let second = world.run(&["api-keys", "create", "second", "--scope", "manage"]).await.good();
    while ask(second.clone()).await != 200 {}
    let first = list(&world, &[]).await[0]["id"].as_str().unwrap().to_owned();
    world.run(&["api-keys", "revoke", &first]).await.good();
    while ask(key.clone()).await != 401 {}
    assert_eq!(ask(second.clone()).await, 200);
    program.signal(Signal::TERM);
    let done = program.finish().await;
    for secret in [&key, &second] {
        assert!(!done.stderr.contains(secret.as_str()), "the log names no key");
    }
    done.good();
    assert!(list(&world, &[]).await[1]["last_used_at"].is_string(), "the server has written it down");
}

#[tokio::test]
async fn a_server_on_a_store_with_a_key_makes_none() {
    let world = World::new().await;
    world.run(&["api-keys", "create", "mine", "--scope", "read-token"]).await.good();
    let (program, _) = serve(&world).await;
    program.signal(Signal::TERM);
    program.finish().await.good();
    assert_eq!(list(&world, &[]).await.len(), 1);
}

#[tokio::test]
async fn what_is_no_name_scope_or_time_of_a_key_is_refused() {
    let world = World::new().await;
    for arguments in [
        &["api-keys", "create", "x"][..],
        &["api-keys", "create", "", "--scope", "admin"],
        &["api-keys", "create", "a\nb", "--scope", "admin"],
        &["api-keys", "create", "x", "--scope", "root"],
        &["api-keys", "create", "x", "--scope", "admin", "--expires-in", "soon"],
        &["api-keys", "revoke", "k_1"],
        &["namespaces", "add", "../x"],
    ] {
        world.run(arguments).await.bad(2);
    }
}
