//! A crowd: eight processes of sixteen threads on one store, and a thousand grants that expire together.

use std::{
    io::{BufRead, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use evergrant::{
    Driver, GuardedCarrier, Keeper, KeeperParts, NewGrant,
    clock::{Clock, FollowedClock},
    http::{EgressConfig, HttpClient},
    proto::{
        engine::Settings,
        name::{ClientName, GrantId},
        provider::Catalogue,
        secret::{AccessToken, RefreshToken},
    },
    store::{
        Store,
        clock::BootClock,
        sqlite::{Options, Paths, SqliteStore},
    },
};
use serde_json::json;
use tokio::process::Command;

use crate::{
    process::Process,
    provider::{ACCESS_LIFE, P2},
    world::World,
};

const PROCESSES: usize = 8;
const THREADS: usize = 16;
const GRANTS: usize = 1000;

/// Grants whose consents are asked for at the same time.
const TOGETHER: usize = 8;

/// Nobody gives up here.
const PATIENCE: Duration = Duration::from_mins(10);

const PART: &str = "EVERGRANT_TEST_CROWD";

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_a_thousand_grants_that_expire_together_causes_a_thousand_refreshes() {
    let world = World::with_client(P2).await;
    let grants = stored(&world).await;
    world.provider.advance(ACCESS_LIFE).await;
    let mut crowd: Vec<Process> = (0..PROCESSES).map(|_| one_of_the_crowd(&world)).collect();
    for process in &mut crowd {
        process.line_with("has opened the store").await;
    }

    // Who keeps the write lock keeps everybody from claiming.
    let gate = rusqlite::Connection::open(world.store()).unwrap();
    gate.busy_timeout(PATIENCE).unwrap();
    gate.execute_batch("BEGIN IMMEDIATE").unwrap();
    let list: Vec<String> = grants.iter().map(ToString::to_string).collect();
    for process in &mut crowd {
        process.type_in(&list.join("\n")).await;
    }
    for process in &mut crowd {
        process.line_with("everybody waits").await;
    }
    assert!(world.provider.refreshes().await.is_empty(), "nobody has claimed anything");
    gate.execute_batch("ROLLBACK").unwrap();
    for process in &mut crowd {
        process.line_with("everybody was served").await;
    }
    let refreshes = world.provider.refreshes().await;
    assert!(refreshes.iter().all(|refresh| refresh.presented_before == Some(0)));
    assert_eq!(refreshes.len(), GRANTS, "not one more");
}

/// Grants whose access tokens end together, put in by the library.
async fn stored(world: &World) -> Vec<GrantId> {
    let clock =
        Arc::new(FollowedClock::connect(&format!("{}/admin/clock", world.provider.issuer)).await.unwrap());
    let ends = clock.now().wall.plus(ACCESS_LIFE);
    let (keeper, driver, _) = open(&world.store(), clock);
    let driver = tokio::spawn(driver.run());
    let mut grants = Vec::with_capacity(GRANTS);
    for _ in 0..GRANTS / TOGETHER {
        let consents = (0..TOGETHER).map(|_| async {
            let refresh_token = RefreshToken::new(world.provider.consent().await).unwrap();
            let mut grant = NewGrant::new(ClientName::new("crm").unwrap(), refresh_token);
            grant.access_token = Some((AccessToken::new("at_imported").unwrap(), Some(ends)));
            keeper.import(grant).await.unwrap().id
        });
        grants.extend(futures_util::future::join_all(consents).await);
    }
    drop(keeper);
    driver.await.unwrap();
    grants
}

fn open(store: &Path, clock: Arc<FollowedClock>) -> (Keeper, Driver, Arc<dyn Store>) {
    let boot = Arc::new(BootClock::of_this_boot().unwrap());
    let options = Options { lock_wait: PATIENCE, ..Options::at(Paths::beside(store)) };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&options, boot, clock.now().wall).unwrap());
    let egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
    let client = HttpClient::new(egress).unwrap();
    let parts = KeeperParts {
        store: Arc::clone(&store),
        carrier: Arc::new(GuardedCarrier::new(client, Arc::clone(&clock) as Arc<dyn Clock>)),
        clock,
        catalogue: Catalogue::builtin(),
        settings: Settings {
            caller_wait: PATIENCE,
            // The lifeboat has 64 places for all processes of a host.
            endpoint_limit: 64 / PROCESSES,
            scheduler: false,
            ..Settings::default()
        },
    };
    let (keeper, driver) = Keeper::new(parts);
    (keeper, driver, store)
}

/// This very test program, told to play one process of the crowd.
fn one_of_the_crowd(world: &World) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "crowd::helper_a_process_of_the_crowd"]);
    world.dress(&mut command, &world.store());
    let part = json!({ "store": world.store(), "clock": world.provider.issuer });
    command.env(PART, part.to_string()).stdin(std::process::Stdio::piped());
    Process::start(command)
}

/// The other processes of the test above: this very test, run again with its part in the environment.
#[test]
fn helper_a_process_of_the_crowd() {
    let Ok(part) = std::env::var(PART) else { return };
    let part: serde_json::Value = serde_json::from_str(&part).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clock = format!("{}/admin/clock", part["clock"].as_str().unwrap());
    let clock = Arc::new(runtime.block_on(FollowedClock::connect(&clock)).unwrap());
    let follower = Arc::clone(&clock);
    runtime.spawn(async move { follower.follow().await });
    let (keeper, driver, _store) = open(Path::new(part["store"].as_str().unwrap()), clock);
    runtime.spawn(driver.run());
    say("has opened the store");
    let grants: Vec<GrantId> =
        std::io::stdin().lock().lines().map(|id| id.unwrap().parse().unwrap()).collect();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                runtime.block_on(async {
                    let asked = grants.iter().map(|grant| keeper.token(*grant));
                    for token in futures_util::future::join_all(asked).await {
                        token.unwrap();
                    }
                });
            });
        }
        // Every flight has all its callers, and the store lets none of them claim.
        while keeper.waiting() < THREADS * grants.len() {
            std::thread::yield_now();
        }
        say("everybody waits");
    });
    say("everybody was served");
}

fn say(text: &str) {
    println!("{text}");
    std::io::stdout().flush().unwrap();
}
