//! Whether a refresh token that may have been spent may be presented again (DESIGN, step 8).

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    access::AccessKey,
    attempt::{Attempt, Outcome},
    lease::StoreTime,
    record::GrantRecord,
};
use crate::{
    name::{AttemptId, Generation, HolderId},
    provider::{RotationKind, RotationPolicy},
    time::Timestamp,
    transaction::deadlines,
};

/// How often a grant in doubt is looked at while it serves a token without an end.
const ENDLESS_RECHECK: Duration = Duration::from_secs(60 * 60);

/// What the answer depends on besides the grant itself.
#[derive(Debug, Clone, Copy)]
pub struct PresentationRules<'a> {
    /// What this provider does with a refresh token that was used already.
    pub policy: &'a RotationPolicy,
    /// How fast flights to this provider are.
    pub pace: Pace,
    /// How long the process of an open attempt is given to come back with its answer.
    pub owner_wait: Duration,
    /// The process that asks. It has no other flight of this grant: its own open attempts are over.
    pub holder: HolderId,
    /// Processes that have ended and whose lifeboat was replayed.
    pub ended_holders: &'a BTreeSet<HolderId>,
    /// What the access token is wanted for.
    pub key: &'a AccessKey,
    /// Wall clock.
    pub wall: Timestamp,
    /// The store's clock.
    pub store: StoreTime,
}

/// How fast a flight has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The first byte leaves at most this long after the claim.
    pub send_within: Duration,
    /// From the first byte sent to the last received.
    pub flight: Duration,
}

impl Pace {
    /// The longest that the request of a claim can be on its way.
    pub fn total(self) -> Duration {
        self.send_within + self.flight
    }

    /// The pace for a provider: fast enough that after a lost answer a repetition still arrives inside its window.
    pub fn of(policy: &RotationPolicy) -> Self {
        let window = policy.window.unwrap_or(Duration::MAX).max(Duration::from_secs(3));
        Self {
            send_within: deadlines::SEND_WITHIN.min(window / 6),
            flight: deadlines::FLIGHT.min(window / 4),
        }
    }
}

/// Whether the current refresh token may be presented now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It may.
    Granted,
    /// Not before this time, by the wall clock.
    NotBefore(Timestamp),
}

/// Earlier presentations of one refresh token that the provider may have processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// Wall clock when the first was journalled.
    pub first_at: Timestamp,
    /// The store's clock at the same instant.
    pub first_on: StoreTime,
    /// Wall clock when the last was journalled.
    pub last_at: Timestamp,
    /// How many there were.
    pub times: u32,
    /// The generations whose open attempts present it: more than one if it was put back meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generations: Vec<Generation>,
}

impl GrantRecord {
    /// Whether attempts of this generation present the refresh token in force: one that was put back was presented before, as
    /// an earlier generation.
    pub(crate) fn holds_what_was_presented_as(&self, generation: Generation) -> bool {
        generation == self.generation || self.has_put_back(generation)
    }

    /// Whether the refresh token in force was put back, and attempts of this earlier generation present it.
    pub(crate) fn has_put_back(&self, generation: Generation) -> bool {
        self.put_back.is_some_and(|put_back| put_back == generation || self.was_exchanged(generation))
    }

    /// Whether attempts of this generation present the predecessor.
    pub(crate) fn replaced_what_was_presented_as(&self, generation: Generation) -> bool {
        let predecessor = self.predecessor.as_ref();
        predecessor.is_some_and(|held| held.generation == generation || self.was_exchanged(generation))
    }

    fn was_exchanged(&self, generation: Generation) -> bool {
        self.exchanged.as_ref().is_some_and(|presented| presented.generations.contains(&generation))
    }

    /// What the refresh token of the current generation has been through; `None` if it was never presented, or as what it was
    /// before it was put back, and nobody has noted that.
    pub fn presented(&self) -> Option<Presented> {
        let own = self.attempts.iter().filter(|attempt| {
            attempt.generation == self.generation && !matches!(attempt.outcome, Some(Outcome::Failed { .. }))
        });
        let times = u32::try_from(own.clone().count()).unwrap_or(u32::MAX);
        let open = self.attempts.iter().filter(|attempt| attempt.is_open());
        let mut generations: Vec<_> = open
            .map(|attempt| attempt.generation)
            .filter(|generation| self.holds_what_was_presented_as(*generation))
            .collect();
        generations.dedup();
        let last_at = own.clone().map(|attempt| attempt.journalled_at).max();
        if self.put_back.is_some() {
            let before = self.exchanged.as_ref()?;
            let times = before.times.saturating_add(times);
            let last_at = last_at.max(Some(before.last_at))?;
            return Some(Presented { last_at, times, generations, ..*before });
        }
        let first = own.min_by_key(|attempt| attempt.fence)?;
        let (first_at, first_on) = (first.journalled_at, first.journalled_on);
        Some(Presented { first_at, first_on, last_at: last_at?, times, generations })
    }
}

/// Decides whether the refresh token of the current generation may be presented.
pub fn may_present(grant: &GrantRecord, rules: &PresentationRules<'_>) -> Permission {
    let doubtful: Vec<&Attempt> = grant.doubtful_attempts().collect();
    if doubtful.is_empty() && grant.put_back.is_none() || sabotaged!(RepeatBlindly) {
        return Permission::Granted;
    }
    let repetition = Repetition {
        policy: rules.policy,
        wall: rules.wall,
        store: rules.store,
        arrives_within: rules.pace.total(),
    };
    let repeatable = rules.policy.kind == RotationKind::OneTime || repetition.is_forgiven(grant, &doubtful);
    if repeatable { Permission::Granted } else { last_resort(grant, rules, &doubtful) }
}

/// Until when a refresh token that was presented before can be claimed again so that it arrives inside the provider's window;
/// `None` if it was not, or the policy has no window.
pub fn repeat_before(grant: &GrantRecord, policy: &RotationPolicy, pace: Pace) -> Option<Timestamp> {
    let windowed = matches!(
        policy.kind,
        RotationKind::GraceSame
            | RotationKind::GraceNew
            | RotationKind::LatestWins
            | RotationKind::UntilSuccessorUsed
            | RotationKind::LongOverlap
    );
    let before = grant.put_back.and(grant.exchanged.as_ref()).map(|presented| presented.first_at);
    let first = grant.doubtful_attempts().map(|attempt| attempt.journalled_at).chain(before).min()?;
    policy.window.filter(|_| windowed).map(|window| first.plus(window).minus(pace.total()))
}

/// Whether a repetition inside the provider's window cannot wait until an endpoint is well again. Whoever has more time can spare
/// one that is not.
pub fn is_urgent(grant: &GrantRecord, policy: &RotationPolicy, wall: Timestamp) -> bool {
    let end = repeat_before(grant, policy, Pace::of(policy));
    end.is_some_and(|end| end > wall && end <= wall.plus(deadlines::LONGEST_WAIT))
}

/// Whether the provider, by its policy, took the presentation of the attempt `own` in spite of any others without an answer,
/// whichever came first: what became of those is not why it was refused.
///
/// Read on both clocks when the refusal is heard: by then all had arrived that it can be due to.
pub(crate) fn was_forgiven(
    grant: &GrantRecord,
    policy: &RotationPolicy,
    own: AttemptId,
    (wall, store): (Timestamp, StoreTime),
) -> bool {
    let others: Vec<_> = grant.doubtful_attempts().filter(|attempt| attempt.id != own).collect();
    Repetition { policy, wall, store, arrives_within: Duration::ZERO }.is_forgiven(grant, &others)
}

/// A refresh token that was presented before, and is again.
struct Repetition<'a> {
    policy: &'a RotationPolicy,
    wall: Timestamp,
    store: StoreTime,
    /// After these readings, at the latest.
    arrives_within: Duration,
}

impl Repetition<'_> {
    /// Whether the provider takes the token once more, by its policy.
    fn is_forgiven(&self, grant: &GrantRecord, doubtful: &[&Attempt]) -> bool {
        match self.policy.kind {
            RotationKind::Reusable => true,
            // Nobody has used a successor that nobody received; but some end the old token after a while all the same.
            RotationKind::UntilSuccessorUsed => {
                self.policy.window.is_none() && self.policy.count.is_none()
                    || self.is_inside_window(grant, doubtful)
            }
            RotationKind::GraceSame
            | RotationKind::GraceNew
            | RotationKind::LatestWins
            | RotationKind::LongOverlap => self.is_inside_window(grant, doubtful),
            RotationKind::OneTime | RotationKind::ReplayRevokes | RotationKind::Unknown => false,
        }
    }

    /// The provider forgives a repetition that arrives inside its window. The window opens when the provider first sees
    /// the token, which is not before we journalled it: counting from the journal errs on the safe side.
    ///
    /// Counted on both clocks: the store's cannot be set back, which would make the window look open for longer than it
    /// is; the wall clock is the one that a rehearsal moves.
    fn is_inside_window(&self, grant: &GrantRecord, doubtful: &[&Attempt]) -> bool {
        let before = grant.put_back.and(grant.exchanged.as_ref());
        if grant.put_back.is_some() && before.is_none() {
            return false;
        }
        let earlier = before.map_or(0, |presented| presented.times);
        let presentations = u32::try_from(doubtful.len()).unwrap_or(u32::MAX).saturating_add(earlier);
        let counted = self.policy.count.is_none_or(|count| presentations <= count);
        let Some(window) = self.policy.window else { return counted && self.policy.count.is_some() };
        let in_time = |(first_at, first_on): (Timestamp, StoreTime)| {
            let by_wall =
                self.wall >= first_at && self.wall.plus(self.arrives_within) < first_at.plus(window);
            let by_store = self.store.until(first_on.plus(window)) > self.arrives_within;
            by_wall && by_store
        };
        let doubtful = doubtful.iter().map(|attempt| (attempt.journalled_at, attempt.journalled_on));
        counted && doubtful.chain(before.map(|before| (before.first_at, before.first_on))).all(in_time)
    }
}

/// Under a policy that kills the family on a replay, the token is presented again only when nothing can be lost by
/// it: the access token is no longer any good, and no answer can still come.
fn last_resort(grant: &GrantRecord, rules: &PresentationRules<'_>, doubtful: &[&Attempt]) -> Permission {
    if let Some(entry) = grant.access_for(rules.key).filter(|entry| !entry.rejected) {
        // A token that does not end by itself is given up only when a resource server rejects it.
        let end = entry.presumed_end().unwrap_or_else(|| rules.wall.plus(ENDLESS_RECHECK));
        if end > rules.wall {
            return Permission::NotBefore(end);
        }
    }
    let earlier = grant.attempts.iter().filter(|attempt| grant.has_put_back(attempt.generation));
    let longest_wait = earlier
        .chain(doubtful.iter().copied())
        .filter(|attempt| !is_over(attempt, rules))
        .map(|attempt| rules.store.until(attempt.journalled_on.plus(rules.owner_wait)));
    match longest_wait.max() {
        Some(wait) if !wait.is_zero() => Permission::NotBefore(rules.wall.plus(wait)),
        _ => Permission::Granted,
    }
}

/// Whether no answer can come any more: the flight ended without tokens, or its process has ended.
fn is_over(attempt: &Attempt, rules: &PresentationRules<'_>) -> bool {
    !attempt.is_open() || attempt.holder == rules.holder || rules.ended_holders.contains(&attempt.holder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        grant::BootId,
        name::{ClientName, GrantId, Namespace},
    };

    const BEGAN: u64 = 1_000_000;

    /// A grant whose refresh token was presented so many times, with every answer lost, a second apart.
    fn in_doubt(presentations: u64) -> GrantRecord {
        let mut grant = GrantRecord::new(
            GrantId(1),
            &Namespace::default(),
            &ClientName::new("shop").unwrap(),
            Timestamp::from_seconds(0),
        );
        grant.attempts = (0..presentations).map(attempt).collect();
        grant
    }

    fn attempt(number: u64) -> Attempt {
        let (wall, store) = at(number);
        Attempt {
            id: AttemptId(number.into()),
            generation: Generation::default(),
            fence: crate::name::Fence(number),
            holder: HolderId(1),
            key: AccessKey::default(),
            journalled_at: wall,
            journalled_on: store,
            outcome: Some(Outcome::Unknown {
                manner: crate::diagnosis::PreviousOutcome::Timeout,
                reason: String::new(),
            }),
            ended_at: Some(wall),
            brought_by_others: Vec::new(),
        }
    }

    fn at(seconds: u64) -> (Timestamp, StoreTime) {
        let milliseconds = (BEGAN + seconds) * 1000;
        let wall = Timestamp(i64::try_from(milliseconds).unwrap());
        (wall, StoreTime { boot: BootId(1), milliseconds })
    }

    /// Whether a token may be repeated while its access token lives, so that nothing but the policy allows it.
    fn repeats(policy: &RotationPolicy, presentations: u64, seconds: u64) -> bool {
        let mut grant = in_doubt(presentations);
        let (wall, store) = at(seconds);
        grant.access.push(crate::grant::AccessEntry {
            key: AccessKey::default(),
            token: crate::secret::AccessToken::new("at").unwrap(),
            token_type: "Bearer".to_owned(),
            scope: None,
            issued_at: wall,
            expiry: crate::grant::Expiry::At(wall.plus(Duration::from_secs(3600))),
            generation: Generation::default(),
            rejected: false,
            jitter: 0,
        });
        let rules = PresentationRules {
            policy,
            pace: Pace::of(policy),
            owner_wait: deadlines::OWNER_WAIT,
            holder: HolderId(1),
            ended_holders: &BTreeSet::new(),
            key: &AccessKey::default(),
            wall,
            store,
        };
        may_present(&grant, &rules) == Permission::Granted
    }

    fn policy(kind: RotationKind, window: Option<u64>, count: Option<u32>) -> RotationPolicy {
        RotationPolicy { kind, window: window.map(Duration::from_secs), count, ..RotationPolicy::default() }
    }

    #[test]
    fn a_window_and_a_count_bound_the_repetitions_of_every_policy_that_has_them() {
        use RotationKind::{GraceNew, GraceSame, LatestWins, LongOverlap, UntilSuccessorUsed};
        for kind in [GraceSame, GraceNew, LatestWins, LongOverlap, UntilSuccessorUsed] {
            let window = policy(kind, Some(60), None);
            assert!(repeats(&window, 5, 30) && !repeats(&window, 1, 60), "{kind:?}");
            let both = policy(kind, Some(60), Some(2));
            assert!(repeats(&both, 2, 30) && !repeats(&both, 3, 30) && !repeats(&both, 1, 60), "{kind:?}");
            // Keycloak's max-reuse: a count and no time.
            let count = policy(kind, None, Some(1));
            assert!(repeats(&count, 1, 100_000) && !repeats(&count, 2, 30), "{kind:?}");
        }
    }

    #[test]
    fn without_bounds_only_what_forgives_for_ever_repeats() {
        use RotationKind::{
            GraceNew, GraceSame, LatestWins, LongOverlap, OneTime, ReplayRevokes, Reusable, Unknown,
            UntilSuccessorUsed,
        };
        for kind in [Reusable, OneTime, UntilSuccessorUsed] {
            assert!(repeats(&policy(kind, None, None), 9, 100_000), "{kind:?}");
        }
        for kind in [GraceSame, GraceNew, LatestWins, LongOverlap, ReplayRevokes, Unknown] {
            assert!(!repeats(&policy(kind, None, None), 1, 1), "{kind:?}");
        }
        assert!(!repeats(&policy(ReplayRevokes, Some(60), Some(5)), 1, 1), "bounds of another policy");
    }
}
