//! The simulated store and the one on SQLite are told the same, and have to say the same: what holds for a history over
//! the one is worth nothing in production if the other would have told it differently.
//!
//! A history is played, and what was done with its store is done again, deed by deed, with a fresh store of either kind.

mod disturbance;
mod sqlite;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem::{Discriminant, discriminant},
    thread,
};

use evergrant_proto::{
    engine::StoreFailure,
    grant::{Attempt, GrantRecord},
    name::GrantId,
    time::Timestamp,
    transaction::Command,
};
use evergrant_simulation::{Action, Deed, Dice, Executed, Policy, Script, Store, play, record};
use evergrant_store::{EventFilter, GrantFilter};

use disturbance::disturbed;
use sqlite::Sqlite;

/// Histories of each policy.
const SEEDS: u64 = 3;

/// Steps of each, before its end in good order.
const STEPS: usize = 200;

/// After so many commands everything is compared, and not only what they name.
const LOOK_AROUND_EVERY: usize = 50;

/// Ended attempts of generations that are further back may be forgotten by the store on SQLite. The simulated one keeps them
/// for its judge.
const KEPT_GENERATIONS: u64 = 100;

#[test]
fn the_store_on_sqlite_does_what_the_simulated_one_does() {
    let met = compare_all(SEEDS, |deeds, _| deeds);
    assert_eq!(met.commands(), EVERY_COMMAND.into());
    assert!(met.of_ended > 0, "no process has left anything open");
}

/// Commands that are lost or come twice, and processes that end with what they have rescued: rare in a history, or never in
/// one, since its engines see to that.
#[test]
fn the_store_on_sqlite_does_what_the_simulated_one_does_with_what_no_engine_would_ask_for() {
    let met = compare_all(SEEDS, disturbed);
    assert_eq!(met.commands(), EVERY_COMMAND.into());
    assert!(met.of_rescued > 0, "nobody has asked for a grant while its credential was in the lifeboat");
}

#[test]
fn a_recording_changes_nothing_and_tells_everything() {
    for seed in 0..20 {
        let script = history(seed, Policy::Unknown);
        let (summary, deeds) = record(&script).unwrap_or_else(|violation| panic!("{violation}"));
        assert_eq!(play(&script, false).ok(), Some(summary), "seed {seed}");
        let mut again = Store::recorded();
        for deed in &deeds {
            repeat(&mut again, deed);
        }
        assert_eq!(format!("{:?}", again.deeds()), format!("{deeds:?}"), "seed {seed}");
    }
}

/// All but `Salvage`, which is for stores that are adopted.
const EVERY_COMMAND: [&str; 16] = [
    "Block",
    "Claim",
    "Complete",
    "ConfirmRevocation",
    "End",
    "FailAuthorization",
    "Import",
    "JournalExchange",
    "OpenAuthorization",
    "Postpone",
    "PutClient",
    "Refuse",
    "Reject",
    "RejectClient",
    "Revoke",
    "Succeed",
];

/// Compares the stores over so many histories of every policy, each `changed` with chance of its own.
fn compare_all(seeds: u64, changed: fn(Vec<Deed>, &mut Dice) -> Vec<Deed>) -> Met {
    let compare = |seed, policy| {
        let (_, deeds) = record(&history(seed, policy)).unwrap_or_else(|violation| panic!("{violation}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut both = Both::open(seed, policy).await;
            for deed in &changed(deeds, &mut Dice::new(seed)) {
                both.repeat(deed).await;
            }
            both.look_around().await;
            both.met
        })
    };
    thread::scope(|scope| {
        let of_policy = |(policy, index)| {
            let seeds = index * seeds..(index + 1) * seeds;
            scope.spawn(move || seeds.map(|seed| compare(seed, policy)).fold(Met::default(), Met::and))
        };
        let threads: Vec<_> = Policy::all().into_iter().zip(0..).map(of_policy).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(Met::default(), Met::and)
    })
}

/// The script of a seed without what happens to the tables as a whole. An adoption without it finds nothing to do. Faults of
/// the store may strike: what they keep from being executed is no deed.
fn history(seed: u64, policy: Policy) -> Script {
    let mut script = Script::of(seed, Some(policy), STEPS);
    // Few seeds have it, and without an account no grant is found by one.
    script.setting.tells_account = seed.is_multiple_of(SEEDS);
    script.with(|place| !matches!(script.steps[place].action, Action::Copy | Action::Restore(_)))
}

/// Does a deed with the simulated store.
fn repeat(store: &mut Store, deed: &Deed) {
    match deed {
        Deed::Executed(executed) => drop(store.execute(&executed.command, executed.now)),
        Deed::Entered(holder) => store.enter(*holder),
        Deed::Left(holder) => store.leave(*holder),
        Deed::Reserved(holder, slot) => assert_eq!(store.reserve(*holder), Ok(*slot)),
        Deed::Rescued(holder, slot, command) => {
            store.rescue(*holder, *slot, (**command).clone()).unwrap();
        }
        Deed::Released(holder, slot) => store.release(*holder, *slot),
    }
}

/// What came to pass: what no command met proves nothing of it.
#[derive(Debug, Default)]
struct Met {
    commands: HashMap<Discriminant<Command>, String>,
    /// Commands that found a lease or an open attempt of a process that has ended.
    of_ended: usize,
    /// The same, but what it rescued waits in the lifeboat.
    of_rescued: usize,
}

impl Met {
    fn and(mut self, other: Self) -> Self {
        self.commands.extend(other.commands);
        self.of_ended += other.of_ended;
        self.of_rescued += other.of_rescued;
        self
    }

    fn commands(&self) -> BTreeSet<&str> {
        self.commands.values().map(String::as_str).collect()
    }
}

/// Two stores that are told the same.
struct Both {
    simulated: Store,
    sqlite: Sqlite,
    /// For messages.
    history: String,
    executed: usize,
    events_seen: u64,
    met: Met,
}

impl Both {
    async fn open(seed: u64, policy: Policy) -> Self {
        Self {
            simulated: Store::default(),
            sqlite: Sqlite::open(seed).await,
            history: format!("seed {seed}, policy {policy}"),
            executed: 0,
            events_seen: 0,
            met: Met::default(),
        }
    }

    async fn repeat(&mut self, deed: &Deed) {
        if let Deed::Executed(executed) = deed {
            return self.execute(executed).await;
        }
        repeat(&mut self.simulated, deed);
        self.sqlite.repeat(deed);
    }

    async fn execute(&mut self, Executed { command, now, .. }: &Executed) {
        self.note(command);
        let what = || format!("{}, command {} at {now:?}: {command:?}", self.history, self.executed);
        let sqlite = self.sqlite.execute(command, *now).await.map_err(StoreFailure::Conflict);
        assert_eq!(sqlite, self.simulated.execute(command, *now), "{}", what());
        for grant in self.named(command) {
            self.look_at(grant, &what).await;
        }
        let all = Timestamp(i64::MAX);
        assert_eq!(self.sqlite.due(all, 100).await, self.simulated.due(all, 100), "{}", what());
        self.executed += 1;
        if self.executed.is_multiple_of(LOOK_AROUND_EVERY) {
            self.look_around().await;
        }
    }

    fn note(&mut self, command: &Command) {
        let name = || format!("{command:?}").split('(').next().unwrap().to_owned();
        self.met.commands.entry(discriminant(command)).or_insert_with(name);
        for grant in self.named(command) {
            let Some(grant) = self.simulated.grant(grant) else { continue };
            let open =
                grant.attempts.iter().filter(|attempt| attempt.is_open()).map(|attempt| attempt.holder);
            for holder in grant.lease.map(|lease| lease.holder).into_iter().chain(open) {
                if self.simulated.has_ended(holder) {
                    self.met.of_ended += 1;
                } else if !self.sqlite.is_alive(holder) {
                    self.met.of_rescued += 1;
                }
            }
        }
    }

    /// The grants that a command is about.
    fn named(&self, command: &Command) -> BTreeSet<GrantId> {
        let subjects = command.subjects();
        let record = subjects.authorization.and_then(|id| self.simulated.authorization(id));
        let led_to = record.into_iter().flat_map(|record| [record.grant, record.result]);
        led_to.chain([subjects.grant]).flatten().collect()
    }

    /// A grant as it is read.
    async fn look_at(&self, id: GrantId, what: &impl Fn() -> String) {
        let simulated = self.simulated.read(id).unwrap().map(|found| *found);
        assert_eq!(self.sqlite.grant(id).await, simulated, "{}", what());
    }

    /// Everything that can be read.
    async fn look_around(&mut self) {
        let what = || format!("{}, after {} commands", self.history, self.executed);
        let grants: Vec<_> = self.simulated.grants().cloned().collect();
        for grant in &grants {
            self.look_at(grant.id, &what).await;
            self.look_at_journal(grant, &what).await;
            let until = grant.next_due_at.unwrap_or(Timestamp(i64::MAX));
            for limit in [2, 100] {
                let simulated = self.simulated.due(until, limit);
                assert_eq!(self.sqlite.due(until, limit).await, simulated, "{}", what());
            }
        }
        self.look_at_lists(&grants, &what).await;
        for record in self.simulated.authorizations() {
            assert_eq!(self.sqlite.authorization(record.id).await.as_ref(), Some(record), "{}", what());
            let Some(state) = &record.state else { continue };
            let simulated = self.simulated.authorization_of(state).unwrap().map(|found| *found);
            assert_eq!(self.sqlite.authorization_of(state).await, simulated, "{}", what());
        }
        let filter = EventFilter { namespace: None, grant: None, after: self.events_seen, limit: usize::MAX };
        let events = self.sqlite.events(filter).await;
        let seen = usize::try_from(self.events_seen).unwrap();
        assert_eq!(events, self.simulated.events()[seen..], "{}", what());
        self.events_seen += u64::try_from(events.len()).unwrap();
    }

    async fn look_at_journal(&self, grant: &GrantRecord, what: &impl Fn() -> String) {
        let is_kept = |attempt: &Attempt| {
            attempt.is_open() || attempt.generation.0 + KEPT_GENERATIONS >= grant.generation.0
        };
        let mut simulated: Vec<_> = self.simulated.attempts(grant.id).cloned().collect();
        simulated.sort_by_key(|attempt| std::cmp::Reverse((attempt.generation, attempt.fence)));
        simulated.retain(is_kept);
        let mut sqlite = self.sqlite.attempts(grant.id).await;
        sqlite.retain(is_kept);
        assert_eq!(sqlite, simulated, "{}", what());
    }

    async fn look_at_lists(&self, grants: &[GrantRecord], what: &impl Fn() -> String) {
        let clients: Vec<_> = self.simulated.clients().cloned().collect();
        let namespace = clients[0].namespace.clone();
        assert_eq!(self.sqlite.clients(namespace.clone()).await, clients, "{}", what());
        let there = grants.iter().filter(|grant| grant.removed_at.is_none());
        let mut states = BTreeMap::new();
        there.clone().for_each(|grant| *states.entry(grant.state.name().to_owned()).or_insert(0) += 1);
        assert_eq!(self.sqlite.grants_by_state().await, states, "{}", what());
        let listed = self.sqlite.grants(GrantFilter::all(namespace, 100)).await;
        assert_eq!(listed, there.map(unsealed).collect::<Vec<_>>(), "{}", what());
    }
}

/// A list opens nothing that is sealed, and reads no attempts.
fn unsealed(grant: &GrantRecord) -> GrantRecord {
    let (credential, predecessor) = (None, None);
    let (access, spares, attempts) = (Vec::new(), Vec::new(), Vec::new());
    GrantRecord { credential, predecessor, access, spares, attempts, ..grant.clone() }
}
