#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{Done, World};

/// The outcome of each line of a report, the last one that was noted, and the last summary.
fn report(path: &Path) -> (Vec<(u64, String)>, Value) {
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut outcomes = std::collections::BTreeMap::new();
    for row in rows.iter().filter(|row| row["outcome"].is_string()) {
        outcomes.insert(row["line"].as_u64().unwrap(), row["outcome"].as_str().unwrap().to_owned());
    }
    (outcomes.into_iter().collect(), rows.last().unwrap().clone())
}

/// A line for each number.
fn numbered(numbers: std::ops::Range<u32>) -> String {
    numbers.fold(String::new(), |text, number| {
        text + &format!("{{\"refresh_token\":\"canary-token-{number:08}\",\"external_id\":{number}}}\n")
    })
}

struct Place {
    world: World,
    file: PathBuf,
    report: PathBuf,
}

impl Place {
    async fn new() -> Self {
        let world = World::new().await;
        world.add_client().await;
        let folder = world.directory.path().to_owned();
        Self { world, file: folder.join("grants.jsonl"), report: folder.join("report.jsonl") }
    }

    fn write(&self, text: &str) {
        fs::write(&self.file, text).unwrap();
        fs::set_permissions(&self.file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Imports the file, with a report.
    async fn import(&self, more: &[&str]) -> Done {
        let (file, report) = (self.file.to_str().unwrap(), self.report.to_str().unwrap());
        let mut arguments = vec!["grants", "import", "--client", "crm", "--report", report, file];
        arguments.extend(more);
        let done = self.world.run(&arguments).await;
        self.keeps_secrets(&done);
        done
    }

    fn keeps_secrets(&self, done: &Done) {
        let report = fs::read_to_string(&self.report).unwrap_or_default();
        for text in [&done.stdout, &done.stderr, &report] {
            assert!(!text.contains("canary-"), "{text}");
        }
    }

    async fn grants(&self) -> Vec<Value> {
        let listed = self.world.run(&["grants", "list", "--limit", "500", "--format", "json"]).await.json();
        listed.as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_file_is_taken_over_and_its_grants_work() {
    let place = Place::new().await;
    let token = place.world.issue();
    place.write(&format!("{{\"refresh_token\":\"{token}\",\"external_id\":7}}\n{}", numbered(1..3)));
    let done = place.import(&[]).await;
    assert!(done.stderr.contains("let no other program use them"), "{done:?}");
    assert!(!done.stderr.contains("a second"), "there is no terminal to show progress on: {done:?}");
    assert_eq!(done.good(), "3 lines: 3 created, 0 updated, 0 unchanged, 0 refused");
    assert_eq!(fs::metadata(&place.report).unwrap().permissions().mode() & 0o777, 0o600);
    let (outcomes, summary) = report(&place.report);
    assert_eq!(outcomes.len(), 3);
    assert_eq!((&summary["complete"], &summary["summary"]["created"]), (&json!(true), &json!(3)));
    assert!(!fs::read_to_string(&place.report).unwrap().contains(&token));
    let grants = place.grants().await;
    let grant = grants.iter().find(|grant| grant["external_id"] == "7").unwrap();
    place.world.run(&["token", grant["grant"].as_str().unwrap()]).await.good();
    // The refresh token of the file is spent now, and is not presented by a second run.
    let refreshes = place.world.refreshes();
    fs::remove_file(&place.report).unwrap();
    let again = place.import(&["--format", "json"]).await.json();
    assert_eq!(
        again["summary"],
        json!({ "lines": 3, "created": 0, "updated": 0, "unchanged": 3, "refused": 0 })
    );
    assert_eq!((place.grants().await.len(), place.world.refreshes()), (3, refreshes));
}

#[tokio::test]
async fn refused_lines_are_told_and_tried_again_when_what_they_lacked_is_there() {
    let place = Place::new().await;
    let stray =
        |number: u32| format!("{{\"refresh_token\":\"canary-stray-{number}\",\"client\":\"mail\"}}\n");
    let strays: String = (0..12).map(stray).collect();
    place.write(&format!("{}{strays}{}", numbered(0..200), numbered(200..210)));
    let done = place.import(&[]).await;
    assert!(done.stderr.contains("line 201: There is no such client."), "{done:?}");
    assert!(done.stderr.contains("2 more lines were refused; the report has all"), "{done:?}");
    assert!(done.stdout.contains("222 lines: 210 created, 0 updated, 0 unchanged, 12 refused"), "{done:?}");
    done.bad(9);
    let add = [
        "clients",
        "add",
        "mail",
        "--issuer",
        place.world.rehearsal.issuer(),
        "--client-id",
        "x",
        "--public",
    ];
    place.world.run(&add).await.good();
    let done = place.import(&[]).await;
    assert_eq!(done.good(), "222 lines: 222 created, 0 updated, 0 unchanged, 0 refused");
    let (outcomes, _) = report(&place.report);
    assert!(
        outcomes.iter().zip(1..).all(|((line, outcome), number)| *line == number && outcome == "created")
    );
    let before = fs::read_to_string(&place.report).unwrap().lines().count();
    place.import(&[]).await.good();
    let after = fs::read_to_string(&place.report).unwrap().lines().count();
    assert_eq!(after, before + 1, "a third run has nothing to do but to say so");
}

#[tokio::test]
async fn a_run_goes_on_where_another_was_cut_off_wherever_that_was() {
    let place = Place::new().await;
    place.write(&numbered(0..300));
    place.import(&[]).await.good();
    let whole = fs::read(&place.report).unwrap();
    for cut in [whole.len() - 1, whole.len() * 3 / 4, whole.len() / 2, whole.len() / 3] {
        fs::write(&place.report, &whole[..cut]).unwrap();
        let done = place.import(&["--format", "json"]).await.json();
        assert_eq!((&done["summary"]["lines"], &done["summary"]["refused"]), (&json!(300), &json!(0)));
        let (outcomes, _) = report(&place.report);
        assert_eq!(outcomes.len(), 300, "cut at {cut}");
    }
    assert_eq!(place.grants().await.len(), 300);
}

#[tokio::test]
async fn a_file_that_was_changed_is_noticed_and_one_that_has_grown_is_gone_on_with() {
    let place = Place::new().await;
    place.write(&numbered(0..200));
    place.import(&[]).await.good();
    let grown = numbered(0..205);
    for changed in [grown.replacen("00000003", "99999999", 1), numbered(0..100), format!("\n{grown}")] {
        place.write(&changed);
        let said = place.import(&[]).await.bad(1);
        assert!(
            said.contains("not the one that the report is of") && said.contains("another report"),
            "{said}"
        );
        assert_eq!(place.grants().await.len(), 200);
    }
    place.write(&grown);
    assert_eq!(place.import(&[]).await.good(), "205 lines: 205 created, 0 updated, 0 unchanged, 0 refused");
    let said = place.import(&["--match", "external_id"]).await.bad(1);
    assert!(said.contains("another import"), "{said}");
}

#[tokio::test]
async fn a_dry_run_checks_everything_and_keeps_nothing() {
    let place = Place::new().await;
    place.write(&format!("{}{{}}\n", numbered(0..3)));
    let done = place.import(&["--dry-run"]).await;
    assert!(done.stdout.contains("dry run"), "{done:?}");
    assert!(done.stderr.contains("line 4:") && !done.stderr.contains("let no other program"), "{done:?}");
    done.bad(9);
    assert_eq!(place.grants().await.len(), 0);
    let said = place.import(&[]).await.bad(1);
    assert!(said.contains("another import"), "what was only tried is not taken for done: {said}");
}

#[tokio::test]
async fn lines_may_come_through_a_pipe_with_a_report_as_well() {
    let place = Place::new().await;
    let arguments = ["grants", "import", "--client", "crm", "--report", place.report.to_str().unwrap(), "-"];
    let done = place.world.run_with(&arguments, &numbered(0..150)).await;
    assert_eq!(done.good(), "150 lines: 150 created, 0 updated, 0 unchanged, 0 refused");
    // The last line has no end.
    let more = numbered(0..151);
    let done = place.world.run_with(&arguments, more.trim_end()).await;
    assert_eq!(done.good(), "151 lines: 151 created, 0 updated, 0 unchanged, 0 refused");
    assert_eq!(place.grants().await.len(), 151);
}

#[tokio::test]
async fn hostile_lines_are_refused_and_nothing_of_a_token_is_shown_anywhere() {
    let place = Place::new().await;
    let huge = format!("{{\"refresh_token\":\"canary-{}\"}}", "x".repeat(200_000));
    let lines: [&[u8]; 12] = [
        b"{\"refresh_token\":\"canary-\0nul\"}",
        b"{\"refresh_token\":\"canary-\\u0000nul\"}",
        b"{\"refresh_token\":\"canary-\xff\xfe\"}",
        huge.as_bytes(),
        br#"{"refresh_token":"canary-twice","refresh_token":"canary-twice"}"#,
        br#"{"refresh_token":{"canary-a":1}}"#,
        br#"{"canary-token-as-a-key":"user-7"}"#,
        br#"{"refresh_token":"rt","external_id":["canary-list"]}"#,
        br#"{"refresh_token":"canary-in-the-wrong-column","external_id":"canary-in-the-wrong-column"}"#,
        br#"{"refresh_token":"rt","client":"canary-client /"}"#,
        br#"{"refresh_token":"canary-cut"#,
        br#"{"refresh_token":"canary-good-1","external_id":"\u001b[2J\u202eevil"}"#,
    ];
    fs::write(&place.file, lines.join(&b"\n"[..])).unwrap();
    let done = place.import(&[]).await;
    assert!(done.stderr.contains("other users can read"), "{done:?}");
    assert!(!done.stderr.contains('\u{1b}') && !done.stderr.contains('\u{202e}'), "{done:?}");
    let (outcomes, _) = report(&place.report);
    let refused = outcomes.iter().filter(|(_, outcome)| outcome == "refused").count();
    assert_eq!((outcomes.len(), refused), (12, 11), "{outcomes:?}");
    done.bad(9);
    assert_eq!(place.grants().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_imported_at_all_is_said_before_anything_happens() {
    let place = Place::new().await;
    place.write(&numbered(0..1));
    let (file, folder) = (place.file.to_str().unwrap(), place.world.directory.path().to_str().unwrap());
    for (arguments, code) in [
        (vec!["grants", "import", "--client", "crm"], 2),
        (vec!["grants", "import", "crm", "--dry-run"], 2),
        (vec!["grants", "import", "crm", "--report", "x"], 2),
        (vec!["grants", "import", "--client", "crm", "--refresh-token-stdin", file], 2),
        (vec!["grants", "import", "--client", "crm", "--match", "name", file], 2),
        (vec!["grants", "import", "No Name", "--refresh-token-stdin"], 2),
        (vec!["grants", "import", "--client", "nobody", file], 8),
        (vec!["grants", "import", "--client", "crm", folder], 1),
        (vec!["grants", "import", "--client", "crm", "nowhere.jsonl"], 1),
        (vec!["grants", "import", "--client", "crm", "--report", folder, file], 1),
        (vec!["grants", "import", "--client", "crm", "--report", file, file], 1),
    ] {
        let done = place.world.run(&arguments).await;
        place.keeps_secrets(&done);
        assert_eq!(done.code, code, "{arguments:?}: {done:?}");
    }
    assert_eq!(fs::read_to_string(&place.file).unwrap(), numbered(0..1), "a file is no report");
    assert_eq!(place.grants().await.len(), 0);
}

#[tokio::test]
async fn the_table_of_a_home_made_program_is_exported_by_the_line_of_the_manual() {
    let place = Place::new().await;
    let manual = include_str!("../../../../docs/import.md");
    let command = manual.lines().find(|line| line.starts_with("sqlite3 ")).unwrap();
    let sql = command.split('"').nth(1).unwrap();
    let database = rusqlite::Connection::open_in_memory().unwrap();
    database
        .execute_batch(
            "CREATE TABLE oauth_tokens (user_id INTEGER, provider TEXT, refresh_token TEXT, access_token TEXT,
                expires_at TEXT, scope TEXT, updated_at TEXT);
             INSERT INTO oauth_tokens VALUES
                (1, 'google', 'canary-one', 'canary-access', '2099-01-01 00:00:00', 'openid mail', '2026-01-01 00:00:00'),
                (2, 'google', 'canary-two', NULL, NULL, NULL, '2026-01-02 00:00:00'),
                (3, 'other', 'canary-three', NULL, NULL, NULL, NULL);",
        )
        .unwrap();
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let lines: Vec<_> = rows.map(Result::unwrap).collect();
    place.write(&lines.join("\n"));
    assert_eq!(place.import(&[]).await.good(), "2 lines: 2 created, 0 updated, 0 unchanged, 0 refused");
    let mut people: Vec<_> =
        place.grants().await.iter().map(|grant| grant["external_id"].as_str().unwrap().to_owned()).collect();
    people.sort_unstable();
    assert_eq!(people, ["1", "2"]);
}
