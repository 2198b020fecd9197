//! The server around the provider, over real connections.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use evergrant_rehearse::{
    Action, ClientSettings, Endpoint, Fault, GrantType, Reason, RefreshTokens, Rehearsal, RevocationCause,
    RotationPolicy, Running, Settings, StartError, Timestamp, banner,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::world::{REDIRECT, signing_key};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn start(rotation: RotationPolicy) -> Running {
    let client = ClientSettings {
        refresh_tokens: RefreshTokens::Always,
        ..ClientSettings::public("app").rotating(rotation)
    };
    let settings = Settings { clients: vec![client], ..Settings::default() };
    Rehearsal::builder().settings(settings).signing_key(signing_key()).start(LOOPBACK).await.unwrap()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

async fn sign_in(rehearsal: &Running) -> Value {
    let pkce = evergrant_rehearse::PkcePair::example();
    let authorize = format!(
        "{}/authorize?response_type=code&client_id=app&redirect_uri={}&code_challenge={}&code_challenge_method=S256\
         &login_hint=alice&scope=openid",
        rehearsal.issuer(),
        crate::world::escape(REDIRECT),
        pkce.challenge,
    );
    let answer = client().get(authorize).send().await.unwrap();
    let location = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", &pkce.verifier),
    ];
    let answer = client().post(format!("{}/token", rehearsal.issuer())).form(&form).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn refresh(rehearsal: &Running, token: &str) -> reqwest::Result<reqwest::Response> {
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", token)];
    client().post(format!("{}/token", rehearsal.issuer())).form(&form).send().await
}

/// Everything that comes back on a connection of its own until the server closes it.
async fn raw(rehearsal: &Running, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(rehearsal.local_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end, too.
    stream.read_to_end(&mut answer).await.unwrap_or_default();
    answer
}

fn raw_refresh(token: &str) -> String {
    let body = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
    format!(
        "POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn the_whole_code_flow_works_over_http() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let tokens = sign_in(&rehearsal).await;
    let userinfo = client()
        .get(format!("{}/userinfo", rehearsal.issuer()))
        .bearer_auth(tokens["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(userinfo.json::<Value>().await.unwrap()["sub"], "alice");
    let refreshed = refresh(&rehearsal, tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(refreshed.status(), 200);
    assert_eq!(refreshed.headers()["cache-control"], "no-store");
    rehearsal.shutdown().await;
}

#[tokio::test]
async fn a_grant_can_be_issued_without_any_flow() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let grant = rehearsal.issue_grant("app", "alice", "openid").unwrap();
    assert_eq!(refresh(&rehearsal, &grant.refresh_token).await.unwrap().status(), 200);
    let journal = rehearsal.journal();
    assert_eq!((journal[0].endpoint, journal[0].family), (Endpoint::Admin, Some(grant.family)));
    assert_eq!(journal[0].issued, journal[1].presented);
    assert!(!format!("{grant:?}").contains(&grant.refresh_token));
    assert!(rehearsal.issue_grant("app", "mallory", "openid").is_err());
    assert!(rehearsal.issue_grant("stranger", "alice", "openid").is_err());
}

#[tokio::test]
async fn a_dropped_answer_is_a_closed_connection_without_a_byte() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let tokens = sign_in(&rehearsal).await;
    let lost = Fault::after_commit(Action::Drop).at(Endpoint::Token);
    rehearsal.add_fault(lost).unwrap();
    let first = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(raw(&rehearsal, &raw_refresh(first)).await, b"");
    assert!(rehearsal.journal().last().unwrap().response_lost);
    let replayed = refresh(&rehearsal, first).await.unwrap();
    assert_eq!(replayed.json::<Value>().await.unwrap()["error"], "invalid_grant");
    assert_eq!(rehearsal.journal().last().unwrap().reason, Some(Reason::ReplayedRefreshToken));
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_it_holds() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let tokens = sign_in(&rehearsal).await;
    rehearsal.add_fault(Fault::after_commit(Action::Truncate { bytes: 17 }).at(Endpoint::Token)).unwrap();
    let answer = raw(&rehearsal, &raw_refresh(tokens["refresh_token"].as_str().unwrap())).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(announced.parse::<usize>().unwrap() > 100);
    assert_eq!(body.len(), 17);
}

#[tokio::test]
async fn an_answer_cut_to_nothing_is_a_head_alone() {
    let rehearsal = start(RotationPolicy::strict()).await;
    rehearsal.add_fault(Fault::after_commit(Action::Truncate { bytes: 0 })).unwrap();
    let answer = raw(&rehearsal, "GET /jwks HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_hold_can_be_waited_for_and_released_without_sleeping() {
    let rehearsal = start(RotationPolicy::same_successor_within(30)).await;
    let tokens = sign_in(&rehearsal).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let hold = Fault::before(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken).always();
    let fault = rehearsal.add_fault(hold).unwrap();
    let together = async { tokio::join!(refresh(&rehearsal, token), refresh(&rehearsal, token)) };
    let release = async {
        rehearsal.wait_held(fault, 2).await;
        assert_eq!(rehearsal.release(fault), 2);
    };
    let ((first, second), ()) = tokio::join!(together, release);
    let successor = |answer: Value| answer["refresh_token"].as_str().unwrap().to_owned();
    let first = successor(first.unwrap().json().await.unwrap());
    assert_eq!(first, successor(second.unwrap().json().await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_at_once_one_is_first() {
    let rehearsal = Arc::new(start(RotationPolicy::strict()).await);
    let token = rehearsal.issue_grant("app", "alice", "openid").unwrap().refresh_token;
    let fault = rehearsal.add_fault(Fault::before(Action::Hold).at(Endpoint::Token).always()).unwrap();
    let mut racers = JoinSet::new();
    for _ in 0..100 {
        let (rehearsal, token) = (rehearsal.clone(), token.clone());
        racers.spawn(async move { refresh(&rehearsal, &token).await.unwrap().status().as_u16() });
    }
    rehearsal.wait_held(fault, 100).await;
    rehearsal.release(fault);
    let statuses = racers.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    let journal = rehearsal.journal();
    let reasons = |reason| journal.iter().filter(|entry| entry.reason == Some(reason)).count();
    assert_eq!(reasons(Reason::ReplayedRefreshToken), 1);
    assert_eq!(reasons(Reason::FamilyRevoked(RevocationCause::ReplayedRefreshToken)), 98);
}

#[tokio::test]
async fn a_hold_can_be_waited_for_over_http() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let tokens = sign_in(&rehearsal).await;
    let admin = rehearsal.admin_url();
    let fault = json!({ "when": "after_commit", "endpoint": "token", "action": "hold" });
    let added: Value =
        client().post(format!("{admin}/faults")).json(&fault).send().await.unwrap().json().await.unwrap();
    let id = added["id"].as_u64().unwrap();
    let script = async {
        let wait = client().get(format!("{admin}/faults/{id}?wait_held=1")).send().await.unwrap();
        assert_eq!(wait.json::<Value>().await.unwrap()["held"], 1);
        client().post(format!("{admin}/faults/{id}/release")).send().await.unwrap()
    };
    let (answer, released) =
        tokio::join!(refresh(&rehearsal, tokens["refresh_token"].as_str().unwrap()), script);
    assert_eq!(released.json::<Value>().await.unwrap()["released"], 1);
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_undo_its_request() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let tokens = sign_in(&rehearsal).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let arrived = rehearsal.add_fault(Fault::before(Action::Hold).at(Endpoint::Token)).unwrap();
    let committed = rehearsal.add_fault(Fault::after_commit(Action::Hold).at(Endpoint::Token)).unwrap();
    let mut stream = TcpStream::connect(rehearsal.local_addr()).await.unwrap();
    stream.write_all(raw_refresh(token).as_bytes()).await.unwrap();
    rehearsal.wait_held(arrived, 1).await;
    drop(stream);
    rehearsal.release(arrived);
    rehearsal.wait_held(committed, 1).await;
    assert_eq!(refresh(&rehearsal, token).await.unwrap().status(), 400);
    assert_eq!(rehearsal.journal().last().unwrap().reason, Some(Reason::ReplayedRefreshToken));
}

#[tokio::test]
async fn the_clock_is_moved_and_followed_over_http() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let clock = format!("{}/clock", rehearsal.admin_url());
    let read = client().get(&clock).send().await.unwrap().json::<Value>().await.unwrap();
    assert_eq!((read["mode"].as_str(), read["moved"].as_u64()), (Some("virtual"), Some(0)));
    let follower = client().get(format!("{clock}?moved=0")).send();
    let mover = client().post(&clock).json(&json!({ "advance_s": 60 })).send();
    let (heard, done) = tokio::join!(follower, mover);
    let reading = done.unwrap().json::<Value>().await.unwrap();
    assert_eq!(reading["now_ms"].as_i64().unwrap(), read["now_ms"].as_i64().unwrap() + 60_000);
    assert_eq!(heard.unwrap().json::<Value>().await.unwrap(), reading);
    let set = client().post(&clock).json(&json!({ "set_ms": 5 })).send().await.unwrap();
    assert_eq!(set.json::<Value>().await.unwrap()["now_ms"], 5);
    let wrong = client().post(&clock).json(&json!({ "advance": 60 })).send().await.unwrap();
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn the_date_header_is_the_providers_time_unless_a_fault_lies_about_it() {
    let rehearsal = start(RotationPolicy::strict()).await;
    rehearsal.clock().set(Timestamp(784_111_777_000));
    let jwks = format!("{}/jwks", rehearsal.issuer());
    let answer = client().get(&jwks).send().await.unwrap();
    assert_eq!(answer.headers()["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
    let lie = "Sun, 06 Nov 1994 09:49:37 GMT";
    let headers = [("date".to_owned(), lie.to_owned())].into();
    rehearsal
        .add_fault(Fault::before(Action::Respond { status: 503, headers, body: String::new() }))
        .unwrap();
    let answer = client().get(&jwks).send().await.unwrap();
    assert_eq!(
        (answer.headers()["date"].to_str().unwrap(), answer.headers().get_all("date").iter().count()),
        (lie, 1)
    );
}

#[tokio::test]
async fn the_virtual_clock_expires_tokens() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let tokens = sign_in(&rehearsal).await;
    rehearsal.advance(Duration::from_secs(300));
    let userinfo = client()
        .get(format!("{}/userinfo", rehearsal.issuer()))
        .bearer_auth(tokens["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(userinfo.status(), 401);
    let challenge = userinfo.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(
        challenge.starts_with("Bearer realm=") && challenge.contains("error=\"invalid_token\""),
        "{challenge}"
    );
}

#[tokio::test]
async fn the_administration_does_not_answer_web_pages() {
    let rehearsal = start(RotationPolicy::strict()).await;
    for path in ["/admin/journal", "/admin/clock", "/admin/faults/1?wait_held=1"] {
        for header in ["origin: http://evil.example", "sec-fetch-site: cross-site"] {
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\nconnection: close\r\n\r\n");
            let answer = String::from_utf8(raw(&rehearsal, &request).await).unwrap();
            assert!(answer.starts_with("HTTP/1.1 403"), "{path} {header}: {answer}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", ""] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            let answer = String::from_utf8(raw(&rehearsal, &request).await).unwrap();
            assert!(answer.starts_with("HTTP/1.1 403"), "{path} {host}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let taken = rehearsal.local_addr();
    let error = Rehearsal::builder().signing_key(signing_key()).start(taken).await.unwrap_err();
    assert!(matches!(error, StartError::AddressInUse(address) if address == taken));
    assert!(error.to_string().contains("is in use"), "{error}");
    rehearsal.shutdown().await;
    Rehearsal::builder().signing_key(signing_key()).start(taken).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_is_no_origin_is_refused() {
    for issuer in ["http://a.example/", "http://a.example/path", "a.example", "ftp://a.example"] {
        let started = Rehearsal::builder().signing_key(signing_key()).issuer(issuer).start(LOOPBACK).await;
        assert!(matches!(started, Err(StartError::Issuer(_))), "{issuer}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let rehearsal = start(RotationPolicy::strict()).await;
    let body = "a".repeat(1024 * 1024 + 1);
    let answer = client().post(format!("{}/token", rehearsal.issuer())).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn the_banner_names_everything_a_person_needs() {
    let rehearsal = Rehearsal::builder().signing_key(signing_key()).start(LOOPBACK).await.unwrap();
    let text = banner(&rehearsal);
    for needed in [
        rehearsal.issuer(),
        "rehearse-basic : demo-secret-basic",
        "rehearse-public",
        "alice",
        "/admin",
        "curl -s",
    ] {
        assert!(text.contains(needed), "{needed} is not in:\n{text}");
    }
}
