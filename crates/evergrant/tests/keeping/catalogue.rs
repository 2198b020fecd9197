//! What the catalogue leaves open is filled in from the provider's own metadata.

use evergrant::{
    ClientChanges, ClientError, Keeper, NewClient, OpenOptions,
    http::EgressConfig,
    proto::{
        client::ClientRecord,
        name::ClientName,
        provider::{Catalogue, Knowledge, RotationKind, RotationPolicy},
        wire::client_authentication::ClientIdentifier,
    },
};
use evergrant_rehearse::{Rehearsal, Running};
use tempfile::TempDir;

struct World {
    rehearsal: Running,
    _folder: TempDir,
    keeper: Keeper,
}

impl World {
    /// An operator's entry `acme`; `<issuer>` in it is the rehearsal's.
    async fn knowing(entry: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rehearsal = Rehearsal::builder().start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let mut options = OpenOptions::at(folder.path().join("store.sqlite"));
        options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
        let entry = format!("id = 'acme'\nname = 'Acme'\n{entry}").replace("<issuer>", rehearsal.issuer());
        options.catalogue.overlay("acme", &entry).unwrap();
        let keeper = Keeper::open(options).await.unwrap().keeper;
        Self { rehearsal, _folder: folder, keeper }
    }

    async fn add(&self, provider: &str, parameters: &[(&str, &str)]) -> Result<ClientRecord, ClientError> {
        let client = NewClient {
            provider: Some(provider.to_owned()),
            parameters: parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            ..NewClient::new(ClientName::new("shop").unwrap(), ClientIdentifier::new("shop").unwrap())
        };
        self.keeper.add_client(client).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.rehearsal.issuer())
    }
}

#[tokio::test]
async fn an_entry_that_names_only_its_metadata_is_enough() {
    for entry in
        ["[endpoints]\nmetadata = '<issuer>/.well-known/openid-configuration'", "issuer = '<issuer>'"]
    {
        let world = World::knowing(entry).await;
        let client = world.add("acme", &[]).await.unwrap();
        assert_eq!(client.endpoints.token.unwrap().as_str(), world.url("/token"));
        assert_eq!(client.issuer.as_deref(), Some(world.rehearsal.issuer()));
        assert!(client.endpoints.revocation.is_some() && client.issuer_announced);
    }
}

#[tokio::test]
async fn what_an_installation_offers_besides_is_filled_in_and_what_the_catalogue_says_wins() {
    let world = World::knowing(
        "issuer = '<issuer>'\n[endpoints]\nauthorization = '<issuer>/{realm}'\ntoken = '<issuer>/own/token'",
    )
    .await;
    let client = world.add("acme", &[("realm", "own")]).await.unwrap();
    assert_eq!(client.endpoints.token.unwrap().as_str(), world.url("/own/token"));
    assert_eq!(client.endpoints.authorization.unwrap().as_str(), world.url("/own"));
    assert!(client.endpoints.introspection.is_some());
}

#[tokio::test]
async fn metadata_that_cannot_be_had_do_no_harm_where_the_catalogue_knows_the_token_endpoint() {
    let stated = "[endpoints]\nmetadata = '<issuer>/nowhere'\nauthorization = '<issuer>/{realm}'";
    let world = World::knowing(&format!("{stated}\ntoken = '<issuer>/token'")).await;
    let client = world.add("acme", &[("realm", "own")]).await.unwrap();
    assert!(client.endpoints.revocation.is_none() && client.issuer.is_none());

    let world = World::knowing(stated).await;
    let error = world.add("acme", &[("realm", "own")]).await.unwrap_err();
    assert!(matches!(error, ClientError::Discovery { .. }), "{error}");
}

#[tokio::test]
async fn the_issuers_metadata_replace_placeholders_that_nobody_filled_in() {
    let world = World::knowing("[endpoints]\ntoken = '<issuer>/{realm}/token'").await;
    let error = world.add("acme", &[]).await.unwrap_err();
    assert!(error.to_string().contains("realm"), "{error}");
    let client = NewClient {
        provider: Some("acme".to_owned()),
        issuer: Some(world.rehearsal.issuer().to_owned()),
        ..NewClient::new(ClientName::new("shop").unwrap(), ClientIdentifier::new("shop").unwrap())
    };
    let client = world.keeper.add_client(client).await.unwrap();
    assert_eq!(client.endpoints.token.unwrap().as_str(), world.url("/token"));
}

#[tokio::test]
async fn a_client_keeps_what_decides_and_not_the_prose() {
    let world = World::knowing("").await;
    let client = world.add("google", &[]).await.unwrap();
    assert_eq!(client.provider.knowledge, Knowledge::default());
    let google = Catalogue::builtin().provider("google").unwrap().clone();
    assert_ne!(google.knowledge, Knowledge::default());
    assert_eq!(client.provider, google.without_prose());
}

#[tokio::test]
async fn an_update_takes_over_what_the_catalogue_knows_by_now_and_keeps_the_rotation_policy() {
    let world = World::knowing("").await;
    let name = ClientName::new("shop").unwrap();
    world.add("generic", &[]).await.unwrap_err();
    let client = NewClient {
        provider: Some("google".to_owned()),
        rotation: Some(RotationPolicy { kind: RotationKind::OneTime, ..RotationPolicy::default() }),
        ..NewClient::new(name.clone(), ClientIdentifier::new("shop").unwrap())
    };
    let added = world.keeper.add_client(client).await.unwrap();
    let updated =
        world.keeper.update_client(&added.namespace, &name, ClientChanges::default()).await.unwrap();
    assert_eq!(updated.provider, added.provider);
    assert_eq!(updated.provider.rotation.kind, RotationKind::OneTime);
}
