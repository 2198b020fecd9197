//! The judge: reads the provider's journal, and knows which process was killed while it could be at which grant.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::provider::{ACCESS_LIFE, Policy, Refresh};

/// One process was killed.
#[derive(Debug)]
pub(crate) struct Kill {
    /// The newest entry of the journal before its round; the round ends where the next one begins.
    pub(crate) since: u64,
    /// An entry after which it still lived: whatever repeats what it sent comes later.
    pub(crate) alive_at: u64,
    /// The grants that it could be at.
    pub(crate) families: BTreeSet<u64>,
}

/// What the provider's journal allows to say about presentations of refresh tokens.
pub(crate) struct Judge<'a> {
    policy: Policy,
    refreshes: &'a [Refresh],
}

impl<'a> Judge<'a> {
    pub(crate) fn new(policy: Policy, refreshes: &'a [Refresh]) -> Self {
        Self { policy, refreshes }
    }

    /// Every presentation of a token that had been presented before was one that step 8 of the protocol allows: who
    /// had presented it was killed before that, one presentation a kill, and the policy's own condition is met.
    pub(crate) fn presentations(&self, kills: &[Kill]) {
        let mut tokens: BTreeMap<(u64, u32), Vec<&Refresh>> = BTreeMap::new();
        for refresh in self.refreshes {
            let token = refresh.family.zip(refresh.generation).expect("only known tokens are presented");
            tokens.entry(token).or_default().push(refresh);
        }
        for ((family, _), presentations) in tokens {
            let (mut unanswered, mut previous) = (BTreeSet::new(), presentations[0]);
            for &repetition in &presentations[1..] {
                let round = kills.partition_point(|kill| kill.since < previous.seq).checked_sub(1);
                let killed = round.is_some_and(|round| kills[round].families.contains(&family));
                assert!(killed && unanswered.insert(round), "nobody was killed for it: {presentations:#?}");
                let alive_at = round.map(|round| kills[round].alive_at);
                assert!(alive_at < Some(repetition.seq), "nobody was dead yet: {presentations:#?}");
                self.is_allowed(presentations[0], repetition);
                previous = repetition;
            }
        }
    }

    fn is_allowed(&self, first: &Refresh, repetition: &Refresh) {
        if let Some(window) = self.policy.window {
            let after = passed(first, repetition);
            assert!(after < window, "repeated {after:?} after the first: {first:?} {repetition:?}");
            return;
        }
        // The access token that came with this refresh token must be no good any more.
        let brought = |other: &&Refresh| {
            other.outcome == "done"
                && other.family == repetition.family
                && other.issued_generation == repetition.generation
        };
        if let Some(brought) = self.refreshes.iter().find(brought) {
            let after = passed(brought, repetition);
            assert!(after >= ACCESS_LIFE, "a good access token was put at risk: {brought:?} {repetition:?}");
        }
    }

    /// A lost grant: the provider had rotated its token for somebody who did not live to store the answer, and refuses
    /// it now.
    pub(crate) fn was_rotated_unheard(&self, family: u64) -> bool {
        let of_family = |refresh: &&Refresh| refresh.family == Some(family);
        let of_family: Vec<_> = self.refreshes.iter().filter(of_family).collect();
        let Some(refused) = of_family.iter().find(|refresh| refresh.outcome == "refused") else {
            return false;
        };
        let rotated = |earlier: &&&Refresh| {
            earlier.seq < refused.seq && earlier.generation == refused.generation && earlier.outcome == "done"
        };
        of_family.iter().any(|earlier| rotated(&earlier))
    }
}

fn passed(from: &Refresh, to: &Refresh) -> Duration {
    Duration::from_millis(u64::try_from(to.at_ms - from.at_ms).unwrap_or(0))
}

mod tests {
    use super::*;
    use crate::provider::{P2, P3};

    /// The first use of the second refresh token of family 1, and its repetition `after`.
    fn repeated(after: Duration) -> [Refresh; 3] {
        let refresh = |seq, at: Duration, generation, presented_before| Refresh {
            seq,
            at_ms: i64::try_from(at.as_millis()).unwrap(),
            outcome: "done".to_owned(),
            family: Some(1),
            generation: Some(generation),
            presented_before: Some(presented_before),
            issued_generation: Some(generation + 1),
        };
        let first = Duration::from_secs(100);
        [refresh(1, Duration::ZERO, 1, 0), refresh(2, first, 2, 0), refresh(3, first + after, 2, 1)]
    }

    fn killed_at(families: &[u64]) -> [Kill; 1] {
        [Kill { since: 1, alive_at: 2, families: families.iter().copied().collect() }]
    }

    #[test]
    #[should_panic(expected = "nobody was killed for it")]
    fn a_repetition_for_which_nobody_was_killed_is_found() {
        Judge::new(P3, &repeated(Duration::from_secs(1))).presentations(&killed_at(&[2]));
    }

    #[test]
    #[should_panic(expected = "nobody was dead yet")]
    fn a_repetition_before_the_kill_is_found() {
        let kills = killed_at(&[1]).map(|kill| Kill { alive_at: 3, ..kill });
        Judge::new(P3, &repeated(Duration::from_secs(1))).presentations(&kills);
    }

    #[test]
    #[should_panic(expected = "after the first")]
    fn a_repetition_outside_the_window_is_found() {
        Judge::new(P3, &repeated(Duration::from_secs(120))).presentations(&killed_at(&[1]));
    }

    #[test]
    #[should_panic(expected = "a good access token was put at risk")]
    fn a_repetition_while_the_access_token_lives_is_found() {
        Judge::new(P2, &repeated(Duration::from_secs(199))).presentations(&killed_at(&[1]));
    }

    #[test]
    fn repetitions_that_the_protocol_allows_pass() {
        Judge::new(P3, &repeated(Duration::from_secs(119))).presentations(&killed_at(&[1]));
        Judge::new(P2, &repeated(Duration::from_secs(200))).presentations(&killed_at(&[1]));
    }
}
