//! A store on disk, a keeper over it, and a provider in the same process.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use evergrant::{
    Carrier, Driver, Keeper, KeeperParts, NewClient,
    clock::{Clock, SystemClock},
    proto::{
        client::Branding,
        engine::Settings,
        name::{ClientName, Namespace},
        provider::{Catalogue, Endpoints, RotationKind, RotationPolicy},
        scope::ScopeSet,
        secret::ClientSecret,
        time::Moment,
        wire::{
            client_authentication::ClientIdentifier,
            http::{HttpRequest, HttpResponse, TransportFailure},
        },
    },
    store::{
        SqliteStore,
        clock::BootClock,
        sqlite::{Options, Paths},
    },
};
use futures_util::future::BoxFuture;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::draw::Draw;

/// Length of the opaque tokens, as common providers issue them.
pub(crate) const TOKEN_LENGTH: usize = 200;

/// Lifetime of an access token: nothing becomes stale while a benchmark runs.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);

/// A folder on the disk of the checkout. `/tmp` is often memory, where nothing is durable.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written")
}

pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("store.sqlite")
}

/// Opens the store of a folder, made on first use, with a keeper over it.
pub(crate) fn open(folder: &Path, settings: Settings) -> (Keeper, Driver) {
    Keeper::new(KeeperParts {
        store: Arc::new(open_store(folder)),
        clock: Arc::new(SystemClock),
        carrier: Arc::new(Provider::default()),
        catalogue: Catalogue::builtin(),
        settings,
    })
}

/// Opens the store of a folder by itself.
pub(crate) fn open_store(folder: &Path) -> SqliteStore {
    let leases = Arc::new(BootClock::of_this_boot().expect("the machine tells its boot id"));
    let options = Options::at(Paths::beside(&database(folder)));
    SqliteStore::open(&options, leases, SystemClock.now().wall).expect("the store can be opened")
}

pub(crate) fn client() -> ClientName {
    ClientName::new("bench").expect("a valid name")
}

pub(crate) async fn add_client(keeper: &Keeper) {
    let endpoint = "https://provider.example/token".parse().expect("a valid address");
    let new = NewClient {
        namespace: Namespace::default(),
        name: client(),
        provider: None,
        issuer: None,
        endpoints: Endpoints { token: Some(endpoint), ..Endpoints::default() },
        parameters: BTreeMap::new(),
        identifier: ClientIdentifier::new("bench").expect("a valid identifier"),
        secret: Some(ClientSecret::new("secret").expect("a valid secret")),
        authentication: None,
        redirect_uris: Vec::new(),
        scopes: ScopeSet::default(),
        return_urls: Vec::new(),
        keep_alive: true,
        branding: Branding::default(),
        rotation: Some(RotationPolicy { kind: RotationKind::ReplayRevokes, ..RotationPolicy::default() }),
    };
    keeper.add_client(new).await.expect("the client can be added");
}

/// Rotates whatever it is given, at once.
#[derive(Debug, Default)]
struct Provider {
    issued: AtomicU64,
}

impl Carrier for Provider {
    fn send(
        &self,
        _: HttpRequest,
        _: Moment,
        _: Duration,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let mut draw = Draw::from_seed(self.issued.fetch_add(1, Ordering::Relaxed) << 32);
        let (access, refresh) = (draw.token(TOKEN_LENGTH), draw.token(TOKEN_LENGTH));
        let body = format!(
            r#"{{"access_token":"{access}","token_type":"Bearer","expires_in":{},"refresh_token":"{refresh}"}}"#,
            LIFETIME.as_secs()
        );
        let response = HttpResponse {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Zeroizing::new(body.into_bytes()),
        };
        Box::pin(std::future::ready(Ok(response)))
    }
}
