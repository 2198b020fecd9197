//! One rehearsal server, one store, one or more keepers, and a clock that only the test moves.

use std::{
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use evergrant::{
    AuthorizationOptions, Keeper, NewClient, OpenOptions, Token, TokenError,
    clock::ManualClock,
    http::EgressConfig,
    proto::{
        engine::{CallbackEnd, Refusal},
        grant::GrantRecord,
        name::{ClientName, GrantId},
        provider::{RotationKind, RotationPolicy},
        scope::ScopeSet,
        secret::ClientSecret,
        time::Timestamp,
        wire::{client_authentication::ClientIdentifier, redirect_uri::RedirectUri},
    },
};
use evergrant_rehearse::{
    ClientSettings, Endpoint, GrantType, JournalEntry, PolicyName, Rehearsal, Running, Settings, UserSettings,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

pub(crate) const SECRET: &str = "canary-client-secret-7d1f";

pub(crate) struct World {
    pub(crate) rehearsal: Running,
    pub(crate) clock: ManualClock,
    pub(crate) keeper: Keeper,
    pub(crate) folder: TempDir,
    driver: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl World {
    /// A provider that plays `policy`, and a keeper that knows it.
    pub(crate) async fn playing(policy: PolicyName) -> Self {
        Self::with(ClientSettings::basic("shop", SECRET).rotating(policy)).await
    }

    pub(crate) async fn with(client: ClientSettings) -> Self {
        Self::inside(tempfile::tempdir().unwrap(), client).await
    }

    /// A world whose store lies in a folder that the test has prepared.
    pub(crate) async fn inside(folder: TempDir, client: ClientSettings) -> Self {
        watch_logs();
        let rotation = known(client.rotation.policy, client.rotation.window_s);
        let settings = Settings {
            clients: vec![client],
            users: vec![
                UserSettings::new("alice", "acme"),
                UserSettings::new("anna", "acme"),
                UserSettings::new("bob", "globex"),
            ],
            ..Settings::bare()
        };
        let rehearsal =
            Rehearsal::builder().settings(settings).start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let clock = ManualClock::starting_at(Timestamp(rehearsal.clock().now().0));
        let (keeper, driver, stop) = open(folder.path().join("store.sqlite"), &clock, true).await;
        let world = Self { rehearsal, clock, keeper, folder, driver, stop: Some(stop) };
        world.keeper.add_client(world.new_client(rotation)).await.unwrap();
        world
    }

    /// Another process on the same store, as far as the store can tell.
    pub(crate) async fn another_keeper(&self) -> Keeper {
        open(self.folder.path().join("store.sqlite"), &self.clock, false).await.0
    }

    /// Asks the driver to end; it sees through what it has sent.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).unwrap();
        }
    }

    /// Waits for the driver's end.
    pub(crate) async fn ended(&mut self) {
        (&mut self.driver).await.unwrap();
    }

    /// Ends the keeper as a killed process does, does something, and starts another.
    pub(crate) async fn restart_after(&mut self, meanwhile: impl FnOnce()) {
        self.driver.abort();
        if !self.driver.is_finished() {
            let _ = (&mut self.driver).await;
        }
        // The last handle of the old keeper, and with it the store's locks, go when the new one takes its place.
        let nothing = tempfile::tempdir().unwrap();
        let (placeholder, ..) = open(nothing.path().join("nothing.sqlite"), &self.clock, false).await;
        self.keeper = placeholder;
        meanwhile();
        let (keeper, driver, stop) = open(self.folder.path().join("store.sqlite"), &self.clock, true).await;
        self.keeper = keeper;
        self.driver = driver;
        self.stop = Some(stop);
    }

    pub(crate) fn shop() -> ClientName {
        ClientName::new("shop").unwrap()
    }

    /// Connects a user through the real redirects.
    pub(crate) async fn connect(&self, user: &str) -> GrantId {
        match self.authorize(user, None).await {
            CallbackEnd::Connected { grant, .. } => grant.id,
            end => panic!("{end:?}"),
        }
    }

    pub(crate) async fn authorize(&self, user: &str, grant: Option<GrantId>) -> CallbackEnd {
        let query = self.callback_query(user, grant).await;
        self.keeper.complete(&query).await.unwrap()
    }

    /// Goes to the provider and comes back with the callback's query.
    pub(crate) async fn callback_query(&self, user: &str, grant: Option<GrantId>) -> String {
        let options = AuthorizationOptions {
            grant,
            login_hint: Some(user.to_owned()),
            ..AuthorizationOptions::new(Self::shop())
        };
        let authorization = self.keeper.authorize(options).await.unwrap();
        let location = self.location_of(authorization.url.as_str()).await;
        location.split_once('?').unwrap().1.to_owned()
    }

    /// As a caller: whatever a call waits for, the time for it goes by as soon as nothing else is under way. The scheduler may
    /// have been faster, so that the call waits for the next attempt; by a clock that moves only here it would do so for ever.
    pub(crate) async fn token(&self, grant: GrantId) -> Result<Token, TokenError> {
        let mut call = pin!(self.keeper.token(grant));
        loop {
            tokio::select! {
                biased;
                answer = &mut call => return answer,
                () = self.keeper.settled() => self.advance(1),
            }
        }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.rehearsal.advance(Duration::from_secs(seconds));
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Moves time on in small steps until `done`, letting everything that is due happen at each.
    pub(crate) async fn advance_until(&self, limit: u64, mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..limit {
            self.keeper.settled().await;
            if done().await {
                return;
            }
            self.advance(1);
        }
        panic!("not within {limit} virtual seconds");
    }

    pub(crate) async fn record(&self, grant: GrantId) -> GrantRecord {
        self.keeper.grant(grant).await.unwrap().unwrap()
    }

    /// Refresh requests that have reached the provider.
    pub(crate) fn refreshes(&self) -> Vec<JournalEntry> {
        let is_refresh = |entry: &JournalEntry| {
            entry.endpoint == Endpoint::Token && entry.grant_type == Some(GrantType::RefreshToken)
        };
        self.rehearsal.journal().into_iter().filter(is_refresh).collect()
    }

    async fn location_of(&self, url: &str) -> String {
        let path = url.strip_prefix(self.rehearsal.issuer()).unwrap();
        let mut stream = TcpStream::connect(self.rehearsal.local_addr()).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.rehearsal.local_addr()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
        location.unwrap_or_else(|| panic!("no redirect: {answer}")).to_owned()
    }

    fn new_client(&self, rotation: RotationPolicy) -> NewClient {
        NewClient {
            provider: Some("rehearse".to_owned()),
            issuer: Some(self.rehearsal.issuer().to_owned()),
            secret: Some(ClientSecret::new(SECRET).unwrap()),
            redirect_uris: vec![RedirectUri::new("http://127.0.0.1/callback").unwrap()],
            scopes: ScopeSet::parse("openid profile", ' ').unwrap(),
            rotation: Some(rotation),
            ..NewClient::new(Self::shop(), ClientIdentifier::new("shop").unwrap())
        }
    }
}

/// What the catalogue would say of a provider that plays this policy.
fn known(policy: PolicyName, window_s: Option<u64>) -> RotationPolicy {
    let kind = match policy {
        PolicyName::P0 => RotationKind::Reusable,
        PolicyName::P1 => RotationKind::OneTime,
        PolicyName::P2 => RotationKind::ReplayRevokes,
        PolicyName::P3 => RotationKind::GraceSame,
        PolicyName::P4 => RotationKind::GraceNew,
        PolicyName::P5 => RotationKind::LatestWins,
        PolicyName::P6 => RotationKind::UntilSuccessorUsed,
        PolicyName::P7 => RotationKind::LongOverlap,
    };
    RotationPolicy { kind, window: window_s.map(Duration::from_secs), ..RotationPolicy::default() }
}

async fn open(
    database: PathBuf,
    clock: &ManualClock,
    scheduler: bool,
) -> (Keeper, JoinHandle<()>, oneshot::Sender<()>) {
    let mut options = OpenOptions::at(database);
    options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
    options.clock = Arc::new(clock.clone());
    options.settings.scheduler = scheduler;
    let opened = Keeper::open(options).await.unwrap();
    let (stop, stopped) = oneshot::channel();
    let driver = opened.driver.run_until(async {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    (opened.keeper, tokio::spawn(driver), stop)
}

/// The refusal behind an error.
pub(crate) fn refusal(result: Result<Token, TokenError>) -> Refusal {
    let error = result.unwrap_err();
    see(&format!("{error} {error:?} {:?}", error.diagnosis()));
    match error {
        TokenError::Refused(refusal) => *refusal,
        TokenError::NotRunning => panic!("the driver does not run"),
    }
}

/// Everything that people could see: logs of all tests of this binary, and what tests show it.
static SEEN: Mutex<String> = Mutex::new(String::new());

/// Notes what a person could have seen, to be searched for secrets when the world ends.
pub(crate) fn see(text: &str) {
    SEEN.lock().unwrap().push_str(text);
}

/// All of it so far.
pub(crate) fn seen() -> String {
    SEEN.lock().unwrap().clone()
}

/// How tokens and codes of the rehearsal begin; 43 characters of base64url follow.
const PREFIXES: [&str; 4] = ["rt_", "at_", "code_", "dc_"];

fn visible_secret(seen: &str) -> Option<&str> {
    let is_token = |found: &(usize, &str)| {
        let rest = &seen.as_bytes()[found.0 + found.1.len()..];
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)).count() >= 43
    };
    let tokens = PREFIXES.iter().flat_map(|prefix| seen.match_indices(prefix)).find(is_token);
    tokens.map(|found| found.1).or_else(|| seen.contains(SECRET).then_some(SECRET))
}

/// Every world ends with a search for secrets: in logs and errors of all tests, and in the files of its store.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        see(&format!("{:?}", self.keeper));
        let mut seen = seen();
        for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            seen += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap_or_default());
        }
        if let Some(secret) = visible_secret(&seen) {
            panic!("a secret that begins with {secret:?} is visible");
        }
    }
}

pub(crate) fn watch_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(|| Log).finish();
        tracing::subscriber::set_global_default(log).unwrap();
    });
}

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        see(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_search_for_secrets_finds_them() {
    assert_eq!(visible_secret(&format!("a start_of rt_{}", "x".repeat(43))), Some("rt_"));
    assert_eq!(visible_secret(SECRET), Some(SECRET));
    assert_eq!(visible_secret("insert_into at_the end"), None);
}
