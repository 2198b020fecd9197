//! What the answers of a provider have shown.
//!
//! Nothing is tried out for it: each observation is of a request that was needed and allowed anyway. And nothing is relaxed
//! by it. Servers that were never seen to rotate do rotate later (node-oidc-provider from 70 % of the token's life on,
//! QuickBooks once a day), and a repetition that was accepted may have been accepted because the first request never
//! arrived. So what was learned is shown, beside what the catalogue or the operator states, and whoever knows the
//! provider decides.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::provider::{Provider, Replacement, RotationKind};

/// So many observations make a statement; beyond, nothing is counted and nothing written.
pub const ENOUGH: u8 = 3;

/// Two lifetimes count as one if they differ by less than this share: providers that round must not cause a write with
/// every refresh.
const SAME_WITHIN: u32 = 10;

/// What was seen of a provider with one registration. Bounded: a few numbers, written only when one of them changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Learned {
    /// Refreshes that brought another refresh token, up to [`ENOUGH`].
    pub replaced: u8,
    /// Refreshes that brought none, or the same again, up to [`ENOUGH`].
    pub kept: u8,
    /// Refreshes that repeated one whose answer was lost.
    pub repetitions: Repetitions,
    /// Lifetimes of access tokens, as answers stated them.
    pub access_lifetime: Option<Range>,
    /// Lifetimes of refresh tokens, as answers stated them.
    pub refresh_lifetime: Option<Range>,
    /// Lifetimes of whole authorizations, as answers stated them.
    pub authorization_lifetime: Option<Range>,
    /// Whether using a refresh token moves its stated end; `None`: not seen.
    pub use_extends: Option<bool>,
}

/// What became of refresh tokens that were presented again after an answer was lost. Whether the lost request had been
/// processed is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Repetitions {
    /// How many were accepted, up to [`ENOUGH`].
    pub accepted: u8,
    /// How many were refused, up to [`ENOUGH`].
    pub refused: u8,
    /// The longest time after the first presentation at which one was accepted, in seconds.
    pub accepted_after_s: Option<u64>,
    /// The shortest time after the first presentation at which one was refused, in seconds.
    pub refused_after_s: Option<u64>,
}

/// From the shortest to the longest, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The shortest.
    pub shortest_s: u64,
    /// The longest.
    pub longest_s: u64,
}

/// What one refresh that brought tokens showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observation {
    /// Whether the answer held another refresh token than the one presented.
    pub replaced: bool,
    /// If the token had been presented before: how long before.
    pub repeated_after: Option<Duration>,
    /// The access token's lifetime, if it was stated.
    pub access_lifetime: Option<Duration>,
    /// The refresh token's lifetime, if it was stated.
    pub refresh_lifetime: Option<Duration>,
    /// The authorization's lifetime, if it was stated.
    pub authorization_lifetime: Option<Duration>,
    /// Whether the use moved the stated end of the refresh token, if that could be seen.
    pub use_extends: Option<bool>,
}

/// Where what was seen speaks against what the catalogue or the operator states. The statement goes on governing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Contradiction {
    /// Refreshes are said to bring no refresh token, and brought one.
    Replaces,
    /// Each refresh is said to bring another refresh token, and some did not.
    Keeps,
    /// A refresh token is said to be reusable, or forgiven for longer, and a repetition was refused. The user may have
    /// ended the grant meanwhile.
    RefusesRepetition,
    /// Access tokens live shorter than is said.
    ShorterAccess,
}

/// What was seen, beside what is stated: as it is told to programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// What was seen.
    #[serde(flatten)]
    pub learned: Learned,
    /// Whether refreshes bring another refresh token, as far as was seen often enough.
    pub replaces: Replacement,
    /// Where it speaks against what is stated.
    pub contradicts: Vec<Contradiction>,
}

impl Contradiction {
    /// One sentence for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Replaces => "refreshes bring another refresh token, though the catalogue says that none do",
            Self::Keeps => {
                "refreshes keep the refresh token, though the catalogue says that each replaces it"
            }
            Self::RefusesRepetition => {
                "a repetition was refused that the stated rotation policy forgives, unless the user ended the grant"
            }
            Self::ShorterAccess => "access tokens live shorter than the catalogue says",
        }
    }
}

impl Learned {
    /// What was seen, compared with what is stated of the provider.
    pub fn compared_with(self, provider: &Provider) -> Comparison {
        Comparison { learned: self, replaces: self.replacement(), contradicts: self.contradictions(provider) }
    }

    /// Whether nothing was seen yet.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Notes a refresh that brought tokens.
    pub fn note(&mut self, seen: &Observation) {
        count(if seen.replaced { &mut self.replaced } else { &mut self.kept });
        if let Some(after) = seen.repeated_after {
            count(&mut self.repetitions.accepted);
            let longest = &mut self.repetitions.accepted_after_s;
            if longest.is_none_or(|longest| clearly_above(after.as_secs(), longest)) {
                *longest = Some(after.as_secs());
            }
        }
        widen(&mut self.access_lifetime, seen.access_lifetime);
        widen(&mut self.refresh_lifetime, seen.refresh_lifetime);
        widen(&mut self.authorization_lifetime, seen.authorization_lifetime);
        self.use_extends = seen.use_extends.or(self.use_extends);
    }

    /// Notes a repetition that was refused so long after the first presentation.
    pub fn note_refused_repetition(&mut self, after: Duration) {
        count(&mut self.repetitions.refused);
        let shortest = &mut self.repetitions.refused_after_s;
        if shortest.is_none_or(|shortest| clearly_above(shortest, after.as_secs())) {
            *shortest = Some(after.as_secs());
        }
    }

    /// Whether refreshes bring another refresh token, as far as was seen often enough.
    pub fn replacement(&self) -> Replacement {
        match (self.replaced, self.kept) {
            (1.., 1..) => Replacement::Sometimes,
            (ENOUGH.., 0) => Replacement::Always,
            (0, ENOUGH..) => Replacement::Never,
            _ => Replacement::Unknown,
        }
    }

    /// Where it speaks against what is stated of the provider.
    pub fn contradictions(&self, provider: &Provider) -> Vec<Contradiction> {
        let rotation = &provider.rotation;
        let refused_after = self.repetitions.refused_after_s.map(Duration::from_secs);
        let forgives = |after: Duration| match rotation.kind {
            RotationKind::Reusable => true,
            RotationKind::GraceSame | RotationKind::GraceNew | RotationKind::LongOverlap => {
                rotation.count.is_none() && rotation.window.is_some_and(|window| after < window)
            }
            _ => false,
        };
        let shorter = |seen: Range| {
            let stated = provider.lifetimes.access_token;
            stated.is_some_and(|stated| clearly_above(stated.as_secs(), seen.shortest_s))
        };
        let found = [
            (provider.refresh.replaces == Replacement::Never && self.replaced > 0, Contradiction::Replaces),
            (provider.refresh.replaces == Replacement::Always && self.kept > 0, Contradiction::Keeps),
            (refused_after.is_some_and(forgives), Contradiction::RefusesRepetition),
            (self.access_lifetime.is_some_and(shorter), Contradiction::ShorterAccess),
        ];
        found.into_iter().filter(|(holds, _)| *holds).map(|(_, contradiction)| contradiction).collect()
    }
}

fn count(counter: &mut u8) {
    *counter = counter.saturating_add(1).min(ENOUGH);
}

/// Whether `larger` is above `smaller` by more than rounding.
fn clearly_above(larger: u64, smaller: u64) -> bool {
    larger > smaller.saturating_add(smaller / u64::from(SAME_WITHIN))
}

fn widen(range: &mut Option<Range>, seen: Option<Duration>) {
    let Some(seconds) = seen.map(|seen| seen.as_secs()).filter(|seconds| *seconds > 0) else { return };
    match range {
        None => *range = Some(Range { shortest_s: seconds, longest_s: seconds }),
        Some(range) if clearly_above(seconds, range.longest_s) => range.longest_s = seconds,
        Some(range) if clearly_above(range.shortest_s, seconds) => range.shortest_s = seconds,
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour() -> Observation {
        Observation {
            replaced: true,
            access_lifetime: Some(Duration::from_secs(3600)),
            ..Observation::default()
        }
    }

    #[test]
    fn what_is_seen_a_thousand_times_is_written_three_times() {
        let (mut learned, mut writes) = (Learned::default(), 0);
        for round in 0..1000 {
            let before = learned;
            // Providers that count from the moment of issue state a second less now and then.
            let lifetime = Some(Duration::from_secs(3600 - round % 3));
            learned.note(&Observation { access_lifetime: lifetime, ..hour() });
            writes += usize::from(learned != before);
        }
        assert_eq!(writes, usize::from(ENOUGH));
        assert_eq!(learned.replacement(), Replacement::Always);
    }

    #[test]
    fn one_refresh_is_no_rule() {
        let mut learned = Learned::default();
        learned.note(&hour());
        assert_eq!(learned.replacement(), Replacement::Unknown);
        learned.note(&Observation { replaced: false, ..hour() });
        assert_eq!(learned.replacement(), Replacement::Sometimes);
    }

    #[test]
    fn a_window_is_bounded_from_both_sides() {
        let mut learned = Learned::default();
        for seconds in [4, 20, 9] {
            learned.note(&Observation { repeated_after: Some(Duration::from_secs(seconds)), ..hour() });
        }
        for seconds in [90, 40, 300] {
            learned.note_refused_repetition(Duration::from_secs(seconds));
        }
        let seen = learned.repetitions;
        assert_eq!((seen.accepted_after_s, seen.refused_after_s), (Some(20), Some(40)));
    }

    #[test]
    fn what_speaks_against_the_catalogue_is_told_and_nothing_else() {
        let mut stated = Provider::generic();
        let mut learned = Learned::default();
        learned.note(&hour());
        learned.note_refused_repetition(Duration::from_secs(10));
        assert!(learned.contradictions(&stated).is_empty());
        stated.rotation.kind = RotationKind::GraceSame;
        stated.rotation.window = Some(Duration::from_secs(30));
        stated.refresh.replaces = Replacement::Never;
        stated.lifetimes.access_token = Some(Duration::from_secs(7200));
        let told = learned.contradictions(&stated);
        let expected =
            [Contradiction::Replaces, Contradiction::RefusesRepetition, Contradiction::ShorterAccess];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_record_from_before_anything_was_learned_is_read() {
        assert_eq!(serde_json::from_str::<Learned>("{}").unwrap(), Learned::default());
        assert!(Learned::default().is_nothing());
    }
}
