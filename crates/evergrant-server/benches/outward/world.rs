//! A server on a store on disk.

use std::time::Duration;

use evergrant::{
    Keeper, NewApiKey, NewClient, NewGrant, OpenOptions,
    http::EgressConfig,
    proto::{
        name::ClientName,
        provider::Endpoints,
        secret::{ClientSecret, RefreshToken},
        wire::client_authentication::ClientIdentifier,
    },
    store::access::KeyScope,
};
use evergrant_server::{ApiKey, Server, ServerConfig, listen};
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) keeper: Keeper,
    pub(crate) address: String,
    pub(crate) key: ApiKey,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written");
        let mut options = OpenOptions::at(folder.path().join("store.sqlite"));
        options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
        options.settings.scheduler = false;
        let opened = Keeper::open(options).await.expect("the store can be opened");
        tokio::spawn(opened.driver.run());
        let (keeper, key) = (opened.keeper, ApiKey::generate());
        let new = NewApiKey {
            digest: key.digest(),
            name: "bench".parse().expect("a valid name"),
            namespace: None,
            scope: KeyScope::Admin,
            expires_at: None,
        };
        keeper.add_first_api_key(new).await.expect("the store can be written");
        let listener = listen(([127, 0, 0, 1], 0).into()).await.expect("a port is free");
        let address = listener.local_addr().expect("it listens").to_string();
        let mut config = ServerConfig::new(format!("http://{address}").parse().expect("a URL"));
        config.rate_limit = None;
        config.patience = Duration::from_secs(300);
        tokio::spawn(Server::new(keeper.clone(), config).serve(listener, std::future::pending()));
        let world = Self { keeper, address, key, _folder: folder };
        world.add_client().await;
        world
    }

    async fn add_client(&self) {
        let mut client = NewClient::new(name(), ClientIdentifier::new("bench").expect("a valid identifier"));
        let endpoint = "https://provider.example/token".parse().expect("a valid address");
        client.endpoints = Endpoints { token: Some(endpoint), ..Endpoints::default() };
        client.secret = Some(ClientSecret::new("secret").expect("a valid secret"));
        self.keeper.add_client(client).await.expect("the client can be added");
    }

    /// Makes an event of the kind `imported`, and with it a message.
    pub(crate) async fn import(&self, number: usize) {
        let token = RefreshToken::new(format!("refresh-token-{number}")).expect("a valid token");
        self.keeper.import(NewGrant::new(name(), token)).await.expect("the grant can be imported");
    }
}

fn name() -> ClientName {
    ClientName::new("bench").expect("a valid name")
}
