//! Whole runs: everything at once, by chance, all invariants after every step, and an end in good order.

mod action;
mod closing;
mod player;
mod script;
mod shrinking;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

pub use action::{Account, Action, Emphasis, Struck, Wish};
pub use script::{Policy, Replays, Script, Setting, Step, UnknownPolicy};
pub use shrinking::shrink;

use player::Player;

use crate::{Deed, Invariant, Objection, Store};

/// What is played.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only this policy; `None`: the seed decides.
    pub policy: Option<Policy>,
    /// How many steps.
    pub steps: usize,
}

/// What a good run was like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its policy.
    pub policy: Policy,
    /// Refresh tokens that were presented.
    pub presentations: usize,
    /// Grants that came to be.
    pub grants: usize,
    /// Milliseconds that passed in the world.
    pub elapsed: u64,
    /// The most refreshes of one grant in a minute, in ten minutes and in an hour that nobody asked for by force.
    pub busiest: [usize; 3],
    /// The troubles that came to pass ([`crate::World::met`]).
    pub met: BTreeSet<String>,
    /// Of what grants have died ([`crate::World::deaths`]).
    pub deaths: BTreeMap<String, usize>,
}

/// What a bad run broke.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The first thing that was found wrong.
    pub objection: Objection,
    /// What else was found wrong by the end of the same step.
    pub others: Vec<Objection>,
    /// The run.
    pub script: Script,
    /// How many steps were played before it was noticed.
    pub steps: usize,
    /// What happened last.
    pub trace: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { policy: None, steps: 500 }
    }
}

/// Plays the script of a seed. A violation comes with its trace.
///
/// # Errors
///
/// The first violation of an invariant.
pub fn run(seed: u64, options: &Options) -> Result<Summary, Box<Violation>> {
    let script = Script::of(seed, options.policy, options.steps);
    // A trace costs more than the run: only a run that failed is played again with one.
    play(&script, false).map_err(|first| match play(&script, true) {
        Err(again) if again.objection == first.objection => again,
        _ => first.unrepeatable(),
    })
}

/// Plays a script.
///
/// # Errors
///
/// The first violation of an invariant.
pub fn play(script: &Script, tracing: bool) -> Result<Summary, Box<Violation>> {
    perform(script, Store::default(), tracing).outcome
}

/// What happens last when a script is played, line by line.
pub fn trace(script: &Script) -> Vec<String> {
    perform(script, Store::default(), true).trace
}

/// Plays a script; what was done with its store besides.
///
/// # Errors
///
/// As [`play`].
pub fn record(script: &Script) -> Result<(Summary, Vec<Deed>), Box<Violation>> {
    let Performance { outcome, deeds, .. } = perform(script, Store::recorded(), false);
    Ok((outcome?, deeds))
}

struct Performance {
    outcome: Result<Summary, Box<Violation>>,
    trace: Vec<String>,
    deeds: Vec<Deed>,
}

fn perform(script: &Script, store: Store, tracing: bool) -> Performance {
    keep_panics_quiet();
    let mut player = None;
    let steps = Cell::new(0);
    let end = quietly(|| {
        let player = player.insert(Player::new(&script.setting, store, tracing));
        for step in &script.steps {
            player.step(step);
            steps.set(steps.get() + 1);
            if !player.world.judge.violations.is_empty() {
                return;
            }
        }
        player.close();
    });
    let found = player.as_ref().map(|player| player.world.judge.violations.clone()).unwrap_or_default();
    let panicked = end.err().map(|payload| {
        let at = player.as_ref().map_or(0, |player| player.world.now());
        Objection { invariant: Invariant::EngineContract, at, evidence: format!("panicked: {payload}") }
    });
    let lines = player.as_ref().map(|player| player.world.trace().map(str::to_owned).collect());
    let trace: Vec<String> = lines.unwrap_or_default();
    let deeds = player.as_ref().map(|player| player.world.store.deeds().to_vec()).unwrap_or_default();
    let mut found = found.into_iter().chain(panicked);
    let outcome = match (found.next(), player) {
        (Some(objection), _) => {
            let (script, steps, others) = (script.clone(), steps.get(), found.collect());
            Err(Box::new(Violation { objection, others, script, steps, trace: trace.clone() }))
        }
        (None, Some(player)) => Ok(Summary {
            policy: script.setting.policy,
            presentations: player.world.judge.presentations().len(),
            grants: player.world.store.grants().count(),
            elapsed: player.world.now(),
            busiest: player.world.judge.busiest(),
            met: player.world.met().clone(),
            deaths: player.world.deaths().clone(),
        }),
        (None, None) => unreachable!("without a panic there is a player"),
    };
    Performance { outcome, trace, deeds }
}

impl Violation {
    /// Whether this invariant was found broken.
    pub fn breaks(&self, number: u8) -> bool {
        let mut all = std::iter::once(&self.objection).chain(&self.others);
        all.any(|objection| objection.invariant.number() == Some(number))
    }

    /// It was found once and not again: the world itself is not what it should be, for a seed decides everything.
    fn unrepeatable(mut self: Box<Self>) -> Box<Self> {
        self.objection.evidence.push_str(" (played again, it does not come to the same)");
        self
    }

    /// The command that plays this run again, with its trace.
    pub fn command(&self) -> String {
        let Setting { seed, policy, .. } = self.script.setting;
        let steps = self.script.numbers.iter().max().map_or(0, |last| last + 1);
        let whole = self.script.numbers.len() == steps;
        let numbers: Vec<_> = self.script.numbers.iter().map(ToString::to_string).collect();
        let only = if whole { String::new() } else { format!(" --only {}", numbers.join(",")) };
        format!(
            "cargo run --release -p evergrant-simulation --bin simulate -- --seed {seed} --policy {policy} --steps \
             {steps}{only}"
        )
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setting { seed, policy, .. } = self.script.setting;
        writeln!(formatter, "seed {seed}, policy {policy}, after {} steps", self.steps)?;
        writeln!(formatter, "{}", self.objection)?;
        write!(formatter, "repeat with: {}", self.command())
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// A panic of a run is a finding, not a message.
fn keep_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
}

fn quietly(work: impl FnOnce()) -> Result<(), String> {
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}
