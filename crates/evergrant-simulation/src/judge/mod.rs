//! The judge: what must never happen, by rules of its own that share no code with what they judge.

mod backup;
mod keeping;
mod presentation;
mod probation;
mod records;
mod scopes;
mod traffic;

use std::collections::{BTreeMap, HashMap, HashSet};

use evergrant_proto::{
    grant::AccessKey,
    name::{AttemptId, Generation, GrantId},
    scope::ScopeSet,
};
use evergrant_rehearse::Fingerprint;

pub(crate) use backup::Known;
use keeping::Rejected;
pub(crate) use presentation::{Circumstances, OWNER_WAIT};
pub use presentation::{Presentation, PresentationEnd};
use probation::Probation;
use records::Mark;
use traffic::Traffic;

use crate::{Invariant, Objection, Scene};

/// Remembers what was sent, and what was found wrong.
#[derive(Debug)]
pub struct Judge {
    scene: Scene,
    presentations: Vec<Presentation>,
    of_token: HashMap<String, Vec<usize>>,
    of_attempt: HashMap<AttemptId, usize>,
    /// The number of the command that was executed last: several can be in one millisecond.
    command: u64,
    /// By which command each attempt was journalled.
    claimed: HashMap<AttemptId, u64>,
    /// By which command its outcome came into the store.
    recorded: HashMap<AttemptId, u64>,
    marks: BTreeMap<GrantId, Mark>,
    /// Which grant held a refresh token, now or before, and since when: what is in here was made durable.
    owners: HashMap<String, (GrantId, u64)>,
    /// Access tokens that were in a row, or in the lifeboat.
    durable: HashSet<String>,
    /// What was durable until an operator put a backup in its place.
    gone: HashSet<String>,
    /// What was presented, or what that had brought, which a backup says nothing of that brought it back.
    brought_back: HashSet<String>,
    /// Whether an older state of the store was put in the place of a newer one.
    restored: bool,
    /// Of adopted stores.
    probation: Probation,
    /// What the provider issued access tokens for.
    scopes: HashMap<String, ScopeSet>,
    /// Access tokens that a resource server rejected.
    rejected: HashMap<(GrantId, AccessKey, Generation), Rejected>,
    traffic: Traffic,
    /// What broke the protocol; empty in a good world.
    pub violations: Vec<Objection>,
}

impl Judge {
    pub(crate) fn new(scene: Scene) -> Self {
        Self {
            scene,
            presentations: Vec::new(),
            of_token: HashMap::new(),
            of_attempt: HashMap::new(),
            command: 0,
            claimed: HashMap::new(),
            recorded: HashMap::new(),
            marks: BTreeMap::new(),
            owners: HashMap::new(),
            durable: HashSet::new(),
            gone: HashSet::new(),
            brought_back: HashSet::new(),
            restored: false,
            probation: Probation::default(),
            scopes: HashMap::new(),
            rejected: HashMap::new(),
            traffic: Traffic::default(),
            violations: Vec::new(),
        }
    }

    /// Which grant holds this refresh token, or held it.
    pub(crate) fn owner_of(&self, token: &str) -> Option<GrantId> {
        self.owners.get(token).map(|owner| owner.0)
    }

    /// The refresh tokens that this grant holds, or held.
    pub(crate) fn tokens_of(&self, grant: GrantId) -> impl Iterator<Item = &str> {
        let own = self.owners.iter().filter(move |(_, owner)| owner.0 == grant);
        own.map(|(token, _)| token.as_str())
    }

    /// Whether a refresh token of this fingerprint was ever made durable, and no operator has put it away since.
    pub(crate) fn held(&self, token: &Fingerprint) -> bool {
        self.owners.keys().any(|held| Fingerprint::of(held) == *token && !self.gone.contains(held))
    }

    /// The most requests for one grant in each of the judge's windows: how much room its bounds leave.
    pub fn busiest(&self) -> [usize; traffic::WINDOWS.len()] {
        self.traffic.busiest
    }

    pub(crate) fn object(&mut self, invariant: Invariant, at: u64, evidence: String) {
        self.violations.push(Objection { invariant, at, evidence });
    }
}
