//! A server that is stopped for a minute and a half, while its lease of 60 s ends and the 30 s in which it listens for its
//! answer. Nothing moves a clock, so only the long form of the tests has the time; `stopped` shows the same at once, by a
//! successor whose clock is ahead.

use std::{collections::BTreeSet, time::Duration};

use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    judge::{Judge, Kill},
    process::until,
    provider::{Hold, P2, P3, Policy},
    world::{Kept, Server, World},
};

const STANDS_STILL: Duration = Duration::from_secs(95);

const LEASE: Duration = Duration::from_secs(60);

/// From the claim until the first byte leaves, at the most.
const SEND_WITHIN: Duration = Duration::from_secs(15);

/// How long a process that lives is given to come back with its answer before a strict provider is asked again.
const OWNER_WAIT: Duration = Duration::from_secs(600);

/// Whoever asks the successor comes back after this time, whatever it is told.
const ASKS_EVERY: Duration = Duration::from_secs(1);

/// The answer waits in the socket when the server goes on, or comes only then.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Comes {
    Meanwhile,
    TooLate,
}

/// A server with its answer on the way, stopped, and another one on its store.
struct Stopped<'a> {
    world: &'a World,
    kept: Kept,
    server: Server,
    successor: Server,
    hold: Hold<'a>,
    /// Before anything was claimed.
    began: Instant,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it stands still for a minute and a half: `cargo xtask soak` has the time"]
async fn a_server_that_stood_still_while_a_strict_provider_answered_keeps_the_grant() {
    stood_still_under_a_strict_policy(Comes::Meanwhile).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it stands still for a minute and a half: `cargo xtask soak` has the time"]
async fn a_server_that_stood_still_and_that_a_strict_provider_answers_too_late_says_why_the_grant_is_lost() {
    stood_still_under_a_strict_policy(Comes::TooLate).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it stands still for a minute and a half: `cargo xtask soak` has the time"]
async fn a_server_that_stood_still_while_it_was_answered_overwrites_nothing_of_its_successor() {
    stood_still_within_a_grace_window(Comes::Meanwhile).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it stands still for a minute and a half: `cargo xtask soak` has the time"]
async fn a_server_that_stood_still_and_is_answered_too_late_overwrites_nothing_of_its_successor() {
    stood_still_within_a_grace_window(Comes::TooLate).await;
}

async fn stood_still_under_a_strict_policy(comes: Comes) {
    let world = world(P2).await;
    let stopped = Stopped::with_an_answer_on_the_way(&world).await;
    let told = stopped.stands_still().await;
    // As long as the lease lasts, and then for as long as whoever has the answer may come back with it.
    let kinds: Vec<&str> = told.iter().map(|(status, body)| kind(*status, body)).collect();
    assert!(kinds.is_sorted() && kinds[0] == "in_progress", "{kinds:?}");
    let (_, last) = told.last().unwrap();
    assert_eq!(kind(503, last), "outcome_unknown", "{last}");
    let come_back = Duration::from_secs(last["retry_after"].as_u64().unwrap());
    assert!(come_back + LEASE < OWNER_WAIT && come_back + stopped.began.elapsed() >= OWNER_WAIT, "{last}");
    assert_eq!(world.provider.refreshes().await.len(), 1, "nothing is presented while an answer may come");

    let (kept, server, successor) = stopped.goes_on(comes).await;
    let outcome = server.first_outcome(&world, &kept).await;
    if comes == Comes::Meanwhile {
        assert_eq!(outcome, "succeeded");
        expect_one_token(&world, &kept, [&server, &successor]).await;
        assert_eq!(world.provider.refreshes().await.len(), 1, "it was heard after all");
        return;
    }
    let shown = until("the provider was asked once more", async || {
        let shown = world.show(&kept.grant).await;
        (shown["state"] == "needs_reauthorization").then_some(shown)
    })
    .await;
    assert_eq!(shown["diagnosis"]["cause"], "lost_rotation_not_persisted", "{shown:#}");
    for server in [&server, &successor] {
        assert_eq!(server.outcomes(&world.http, &kept.grant).await, ["refused", "unknown"]);
        let (status, body) = server.token(&world.http, &kept.grant).await.unwrap();
        assert_eq!((status, kind(status, &body)), (409, "needs_reauthorization"), "{body}");
    }
    let refreshes = world.provider.refreshes().await;
    assert_eq!(refreshes.len(), 2, "the last resort, and nothing after it: {refreshes:#?}");
    let judge = Judge::new(P2, &refreshes);
    judge.presentations(&[standing_still(&kept)]);
    assert!(judge.was_rotated_unheard(kept.family), "{refreshes:#?}");
}

async fn stood_still_within_a_grace_window(comes: Comes) {
    let world = world(P3).await;
    let stopped = Stopped::with_an_answer_on_the_way(&world).await;
    let told = stopped.stands_still().await;
    let kinds: Vec<&str> = told.iter().map(|(status, body)| kind(*status, body)).collect();
    assert!(kinds.is_sorted() && kinds[0] == "in_progress", "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"token"), "its successor has taken over: {kinds:?}");
    // Newer than anything that the first one can bring.
    let newest = world.run(&["token", &stopped.kept.grant, "--refresh"]).await.good();
    let before = world.show(&stopped.kept.grant).await;

    let (kept, server, successor) = stopped.goes_on(comes).await;
    let outcome = server.first_outcome(&world, &kept).await;
    assert!(outcome == "unknown" || comes == Comes::Meanwhile && outcome == "succeeded", "{outcome}");
    assert_eq!(expect_one_token(&world, &kept, [&server, &successor]).await, newest);
    let shown = world.show(&kept.grant).await;
    assert_eq!(shown["generation"], before["generation"], "{shown:#}");

    // The next refresh goes on from the newest.
    world.run(&["token", &kept.grant, "--refresh"]).await.good();
    let refreshes = world.provider.refreshes().await;
    let presented: Vec<_> = refreshes.iter().map(|refresh| refresh.presented_before).collect();
    assert_eq!(presented, [Some(0), Some(1), Some(0), Some(0)], "{refreshes:#?}");
    assert_eq!(refreshes[3].generation, refreshes[2].issued_generation);
    Judge::new(P3, &refreshes).presentations(&[standing_still(&kept)]);
    let apart = u64::try_from(refreshes[1].at_ms - refreshes[0].at_ms).unwrap();
    assert!(Duration::from_millis(apart) + SEND_WITHIN > LEASE, "{refreshes:#?}");
}

/// On the machine's own clock.
async fn world(policy: Policy) -> World {
    let mut world = World::new(policy).await;
    world.clock = false;
    world.add_client(&[]).await;
    world
}

impl<'a> Stopped<'a> {
    /// The grant has no access token yet, so that the server refreshes it by itself, and nobody has anything to hand out.
    async fn with_an_answer_on_the_way(world: &'a World) -> Self {
        let (kept, began) = (world.import().await, Instant::now());
        let hold = world.provider.hold_answers(Some(1)).await;
        let server = world.serve_with(None, &["--allow-loopback-http"]).await;
        hold.wait(1).await;
        server.process.signal(Signal::STOP);
        let successor = world.serve_with(Some(&server.key), &["--allow-loopback-http"]).await;
        Self { world, kept, server, successor, hold, began }
    }

    /// Asks the successor for a token again and again until the time is over; what it says.
    async fn stands_still(&self) -> Vec<(u16, Value)> {
        let mut told = Vec::new();
        let stopped = Instant::now();
        until("the time is over", async || {
            told.push(self.successor.token(&self.world.http, &self.kept.grant).await.unwrap());
            tokio::time::sleep(ASKS_EVERY).await;
            (stopped.elapsed() >= STANDS_STILL).then_some(())
        })
        .await;
        told
    }

    async fn goes_on(self, comes: Comes) -> (Kept, Server, Server) {
        let Self { world, kept, server, successor, hold, .. } = self;
        if comes == Comes::Meanwhile {
            hold.release().await;
            server.process.signal(Signal::CONT);
            return (kept, server, successor);
        }
        server.process.signal(Signal::CONT);
        server.first_outcome(world, &kept).await;
        hold.release().await;
        (kept, server, successor)
    }
}

impl Server {
    /// How the attempt that was stopped came out.
    async fn first_outcome(&self, world: &World, kept: &Kept) -> String {
        until("the outcome is recorded", async || {
            let outcomes = self.outcomes(&world.http, &kept.grant).await;
            outcomes.last()?.as_str().map(str::to_owned)
        })
        .await
    }
}

/// All of them hand out this token.
async fn expect_one_token(world: &World, kept: &Kept, servers: [&Server; 2]) -> String {
    let token = world.run(&["token", &kept.grant]).await.good();
    for server in servers {
        let (status, body) = server.token(&world.http, &kept.grant).await.unwrap();
        assert_eq!((status, &body["access_token"]), (200, &token.as_str().into()), "{body}");
    }
    assert_eq!(world.show(&kept.grant).await["state"], "active");
    token
}

/// For the judge it is as if the server had been killed: one repetition may follow.
fn standing_still(kept: &Kept) -> Kill {
    Kill { since: 0, alive_at: 0, families: BTreeSet::from([kept.family]) }
}

/// What a caller was told.
fn kind(status: u16, body: &Value) -> &str {
    if status == 200 {
        return "token";
    }
    body["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/")).expect("a problem")
}
