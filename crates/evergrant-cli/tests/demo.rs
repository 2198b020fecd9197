//! The demonstration, played through as somebody without a terminal would see it.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use tokio::process::Command;

/// What issue and README promise at the most.
const LIMIT: Duration = Duration::from_secs(30);

/// A refresh token, an access token, a key or a link has more characters in a row than anything that may be shown:
/// an id of a grant has 34.
const LONGEST_WORD: usize = 34;

async fn demo(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evergrant"));
    command.arg("demo").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(LIMIT, command.output()).await.expect("it ends in time").expect("it can be started")
}

fn text(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).expect("it prints UTF-8")
}

#[tokio::test]
async fn everything_that_the_demonstration_claims_happens() {
    let output = demo(&["--once"]).await;
    let told = text(&output);
    assert!(output.status.success(), "{told}");
    for line in [
        "grant g_",
        "one refresh each, ahead of expiry; no token presented twice",
        "100 callers at the same instant share one refresh",
        "114 of 114 calls served",
        "the grant recovers by itself",
        "the very same successor",
        "revokes the family",
        "rotated_token_reused (certain)",
        "somebody else holds the grant",
        "asked 1000 times and a day gone by: 0 requests",
        "HTTP 409",
        "is active again",
        "all of them hold.",
    ] {
        assert!(told.contains(line), "{line:?} is not in\n{told}");
    }
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "nothing is wrong");
}

#[tokio::test]
async fn no_secret_is_shown_and_without_a_terminal_no_colour() {
    // Without a terminal `--once` is what happens anyway.
    let told = text(&demo(&[]).await);
    for secret in ["demo-secret-", "egk_", "code=", "state=", "/connect/", "\x1b"] {
        assert!(!told.contains(secret), "{secret:?} is in\n{told}");
    }
    let words =
        told.split(|character: char| !(character.is_ascii_alphanumeric() || "-_.~+/=".contains(character)));
    for word in words {
        assert!(word.len() <= LONGEST_WORD, "{word:?} is too long to be harmless");
    }
    let widest = told.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    assert!(widest <= 80, "a line of {widest} columns does not fit\n{told}");
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_the_remedy() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = demo(&["--once", "--listen", &address]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("--listen"), "{}", text(&output));
}
