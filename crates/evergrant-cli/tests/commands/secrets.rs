use evergrant_rehearse::{Action, Endpoint, Fault, GrantType};

use crate::support::{CLIENT_SECRET, World};

#[tokio::test]
async fn no_secret_is_in_the_arguments_the_environment_or_the_log_of_a_running_command() {
    let world = World::new().await;
    world.add_client().await;
    let refresh_token = world.issue();
    let import = ["grants", "import", "crm", "--refresh-token-stdin"];
    let grant = world.run_with(&import, &refresh_token).await.good();
    let hold = Fault::before(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let hold = world.rehearsal.add_fault(hold).unwrap();
    let program = world.start(&["token", &grant]);
    world.rehearsal.wait_held(hold, 1).await;
    for file in ["cmdline", "environ"] {
        let seen = std::fs::read(format!("/proc/{}/{file}", program.id())).unwrap();
        let seen = String::from_utf8_lossy(&seen);
        assert!(!seen.contains(CLIENT_SECRET) && !seen.contains(&refresh_token), "{file}");
    }
    world.rehearsal.release(hold);
    let done = program.finish().await;
    assert!(!done.stderr.contains(&refresh_token), "the log at its most talkative names no token");
    assert!(!done.stderr.contains(done.stdout.trim()), "nor the access token");
    done.good();
}

#[tokio::test]
async fn there_is_no_option_that_takes_a_secret() {
    let world = World::new().await;
    for arguments in [
        vec!["clients", "add", "crm", "--client-id", "x", "--secret", CLIENT_SECRET],
        vec!["grants", "import", "crm", "--refresh-token", CLIENT_SECRET],
    ] {
        // The parser repeats no value of an option that it does not know.
        world.run(&arguments).await.bad(2);
    }
}

#[tokio::test]
async fn nothing_in_the_store_holds_a_secret_in_clear() {
    let world = World::new().await;
    world.add_client().await;
    let refresh_token = world.issue();
    let import = ["grants", "import", "crm", "--refresh-token-stdin"];
    let grant = world.run_with(&import, &refresh_token).await.good();
    let token = world.run(&["token", &grant]).await.good();
    let mut files = vec![world.store().parent().unwrap().to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in [CLIENT_SECRET, &refresh_token, &token] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}
