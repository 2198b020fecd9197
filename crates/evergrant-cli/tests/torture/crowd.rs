//! A crowd: eight processes of sixteen threads on one store, and a thousand grants that expire together.

use std::{
    io::{BufRead, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use evergrant::{
    Driver, GuardedCarrier, Keeper, KeeperParts, NewGrant, TokenError,
    clock::{Clock, FollowedClock},
    http::{EgressConfig, HttpClient},
    proto::{
        engine::{Refusal, Settings},
        name::{ClientName, GrantId},
        provider::Catalogue,
        secret::{AccessToken, RefreshToken},
    },
    store::{
        clock::BootClock,
        sqlite::{Options, Paths, SqliteStore},
    },
};
use serde::{Deserialize, Serialize};
use tokio::{process::Command, runtime::Runtime};

use crate::{process::Process, provider::P2, world::World};

const PROCESSES: usize = 8;
const THREADS: usize = 16;
const GRANTS: usize = 1000;

/// How long their access tokens live: much longer than it takes to store them.
const LIFE: Duration = Duration::from_hours(1);

/// Grants whose consents are asked for at the same time.
const TOGETHER: usize = 8;

/// Nobody gives up here.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long the provider takes where it is slow.
const SLOW: Duration = Duration::from_secs(1);

/// What the processes of a crowd may have under way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Limits {
    /// As much as there are places in the lifeboat, for all of them together. Who gets none gives up after a while, and
    /// those before the gate give none back.
    Narrow,
    /// What they have in production, which is more than there are places; their schedulers refresh ahead of time, too.
    Default,
}

/// What one process of a crowd has to know.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    store: PathBuf,
    clock: String,
    limits: Limits,
}

const PART: &str = "EVERGRANT_TEST_CROWD";

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_a_thousand_grants_that_expire_together_causes_a_thousand_refreshes() {
    let world = World::with_client(P2).await;
    let grants = stored(&world).await;
    world.provider.advance(LIFE).await;
    let mut crowd = crowd(&world, Limits::Narrow).await;

    // Who keeps the write lock keeps everybody from claiming.
    let gate = rusqlite::Connection::open(world.store()).unwrap();
    gate.busy_timeout(PATIENCE).unwrap();
    gate.execute_batch("BEGIN IMMEDIATE").unwrap();
    told(&mut crowd, &grants, "everybody waits").await;
    assert!(world.provider.refreshes().await.is_empty(), "nobody has claimed anything");
    gate.execute_batch("ROLLBACK").unwrap();
    for process in &mut crowd {
        process.line_with("everybody was served").await;
    }
    expect_one_refresh_each(&world).await;
}

/// All processes of a host have 72 requests under way at the most, so that answers which take a second take longer than
/// callers wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_within_the_limits_of_production_is_served_when_it_comes_back_as_it_is_told() {
    let world = World::with_client(P2).await;
    let grants = stored(&world).await;
    let mut crowd = crowd(&world, Limits::Default).await;
    told(&mut crowd, &grants, "everybody is ready").await;
    world.provider.delay_answers(SLOW).await;
    world.provider.advance(LIFE).await;
    let mut sent_away = 0;
    for process in &mut crowd {
        let served = process.line_with("everybody was served").await;
        let (_, count) = served.rsplit_once(' ').unwrap();
        sent_away += count.parse::<usize>().unwrap();
    }
    assert!(sent_away > 0, "nobody had to come back");
    println!("{} callers were told {sent_away} times to come back", PROCESSES * THREADS * GRANTS);
    expect_one_refresh_each(&world).await;
}

/// The processes, as soon as all have opened the store.
async fn crowd(world: &World, limits: Limits) -> Vec<Process> {
    let mut crowd: Vec<Process> = (0..PROCESSES).map(|_| one_of_the_crowd(world, limits)).collect();
    for process in &mut crowd {
        process.line_with("has opened the store").await;
    }
    crowd
}

/// Tells all of them what to ask for, and waits until they say this.
async fn told(crowd: &mut [Process], grants: &[GrantId], answer: &str) {
    let list: Vec<String> = grants.iter().map(ToString::to_string).collect();
    for process in &mut *crowd {
        process.type_in(&list.join("\n")).await;
    }
    for process in crowd {
        process.line_with(answer).await;
    }
}

async fn expect_one_refresh_each(world: &World) {
    let refreshes = world.provider.refreshes().await;
    assert!(refreshes.iter().all(|refresh| refresh.presented_before == Some(0)));
    assert_eq!(refreshes.len(), GRANTS, "not one more");
}

/// Grants whose access tokens end together, put in by the library.
async fn stored(world: &World) -> Vec<GrantId> {
    let clock =
        Arc::new(FollowedClock::connect(&format!("{}/admin/clock", world.provider.issuer)).await.unwrap());
    let ends = clock.now().wall.plus(LIFE);
    let (keeper, driver) = open(&world.store(), clock, Limits::Narrow);
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

fn open(store: &Path, clock: Arc<FollowedClock>, limits: Limits) -> (Keeper, Driver) {
    let boot = Arc::new(BootClock::of_this_boot().unwrap());
    let mut options = Options::at(Paths::beside(store));
    let mut settings = Settings::default();
    if limits == Limits::Narrow {
        options.lock_wait = PATIENCE;
        settings.caller_wait = PATIENCE;
        settings.endpoint_limit = 64 / PROCESSES;
        settings.scheduler = false;
    }
    let egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
    let client = HttpClient::new(egress).unwrap();
    Keeper::new(KeeperParts {
        store: Arc::new(SqliteStore::open(&options, boot, clock.now().wall).unwrap()),
        carrier: Arc::new(GuardedCarrier::new(client, Arc::clone(&clock) as Arc<dyn Clock>)),
        clock,
        catalogue: Catalogue::builtin(),
        settings,
    })
}

/// This very test program, told to play one process of the crowd.
fn one_of_the_crowd(world: &World, limits: Limits) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "crowd::helper_a_process_of_the_crowd"]);
    world.dress(&mut command, &world.store());
    let clock = format!("{}/admin/clock", world.provider.issuer);
    let part = Part { store: world.store(), clock, limits };
    command.env(PART, serde_json::to_string(&part).unwrap()).stdin(std::process::Stdio::piped());
    Process::start(command)
}

/// The other processes of the tests above: this very test program, run again with its part in the environment.
#[test]
fn helper_a_process_of_the_crowd() {
    let Ok(part) = std::env::var(PART) else { return };
    let part: Part = serde_json::from_str(&part).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clock = Arc::new(runtime.block_on(FollowedClock::connect(&part.clock)).unwrap());
    let follower = Arc::clone(&clock);
    runtime.spawn(async move { follower.follow().await });
    let (keeper, driver) = open(&part.store, Arc::clone(&clock), part.limits);
    runtime.spawn(driver.run());
    say("has opened the store");
    let grants: Vec<GrantId> =
        std::io::stdin().lock().lines().map(|id| id.unwrap().parse().unwrap()).collect();
    match part.limits {
        Limits::Narrow => gather_and_ask(&runtime, &keeper, &grants),
        Limits::Default => ask_when_they_expire(&runtime, &keeper, &*clock, &grants),
    }
}

fn gather_and_ask(runtime: &Runtime, keeper: &Keeper, grants: &[GrantId]) {
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

fn ask_when_they_expire(runtime: &Runtime, keeper: &Keeper, clock: &dyn Clock, grants: &[GrantId]) {
    // It jumps over the whole of their life at once.
    let jump = clock.moment().plus(LIFE / 2);
    say("everybody is ready");
    runtime.block_on(clock.wait_until(jump));
    let sent_away = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let asked = grants.iter().map(|grant| ask_until_served(keeper, *grant, &sent_away));
                runtime.block_on(futures_util::future::join_all(asked));
            });
        }
    });
    say(&format!("everybody was served, sent away: {}", sent_away.into_inner()));
}

/// As a client does: whoever is told to come back comes back then. Nothing else may be told to it.
async fn ask_until_served(keeper: &Keeper, grant: GrantId, sent_away: &AtomicUsize) {
    while let Err(error) = keeper.token(grant).await {
        let TokenError::Refused(refusal) = error else { panic!("{error}") };
        let Refusal::InProgress { retry_after } = *refusal else { panic!("{refusal}") };
        sent_away.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(retry_after).await;
    }
}

fn say(text: &str) {
    println!("{text}");
    std::io::stdout().flush().unwrap();
}
