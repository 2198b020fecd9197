use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{answer::Answer, world::World};

const PATH: &str = "/v1/grants/import?client=shop";

/// One line of JSON for each value.
fn lines(values: &[Value]) -> String {
    values.iter().fold(String::new(), |mut text, value| {
        writeln!(text, "{value}").unwrap();
        text
    })
}

fn grant(token: &str, external_id: &str) -> Value {
    json!({ "refresh_token": token, "external_id": external_id })
}

async fn send(world: &World, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = world.request(Method::POST, path).header("content-type", "application/jsonl");
    world.send(request.body(body)).await
}

/// What was reported of each line, and the summary.
#[track_caller]
fn report(answer: &Answer) -> (Vec<Value>, Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/jsonl");
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut lines: Vec<Value> = answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap();
    assert!(summary["summary"]["lines"].is_u64(), "{summary}");
    (lines, summary)
}

#[track_caller]
fn outcomes(answer: &Answer) -> Vec<String> {
    report(answer).0.iter().map(|line| line["outcome"].as_str().unwrap().to_owned()).collect()
}

async fn grants(world: &World) -> Vec<Value> {
    world.get("/v1/grants?limit=500").await.ok()["grants"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_line_becomes_a_grant_and_is_reported() {
    let world = World::new().await;
    let first = json!({
        "refresh_token": "canary-refresh-1", "access_token": "canary-access-1", "expires_in": 3600,
        "scope": "openid profile", "external_id": 7, "subject": "sub-7", "labels": { "team": "blue" },
    });
    for secret in ["canary-refresh-1", "canary-refresh-2", "canary-access-1"] {
        world.remember(secret);
    }
    let answer = send(&world, PATH, lines(&[first, grant("canary-refresh-2", "user-8")])).await;
    let (reported, summary) = report(&answer);
    let shape = |line: &Value| (line["line"].clone(), line["external_id"].clone(), line["outcome"].clone());
    assert_eq!(shape(&reported[0]), (json!(1), json!("7"), json!("created")));
    assert_eq!(shape(&reported[1]), (json!(2), json!("user-8"), json!("created")));
    let counts = json!({ "lines": 2, "created": 2, "updated": 0, "unchanged": 0, "refused": 0 });
    assert_eq!(summary, json!({ "summary": counts, "complete": true, "dry_run": false }));
    let id = reported[0]["grant"].as_str().unwrap();
    let kept = world.get(&format!("/v1/grants/{id}")).await.ok();
    assert_eq!((&kept["subject"], &kept["labels"]["team"]), (&json!("sub-7"), &json!("blue")));
    assert_eq!(kept["granted_scopes"], json!(["openid", "profile"]));
    assert_eq!(world.token(id).await.ok()["access_token"], "canary-access-1");
    assert!(crate::log::text().contains("grants were imported"));
}

#[tokio::test]
async fn the_same_lines_sent_again_change_nothing_and_present_nothing() {
    let world = World::new().await;
    let issued = world.rehearsal.issue_grant("shop", "alice", "openid profile").unwrap();
    let body = lines(&[grant(&issued.refresh_token, "alice"), grant("elsewhere", "bob")]);
    let first = send(&world, PATH, body.clone()).await;
    let id = report(&first).0[0]["grant"].as_str().unwrap().to_owned();
    // The refresh token that was imported is spent now.
    world.token(&id).await.ok();
    let (before, refreshes) = (world.get(&format!("/v1/grants/{id}")).await.ok(), world.refreshes());
    for path in [PATH, "/v1/grants/import?client=shop&match=external_id"] {
        let again = send(&world, path, body.clone()).await;
        assert_eq!(outcomes(&again), ["unchanged", "unchanged"]);
        assert_eq!(report(&again).0[0]["grant"], id.as_str());
    }
    assert_eq!(world.get(&format!("/v1/grants/{id}")).await.ok(), before);
    assert_eq!((grants(&world).await.len(), world.refreshes()), (2, refreshes));
    world.advance(400);
    world.token(&id).await.ok();
}

#[tokio::test]
async fn a_line_that_is_refused_stops_no_other_and_says_why() {
    let world = World::new().await;
    for secret in ["canary-0123456789abcdef", "canary-token-in-a-key", "canary-twice"] {
        world.remember(secret);
    }
    let long = format!(r#"{{"refresh_token":"{}"}}"#, "a".repeat(64 * 1024));
    let deep = format!(r#"{{"refresh_token":"rt","labels":{}"#, "[".repeat(50_000));
    let rows: Vec<(&[u8], &str)> = vec![
        (br#"{"refresh_token":"good-1"}"#, "created"),
        (b"{\"refresh_token\":\"a\0b\"}", "invalid_body"),
        (b"{\"refresh_token\":\"\xff\xfe\"}", "invalid_body"),
        (b"\x00\x01\x02", "invalid_body"),
        (long.as_bytes(), "body_too_large"),
        (deep.as_bytes(), "invalid_body"),
        (br#"{"refresh_token":"canary-twice","refresh_token":"canary-twice"}"#, "invalid_body"),
        (br#"{"refresh_token":["canary-twice"]}"#, "invalid_body"),
        (br#"{"canary-token-in-a-key":"user-7"}"#, "invalid_body"),
        (
            br#"{"refresh_token":"canary-0123456789abcdef","external_id":"canary-0123456789abcdef"}"#,
            "invalid_body",
        ),
        (br#"{"refresh_token":"rt","client":"canary-0123456789abcdef /"}"#, "invalid_body"),
        (br#"{"refresh_token":"rt","client":"nobody"}"#, "no_such_client"),
        (br#"{"refresh_token":"rt","grant":"g_00000000000000000000000000000001"}"#, "no_such_grant"),
        (b"null", "invalid_body"),
        (br#"{"refresh_token":"good-1","external_id":"somebody"}"#, "unchanged"),
        (br#"{"refresh_token":"good-2"}"#, "created"),
    ];
    let body = rows.iter().flat_map(|(line, _)| [line, &b"\r\n"[..]].concat()).collect::<Vec<_>>();
    let answer = send(&world, PATH, body).await;
    let (reported, summary) = report(&answer);
    assert_eq!(reported.len(), rows.len());
    for ((number, (line, expected)), told) in (1..).zip(&rows).zip(&reported) {
        let line = String::from_utf8_lossy(&line[..line.len().min(60)]);
        assert_eq!(told["line"], number, "{line}");
        let outcome = told["outcome"].as_str().unwrap();
        if outcome == "refused" {
            let problem = &told["problem"];
            assert_eq!(problem["type"], format!("/problems/{expected}"), "{line}: {told}");
            assert!(problem["status"].is_u64() && problem["title"].is_string(), "{told}");
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{told}");
        } else {
            assert_eq!(outcome, *expected, "{line}");
        }
    }
    assert_eq!(summary["summary"]["refused"], 13);
    assert_eq!(grants(&world).await.len(), 2);
}

#[tokio::test]
async fn a_refresh_token_of_another_person_client_or_namespace_is_refused() {
    let world = World::new().await;
    world.add_shop(json!({ "name": "mall" })).await;
    let first = send(&world, PATH, lines(&[grant("one", "anna")])).await;
    let holder = report(&first).0[0]["grant"].clone();
    let others = lines(&[grant("one", "bert"), json!({ "refresh_token": "one", "client": "mall" })]);
    for told in report(&send(&world, PATH, others).await).0 {
        assert_eq!(told["problem"]["type"], "/problems/refresh_token_held", "{told}");
        assert_eq!(told["grant"], holder);
    }
    let theirs = world.anonymous(Method::POST, "/v1/grants/import").bearer_auth(world.neighbour.expose());
    let theirs = theirs.header("content-type", "application/x-ndjson; charset=utf-8");
    let theirs = world.send(theirs.body(lines(&[json!({ "refresh_token": "one", "client": "shop" })]))).await;
    let told = &report(&theirs).0[0];
    assert_eq!(told["problem"]["type"], "/problems/refresh_token_held", "{told}");
    assert!(told.get("grant").is_none(), "whose it is, is nobody's business: {told}");
}

#[tokio::test]
async fn a_new_refresh_token_goes_to_the_grant_of_its_account_and_is_served_from_then_on() {
    let world = World::new().await;
    let line = |token: &str| json!({ "refresh_token": token, "access_token": format!("access-{token}"), "expires_in": 3600, "subject": "s" });
    let id =
        report(&send(&world, PATH, lines(&[line("one")])).await).0[0]["grant"].as_str().unwrap().to_owned();
    assert_eq!(world.token(&id).await.ok()["access_token"], "access-one");
    let second = send(&world, PATH, lines(&[line("two")])).await;
    assert_eq!((outcomes(&second), &report(&second).0[0]["grant"]), (vec!["updated".to_owned()], &json!(id)));
    assert_eq!(
        world.token(&id).await.ok()["access_token"],
        "access-two",
        "nothing of the old one is in memory"
    );
    let mut older = line("three");
    older["obtained_at"] = json!(1);
    let told = report(&send(&world, PATH, lines(&[older])).await).0.remove(0);
    assert_eq!(told["problem"]["type"], "/problems/unprocessable", "{told}");
    assert_eq!(world.token(&id).await.ok()["access_token"], "access-two");
}

#[tokio::test]
async fn a_dry_run_reports_and_keeps_nothing() {
    let world = World::new().await;
    let body = lines(&[grant("one", "anna"), json!({})]);
    let answer = send(&world, "/v1/grants/import?client=shop&dry_run=true", body).await;
    assert_eq!(outcomes(&answer), ["created", "refused"]);
    assert_eq!(report(&answer).1["dry_run"], true);
    assert_eq!(grants(&world).await.len(), 0);
}

#[tokio::test]
async fn a_report_may_be_of_what_was_refused_alone() {
    let world = World::new().await;
    let body = lines(&[grant("one", "anna"), json!({}), grant("two", "bert")]);
    let answer = send(&world, "/v1/grants/import?client=shop&report=refused", body).await;
    let (reported, summary) = report(&answer);
    assert_eq!((reported.len(), &reported[0]["line"]), (1, &json!(2)));
    assert_eq!(summary["summary"]["created"], 2);
}

#[tokio::test]
async fn a_list_of_values_is_no_line() {
    let world = World::new().await;
    let list = format!("[null,\"rt-in-a-list\"{}]\n", ",null".repeat(12));
    let (reported, summary) = report(&send(&world, PATH, list).await);
    assert_eq!((&reported[0]["outcome"], &summary["summary"]["created"]), (&json!("refused"), &json!(0)));
    assert!(reported[0]["problem"]["detail"].as_str().unwrap().contains("an object"), "{reported:?}");
    assert_eq!(grants(&world).await.len(), 0);
}

#[tokio::test]
async fn what_is_no_import_is_refused_before_a_line_is_read() {
    let world = World::new().await;
    let kind = |kind: &str| world.request(Method::POST, PATH).header("content-type", kind).body("{}");
    for other in ["application/json", "text/plain", "application/jsonlines-not"] {
        world.send(kind(other)).await.problem(415, "unsupported_media_type");
    }
    for (query, status, reason) in [
        ("?client=nobody", 404, "no_such_client"),
        ("?client=%20", 400, "invalid_query"),
        ("?match=name", 400, "invalid_query"),
        ("?report=none", 400, "invalid_query"),
        ("?dry_run=maybe", 400, "invalid_query"),
        ("?dryrun=true", 400, "invalid_query"),
    ] {
        send(&world, &format!("/v1/grants/import{query}"), "{}").await.problem(status, reason);
    }
    let mut stream = connect(&world).await;
    stream.write_all(head(&world, "content-length: 268435457").as_bytes()).await.unwrap();
    let mut answer = vec![0; 2048];
    let read = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
    let nothing = send(&world, PATH, "\n \n").await;
    assert_eq!(report(&nothing).1["summary"]["lines"], 0);
    assert_eq!(grants(&world).await.len(), 0);
}

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.url.strip_prefix("http://").unwrap()).await.unwrap()
}

fn head(world: &World, length: &str) -> String {
    head_with(world.key.expose(), length)
}

fn head_with(key: &str, length: &str) -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/jsonl\r\n{length}\r\n\r\n"
    )
}

/// Reads from a connection until a text has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    let mut piece = [0; 4096];
    while !read.contains(text) {
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "the answer ended: {read}");
        read.push_str(str::from_utf8(&piece[..count]).unwrap());
    }
    read
}

#[tokio::test]
async fn lines_are_kept_and_reported_as_they_come_and_stay_when_the_connection_breaks() {
    let world = World::new().await;
    let (first, second) =
        (lines(&[grant("one", "anna"), grant("two", "bert")]), lines(&[grant("three", "carl")]));
    let mut stream = connect(&world).await;
    stream.write_all(head(&world, "content-length: 100000").as_bytes()).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    // While the rest of the body is still to come.
    read_until(&mut stream, "\"line\":2").await;
    assert_eq!(grants(&world).await.len(), 2);
    // The beginning of a line that is cut is none, although it could be read as one.
    stream.write_all(format!("{second}{{\"refresh_token\":\"four\"}}").as_bytes()).await.unwrap();
    read_until(&mut stream, "\"line\":3").await;
    drop(stream);
    let whole = format!("{first}{second}{}", lines(&[grant("four", "dora")]));
    let again = send(&world, PATH, whole).await;
    assert_eq!(outcomes(&again), ["unchanged", "unchanged", "unchanged", "created"]);
    assert_eq!(grants(&world).await.len(), 4);
}

#[tokio::test]
async fn a_sender_that_pauses_for_too_long_is_told_how_far_it_has_come() {
    let world = World::with(|config| config.patience = Duration::from_millis(200)).await;
    world.add_shop(json!({})).await;
    let mut stream = connect(&world).await;
    stream.write_all(head(&world, "content-length: 100000").as_bytes()).await.unwrap();
    stream.write_all(lines(&[grant("one", "anna")]).as_bytes()).await.unwrap();
    let told = read_until(&mut stream, "\"summary\"").await;
    assert!(told.contains("\"complete\":false") && told.contains("too slowly"), "{told}");
    assert_eq!(grants(&world).await.len(), 1);
}

#[tokio::test]
async fn a_report_that_nobody_reads_ends_the_import_and_what_is_done_stays() {
    let world = World::with(|config| config.patience = Duration::from_millis(200)).await;
    world.add_shop(json!({})).await;
    let body = format!("{}{}", lines(&[grant("one", "unread")]), "x\n".repeat(80_000));
    let mut stream = connect(&world).await;
    stream.write_all(head(&world, &format!("content-length: {}", body.len())).as_bytes()).await.unwrap();
    let writing = stream.write_all(body.as_bytes());
    // The server may read no further before all is written.
    let _ = tokio::time::timeout(Duration::from_secs(5), writing).await;
    let broke_off = |line: &str| {
        line.contains("created=1 ") && line.contains("complete=false") && !line.contains("refused=0")
    };
    let ended = async {
        while !crate::log::text().lines().any(|line| line.contains("grants were imported") && broke_off(line))
        {
            tokio::task::yield_now().await;
        }
    };
    world.meanwhile(ended).await;
    let mut answer = Vec::new();
    // The connection may be reset.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("\"summary\""), "the report has no end");
    assert_eq!(grants(&world).await.len(), 1);
}

#[tokio::test]
async fn an_import_ends_with_the_key_that_it_was_begun_with() {
    let world = World::new().await;
    let (key, id) = world.make_key(json!({ "scope": "manage" })).await;
    let mut stream = connect(&world).await;
    stream.write_all(head_with(&key, "content-length: 100000").as_bytes()).await.unwrap();
    stream.write_all(lines(&[grant("one", "anna")]).as_bytes()).await.unwrap();
    read_until(&mut stream, "\"line\":1").await;
    assert_eq!(world.delete(&format!("/v1/api-keys/{id}")).await.status, 204);
    stream.write_all(lines(&[grant("two", "bert")]).as_bytes()).await.unwrap();
    let told = read_until(&mut stream, "\"summary\"").await;
    assert!(told.contains("\"complete\":false") && told.contains("/problems/unauthenticated"), "{told}");
    assert_eq!(grants(&world).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_stops_ends_an_import_between_two_batches_and_says_so() {
    let mut world = World::with(|config| config.drain = Duration::from_secs(5)).await;
    world.add_shop(json!({})).await;
    let mut stream = connect(&world).await;
    stream.write_all(head(&world, "content-length: 100000").as_bytes()).await.unwrap();
    stream.write_all(lines(&[grant("one", "anna")]).as_bytes()).await.unwrap();
    read_until(&mut stream, "\"line\":1").await;
    world.stop.take().unwrap().send(()).unwrap();
    while world.browse(Method::GET, "/readyz").await.status == 200 {
        tokio::task::yield_now().await;
    }
    stream.write_all(lines(&[grant("two", "bert")]).as_bytes()).await.unwrap();
    let told = read_until(&mut stream, "\"summary\"").await;
    assert!(told.contains("\"line\":2") && told.contains("\"complete\":false"), "{told}");
    assert!(told.contains("/problems/shutting_down"), "{told}");
}

#[tokio::test]
async fn ten_thousand_lines_are_taken_over_in_one_request() {
    let world = World::new().await;
    let many: Vec<_> =
        (0..10_000).map(|number| grant(&format!("token-{number}"), &format!("user-{number}"))).collect();
    let body = lines(&many);
    let answer = send(&world, PATH, body.clone()).await;
    let (reported, summary) = report(&answer);
    assert_eq!(summary["summary"]["created"], 10_000);
    let ids: BTreeSet<_> = reported.iter().map(|line| line["grant"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 10_000);
    assert!(reported.iter().zip(1_u64..).all(|(line, number)| line["line"] == number));
    let page = world.browse(Method::GET, "/metrics").await.body;
    assert!(page.contains("\nevergrant_grants{state=\"active\"} 10000\n"), "{page}");
    let again = send(&world, "/v1/grants/import?client=shop&report=refused", body).await;
    assert_eq!(report(&again).1["summary"]["unchanged"], 10_000);
}

#[tokio::test]
async fn an_import_meets_a_store_that_is_away_and_says_so() {
    let world = World::new().await;
    world.break_store();
    let (reported, summary) = report(&send(&world, PATH, lines(&[grant("one", "anna")])).await);
    assert!(reported.is_empty());
    assert_eq!(
        (&summary["complete"], &summary["problem"]["type"]),
        (&json!(false), &json!("/problems/store_unavailable"))
    );
}

#[tokio::test]
async fn a_single_import_takes_what_a_line_takes_and_knows_what_was_imported_before() {
    let world = World::new().await;
    let issued = world.rehearsal.issue_grant("shop", "alice", "openid profile").unwrap();
    let body = json!({
        "client": "shop", "refresh_token": issued.refresh_token, "scope": "openid profile", "external_id": 7,
        "obtained_at": "2026-01-01T00:00:00Z", "labels": null,
    });
    let made = world.post("/v1/grants", body.clone()).await.ok();
    assert_eq!((&made["external_id"], &made["granted_scopes"]), (&json!("7"), &json!(["openid", "profile"])));
    world.token(made["id"].as_str().unwrap()).await.ok();
    let problem = world.post("/v1/grants", body).await.problem(409, "refresh_token_held");
    assert_eq!(problem["grant"], made["id"]);
}
