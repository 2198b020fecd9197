//! A provider, a server over it, and the programs that call it.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use evergrant::{
    Keeper, NewApiKey, OpenOptions, clock::ManualClock, http::EgressConfig, proto::time::Timestamp,
    store::access::KeyScope,
};
use evergrant_rehearse::{ClientSettings, PolicyName, Rehearsal, Running, Settings, UserSettings};
use evergrant_server::{ApiKey, Server, ServerConfig, listen};
use reqwest::{Client, StatusCode, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    task::JoinSet,
};

const SECRET: &str = "a-secret-of-the-examples";

/// Longer than an access token of the rehearsal lives.
const STALE: Duration = Duration::from_secs(400);

/// What starts here answers within moments; a machine under load may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) rehearsal: Running,
    pub(crate) url: String,
    clock: ManualClock,
    key: ApiKey,
    http: Client,
    folder: TempDir,
    /// Ends with this world.
    _running: JoinSet<()>,
}

/// A program that is told a grant and the address of an API.
pub(crate) struct Script {
    program: &'static str,
    path: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What nginx answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    headers: HeaderMap,
}

/// A web server that is ended with its master process.
pub(crate) struct Nginx {
    url: String,
    http: Client,
    _process: Child,
}

impl Script {
    pub(crate) fn python() -> Self {
        Self { program: "python3", path: example("python/call_api.py") }
    }

    pub(crate) fn node() -> Self {
        Self { program: "node", path: example("node/call-api.mjs") }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let settings = Settings {
            clients: vec![ClientSettings::basic("shop", SECRET).rotating(PolicyName::P2)],
            users: vec![UserSettings::new("alice", "acme"), UserSettings::new("bob", "globex")],
            ..Settings::bare()
        };
        let rehearsal = Rehearsal::builder().settings(settings).start(anywhere()).await.unwrap();
        let clock = ManualClock::starting_at(Timestamp(rehearsal.clock().now().0));
        let folder = tempfile::tempdir().unwrap();
        let mut options = OpenOptions::at(folder.path().join("store.sqlite"));
        options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
        options.clock = Arc::new(clock.clone());
        let opened = Keeper::open(options).await.unwrap();

        let listener = listen(anywhere()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = ApiKey::generate();
        let may = NewApiKey {
            digest: key.digest(),
            name: "the examples".parse().unwrap(),
            namespace: None,
            scope: KeyScope::Admin,
            expires_at: None,
        };
        opened.keeper.add_api_key(may).await.unwrap().unwrap();
        let config = ServerConfig::new(url.parse().unwrap());
        let server = Server::new(opened.keeper, config).serve(listener, std::future::pending());
        let mut running = JoinSet::new();
        running.spawn(opened.driver.run());
        running.spawn(server);

        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        let world = Self { rehearsal, url, clock, key, http, folder, _running: running };
        let client = json!({
            "name": "shop",
            "provider": "rehearse",
            "issuer": world.rehearsal.issuer(),
            "client_id": "shop",
            "secret": SECRET,
            "scopes": ["openid", "profile"],
        });
        world.post("/v1/clients", client).await;
        world
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(self.key.expose());
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.json().await.unwrap()
    }

    /// A grant of this user, as if it had been kept by somebody else before.
    pub(crate) async fn import(&self, user: &str) -> String {
        let given = self.rehearsal.issue_grant("shop", user, "openid profile offline_access").unwrap();
        let body = json!({ "client": "shop", "refresh_token": given.refresh_token, "external_id": user });
        self.post("/v1/grants", body).await["id"].as_str().unwrap().to_owned()
    }

    /// The user withdraws the consent.
    pub(crate) fn withdraw(&self, user: &str) {
        self.rehearsal.with_provider(|provider, now| provider.revoke_consent(user, None, now)).unwrap();
    }

    pub(crate) fn expire_tokens(&self) {
        self.rehearsal.advance(STALE);
        self.clock.advance(STALE);
    }

    fn api(&self) -> String {
        format!("{}/userinfo", self.rehearsal.issuer())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("EVERGRANT_URL", &self.url)
            .env("EVERGRANT_API_KEY", self.key.expose())
            .env("API_URL", self.api())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, script: &Script, grant: &str) -> Done {
        let mut command = self.command(script.program);
        let output = command.arg(&script.path).args([grant, &self.api()]).output().await;
        let output = output.unwrap_or_else(|error| {
            panic!("{}: {error}; `cargo xtask setup` installs what is missing", script.program)
        });
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done { success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The web application, listening: its address, and its process, which ends when it is dropped.
    pub(crate) async fn web_application(&self) -> (String, Child) {
        let address = free_port();
        let child = self.command(env!("CARGO_BIN_EXE_axum_app")).env("LISTEN", &address).spawn().unwrap();
        let url = format!("http://{address}");
        self.answers(&url).await;
        (url, child)
    }

    /// nginx with the example's configuration in front of the API.
    pub(crate) async fn nginx(&self) -> Nginx {
        let address = free_port();
        let server = std::fs::read_to_string(example("nginx/evergrant.conf")).unwrap();
        let server = server
            .replace("server EVERGRANT;", &format!("server {};", self.url.trim_start_matches("http://")))
            .replace("API_KEY\"", &format!("{}\"", self.key.expose()))
            .replace("proxy_pass API;", &format!("proxy_pass {};", self.rehearsal.issuer()))
            .replace("listen LISTEN;", &format!("listen {address};"));
        let folder = self.folder.path().display();
        let whole = format!(
            "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
             events {{}}
             http {{
                 access_log off;
                 client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
                 uwsgi_temp_path {folder}; scgi_temp_path {folder};
                 {server}
             }}"
        );
        let file = self.folder.path().join("nginx.conf");
        std::fs::write(&file, whole).unwrap();
        let mut command = Command::new("nginx");
        let process = command.arg("-c").arg(&file).arg("-e").arg("stderr").kill_on_drop(true).spawn();
        let process =
            process.unwrap_or_else(|error| panic!("nginx: {error}; `cargo xtask setup` installs it"));
        let url = format!("http://{address}");
        self.answers(&url).await;
        Nginx { url, http: self.http.clone(), _process: process }
    }

    /// Waits until something listens there.
    async fn answers(&self, url: &str) {
        let answered = async {
            while self.http.get(url).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.expect("it listens");
    }

    pub(crate) async fn browse(&self, url: &str) -> (StatusCode, String) {
        let answer = self.http.get(url).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Where a page sends the browser.
    pub(crate) async fn redirected(&self, url: &str) -> String {
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{answer:?}");
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Signs in at the provider behind `link`, and follows the way back.
    pub(crate) async fn sign_in(&self, link: &str, user: &str) {
        let answer = self.http.get(format!("{link}&login_hint={user}")).send().await.unwrap();
        let callback = answer.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(self.browse(&callback).await.0, StatusCode::OK);
    }
}

impl Nginx {
    pub(crate) async fn get(&self, path: &str, grant: Option<&str>) -> Answer {
        let mut request = self.http.get(format!("{}{path}", self.url));
        if let Some(grant) = grant {
            request = request.header("x-grant", grant);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.text().await.unwrap() }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn anywhere() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// An address that was free a moment ago.
fn free_port() -> String {
    std::net::TcpListener::bind(anywhere()).unwrap().local_addr().unwrap().to_string()
}

fn example(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
