//! A provider, a store, a keeper and a server on loopback, and a clock that only the test moves.
//!
//! Every answer and every line of the log is kept; at the end none may hold a secret that the test has met.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use evergrant::{
    Keeper, NewApiKey, OpenOptions,
    clock::ManualClock,
    http::EgressConfig,
    proto::{name::Namespace, time::Timestamp},
    store::access::KeyScope,
};
use evergrant_rehearse::{
    ClientSettings, Endpoint, GrantType, PolicyName, Rehearsal, Running, Settings, SigningKey, UserSettings,
};
use evergrant_server::{ApiKey, Server, ServerConfig, listen};
use reqwest::{Method, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    sync::{OnceCell, oneshot},
    task::JoinHandle,
};

use crate::{answer::Answer, contract::Contract, log};

pub(crate) const SECRET: &str = "canary-client-secret-2b9e";

pub(crate) struct World {
    pub(crate) rehearsal: Running,
    pub(crate) clock: ManualClock,
    pub(crate) keeper: Keeper,
    pub(crate) url: String,
    pub(crate) key: ApiKey,
    /// The key of another namespace.
    pub(crate) neighbour: ApiKey,
    pub(crate) driver: JoinHandle<()>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) serving: Option<JoinHandle<()>>,
    http: reqwest::Client,
    secrets: Mutex<Vec<String>>,
    answers: Mutex<String>,
    folder: TempDir,
}

impl World {
    /// A server that knows no client.
    pub(crate) async fn empty() -> Self {
        Self::with(|_| {}).await
    }

    /// A server with the client `shop` at a strict provider.
    pub(crate) async fn new() -> Self {
        let world = Self::empty().await;
        world.add_shop(json!({})).await;
        world
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        log::collect();
        let rehearsal = rehearsal().await;
        let clock = ManualClock::starting_at(Timestamp(rehearsal.clock().now().0));
        let folder = tempfile::tempdir().unwrap();
        let (keeper, driver) = open(folder.path().join("store.sqlite"), &clock).await;
        let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = ApiKey::generate();
        let neighbour = ApiKey::generate();
        let next_door = Namespace::new("neighbour").unwrap();
        keeper.add_namespace(next_door.clone()).await.unwrap();
        let_in(&keeper, &key, None).await;
        let_in(&keeper, &neighbour, Some(next_door)).await;
        let mut config = ServerConfig::new(url.parse().unwrap());
        change(&mut config);
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            // A test that ends without stopping drops the sender.
            let _ = stopped.await;
        };
        let serving = tokio::spawn(Server::new(keeper.clone(), config).serve(listener, stopped));
        let secrets =
            Mutex::new(vec![SECRET.to_owned(), key.expose().to_owned(), neighbour.expose().to_owned()]);
        Self {
            rehearsal,
            clock,
            keeper,
            url,
            key,
            neighbour,
            driver,
            stop: Some(stop),
            serving: Some(serving),
            http: reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap(),
            secrets,
            answers: Mutex::default(),
            folder,
        }
    }

    /// One more process on the same store: its keeper, and where it serves.
    pub(crate) async fn another_process(&self) -> (Keeper, String) {
        let (keeper, _) = open(self.store(), &self.clock).await;
        let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = ServerConfig::new(url.parse().unwrap());
        tokio::spawn(Server::new(keeper.clone(), config).serve(listener, std::future::pending()));
        (keeper, url)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store.sqlite")
    }

    /// Makes a key, and gives it with its id.
    pub(crate) async fn make_key(&self, fields: Value) -> (String, String) {
        let mut body = json!({ "name": "a key of this test" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let made = self.post("/v1/api-keys", body).await.ok();
        (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
    }

    /// Adds the client `shop`, with more fields or other ones.
    pub(crate) async fn add_shop(&self, other: Value) -> Value {
        let mut body = json!({
            "name": "shop",
            "provider": "rehearse",
            "issuer": self.rehearsal.issuer(),
            "client_id": "shop",
            "secret": SECRET,
            "scopes": ["openid", "profile"],
        });
        body.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        self.post("/v1/clients", body).await.ok()
    }

    /// A request with the key of this world.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(self.key.expose())
    }

    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A request to another server than that of this world.
    pub(crate) fn anonymous_at(&self, method: Method, url: &str, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{url}{path}"))
    }

    /// Waits for something while the clock goes on, slowly, for whoever looks now and then.
    pub(crate) async fn meanwhile<T>(&self, wanted: impl Future<Output = T>) -> T {
        let mut wanted = std::pin::pin!(wanted);
        loop {
            if let Ok(value) = tokio::time::timeout(Duration::from_millis(10), &mut wanted).await {
                return value;
            }
            self.rehearsal.advance(Duration::from_millis(50));
            self.clock.advance(Duration::from_millis(50));
        }
    }

    /// Waits until something is so; looks again whenever this process has written something.
    pub(crate) async fn until(&self, is_so: impl AsyncFn() -> bool) {
        let mut news = self.keeper.news();
        loop {
            news.borrow_and_update();
            if is_so().await {
                return;
            }
            self.meanwhile(news.changed()).await.unwrap();
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let (http, request) = request.build_split();
        let request = request.unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = async { Answer::read(http.execute(request).await.unwrap()).await };
        let answer = self.patiently(answer).await;
        self.contract().await.check(method.as_str(), &path, &answer);
        self.keep(&answer);
        answer
    }

    /// Waits for an answer. A caller who waits for the next attempt, because the scheduler was faster, would wait for ever by
    /// a clock that moves only here.
    async fn patiently<T>(&self, wanted: impl Future<Output = T>) -> T {
        let mut wanted = std::pin::pin!(wanted);
        let time_goes_by = async || {
            tokio::time::sleep(Duration::from_secs(2)).await;
            if self.keeper.waiting() > 0 {
                self.keeper.settled().await;
                self.advance(1);
            }
        };
        loop {
            tokio::select! {
                biased;
                value = &mut wanted => return value,
                () = time_goes_by() => {}
            }
        }
    }

    /// What every answer has to be true to.
    pub(crate) async fn contract(&self) -> &'static Contract {
        static CONTRACT: OnceCell<Contract> = OnceCell::const_new();
        let read = async || {
            let document = self.anonymous(Method::GET, "/openapi.json").send().await.unwrap();
            Contract::of(document.json().await.unwrap())
        };
        CONTRACT.get_or_init(read).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// As a browser does: without a key.
    pub(crate) async fn browse(&self, method: Method, url: &str) -> Answer {
        let path = url.strip_prefix(&self.url).unwrap_or(url);
        self.send(self.anonymous(method, path)).await
    }

    /// Opens an authorization and gives its link.
    pub(crate) async fn link(&self, body: Value) -> String {
        let mut whole = json!({ "client": "shop" });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        self.post("/v1/authorizations", whole).await.ok()["url"].as_str().unwrap().to_owned()
    }

    /// Signs in at the provider behind `link`, and gives the address that the browser is sent back to.
    pub(crate) async fn sign_in(&self, link: &str, user: &str) -> String {
        let response = self.http.get(format!("{link}&login_hint={user}")).send().await.unwrap();
        let callback = response.headers()["location"].to_str().unwrap().to_owned();
        let url: url::Url = callback.parse().unwrap();
        for (name, value) in url.query_pairs() {
            if name == "code" || name == "state" {
                self.remember(&value);
            }
        }
        callback
    }

    /// Connects a user through the pages, and gives the grant.
    pub(crate) async fn connect(&self, user: &str) -> String {
        self.connect_as(user, json!({})).await
    }

    pub(crate) async fn connect_as(&self, user: &str, body: Value) -> String {
        let callback = self.sign_in(&self.link(body).await, user).await;
        self.browse(Method::GET, &callback).await.page(200);
        let grants = self.get("/v1/grants?limit=500").await.ok()["grants"].clone();
        let newest = grants.as_array().unwrap().iter().max_by_key(|grant| {
            (grant["last_success_at"].as_str().map(str::to_owned), grant["subject"] == user)
        });
        newest.unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn token(&self, grant: &str) -> Answer {
        self.get(&format!("/v1/grants/{grant}/token")).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.rehearsal.advance(Duration::from_secs(seconds));
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The user withdraws the consent, and the access token runs out.
    pub(crate) async fn kill(&self, user: &str) {
        self.rehearsal.with_provider(|provider, now| provider.revoke_consent(user, None, now)).unwrap();
        self.advance(400);
        self.keeper.settled().await;
    }

    /// Refresh requests that have reached the provider.
    pub(crate) fn refreshes(&self) -> usize {
        let journal = self.rehearsal.journal();
        let is_refresh = |entry: &&evergrant_rehearse::JournalEntry| {
            entry.endpoint == Endpoint::Token && entry.grant_type == Some(GrantType::RefreshToken)
        };
        journal.iter().filter(is_refresh).count()
    }

    /// Opens the same store once more, as another process does.
    pub(crate) async fn opened_again(&self) -> (Keeper, JoinHandle<()>) {
        open(self.folder.path().join("store.sqlite"), &self.clock).await
    }

    /// Takes the tables away, as somebody with a database tool might.
    pub(crate) fn break_store(&self) {
        let database = rusqlite::Connection::open(self.folder.path().join("store.sqlite")).unwrap();
        for table in ["grants", "authorizations"] {
            database.execute_batch(&format!("ALTER TABLE {table} RENAME TO {table}_away")).unwrap();
        }
    }

    /// A secret that must not appear in an answer or in the log.
    pub(crate) fn remember(&self, secret: &str) {
        self.secrets.lock().unwrap().push(secret.to_owned());
    }

    /// Keeps what may hold no secret; tokens and links are taken out where they belong.
    fn keep(&self, answer: &Answer) {
        let mut body = answer.body.clone();
        if let Ok(json) = serde_json::from_str::<Value>(&body) {
            for field in ["access_token", "key", "secret", "url"] {
                if let Some(secret) = json[field].as_str() {
                    body = body.replace(secret, "");
                    if field != "url" {
                        self.remember(secret);
                    }
                }
            }
        }
        let mut headers = answer.headers.clone();
        headers.remove("location");
        // Forward authentication hands a token out here.
        headers.remove("authorization");
        let mut answers = self.answers.lock().unwrap();
        headers.values().for_each(|value| answers.push_str(&String::from_utf8_lossy(value.as_bytes())));
        answers.push_str(&body);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.driver.abort();
        if std::thread::panicking() {
            return;
        }
        let (log, answers) = (log::text(), self.answers.lock().unwrap());
        for secret in self.secrets.lock().unwrap().iter() {
            assert!(!log.contains(secret), "the log holds a secret");
            assert!(!answers.contains(secret), "an answer holds a secret: {answers}");
        }
    }
}

async fn rehearsal() -> Running {
    // RSA keys are slow to make: one for all tests.
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    let key = KEY.get_or_init(|| Arc::new(SigningKey::generate().unwrap()));
    let settings = Settings {
        clients: vec![ClientSettings::basic("shop", SECRET).rotating(PolicyName::P2)],
        users: vec![UserSettings::new("alice", "acme"), UserSettings::new("bob", "globex")],
        ..Settings::bare()
    };
    let builder = Rehearsal::builder().settings(settings).signing_key(key.clone());
    builder.start(([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// Adds a key that may do everything in a namespace, or in all of them.
async fn let_in(keeper: &Keeper, key: &ApiKey, namespace: Option<Namespace>) {
    let name = "a key of this test".parse().unwrap();
    let new = NewApiKey { digest: key.digest(), name, namespace, scope: KeyScope::Admin, expires_at: None };
    keeper.add_api_key(new).await.unwrap().unwrap();
}

async fn open(database: PathBuf, clock: &ManualClock) -> (Keeper, JoinHandle<()>) {
    let mut options = OpenOptions::at(database);
    options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
    options.clock = Arc::new(clock.clone());
    let opened = Keeper::open(options).await.unwrap();
    (opened.keeper, tokio::spawn(opened.driver.run()))
}
