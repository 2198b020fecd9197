//! The provider: `evergrant rehearse` as a process of its own, led through its administration.

use std::{path::Path, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::process::Process;

pub(crate) const CLIENT_ID: &str = "torture";
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret-Zp81";
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// How long its access tokens live.
pub(crate) const ACCESS_LIFE: Duration = Duration::from_secs(300);

/// What the provider does with a refresh token that comes again: by its own name, and as Evergrant is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) provider: &'static str,
    pub(crate) evergrant: &'static str,
    /// `None`: a replay ends the family.
    pub(crate) window: Option<Duration>,
}

pub(crate) const P2: Policy =
    Policy { provider: r#"{ policy = "P2" }"#, evergrant: "replay_revokes", window: None };
pub(crate) const P3: Policy = Policy {
    provider: r#"{ policy = "P3", window_s = 120 }"#,
    evergrant: "grace_same,window=120",
    window: Some(Duration::from_secs(120)),
};
pub(crate) const P7: Policy = Policy {
    provider: r#"{ policy = "P7", window_s = 1800 }"#,
    evergrant: "long_overlap,window=1800",
    window: Some(Duration::from_secs(1800)),
};

pub(crate) struct Provider {
    _process: Process,
    pub(crate) issuer: String,
    http: reqwest::Client,
}

/// What the journal says of one refresh.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refresh {
    pub(crate) seq: u64,
    pub(crate) at_ms: i64,
    pub(crate) outcome: String,
    pub(crate) family: Option<u64>,
    pub(crate) generation: Option<u32>,
    pub(crate) presented_before: Option<u32>,
    pub(crate) issued_generation: Option<u32>,
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<Value>,
    last: u64,
    forgotten: u64,
}

impl Provider {
    /// Starts it; its settings lie in `folder`.
    pub(crate) async fn start(folder: &Path, policy: Policy) -> Self {
        let settings = folder.join("provider.toml");
        let text = format!(
            "journal_capacity = 2_000_000\n\
             [[clients]]\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
             redirect_uris = [\"{REDIRECT_URI}\"]\nrequires_pkce = false\nrefresh_tokens = \"always\"\n\
             rotation = {}\n[clients.lifetimes]\naccess_token_s = {}\n\
             [[users]]\nusername = \"alice\"\n",
            policy.provider,
            ACCESS_LIFE.as_secs(),
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_evergrant"));
        command.args(["rehearse", "--listen", "127.0.0.1:0", "--config"]).arg(settings).env_clear();
        let mut process = Process::start(command);
        let issuer = loop {
            let line = process.line().await;
            if let Some(url) = line.split_ascii_whitespace().find(|word| word.starts_with("http://")) {
                break url.to_owned();
            }
        };
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { _process: process, issuer, http }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.issuer.trim_start_matches("http://").parse().unwrap()
    }

    /// Alice consents once more: the first refresh token of a new family.
    pub(crate) async fn consent(&self) -> String {
        let redirect: String = url::form_urlencoded::byte_serialize(REDIRECT_URI.as_bytes()).collect();
        let link = format!(
            "{}/authorize?response_type=code&client_id={CLIENT_ID}&redirect_uri={redirect}\
             &scope=openid+offline_access&login_hint=alice",
            self.issuer
        );
        let answer = self.http.get(link).send().await.unwrap();
        let target = answer.headers().get("location").expect("a redirect").to_str().unwrap().to_owned();
        let target = url::Url::parse(&target).unwrap();
        let code = target.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
        let exchange = self.http.post(format!("{}/token", self.issuer));
        let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", REDIRECT_URI)];
        let exchange = exchange.basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form);
        let tokens: Value = exchange.send().await.unwrap().json().await.unwrap();
        tokens["refresh_token"].as_str().expect("a refresh token").to_owned()
    }

    /// The family that the latest consent has begun.
    pub(crate) async fn newest_family(&self) -> u64 {
        self.get("/admin/grants").await["grants"][0]["family"].as_u64().unwrap()
    }

    /// Lets time pass for it and for everybody who follows its clock.
    pub(crate) async fn advance(&self, by: Duration) {
        self.post("/admin/clock", &json!({ "advance_s": by.as_secs() })).await;
    }

    /// From now on it carries out so many refreshes and holds its answers; `None`: all.
    pub(crate) async fn hold_answers(&self, count: Option<u32>) -> Hold<'_> {
        let fault = json!({
            "when": "after_commit", "endpoint": "token", "grant_type": "refresh_token",
            "count": count, "action": "hold",
        });
        let added = self.post("/admin/faults", &fault).await;
        Hold { provider: self, id: added["id"].as_u64().unwrap() }
    }

    /// From now on each refresh takes it so long.
    pub(crate) async fn delay_answers(&self, by: Duration) {
        let fault = json!({
            "when": "before", "endpoint": "token", "grant_type": "refresh_token",
            "count": null, "action": { "delay": { "ms": u64::try_from(by.as_millis()).unwrap() } },
        });
        self.post("/admin/faults", &fault).await;
    }

    /// The refreshes that it has seen after `seq`, and where to go on.
    pub(crate) async fn refreshes_after(&self, seq: u64) -> (Vec<Refresh>, u64) {
        let (mut refreshes, mut after) = (Vec::new(), seq);
        loop {
            let page = self.get(&format!("/admin/journal?endpoint=token&after={after}")).await;
            let Page { entries, last, forgotten } = serde_json::from_value(page).unwrap();
            assert_eq!(forgotten, 0, "the judge has to remember everything");
            let full = entries.len() == 10_000;
            let refresh = |entry: &Value| entry["grant_type"] == "refresh_token";
            let entries = entries.into_iter().filter(refresh);
            refreshes.extend(entries.map(|entry| serde_json::from_value::<Refresh>(entry).unwrap()));
            after = last;
            if !full {
                return (refreshes, after);
            }
        }
    }

    /// All refreshes that it has seen.
    pub(crate) async fn refreshes(&self) -> Vec<Refresh> {
        self.refreshes_after(0).await.0
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.issuer)).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.http.post(format!("{}{path}", self.issuer)).json(body).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}

/// Answers that the provider holds.
pub(crate) struct Hold<'a> {
    provider: &'a Provider,
    id: u64,
}

impl Hold<'_> {
    /// Waits until it holds so many.
    pub(crate) async fn wait(&self, requests: usize) {
        let shown = self.provider.get(&format!("/admin/faults/{}?wait_held={requests}", self.id)).await;
        // It answers in any case, after a while.
        let held = shown["held"].as_u64().unwrap();
        assert!(held >= requests as u64, "nobody came: {shown}");
    }

    /// How many it holds.
    pub(crate) async fn held(&self) -> u64 {
        self.provider.get(&format!("/admin/faults/{}", self.id)).await["held"].as_u64().unwrap()
    }

    /// Lets them all go, and holds no more.
    pub(crate) async fn release(self) {
        let address = format!("{}/admin/faults/{}", self.provider.issuer, self.id);
        self.provider.http.delete(address).send().await.unwrap().error_for_status().unwrap();
    }
}
