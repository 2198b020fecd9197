//! The breaker of a client: a registration that the provider rejects pauses its grants and kills none.
//!
//! One rejection says little about whose fault it is: an organization that disabled the app rejects its own users
//! only. So the first rejection suspends one *scope of suspicion* (the grant's organization, or the grant alone where
//! the provider tells no organization) and asks for a second opinion from elsewhere; only when that is rejected, too,
//! the whole client is suspended. One probe runs at a time, and what was learned holds for one version of the
//! client's configuration.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    diagnosis::Diagnosis,
    grant::{GrantRecord, StoreTime},
    name::AttemptId,
    time::Timestamp,
};

/// First pause between probes; doubled by each rejected probe.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// Longest pause between probes: a repaired registration is found out within this time without anyone's help.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Suspended organizations that are remembered; beyond, the client as a whole is plainly in trouble.
const MAX_SUSPENSIONS: usize = 256;

/// What is known of a client being rejected.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Breaker {
    /// The whole registration is rejected.
    pub whole: Option<Suspension>,
    /// Single organizations (or single grants, where no organization is known) that are rejected.
    pub parts: BTreeMap<String, Suspension>,
    /// A second opinion is wanted before any other part is asked: set by a rejection, cleared by the next answer.
    pub suspicion: bool,
    /// The probe in flight for the second opinion.
    pub probe: Option<Probe>,
}

/// One suspension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspension {
    /// When it began.
    pub since: Timestamp,
    /// The next probe may be sent at this time.
    pub probe_at: Timestamp,
    /// The pause after the next rejected probe.
    pub pause_s: u64,
    /// The probe in flight.
    pub probe: Option<Probe>,
    /// What the provider said.
    pub diagnosis: Box<Diagnosis>,
}

/// A probe in flight: an ordinary refresh, alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The refresh.
    pub attempt: AttemptId,
    /// When it counts as lost.
    pub until: StoreTime,
}

/// Whether a grant of the client may send a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    /// It may.
    Open,
    /// It may, as a probe: the attempt has been noted.
    AsProbe,
    /// Not before this time.
    Suspended {
        /// When to ask again.
        until: Timestamp,
        /// Why; `None` while a second opinion is being fetched.
        diagnosis: Option<Box<Diagnosis>>,
    },
}

impl Breaker {
    /// Whether `grant` may send `attempt` now; notes the attempt where it goes out as a probe.
    pub fn admit(
        &mut self,
        grant: &GrantRecord,
        probe: Probe,
        wall: Timestamp,
        store: StoreTime,
    ) -> Admission {
        if let Some(whole) = &mut self.whole {
            return whole.admit(probe, wall, store);
        }
        if let Some(part) = self.parts.get_mut(&part_of(grant)) {
            return part.admit(probe, wall, store);
        }
        if !self.suspicion {
            return Admission::Open;
        }
        match self.probe {
            Some(running) if !store.is_past(running.until) => {
                Admission::Suspended { until: wall.plus(Duration::from_secs(1)), diagnosis: None }
            }
            _ => {
                self.probe = Some(probe);
                Admission::AsProbe
            }
        }
    }

    /// The provider rejected the registration when `grant` asked. Returns whether the whole client is now suspended.
    pub fn rejected(&mut self, grant: &GrantRecord, diagnosis: &Diagnosis, wall: Timestamp) -> bool {
        let part = part_of(grant);
        if let Some(whole) = &mut self.whole {
            whole.prolong(diagnosis, wall);
        } else if let Some(known) = self.parts.get_mut(&part) {
            known.prolong(diagnosis, wall);
        } else if self.suspicion || self.parts.len() >= MAX_SUSPENSIONS {
            // The second opinion agrees: it is not one organization.
            self.whole = Some(Suspension::begin(diagnosis, wall));
            self.suspicion = false;
            self.probe = None;
            self.parts.clear();
        } else {
            self.suspicion = true;
            self.parts.insert(part, Suspension::begin(diagnosis, wall));
        }
        self.whole.is_some()
    }

    /// Since when `grant`, or its organization, is rejected while the client as a whole is not.
    pub fn rejected_alone_since(&self, grant: &GrantRecord) -> Option<Timestamp> {
        let part = self.parts.get(&part_of(grant)).filter(|_| self.whole.is_none());
        part.map(|part| part.since)
    }

    /// A request of `grant` was answered as from a known client. Returns whether this ended a suspension.
    pub fn accepted(&mut self, grant: &GrantRecord) -> bool {
        let whole = self.whole.take().is_some();
        let part = self.parts.remove(&part_of(grant)).is_some();
        self.suspicion = false;
        self.probe = None;
        whole || part
    }

    /// An attempt ended without telling anything about the registration: its place as a probe is free again.
    pub fn inconclusive(&mut self, attempt: AttemptId) {
        let suspensions =
            self.whole.iter_mut().chain(self.parts.values_mut()).map(|suspension| &mut suspension.probe);
        for probe in suspensions.chain([&mut self.probe]) {
            if probe.is_some_and(|running| running.attempt == attempt) {
                *probe = None;
            }
        }
    }

    /// Whether anything is suspended.
    pub fn is_closed(&self) -> bool {
        self.whole.is_none() && self.parts.is_empty()
    }
}

/// The scope of suspicion of a grant.
fn part_of(grant: &GrantRecord) -> String {
    grant
        .owner
        .tenant
        .as_ref()
        .map_or_else(|| format!("grant {}", grant.id), |tenant| format!("organization {tenant}"))
}

impl Suspension {
    fn begin(diagnosis: &Diagnosis, wall: Timestamp) -> Self {
        Self {
            since: wall,
            probe_at: wall.plus(FIRST_PAUSE),
            pause_s: FIRST_PAUSE.as_secs() * 2,
            probe: None,
            diagnosis: Box::new(diagnosis.clone()),
        }
    }

    fn admit(&mut self, probe: Probe, wall: Timestamp, store: StoreTime) -> Admission {
        // A wall clock that was set back must not freeze the probes: the pause itself bounds the wait.
        let reachable = self.probe_at.min(wall.plus(LONGEST_PAUSE));
        let running = self.probe.is_some_and(|running| !store.is_past(running.until));
        if wall < reachable || running {
            let until = reachable.max(wall.plus(Duration::from_secs(1)));
            return Admission::Suspended { until, diagnosis: Some(self.diagnosis.clone()) };
        }
        self.probe = Some(probe);
        Admission::AsProbe
    }

    fn prolong(&mut self, diagnosis: &Diagnosis, wall: Timestamp) {
        self.probe = None;
        self.diagnosis.as_mut().clone_from(diagnosis);
        self.probe_at = wall.plus(Duration::from_secs(self.pause_s));
        self.pause_s = (self.pause_s * 2).min(LONGEST_PAUSE.as_secs());
    }
}
