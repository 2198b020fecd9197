//! Independent OAuth clients, unmodified, against the rehearsal server: code with PKCE, refresh, replay, revocation.
//! They judge our wire format, the journal judges what the requests did. `interop/README.md` has the scenario.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../../interop/rust/client.rs"]
mod client;
#[path = "../../../interop/rust/installed.rs"]
mod installed;
#[path = "../../../interop/rust/oidc_provider.rs"]
mod oidc_provider;

use evergrant_rehearse::{
    ClientSettings, Endpoint, JournalEntry, Lifetimes, Outcome, PolicyName, Reason, Rehearsal,
    RevocationCause, Settings, UserSettings,
};
use oidc_provider::OidcProvider;
use serde_json::{Value, json};

/// Every character that form encoding treats specially, because Basic credentials are form-encoded before they are
/// base64-encoded (RFC 6749 2.3.1), and every second implementation forgets one half of that.
const HARD_SECRET: &str = "s3cret +/&=%25:?";
/// For authlib, which leaves the form encoding out: only a secret that it would not change reaches the server.
const PLAIN_SECRET: &str = "s3cret-plain";

/// What the server registers and what a party needs to know: one client for each authentication method.
fn registrations(secret: &str) -> [(ClientSettings, Value); 3] {
    [
        (
            ClientSettings::basic("basic", secret),
            json!({ "client_id": "basic", "client_secret": secret, "token_endpoint_auth_method": "client_secret_basic" }),
        ),
        (
            ClientSettings::post("post", secret),
            json!({ "client_id": "post", "client_secret": secret, "token_endpoint_auth_method": "client_secret_post" }),
        ),
        (
            ClientSettings::public("public"),
            json!({ "client_id": "public", "token_endpoint_auth_method": "none" }),
        ),
    ]
}

/// Lets a party play against a rehearsal with this client; returns its report and what the token endpoint saw.
async fn rehearse(party: &'static str, client: ClientSettings, known: &Value) -> (Value, Vec<JournalEntry>) {
    let lifetimes = Lifetimes { access_token_s: 3600, ..Lifetimes::default() };
    let settings = Settings {
        clients: vec![client.living(lifetimes)],
        users: vec![UserSettings::new("alice", "acme"), UserSettings::new("bob", "globex")],
        ..Settings::bare()
    };
    // The libraries compare the times in ID tokens with the machine's clock.
    let running = Rehearsal::builder().settings(settings).real_time();
    let running = running.start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let report = play(party, running.issuer(), known).await;
    let journal = running.journal();
    running.shutdown().await;
    (report, journal.into_iter().filter(|entry| entry.endpoint == Endpoint::Token).collect())
}

async fn play(party: &'static str, issuer: &str, known: &Value) -> Value {
    let mut input = json!({
        "issuer": issuer,
        "redirect_uri": "http://127.0.0.1:4321/callback",
        "scope": "openid offline_access api:read",
        "account": "alice",
    });
    input.as_object_mut().unwrap().extend(known.as_object().unwrap().clone());
    tokio::task::spawn_blocking(move || client::play(party, &input)).await.unwrap()
}

/// Strict rotation: the replay is refused and takes the whole family with it; so does a code used twice.
fn assert_the_family_died(report: &Value, journal: &[JournalEntry], case: &str) {
    let refused = json!({ "ok": false, "status": 400, "error": "invalid_grant" });
    let accepted = json!({ "ok": true });
    assert_eq!(report["connect"]["has_refresh_token"], true, "{case}: {report}");
    assert!(
        report["refreshes"].as_array().unwrap().iter().all(|one| one["rotated"] == true),
        "{case}: {report}"
    );
    for step in ["userinfo", "revoke", "revoke_again"] {
        assert_eq!(report[step], accepted, "{case}: {step}");
    }
    for step in
        ["replay", "successor_after_replay", "refresh_after_revoke", "code_again", "refresh_after_code_again"]
    {
        assert_eq!(report[step], refused, "{case}: {step}");
    }
    let unauthorized = json!({ "ok": false, "status": 401, "error": "invalid_token" });
    assert_eq!(report["userinfo_after_replay"], unauthorized, "{case}");
    assert_eq!(reasons(journal), expected_reasons(), "{case}");
    assert_eq!(
        revocations(journal),
        [RevocationCause::ReplayedRefreshToken, RevocationCause::ReplayedCode],
        "{case}"
    );
}

/// Why each request to the token endpoint was refused, in the order of the scenario.
fn expected_reasons() -> Vec<Option<Reason>> {
    let kept = [None; 4];
    let replayed = [
        Some(Reason::ReplayedRefreshToken),
        Some(Reason::FamilyRevoked(RevocationCause::ReplayedRefreshToken)),
    ];
    let revoked = [None, Some(Reason::FamilyRevoked(RevocationCause::ClientRequest))];
    let redeemed_twice =
        [None, Some(Reason::ReplayedCode), Some(Reason::FamilyRevoked(RevocationCause::ReplayedCode))];
    [&kept[..], &replayed, &revoked, &redeemed_twice].concat()
}

fn reasons(journal: &[JournalEntry]) -> Vec<Option<Reason>> {
    for entry in journal {
        assert_eq!(entry.outcome == Outcome::Refused, entry.reason.is_some(), "{entry:?}");
    }
    journal.iter().map(|entry| entry.reason).collect()
}

fn revocations(journal: &[JournalEntry]) -> Vec<RevocationCause> {
    journal.iter().flat_map(|entry| entry.revoked.iter().map(|revocation| revocation.cause)).collect()
}

async fn every_authentication_method_connects_refreshes_and_dies_by_replay(
    party: &'static str,
    secret: &str,
) {
    for (client, known) in registrations(secret) {
        let case = format!("{party} as {}", client.client_id);
        let (report, journal) = rehearse(party, client.rotating(PolicyName::P2), &known).await;
        assert_the_family_died(&report, &journal, &case);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_connects_refreshes_and_sees_replay_and_revocation() {
    every_authentication_method_connects_refreshes_and_dies_by_replay("openid-client", HARD_SECRET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth4webapi_connects_refreshes_and_sees_replay_and_revocation() {
    every_authentication_method_connects_refreshes_and_dies_by_replay("oauth4webapi", HARD_SECRET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authlib_connects_refreshes_and_sees_replay_and_revocation() {
    every_authentication_method_connects_refreshes_and_dies_by_replay("authlib", PLAIN_SECRET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_only_refuses_the_replay_lets_the_successor_live() {
    let [(client, known), ..] = registrations(HARD_SECRET);
    let (report, journal) = rehearse("oauth4webapi", client.rotating(PolicyName::P1), &known).await;
    assert_eq!(report["replay"], json!({ "ok": false, "status": 400, "error": "invalid_grant" }));
    assert_eq!(report["successor_after_replay"], json!({ "ok": true }));
    assert_eq!(report["userinfo_after_replay"], json!({ "ok": true }));
    assert_eq!(revocations(&journal), [RevocationCause::ReplayedCode]);
}

/// The scenario itself is calibrated: a certified server, written by others, gives a client the same answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_tell_the_rehearsal_from_a_certified_server() {
    let provider = tokio::task::spawn_blocking(|| OidcProvider::start(&json!({}))).await.unwrap();
    for (client, known) in registrations(HARD_SECRET) {
        let mut certified = play("oauth4webapi", provider.issuer(), provider.client(&client.client_id)).await;
        let (mut ours, _) = rehearse("oauth4webapi", client.rotating(PolicyName::P2), &known).await;
        for report in [&mut certified, &mut ours] {
            forget_the_choice_of_each_server(report);
        }
        assert_eq!(ours, certified);
    }
    let journal =
        tokio::task::spawn_blocking(move || provider.admin("GET", "/journal", &Value::Null)).await.unwrap();
    let replays = journal["entries"].as_array().unwrap().iter();
    let replays = replays.filter(|entry| entry["detail"] == "refresh token already used").count();
    assert_eq!(replays, 3);
}

/// The subject's name is each server's own, and scopes are a set (RFC 6749 3.3).
fn forget_the_choice_of_each_server(report: &mut Value) {
    let (connect, refreshes) = (report["connect"].take(), report["refreshes"].take());
    let all = [&[connect], refreshes.as_array().unwrap().as_slice()].concat();
    let simplified = all.into_iter().map(|mut tokens| {
        tokens["subject"] = Value::Null;
        let mut scope: Vec<_> =
            tokens["scope"].as_str().unwrap_or_default().split(' ').map(String::from).collect();
        scope.sort();
        tokens["scope"] = json!(scope);
        tokens
    });
    report["refreshes"] = simplified.collect();
}
