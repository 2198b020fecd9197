//! One rehearsal server, one keeper and one server for every row, and a clock that only the rows move.

use std::{sync::Arc, time::Duration};

use evergrant::{
    Keeper, NewApiKey, OpenOptions,
    clock::ManualClock,
    http::EgressConfig,
    proto::{provider::Catalogue, time::Timestamp},
    store::access::KeyScope,
};
use evergrant_rehearse::{Rehearsal, Running, Settings};
use evergrant_server::{ApiKey, Server, ServerConfig, listen};
use reqwest::{Method, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::row::Row;

pub(crate) struct Stage {
    pub(crate) rehearsal: Running,
    pub(crate) clock: ManualClock,
    pub(crate) keeper: Keeper,
    pub(crate) url: String,
    key: ApiKey,
    http: reqwest::Client,
    tasks: [JoinHandle<()>; 2],
    _folder: TempDir,
}

/// An answer of the server: its status and its JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Stage {
    /// A stage whose catalogue holds what each row says of its provider.
    pub(crate) async fn set_up(rows: &[Row]) -> Self {
        let rehearsal = Rehearsal::builder().settings(Settings::bare());
        let rehearsal = rehearsal.start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let clock = ManualClock::starting_at(Timestamp(rehearsal.clock().now().0));
        let folder = tempfile::tempdir().unwrap();
        let mut options = OpenOptions::at(folder.path().join("store.sqlite"));
        options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
        options.clock = Arc::new(clock.clone());
        for row in rows {
            know(&mut options.catalogue, row);
        }
        let opened = Keeper::open(options).await.unwrap();
        let driver = tokio::spawn(opened.driver.run());
        let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = ApiKey::generate();
        let name = "the stage".parse().unwrap();
        let new = NewApiKey {
            digest: key.digest(),
            name,
            namespace: None,
            scope: KeyScope::Admin,
            expires_at: None,
        };
        opened.keeper.add_api_key(new).await.unwrap().unwrap();
        let config = ServerConfig::new(url.parse().unwrap());
        let server = Server::new(opened.keeper.clone(), config);
        let serving = tokio::spawn(server.serve(listener, std::future::pending::<()>()));
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        let (keeper, tasks) = (opened.keeper, [driver, serving]);
        Self { rehearsal, clock, keeper, url, key, http, tasks, _folder: folder }
    }

    /// Another redirect URI that is registered, and not the one that is used.
    pub(crate) fn elsewhere(&self) -> String {
        format!("{}/elsewhere", self.url)
    }

    /// The provider's clock and ours.
    pub(crate) fn advance(&self, seconds: u64) {
        self.rehearsal.advance(Duration::from_secs(seconds));
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A caller waits for a token until ten seconds have gone by on a clock that moves only here.
    pub(crate) async fn time_for_callers(&self) {
        tokio::task::yield_now().await;
        self.keeper.status().await.unwrap();
        if self.keeper.waiting() > 0 {
            self.keeper.settled().await;
            self.advance(1);
        }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(self.key.expose());
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request.send().await.unwrap();
        let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
        Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// As a browser does: where an address sends it, and the status.
    pub(crate) async fn browse(&self, address: &str) -> (u16, Option<String>) {
        let response = self.http.get(address).send().await.unwrap();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), location)
    }
}

impl Answer {
    /// The JSON of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Adds what a row knows of its provider: the rehearsal server stands for a different one in each.
fn know(catalogue: &mut Catalogue, row: &Row) {
    let id = row.id();
    // Without being asked for it, the rehearsal server issues no refresh token.
    let offline = if row.asks_for_offline { "offline.scopes = 'offline_access'" } else { "" };
    let entry = format!("id = '{id}'\nname = 'The provider'\n{offline}\n{}", row.provider);
    catalogue.overlay(&id, &entry).unwrap_or_else(|error| panic!("{id}: {error}"));
}

/// What a client of the server is made from.
pub(crate) fn client_body(row: &Row, issuer: &str, other: &Value) -> Value {
    let mut body = json!({
        "name": row.id(),
        "provider": row.id(),
        "issuer": issuer,
        "client_id": row.id(),
        "secret": crate::SECRET,
    });
    body.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    body
}
