//! One hostile provider, one keeper with a grant, a clock that only the test moves, and everything that could be
//! seen by anybody.

use std::{
    fmt::{Debug, Write as _},
    io,
    pin::pin,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use evergrant::{
    Keeper, NewClient, NewGrant, OpenOptions, Token, TokenError,
    clock::ManualClock,
    http::EgressConfig,
    proto::{
        diagnosis::Diagnosis,
        engine::Refusal,
        grant::{GrantRecord, GrantState},
        name::{ClientName, GrantId, Namespace},
        provider::{Endpoints, RotationKind, RotationPolicy},
        secret::{ClientSecret, RefreshToken},
        time::Timestamp,
        wire::{client_authentication::ClientIdentifier, redirect_uri::RedirectUri},
    },
    store::EventFilter,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use url::Url;

use crate::provider::{Play, Provider};

/// Every secret of these tests holds this word, so that one search finds them all, and pieces of them, too.
pub(crate) const CANARY: &str = "canary";
pub(crate) const REFRESH_TOKEN: &str = "1//0g-canary-Xk2Vb8qLw7Rt5Yz3Na9Dc4Fh6Jm1Ps";
pub(crate) const CLIENT_SECRET: &str = "GOCSPX-canary-q8Wv3Zt6Ry1Bk5";

/// What an honest provider answers.
const HONEST: &str = r#"{"access_token":"at-canary-honest","token_type":"Bearer","expires_in":3600}"#;

/// Longer than the longest pause between two tries.
const PATIENCE_SECONDS: u32 = 1000;

pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) keeper: Keeper,
    pub(crate) grant: GrantId,
    clock: ManualClock,
    folder: TempDir,
    driver: JoinHandle<()>,
}

impl World {
    /// A grant whose access token is wanted and not there, and a provider that forgives a repetition (P0): what is
    /// in doubt clears up without a user.
    pub(crate) async fn new() -> Self {
        Self::with_window(None).await
    }

    /// With a window of forgiveness, which also bounds how long an answer is waited for: to a quarter of it.
    pub(crate) async fn with_window(window: Option<Duration>) -> Self {
        let provider = Provider::start().await;
        let url = format!("http://{}/token", provider.address);
        let egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
        Self::at(provider, &url, egress, window).await
    }

    /// With a token endpoint and rules of egress of the test's choice.
    pub(crate) async fn at(
        provider: Provider,
        token_endpoint: &str,
        egress: EgressConfig,
        window: Option<Duration>,
    ) -> Self {
        watch_logs();
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::starting_at(Timestamp::from_seconds(1_795_222_891));
        let (keeper, driver) = open(&folder, &clock, egress).await;
        keeper.add_client(new_client(token_endpoint, window)).await.unwrap();
        // The scheduler has looked, and does so again when the clock moves: what is counted are the requests for callers.
        keeper.settled().await;
        let grant = NewGrant::new(shop(), RefreshToken::new(REFRESH_TOKEN).unwrap());
        let grant = keeper.import(grant).await.unwrap().id;
        Self { provider, keeper, grant, clock, folder, driver }
    }

    /// Brings the grant in order, so that no refresh that is due comes in between; says how often the provider was asked.
    pub(crate) async fn in_order(&self) -> usize {
        self.provider.plays(Play::answer("200 OK", "application/json", HONEST));
        self.token().await.unwrap();
        self.keeper.settled().await;
        self.provider.requests().len()
    }

    /// As a caller: whatever a call waits for, the time for it goes by as soon as nothing else is under way.
    async fn token(&self) -> Result<Token, TokenError> {
        let mut call = pin!(self.keeper.token(self.grant));
        loop {
            tokio::select! {
                biased;
                answer = &mut call => return answer,
                () = self.keeper.settled() => self.advance(1),
            }
        }
    }

    /// The same store in a process with other rules of egress.
    pub(crate) async fn restarted_with(self, egress: EgressConfig) -> Self {
        let Self { provider, keeper, grant, clock, folder, driver } = self;
        drop(keeper);
        driver.await.unwrap();
        let (keeper, driver) = open(&folder, &clock, egress).await;
        Self { provider, keeper, grant, clock, folder, driver }
    }

    /// Plays an answer to a refresh that somebody waits for: the refusal, and everything that it tells people.
    pub(crate) async fn refused_by(&self, play: Play) -> (Refusal, String) {
        self.provider.plays(play);
        self.refused().await
    }

    pub(crate) async fn refused(&self) -> (Refusal, String) {
        let error = self.token().await.unwrap_err();
        see(&format!("{error:?}"));
        let mut told = error.to_string();
        for sentence in error.diagnosis().map(|diagnosis| &diagnosis.evidence).into_iter().flatten() {
            write!(told, "\n{sentence}").unwrap();
        }
        see(&told);
        match error {
            TokenError::Refused(refusal) => (*refusal, told),
            TokenError::NotRunning => panic!("the driver does not run"),
        }
    }

    /// Plays an answer that holds tokens, and hands out what the keeper made of it.
    pub(crate) async fn token_from(&self, play: Play) -> Token {
        self.provider.plays(play);
        self.token().await.unwrap()
    }

    /// The grant is not lost, whatever was played: as soon as the provider is itself again, so is the grant.
    pub(crate) async fn recovers(&self) {
        assert!(
            matches!(self.record().await.state, GrantState::Degraded { .. }),
            "{:?}",
            self.record().await
        );
        self.provider.plays(Play::answer("200 OK", "application/json", HONEST));
        for _ in 0..PATIENCE_SECONDS {
            self.keeper.settled().await;
            if self.record().await.state == GrantState::Active {
                assert_eq!(self.token().await.unwrap().expose(), "at-canary-honest");
                return self.nothing_leaked().await;
            }
            self.advance(1);
        }
        panic!("the grant is lost: {:?}", self.record().await);
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn record(&self) -> GrantRecord {
        self.keeper.grant(self.grant).await.unwrap().unwrap()
    }

    pub(crate) async fn diagnosis(&self) -> Diagnosis {
        self.record().await.state.diagnosis().unwrap().clone()
    }

    /// Notes what a caller was told, to be searched.
    #[expect(clippy::unused_self, reason = "it reads as what happens in this world")]
    pub(crate) fn saw(&self, told: &impl Debug) {
        see(&format!("{told:?}"));
    }

    /// Searches all that people, logs and files can show for every secret of these tests.
    pub(crate) async fn nothing_leaked(&self) {
        let mut seen = SEEN.lock().unwrap().clone();
        write!(seen, "{:?} {:?}", self.keeper, self.record().await).unwrap();
        write!(seen, "{:?}", self.keeper.attempts(self.grant, 1000).await.unwrap()).unwrap();
        let all = EventFilter { namespace: None, grant: None, after: 0, limit: 1000 };
        write!(seen, "{:?}", self.keeper.events(all).await.unwrap()).unwrap();
        write!(seen, "{:?}", self.keeper.clients(&Namespace::default()).await.unwrap()).unwrap();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                seen += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
            }
        }
        if let Some(at) = seen.find(CANARY) {
            panic!(
                "a secret is visible: {:?}",
                &seen.as_bytes()[at.saturating_sub(200)..at].escape_ascii().to_string()
            );
        }
    }
}

pub(crate) fn shop() -> ClientName {
    ClientName::new("shop").unwrap()
}

async fn open(folder: &TempDir, clock: &ManualClock, egress: EgressConfig) -> (Keeper, JoinHandle<()>) {
    let mut options = OpenOptions::at(folder.path().join("store.sqlite"));
    options.egress = egress;
    options.clock = Arc::new(clock.clone());
    let opened = Keeper::open(options).await.unwrap();
    (opened.keeper, tokio::spawn(opened.driver.run()))
}

fn new_client(token_endpoint: &str, window: Option<Duration>) -> NewClient {
    let token = Some(Url::parse(token_endpoint).unwrap());
    let authorization = Some(Url::parse("https://provider.example/authorize").unwrap());
    NewClient {
        endpoints: Endpoints { authorization, token, ..Endpoints::default() },
        redirect_uris: vec![RedirectUri::new("http://127.0.0.1/callback").unwrap()],
        secret: Some(ClientSecret::new(CLIENT_SECRET).unwrap()),
        rotation: Some(RotationPolicy { kind: RotationKind::Reusable, window, ..RotationPolicy::default() }),
        ..NewClient::new(shop(), ClientIdentifier::new("shop").unwrap())
    }
}

/// Logs of all tests of this binary, and what callers were told.
static SEEN: Mutex<String> = Mutex::new(String::new());

fn see(text: &str) {
    SEEN.lock().unwrap().push_str(text);
}

fn watch_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(|| Log);
        tracing::subscriber::set_global_default(log.finish()).unwrap();
    });
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        see(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
