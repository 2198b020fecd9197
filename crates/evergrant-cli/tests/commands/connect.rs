use std::process::Stdio;

use evergrant_rehearse::{Action, Endpoint, Fault};

use crate::support::{Done, Live, World};

/// Starts `connect` and finds the link that it prints.
async fn link(world: &World, arguments: &[&str]) -> (Live, String) {
    let mut command = world.program(&[&["connect", "crm", "--no-browser"], arguments].concat());
    command.stdin(Stdio::piped());
    let mut program = Live::of(command);
    let link = program.line_with("/authorize?").await;
    (program, link)
}

/// A browser that follows every redirect: its last page.
async fn visit(link: &str) -> (u16, String) {
    let answer = reqwest::get(link).await.expect("the page answers");
    (answer.status().as_u16(), answer.text().await.expect("the page is text"))
}

async fn connected(world: &World, arguments: &[&str]) -> Done {
    let (program, link) = link(world, arguments).await;
    let (status, page) = visit(&link).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Connected"), "{page}");
    program.finish().await
}

#[tokio::test]
async fn an_account_is_connected_through_the_browser_and_its_token_is_served() {
    let world = World::new().await;
    world.add_client().await;
    let grant = connected(&world, &["--login-hint", "alice"]).await.good();
    let token = world.run(&["token", &grant]).await.good();
    assert!(!token.is_empty());
    assert_eq!(world.refreshes(), 0, "the code brought an access token");
    let again = connected(&world, &["--login-hint", "alice"]).await.good();
    assert_eq!(again, grant, "the same account keeps its grant");
}

#[tokio::test]
async fn a_dead_grant_is_repaired_under_its_own_id() {
    let world = World::new().await;
    world.add_client().await;
    let grant = connected(&world, &["--login-hint", "alice"]).await.good();
    world.rehearsal.with_provider(|provider, now| provider.revoke_consent("alice", None, now)).unwrap();
    world.run(&["token", &grant, "--refresh"]).await.bad(3);
    let repaired = connected(&world, &["--login-hint", "alice", "--grant", &grant]).await.good();
    assert_eq!(repaired, grant);
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn a_code_that_is_refused_is_diagnosed_where_somebody_waits() {
    let world = World::new().await;
    world.add_client().await;
    let (program, link) = link(&world, &["--login-hint", "alice"]).await;
    let fault = Fault::before(Action::respond(400, r#"{"error":"invalid_grant"}"#)).at(Endpoint::Token);
    world.rehearsal.add_fault(fault).unwrap();
    let (status, page) = visit(&link).await;
    assert_eq!(status, 400, "{page}");
    let said = program.finish().await.bad(1);
    for part in ["cause", "evidence", "invalid_grant", "remedy", "or else", "here", "code_expired: How many"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains("evergrant explain --cause"), "{said}");
}

#[tokio::test]
async fn another_account_changes_nothing_in_the_grant() {
    let world = World::new().await;
    world.add_client().await;
    let grant = connected(&world, &["--login-hint", "alice"]).await.good();
    let before = world.run(&["grants", "show", &grant, "--format", "json"]).await.json();
    let (program, link) = link(&world, &["--login-hint", "bob", "--grant", &grant]).await;
    let (status, page) = visit(&link).await;
    assert_eq!(status, 400, "{page}");
    assert!(page.contains("another account"), "{page}");
    program.finish().await.bad(1);
    let after = world.run(&["grants", "show", &grant, "--format", "json"]).await.json();
    assert_eq!(before["generation"], after["generation"]);
    assert_eq!(before["subject"], after["subject"]);
}

#[tokio::test]
async fn the_address_that_the_browser_ended_up_at_can_be_pasted() {
    let world = World::new().await;
    world.add_client().await;
    let (mut program, link) = link(&world, &["--login-hint", "alice"]).await;
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(&link).send().await.unwrap();
    let address = answer.headers()["location"].to_str().unwrap().to_owned();
    program.type_in(&format!("nonsense\n{address}\n")).await;
    let grant = program.finish().await.good();
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn a_visit_with_another_state_ends_nothing() {
    let world = World::new().await;
    world.add_client().await;
    let (program, link) = link(&world, &["--login-hint", "alice"]).await;
    let url = reqwest::Url::parse(&link).unwrap();
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    let (status, _) = visit(&format!("{redirect}?code=forged&state=forged")).await;
    assert_eq!(status, 400);
    assert_eq!(visit(&link).await.0, 200, "the true answer still counts");
    program.finish().await.good();
}

#[tokio::test]
async fn a_user_who_says_no_is_reported_and_nothing_is_kept() {
    let world = World::new().await;
    world.add_client().await;
    let (program, link) = link(&world, &[]).await;
    let url = reqwest::Url::parse(&link).unwrap();
    let value = |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned();
    let denied = format!(
        "{}?error=access_denied&error_description=%1b[2Jno&state={}&iss={}",
        value("redirect_uri"),
        value("state"),
        world.rehearsal.issuer()
    );
    assert_eq!(visit(&denied).await.0, 400);
    let said = program.finish().await.bad(1);
    assert!(said.contains("access_denied") || said.contains("refused"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
    assert_eq!(world.run(&["grants", "list", "--format", "json"]).await.json(), serde_json::json!([]));
}

#[tokio::test]
async fn nobody_who_comes_back_is_waited_for_only_so_long() {
    let world = World::new().await;
    world.add_client().await;
    let (program, _link) = link(&world, &["--timeout", "0"]).await;
    let said = program.finish().await.bad(1);
    assert!(said.contains("--timeout"), "{said}");
}

#[tokio::test]
async fn a_host_without_a_browser_connects_by_a_code() {
    let world = World::new().await;
    world.rehearsal.with_provider(|provider, _| {
        let quick = |client: &mut evergrant_rehearse::ClientSettings| client.lifetimes.device_interval_s = 0;
        provider.change_client(crate::support::CLIENT_ID, quick).unwrap();
    });
    world.add_client().await;
    let mut program = world.start(&["connect", "crm", "--device"]);
    let line = program.line_with("enter the code").await;
    let code = line.rsplit(' ').next().unwrap();
    let approval = [("user_code", code), ("user", "alice")];
    let device = format!("{}/device", world.rehearsal.issuer());
    let answer = reqwest::Client::new().post(device).form(&approval).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let grant = program.finish().await.good();
    world.run(&["token", &grant]).await.good();
}

#[tokio::test]
async fn a_registered_port_that_is_taken_is_named() {
    let world = World::new().await;
    let issuer = world.rehearsal.issuer();
    let taken = format!("http://{}/callback", world.rehearsal.local_addr());
    let add = [
        "clients",
        "add",
        "crm",
        "--issuer",
        issuer,
        "--client-id",
        "x",
        "--public",
        "--redirect-uri",
        &taken,
    ];
    world.run(&add).await.good();
    let said = world.run(&["connect", "crm", "--no-browser"]).await.bad(1);
    assert!(said.contains(&world.rehearsal.local_addr().to_string()), "{said}");
}

#[tokio::test]
async fn a_client_whose_redirect_uri_is_elsewhere_is_connected_by_paste() {
    let world = World::new().await;
    let elsewhere = "https://app.example/callback";
    world.rehearsal.with_provider(|provider, _| {
        let registered =
            |client: &mut evergrant_rehearse::ClientSettings| client.redirect_uris.push(elsewhere.into());
        provider.change_client(crate::support::CLIENT_ID, registered).unwrap();
    });
    world.add_client().await;
    world.run(&["clients", "update", "crm", "--redirect-uri", elsewhere]).await.good();
    let (mut program, link) = link(&world, &["--login-hint", "alice"]).await;
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(&link).send().await.unwrap();
    let address = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(address.starts_with(elsewhere), "{address}");
    program.type_in(&format!("{address}\n")).await;
    let grant = program.finish().await.good();
    world.run(&["token", &grant]).await.good();
}
