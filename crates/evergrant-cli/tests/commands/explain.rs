//! `evergrant explain`, as people and scripts call it.

use std::fs;

use crate::support::World;

const REFUSAL: &str =
    r#"{"error":"invalid_grant","error_description":"AADSTS700082: inactive for 90.00:00:00"}"#;

#[tokio::test]
async fn a_body_a_file_and_a_sentence_are_explained() {
    let world = World::new().await;
    let piped = world.run_with(&["explain"], REFUSAL).await.good();
    assert!(piped.contains("refresh_token_expired_idle (certain)"), "{piped}");
    assert!(piped.contains("at Microsoft Entra ID") && piped.contains("never helps"), "{piped}");
    assert!(!piped.contains('\u{1b}'), "no colour where nobody looks: {piped}");
    fs::write(world.directory.path().join("refusal.txt"), format!("HTTP/1.1 400 Bad Request\n\n{REFUSAL}"))
        .unwrap();
    let from_file = world.run(&["explain", "refusal.txt", "--format", "json"]).await.json();
    assert_eq!(
        (&from_file["cause"], &from_file["status"]),
        (&"refresh_token_expired_idle".into(), &400.into())
    );
    let sentence = world.run(&["explain", "token has expired and refresh failed"]).await.good();
    assert!(sentence.contains("session_timed_out (likely)"), "the best match of /problems: {sentence}");
}

#[tokio::test]
async fn an_own_catalogue_counts_when_a_failure_is_explained() {
    let world = World::new().await;
    fs::create_dir(world.directory.path().join("own")).unwrap();
    let acme = "id = 'acme'\nname = 'Acme'\n[[dialect.signatures]]\nerror = ['gone_fishing']\nmeaning = 'dead'\n\
                cause = 'account_disabled'\n[recognition]\nwords = ['gone_fishing']";
    fs::write(world.directory.path().join("own/acme.toml"), acme).unwrap();
    let refusal = r#"{"error":"gone_fishing"}"#;
    let told = world.run_with(&["explain", "--catalogue", "own", "--format", "json"], refusal).await.json();
    assert_eq!((&told["provider"]["id"], &told["cause"]), (&"acme".into(), &"account_disabled".into()));
}

#[tokio::test]
async fn the_provider_can_be_said() {
    let world = World::new().await;
    let refusal = r#"{"error":"invalid_grant"}"#;
    let said = world.run_with(&["explain", "--provider", "google", "--format", "json"], refusal).await.json();
    assert_eq!(said["provider"]["id"], "google");
    assert_eq!((&said["cause"], &said["remedy"]), (&"undetermined".into(), &"other".into()));
    let unknown = world.run_with(&["explain", "--provider", "nobody"], refusal).await.bad(8);
    assert!(unknown.contains("providers list"), "{unknown}");
}

#[tokio::test]
async fn a_cause_has_its_page() {
    let world = World::new().await;
    let page = world.run(&["explain", "--cause", "lost_rotation_not_persisted"]).await.good();
    assert!(page.lines().count() > 20, "{page}");
    assert!(page.contains("Here: no remedy was taken yet"), "{page}");
    assert!(!world.store().exists(), "an explanation makes no store");
    let unknown = world.run(&["explain", "--cause", "bad_luck"]).await.bad(8);
    assert!(unknown.contains("the causes are") && unknown.contains("clock_skew"), "{unknown}");
}

#[tokio::test]
async fn a_batch_answers_every_line_it_can_read_and_names_the_others() {
    let world = World::new().await;
    let lines = "{\"id\":\"a\",\"stage\":\"refresh_token\",\"body\":\"invalid_grant\",\"observations\":{\"idle_s\":9000000},\
                 \"provider\":\"xero\"}\n\nhush-canary\n{\"id\":\"b\",\"stage\":\"device_code\",\"body\":\"slow_down\"}\n";
    let done = world.run_with(&["explain", "--batch", "--format", "json"], lines).await;
    assert!(done.stderr.contains("line 3") && !done.stderr.contains("hush-canary"), "{done:?}");
    assert_eq!(done.code, 1, "{done:?}");
    let answers: Vec<serde_json::Value> =
        done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        answers.iter().map(|answer| (answer["id"].as_str(), answer["cause"].as_str())).collect();
    assert_eq!(told, [(Some("a"), Some("refresh_token_expired_idle")), (Some("b"), Some("rate_limited")),]);
    assert_eq!(answers[1]["permanent"], false);
}

#[tokio::test]
async fn what_cannot_be_explained_says_what_to_pass_instead() {
    let world = World::new().await;
    let har = r#"{"log":{"entries":[{"request":{"method":"GET","url":"https://x.example/"},"response":{"status":200}}]}}"#;
    let rows = [
        (&[0x1f, 0x8b, 8, 0, 0, 0][..], "not text"),
        (b"", "empty"),
        (har.as_bytes(), "no failed request for a token"),
        (&vec![b'a'; 10 * 1024 * 1024][..], "larger than 8 MiB"),
    ];
    for (input, said) in rows {
        let file = world.directory.path().join("input");
        fs::write(&file, input).unwrap();
        let stderr = world.run(&["explain", "input"]).await.bad(2);
        assert!(stderr.contains(said), "{stderr}");
    }
    let missing = world.run(&["explain", "no/such.file"]).await.bad(2);
    assert!(missing.contains("no/such.file"), "{missing}");
    let folder = world.run(&["explain", "."]).await.bad(2);
    assert!(folder.contains("folder"), "{folder}");
}

#[tokio::test]
async fn credentials_in_the_input_stay_in_it() {
    let world = World::new().await;
    let exchange = "POST /token HTTP/1.1\nHost: login.microsoftonline.com\nAuthorization: Basic c2VjcmV0OmNhbmFyeQ==\n\n\
                    grant_type=refresh_token&refresh_token=canary.refresh-1234567890abcdef&client_secret=s3cr3t\n\n\
                    HTTP/1.1 400 Bad Request\nSet-Cookie: session=canarycookie123456\n\n\
                    {\"error\":\"invalid_grant\",\"error_description\":\"s3cr3t is not canary.refresh-1234567890abcdef\"}";
    for format in ["text", "json"] {
        let done = world.run_with(&["explain", "--format", format], exchange).await;
        let shown = format!("{}{}", done.stdout, done.stderr);
        assert!(!shown.contains("canary") && !shown.contains("s3cr3t") && !shown.contains("c2Vj"), "{shown}");
        assert!(shown.contains("[masked]"), "{shown}");
    }
}
