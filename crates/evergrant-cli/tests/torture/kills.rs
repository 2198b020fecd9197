//! `kill -9`, again and again, of servers and commands on one store under load.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    judge::{Judge, Kill},
    moment::{Watch, When},
    process::until,
    provider::{ACCESS_LIFE, P2, P3, P7, Policy},
    world::{Kept, Server, World, open_attempts},
};

/// Grants that are kept at the same time.
const GRANTS: usize = 4;

/// After this time the answer to a request is overdue: 15 s until it is sent, 30 s until it is answered.
const OVERDUE: Duration = Duration::from_secs(46);

/// What is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Serve(When),
    Token(When),
    Import,
}

/// Four of ten land while the provider holds its answer.
const PLAN: [Victim; 10] = [
    Victim::Token(When::Held),
    Victim::Serve(When::Held),
    Victim::Token(When::Claimed),
    Victim::Serve(When::Answered),
    Victim::Import,
    Victim::Token(When::Held),
    Victim::Serve(When::Claimed),
    Victim::Token(When::Answered),
    Victim::Serve(When::Held),
    Victim::Token(When::Opened),
];

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_a_policy_that_ends_the_grant_on_a_replay_lose_only_what_nobody_could_have_kept() {
    let campaign = Campaign::fought(P2).await;
    assert!(campaign.lost > 0, "a kill between rotation and commit cannot be survived under P2");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_a_policy_with_a_grace_window_lose_nothing() {
    assert_eq!(Campaign::fought(P3).await.lost, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_a_policy_with_a_long_overlap_lose_nothing() {
    assert_eq!(Campaign::fought(P7).await.lost, 0);
}

struct Campaign {
    world: World,
    policy: Policy,
    server: Option<Server>,
    key: String,
    kept: Vec<Kept>,
    /// One each round.
    kills: Vec<Kill>,
    held: usize,
    lost: usize,
}

impl Campaign {
    async fn fought(policy: Policy) -> Self {
        let rounds = if std::env::var_os("EVERGRANT_SOAK").is_some() { 300 } else { 30 };
        let mut campaign = Self::prepared(policy).await;
        for round in 0..rounds {
            campaign.round(round).await;
            campaign.recover(round).await;
        }
        assert_eq!(campaign.kills.len(), rounds);
        assert!(campaign.held * 3 >= rounds, "{} of {rounds} kills were held", campaign.held);
        let refreshes = campaign.world.provider.refreshes().await;
        Judge::new(policy, &refreshes).presentations(&campaign.kills);
        println!(
            "{}: {rounds} kills, {} while the answer was held, {} grants lost, {} refreshes",
            policy.evergrant,
            campaign.held,
            campaign.lost,
            refreshes.len()
        );
        campaign
    }

    async fn prepared(policy: Policy) -> Self {
        let world = World::with_client(policy).await;
        let mut kept = Vec::new();
        for _ in 0..GRANTS {
            kept.push(world.import().await);
        }
        let server = world.serve(None).await;
        let key = server.key.clone();
        let (server, kills) = (Some(server), Vec::new());
        let mut campaign = Self { world, policy, server, key, kept, kills, held: 0, lost: 0 };
        campaign.recover(0).await;
        campaign
    }

    async fn round(&mut self, round: usize) {
        let victim = PLAN[round % PLAN.len()];
        let target = self.kept[round % GRANTS].clone();
        let since = self.world.provider.refreshes_after(self.seen()).await.1;
        let families = match victim {
            Victim::Serve(_) => self.kept.iter().map(|kept| kept.family).collect(),
            Victim::Token(_) => BTreeSet::from([target.family]),
            Victim::Import => BTreeSet::new(),
        };
        self.kills.push(Kill { since, alive_at: since, families: BTreeSet::clone(&families) });
        match victim {
            Victim::Serve(when) => self.kill_server(when, &families, 1 + round % GRANTS).await,
            Victim::Token(when) => self.kill_token(&target, when).await,
            Victim::Import => self.kill_import(round % GRANTS).await,
        }
    }

    /// The newest entry of the journal before this round.
    fn seen(&self) -> u64 {
        self.kills.last().map_or(0, |kill| kill.since)
    }

    /// All grants expire, the server refreshes them, and callers wait for it; at `held` answers it dies. A command that
    /// has come meanwhile goes on.
    async fn kill_server(&mut self, when: When, families: &BTreeSet<u64>, held: usize) {
        let watch = Watch::set(&self.world, when, self.seen()).await;
        self.world.provider.advance(ACCESS_LIFE).await;
        let server = self.server.take().expect("it runs");
        let callers = self.callers(&server);
        watch.come(families, held).await;
        let others = Watch::set(&self.world, When::Opened, self.seen()).await;
        let bystander = self.world.start(&["token", &self.kept[0].grant]);
        let alive_at = match when {
            When::Held => Some(self.newest_meanwhile(&others).await),
            // The moment would pass.
            _ => None,
        };
        server.process.kill().await;
        self.held += usize::from(watch.over().await);
        let kill = self.kills.last_mut().expect("the round has begun");
        kill.alive_at = alive_at.unwrap_or(kill.alive_at);
        callers.abort();
        self.server = Some(self.world.serve(Some(&self.key)).await);
        // It has a token, or learns that the grant was lost: which of it, the recovery judges.
        bystander.finish().await;
    }

    /// The newest entry of the journal when a bystander has begun, while the victim lives.
    async fn newest_meanwhile(&self, others: &Watch<'_>) -> u64 {
        others.come(&BTreeSet::new(), 1).await;
        self.world.provider.refreshes_after(self.seen()).await.1
    }

    /// Two callers for each grant, whose answers nobody will hear.
    fn callers(&self, server: &Server) -> tokio::task::JoinHandle<()> {
        let addresses: Vec<_> = self
            .kept
            .iter()
            .map(|kept| format!("{}/v1/grants/{}/token", server.address, kept.grant))
            .collect();
        let (http, key) = (self.world.http.clone(), self.key.clone());
        tokio::spawn(async move {
            let ask = |address: &String| http.get(address).bearer_auth(&key).send();
            futures_util::future::join_all(addresses.iter().chain(&addresses).map(ask)).await;
        })
    }

    /// A command refreshes a grant and dies. The token that was there before is still good, whatever became of it.
    async fn kill_token(&mut self, target: &Kept, when: When) {
        let watch = Watch::set(&self.world, when, self.seen()).await;
        let victim = self.world.start(&["token", &target.grant, "--refresh"]);
        watch.come(&BTreeSet::from([target.family]), 1).await;
        let bystander = self.world.start(&["token", &target.grant]);
        victim.kill().await;
        self.held += usize::from(watch.over().await);
        bystander.finish().await.good();
        if self.policy.window.is_some() {
            self.resolve(&target.grant).await;
        }
    }

    /// What is in doubt is repeated while the provider forgives it: by a command that is asked to, or by the server as
    /// soon as the answer is overdue.
    async fn resolve(&self, grant: &str) {
        if self.kills.len().is_multiple_of(2) {
            self.world.run(&["token", grant, "--refresh"]).await.good();
            return;
        }
        self.world.provider.advance(OVERDUE).await;
        let server = self.server.as_ref().expect("it runs");
        until("the server repeats what is in doubt", async || {
            let outcomes = server.outcomes(&self.world.http, grant).await;
            (outcomes[0] == "succeeded").then_some(())
        })
        .await;
    }

    /// A command that brings a new refresh token into a grant dies as soon as it has opened the store; the next one
    /// finds it done or does it.
    async fn kill_import(&mut self, index: usize) {
        let world = &self.world;
        let refresh_token = world.provider.consent().await;
        let family = world.provider.newest_family().await;
        let grant = self.kept[index].grant.clone();
        let arguments = ["grants", "import", "crm", "--into", &grant, "--refresh-token-stdin"];
        let watch = Watch::set(world, When::Opened, self.seen()).await;
        let mut victim = world.start_with(&arguments);
        victim.type_in(&refresh_token).await;
        watch.come(&BTreeSet::new(), 1).await;
        victim.kill().await;
        world.run_with(&arguments, &refresh_token).await.good();
        self.kept[index].family = family;
    }

    /// Every grant lives again, or was lost as only the policy allows, and is given a new family.
    async fn recover(&mut self, round: usize) {
        let mut renewed_since = None;
        if self.policy.window.is_none() {
            renewed_since = Some(self.world.provider.refreshes_after(self.seen()).await.1);
            // What is in doubt is asked for again only when the access token has expired.
            self.world.provider.advance(ACCESS_LIFE).await;
        }
        for index in 0..GRANTS {
            let (mut status, mut body) = self.settled(index, renewed_since).await;
            if status == 409 {
                self.judge_loss(index, round).await;
                self.lost += 1;
                self.world.repair(&mut self.kept[index]).await;
                (status, body) = self.settled(index, renewed_since).await;
            }
            assert_eq!(status, 200, "round {round}: {body}");
        }
        let peek = self.world.peek();
        until("nothing is open any more", async || (open_attempts(&peek) == 0).then_some(())).await;
    }

    /// What the server says when it knows what to say. It learns a little late that time has passed: its grant has been
    /// renewed since then, or is dead.
    async fn settled(&self, index: usize, renewed_since: Option<u64>) -> (u16, serde_json::Value) {
        let server = self.server.as_ref().expect("it runs");
        let Kept { grant, family } = &self.kept[index];
        until("the grant is in order again", async || {
            let answer = server.token(&self.world.http, grant).await.unwrap();
            let renewed = match renewed_since {
                Some(since) => {
                    let (refreshes, _) = self.world.provider.refreshes_after(since).await;
                    refreshes.iter().any(|refresh| refresh.family == Some(*family))
                }
                None => true,
            };
            (answer.0 == 409 || renewed && answer.0 != 503).then_some(answer)
        })
        .await
    }

    async fn judge_loss(&self, index: usize, round: usize) {
        let Kept { grant, family } = &self.kept[index];
        let shown = self.world.show(grant).await;
        assert!(self.policy.window.is_none(), "round {round}: a grant was lost: {shown:#}");
        assert_eq!(shown["state"], "needs_reauthorization", "{shown:#}");
        assert_eq!(shown["diagnosis"]["cause"], "lost_rotation_not_persisted", "round {round}: {shown:#}");
        let came_out = |attempt: usize, how| shown["attempts"][attempt]["outcome"].to_string().contains(how);
        assert!(came_out(0, "refused") && came_out(1, "not_recorded"), "its attempt was open: {shown:#}");
        let refreshes = self.world.provider.refreshes().await;
        let judge = Judge::new(self.policy, &refreshes);
        assert!(judge.was_rotated_unheard(*family), "round {round}: {shown:#}");
    }
}
