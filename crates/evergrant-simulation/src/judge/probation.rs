//! After an adoption the grants come back one at a time: what is presented may be spent, and may end what others hold.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use evergrant_proto::{
    grant::GrantRecord,
    name::{AttemptId, GrantId},
    transaction::{Command, Ending, Want},
};

use super::{Judge, OWNER_WAIT, Presentation, PresentationEnd};
use crate::Invariant;

/// How long a request without an outcome is taken to be under way.
const UNDER_WAY: u64 = 60_000;

/// Pauses before the next is tried ahead of time, in milliseconds.
const PAUSE: u64 = 5_000;
const PAUSE_AFTER_REFUSAL: u64 = 60_000;

/// After so many refusals in a row nothing is tried that nobody asks for.
const REFUSALS_ENOUGH: u8 = 2;

/// What the judge remembers of the latest adoption.
#[derive(Debug, Default)]
pub(super) struct Probation {
    /// Grants whose refresh tokens are as old as the adopted store.
    unproven: BTreeSet<GrantId>,
    /// What was claimed of them, in this order.
    probes: Vec<Probe>,
    of_attempt: HashMap<AttemptId, usize>,
    /// How many were refused in a row.
    refusals: u8,
}

/// An attempt with an unproven refresh token.
#[derive(Debug, Clone, Copy)]
struct Probe {
    grant: GrantId,
    /// The number of the command.
    claim: u64,
    claimed_at: u64,
    /// Nobody has asked for it.
    early: bool,
    /// It was claimed after refusals enough, and not as the repetition of the probe before it.
    halted: bool,
    concluded: bool,
    sent: Option<usize>,
    clock_settings: u32,
}

impl Judge {
    /// The store was adopted: what it holds may be old.
    pub(crate) fn begin_probation(&mut self, grants: impl Iterator<Item = GrantId>) {
        self.probation = Probation { unproven: grants.collect(), ..Probation::default() };
    }

    /// A command was executed; `moved`: it brought the grant a new generation.
    pub(super) fn note_probe(&mut self, command: &Command, grant: &GrantRecord, moved: bool, now: u64) {
        let clock_settings = self.traffic.clock_settings;
        let probation = &mut self.probation;
        match command {
            Command::Claim(claim) if probation.unproven.contains(&grant.id) => {
                let granted = grant.attempts.iter().any(|attempt| attempt.id == claim.attempt);
                if granted && !probation.of_attempt.contains_key(&claim.attempt) {
                    let goes_on = |last: &Probe| last.grant == grant.id && !last.concluded;
                    let probe = Probe {
                        grant: grant.id,
                        claim: self.command,
                        claimed_at: now,
                        early: claim.want == Want::Early,
                        halted: probation.refusals >= REFUSALS_ENOUGH
                            && !probation.probes.last().is_some_and(goes_on),
                        concluded: false,
                        sent: None,
                        clock_settings,
                    };
                    probation.of_attempt.insert(claim.attempt, probation.probes.len());
                    probation.probes.push(probe);
                }
            }
            Command::Succeed(_) | Command::Import(_) | Command::Complete(_) if moved => {
                probation.unproven.remove(&grant.id);
            }
            _ => {}
        }
        if let Some(attempt) = command.attempt()
            && !grant.attempts.iter().any(|known| known.id == attempt && known.is_open())
        {
            probation.conclude(attempt, command);
        }
    }

    /// A refresh token is about to be sent, as the presentation of this number.
    pub(super) fn judge_probe(&mut self, attempt: AttemptId, number: usize, now: u64) {
        let Some(index) = self.probation.of_attempt.get(&attempt).copied() else { return };
        self.probation.probes[index].sent = Some(number);
        let probe = self.probation.probes[index];
        let mut complaints = Vec::new();
        if probe.early && probe.halted {
            complaints.push("although nobody asks for it and two before it were refused".to_owned());
        }
        let before = self.probation.probes[..index].iter().filter(|other| other.grant != probe.grant);
        let after = self.probation.probes[index + 1..].iter().filter(|other| other.grant != probe.grant);
        // Where a grant went on, its own repetition says what became of the attempt before.
        let is_newest = |other: &&Probe| {
            let later = |one: &Probe| one.grant == other.grant && one.claimed_at > other.claimed_at;
            !self.probation.probes[..index].iter().any(later)
        };
        let overlap = before
            .filter(|other| is_newest(other) && self.is_under_way(other, &probe))
            .chain(after.filter(|other| self.is_under_way(&probe, other)))
            .find(|other| other.sent.is_some());
        if let Some(other) = overlap {
            complaints.push(format!("while that of {} is under way", other.grant));
        }
        if let Some(complaint) = self.haste(index) {
            complaints.push(complaint);
        }
        for complaint in complaints {
            let evidence = format!("grant {} of an adopted store is presented {complaint}", probe.grant);
            self.object(Invariant::OnePresentation, now, evidence);
        }
    }

    /// Whether the outcome of a probe was not in the store when the next was claimed, and its time not over.
    fn is_under_way(&self, probe: &Probe, next: &Probe) -> bool {
        let Some(sent) = probe.sent.map(|number| &self.presentations[number]) else { return false };
        let recorded = sent.attempt.and_then(|id| self.recorded.get(&id));
        recorded.is_none_or(|command| *command > next.claim) && next.claimed_at - probe.claimed_at < UNDER_WAY
    }

    /// What is tried ahead of time comes after a pause; where an answer was lost, its owner is waited for.
    fn haste(&self, index: usize) -> Option<String> {
        let probe = self.probation.probes[index];
        let before = *self.probation.probes[..index].last()?;
        let presentation: &Presentation = &self.presentations[before.sent?];
        if !probe.early || before.grant == probe.grant || before.clock_settings != probe.clock_settings {
            return None;
        }
        let (since, pause) = match (presentation.end, presentation.heard_at) {
            (Some(PresentationEnd::Dead), Some(at)) if before.concluded => (at, PAUSE_AFTER_REFUSAL),
            (Some(PresentationEnd::Tokens | PresentationEnd::NotProcessed), Some(at)) if before.concluded => {
                (at, PAUSE)
            }
            _ => (before.claimed_at, owner_wait()),
        };
        let waited = probe.claimed_at.saturating_sub(since);
        (waited < pause).then(|| format!("{waited} ms after that of {}", before.grant))
    }
}

impl Probation {
    pub(super) fn unproven(&self) -> &BTreeSet<GrantId> {
        &self.unproven
    }

    /// The tables know of other probes than these, and of these grants that nothing has proven since.
    pub(super) fn go_back(&mut self, unproven: BTreeSet<GrantId>) {
        *self = Self { unproven, ..Self::default() };
    }

    /// What an outcome tells about the probes, if it is that of the latest one.
    fn conclude(&mut self, attempt: AttemptId, command: &Command) {
        let Some(index) = self.of_attempt.get(&attempt).copied() else { return };
        if index + 1 != self.probes.len() || self.probes[index].concluded {
            return;
        }
        match command {
            Command::Succeed(_) => self.refusals = 0,
            Command::Refuse(_) => self.refusals += 1,
            Command::End(end) => match end.ending {
                Ending::Unknown(_) => return,
                Ending::Inactive => self.refusals += 1,
                _ => {}
            },
            Command::RejectClient(_) => {}
            _ => return,
        }
        self.probes[index].concluded = true;
    }
}

fn owner_wait() -> u64 {
    u64::try_from(Duration::as_millis(&OWNER_WAIT)).expect("ten minutes are short")
}
