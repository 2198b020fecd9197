//! A provider that takes its token requests by GET: every credential stands in the address, and nobody sees it.

use std::{sync::Arc, time::Duration};

use evergrant::{
    Keeper, NewClient, NewGrant, OpenOptions,
    clock::ManualClock,
    http::EgressConfig,
    proto::{
        name::{ClientName, GrantId},
        secret::{ClientSecret, RefreshToken},
        time::Timestamp,
        wire::client_authentication::ClientIdentifier,
    },
};
use evergrant_rehearse::{
    Action, ClientSettings, Fault, Method, PolicyName, Rehearsal, Running, Settings, UserSettings,
};
use tempfile::TempDir;

use crate::world::{SECRET, see, seen, watch_logs};

const ENTRY: &str = "id = 'acme'\nname = 'Acme'\n[endpoints]\ntoken = '<issuer>/token'\n[client]\n\
                     authentication = ['client_secret_post']\n[rotation]\nkind = 'replay_revokes'\n[dialect]\n\
                     token_method = 'get'";

struct World {
    rehearsal: Running,
    clock: ManualClock,
    keeper: Keeper,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        watch_logs();
        let client = ClientSettings {
            takes_queries: true,
            ..ClientSettings::post("shop", SECRET).rotating(PolicyName::P2)
        };
        let settings = Settings {
            clients: vec![client],
            users: vec![UserSettings::new("alice", "acme")],
            ..Settings::bare()
        };
        let rehearsal =
            Rehearsal::builder().settings(settings).start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let clock = ManualClock::starting_at(Timestamp(rehearsal.clock().now().0));
        let folder = tempfile::tempdir().unwrap();
        let mut options = OpenOptions::at(folder.path().join("store.sqlite"));
        options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
        options.clock = Arc::new(clock.clone());
        options.catalogue.overlay("acme", &ENTRY.replace("<issuer>", rehearsal.issuer())).unwrap();
        let opened = Keeper::open(options).await.unwrap();
        tokio::spawn(opened.driver.run_until(std::future::pending()));
        let world = Self { rehearsal, clock, keeper: opened.keeper, _folder: folder };
        let client = NewClient {
            provider: Some("acme".to_owned()),
            secret: Some(ClientSecret::new(SECRET).unwrap()),
            ..NewClient::new(shop(), ClientIdentifier::new("shop").unwrap())
        };
        world.keeper.add_client(client).await.unwrap();
        world
    }

    async fn import(&self) -> (GrantId, String) {
        let issued = self.rehearsal.issue_grant("shop", "alice", "read").unwrap();
        let token = RefreshToken::new(issued.refresh_token.clone()).unwrap();
        (self.keeper.import(NewGrant::new(shop(), token)).await.unwrap().id, issued.refresh_token)
    }

    fn advance(&self, seconds: u64) {
        self.rehearsal.advance(Duration::from_secs(seconds));
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn shop() -> ClientName {
    ClientName::new("shop").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_kept_by_get_and_no_credential_of_a_query_is_seen() {
    let world = World::new().await;
    let (grant, imported) = world.import().await;
    let first = world.keeper.token(grant).await.unwrap().expose().to_owned();
    world.advance(400);
    let second = world.keeper.token(grant).await.unwrap().expose().to_owned();
    assert_ne!(first, second);
    let asked: Vec<_> =
        world.rehearsal.journal().into_iter().filter(|entry| entry.method == Method::Get).collect();
    assert_eq!(asked.len(), 2, "each refresh once: {asked:?}");
    world.advance(400);
    world.rehearsal.add_fault(Fault::before(Action::respond(400, r#"{"error":"invalid_grant"}"#))).unwrap();
    let error = world.keeper.token(grant).await.unwrap_err();
    see(&format!("{error} {error:?} {:?}", error.diagnosis()));
    see(&format!("{:?}", world.keeper.attempts(grant, 100).await.unwrap()));
    see(&format!("{:?} {:?}", world.keeper.grant(grant).await.unwrap(), world.keeper));
    let seen = seen();
    for secret in [SECRET, &imported, &first, &second] {
        assert!(!seen.contains(secret), "a credential is visible");
    }
}
