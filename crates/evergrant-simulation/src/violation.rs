//! What must never happen, and what is said when it did.

use std::fmt;

/// The invariants, as the project states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// 1: within one generation a refresh token is presented again only if every earlier presentation was provably not
    /// processed, or is unknown and step 8 of the protocol allows it; and every presentation is journalled first.
    OnePresentation,
    /// 2: a grant is given up only if no credential that is durably held would be accepted.
    NothingLost,
    /// 3: a terminal cause is what really happened, or is undetermined with the truth among three candidates at most.
    TrueCause,
    /// 4: while a valid access token exists as far as store, clock and rejections show, callers get one.
    ValidTokensAreServed,
    /// 5: a dead grant costs no request, and requests are bounded in every window.
    BoundedRequests,
    /// 6: when faults stop, every live grant serves a fresh token within a bound, and nothing is left over.
    Recovery,
    /// 7: nothing newer is overwritten by something older, and nothing that was ended comes back.
    NothingOlderWins,
    /// The contract of the engine itself: it answers once, it does not spin, it does not panic.
    EngineContract,
}

/// One thing that was found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Which invariant it breaks.
    pub invariant: Invariant,
    /// When, in milliseconds of the world.
    pub at: u64,
    /// The evidence.
    pub evidence: String,
}

impl Invariant {
    /// Its number in the project's list; none for the engine's own contract.
    pub fn number(self) -> Option<u8> {
        match self {
            Self::OnePresentation => Some(1),
            Self::NothingLost => Some(2),
            Self::TrueCause => Some(3),
            Self::ValidTokensAreServed => Some(4),
            Self::BoundedRequests => Some(5),
            Self::Recovery => Some(6),
            Self::NothingOlderWins => Some(7),
            Self::EngineContract => None,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::OnePresentation => "a refresh token is presented again only where step 8 allows it",
            Self::NothingLost => "a grant is given up only if nothing that is held would be accepted",
            Self::TrueCause => "a terminal cause is the truth, or leaves room for it",
            Self::ValidTokensAreServed => "callers get the valid token that exists",
            Self::BoundedRequests => "the dead cost nothing, and requests are bounded",
            Self::Recovery => "when faults stop, all is well within a bound and nothing is left over",
            Self::NothingOlderWins => "nothing newer is overwritten, nothing ended comes back",
            Self::EngineContract => "the engine keeps its contract",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(formatter, "invariant {number} ({})", self.title()),
            None => formatter.write_str(self.title()),
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: at {} ms {}", self.invariant, self.at, self.evidence)
    }
}
