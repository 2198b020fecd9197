//! A provider, a store, and the real program on it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    process::{Done, Process},
    provider::{CLIENT_ID, CLIENT_SECRET, Policy, Provider},
};

pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) folder: TempDir,
    policy: Policy,
    /// Follow the provider's clock.
    pub(crate) clock: bool,
    pub(crate) http: reqwest::Client,
}

/// A grant and the family behind it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) grant: String,
    pub(crate) family: u64,
}

/// A server that runs.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: String,
    pub(crate) key: String,
}

impl World {
    /// A provider with this policy, and an empty store.
    pub(crate) async fn new(policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let provider = Provider::start(folder.path(), policy).await;
        let http = reqwest::Client::new();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        Self { provider, folder, policy, clock: true, http }
    }

    /// The same with the client `crm` in the store.
    pub(crate) async fn with_client(policy: Policy) -> Self {
        let world = Self::new(policy).await;
        world.add_client(&[]).await;
        world
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.data().join("evergrant.sqlite")
    }

    /// The program with these arguments, in an environment of its own.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evergrant"));
        command.args(arguments);
        self.dress(&mut command, &self.store());
        command
    }

    /// Gives a command the environment of this world, and this store.
    pub(crate) fn dress(&self, command: &mut Command, store: &Path) {
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("EVERGRANT_STORE", format!("sqlite:{}", store.display()))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        if self.clock {
            command.env("EVERGRANT_CLOCK", &self.provider.issuer);
        }
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        Process::start(self.program(arguments))
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Done {
        self.start(arguments).finish().await
    }

    /// The same with something on stdin.
    pub(crate) async fn run_with(&self, arguments: &[&str], stdin: &str) -> Done {
        let mut process = self.start_with(arguments);
        process.type_in(stdin).await;
        process.finish().await
    }

    /// Starts the program with its stdin open.
    pub(crate) fn start_with(&self, arguments: &[&str]) -> Process {
        let mut command = self.program(arguments);
        command.stdin(Stdio::piped());
        Process::start(command)
    }

    pub(crate) async fn add_client(&self, more: &[&str]) {
        let issuer = self.provider.issuer.as_str();
        let arguments = [
            &["clients", "add", "crm", "--issuer", issuer, "--client-id", CLIENT_ID][..],
            &["--secret-stdin", "--scope", "openid offline_access", "--rotation", self.policy.evergrant],
            more,
        ];
        self.run_with(&arguments.concat(), CLIENT_SECRET).await.good();
    }

    /// A new grant; its access token has to be fetched first.
    pub(crate) async fn import(&self) -> Kept {
        let refresh_token = self.provider.consent().await;
        let family = self.provider.newest_family().await;
        let arguments = ["grants", "import", "crm", "--refresh-token-stdin"];
        Kept { grant: self.run_with(&arguments, &refresh_token).await.good(), family }
    }

    /// Gives a grant that was lost a new family.
    pub(crate) async fn repair(&self, kept: &mut Kept) {
        let refresh_token = self.provider.consent().await;
        kept.family = self.provider.newest_family().await;
        let arguments = ["grants", "import", "crm", "--into", &kept.grant, "--refresh-token-stdin"];
        self.run_with(&arguments, &refresh_token).await.good();
    }

    pub(crate) async fn show(&self, grant: &str) -> Value {
        self.run(&["grants", "show", grant, "--format", "json"]).await.json()
    }

    /// Starts a server; `key` as an earlier one has shown it.
    pub(crate) async fn serve(&self, key: Option<&str>) -> Server {
        self.serve_with(key, &[]).await
    }

    /// The same with more options.
    pub(crate) async fn serve_with(&self, key: Option<&str>, more: &[&str]) -> Server {
        self.serve_by(self.program(&[&["serve", "--listen", "127.0.0.1:0"], more].concat()), key).await
    }

    /// The same by a command that starts it.
    pub(crate) async fn serve_by(&self, command: Command, key: Option<&str>) -> Server {
        let mut process = Process::start(command);
        let mut line = process.line().await;
        let made = line.strip_prefix("API key, shown this once: ").map(str::to_owned);
        if made.is_some() {
            line = process.line().await;
        }
        let (address, _) = line.split_once(", store ").expect("it says where it listens");
        let address = format!("http://{}", address.trim_start_matches("listening on "));
        let key = made.or_else(|| key.map(str::to_owned)).expect("a key that is known");
        Server { process, address, key }
    }

    /// Looks into the store from outside.
    pub(crate) fn peek(&self) -> Connection {
        Connection::open_with_flags(self.store(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }
}

/// Attempts without an outcome.
pub(crate) fn open_attempts(peek: &Connection) -> i64 {
    peek.query_row("SELECT count(*) FROM attempts WHERE open = 1", [], |row| row.get(0)).unwrap()
}

/// A number that changes with every attempt that is journalled.
pub(crate) fn journalled(peek: &Connection) -> i64 {
    peek.query_row("SELECT coalesce(sum(generation + fence), 0) FROM attempts", [], |row| row.get(0)).unwrap()
}

impl Server {
    /// Where it listens, for a socket.
    pub(crate) fn socket(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// Asks for a token: the status, and the body.
    pub(crate) async fn token(&self, http: &reqwest::Client, grant: &str) -> reqwest::Result<(u16, Value)> {
        let address = format!("{}/v1/grants/{grant}/token", self.address);
        let answer = http.get(address).bearer_auth(&self.key).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    /// How the attempts of a grant came out, the latest first.
    pub(crate) async fn outcomes(&self, http: &reqwest::Client, grant: &str) -> Vec<Value> {
        let address = format!("{}/v1/grants/{grant}/attempts", self.address);
        let answer = http.get(address).bearer_auth(&self.key).send().await.unwrap();
        let page: Value = answer.json().await.unwrap();
        page["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].clone()).collect()
    }

    /// The number behind the name of a metric.
    pub(crate) async fn metric(&self, http: &reqwest::Client, name: &str) -> u64 {
        let page = http.get(format!("{}/metrics", self.address)).send().await.unwrap().text().await.unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }
}
