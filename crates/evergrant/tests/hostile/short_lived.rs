//! An access token that renews itself, and lives shortly at first: its first refresh is an exchange at another address.

use std::{sync::Arc, time::Duration};

use evergrant::{
    Keeper, NewClient, NewGrant, OpenOptions,
    clock::ManualClock,
    http::EgressConfig,
    proto::{
        name::ClientName,
        secret::{AccessToken, ClientSecret, RefreshToken},
        time::Timestamp,
        wire::client_authentication::ClientIdentifier,
    },
};

use crate::provider::{Play, Provider};

const ENTRY: &str = "id = 'acme'\nname = 'Acme'\n[endpoints]\ntoken = 'http://<host>/token'\n\
                     refresh = 'http://<host>/refresh'\n[client]\nauthentication = ['client_secret_post']\n\
                     [dialect.refresh]\npresents = 'access_token'\nmethod = 'get'\ngrant_type = 'x_refresh'\n\
                     client = 'absent'\nnames = {refresh_token = 'access_token'}\n\
                     [dialect.refresh.short_lived]\nbelow = 86400\nurl = 'http://<host>/exchange'\nmethod = 'get'\n\
                     grant_type = 'x_exchange'\nclient = 'secret'\nnames = {refresh_token = 'access_token'}\n";

const DAY: Duration = Duration::from_secs(86_400);

fn sixty_days_of(token: &str) -> Play {
    Play::answer(
        "200 OK",
        "application/json",
        format!(r#"{{"access_token":"{token}","expires_in":5183944}}"#),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_hour_is_exchanged_once_and_the_long_one_is_refreshed_from_then_on() {
    let provider = Provider::start().await;
    let clock = ManualClock::starting_at(Timestamp::from_seconds(1_795_222_891));
    let folder = tempfile::tempdir().unwrap();
    let mut options = OpenOptions::at(folder.path().join("store.sqlite"));
    options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
    options.clock = Arc::new(clock.clone());
    options.catalogue.overlay("acme", &ENTRY.replace("<host>", &provider.address.to_string())).unwrap();
    let opened = Keeper::open(options).await.unwrap();
    tokio::spawn(opened.driver.run_until(std::future::pending()));
    let keeper = opened.keeper;
    let shop = ClientName::new("shop").unwrap();
    let client = NewClient {
        provider: Some("acme".to_owned()),
        secret: Some(ClientSecret::new("hush-4711").unwrap()),
        ..NewClient::new(shop.clone(), ClientIdentifier::new("shop").unwrap())
    };
    keeper.add_client(client).await.unwrap();
    let in_an_hour = Timestamp::from_seconds(1_795_222_891 + 3600);
    let short = NewGrant {
        access_token: Some((AccessToken::new("short").unwrap(), Some(in_an_hour))),
        ..NewGrant::new(shop, RefreshToken::new("short").unwrap())
    };
    let grant = keeper.import(short).await.unwrap();

    provider.plays(sixty_days_of("long"));
    let long = keeper.refresh(grant.id, grant.generation).await.unwrap();
    assert_eq!(long.expose(), "long");
    provider.plays(sixty_days_of("longer"));
    clock.advance(50 * DAY);
    let longer = keeper.refresh(grant.id, long.generation()).await.unwrap();
    assert_eq!(longer.expose(), "longer");

    let asked: Vec<_> = provider
        .requests()
        .iter()
        .map(|request| request.lines().next().unwrap_or_default().to_owned())
        .collect();
    let expected = [
        "GET /exchange?grant_type=x_exchange&access_token=short&client_secret=hush-4711 HTTP/1.1",
        "GET /refresh?grant_type=x_refresh&access_token=long HTTP/1.1",
    ];
    assert_eq!(asked, expected);
}
