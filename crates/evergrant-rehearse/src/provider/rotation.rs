//! The rotation policies at work: what a presented refresh token may do, decided without changing anything.

use super::{
    Timestamp,
    grant::{Family, RefreshToken},
};
use crate::settings::{Ancestors, PolicyName, RotationPolicy};

/// What a presented refresh token of a live family brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Access, and the same refresh token goes on.
    Keep,
    /// A new refresh token.
    Mint,
    /// A new refresh token, and the ones that this token had brought before end.
    MintInstead,
    /// The successor that it had brought before, by its place in the family.
    Repeat(usize),
    /// A replay that is not forgiven.
    Replayed,
    /// It was ended by a later replay of its predecessor.
    Superseded,
}

/// Judges the token at `place` of a family.
pub(super) fn judge(policy: &RotationPolicy, family: &Family, place: usize, now: Timestamp) -> Verdict {
    let token = &family.tokens[place];
    if token.superseded {
        return Verdict::Superseded;
    }
    if policy.policy == PolicyName::P0 {
        return if policy.reissues { Verdict::Mint } else { Verdict::Keep };
    }
    let Some(spent) = token.spent else { return Verdict::Mint };
    if !may_be_used_again(policy, family, token, spent, now) {
        return Verdict::Replayed;
    }
    match policy.policy {
        PolicyName::P3 => token.successors.first().map_or(Verdict::Mint, |&place| Verdict::Repeat(place)),
        PolicyName::P4 | PolicyName::P7 => Verdict::Mint,
        PolicyName::P5 | PolicyName::P6 => Verdict::MintInstead,
        PolicyName::P0 | PolicyName::P1 | PolicyName::P2 => Verdict::Replayed,
    }
}

fn may_be_used_again(
    policy: &RotationPolicy,
    family: &Family,
    token: &RefreshToken,
    spent: Timestamp,
    now: Timestamp,
) -> bool {
    let successor_used = token.successors.iter().any(|&place| family.tokens[place].spent.is_some());
    let covered = match policy.policy {
        PolicyName::P0 | PolicyName::P1 | PolicyName::P2 => false,
        PolicyName::P6 => !successor_used,
        _ => policy.ancestors == Ancestors::All || !successor_used,
    };
    let in_window = policy.window_s.is_none_or(|seconds| now < spent.plus_seconds(seconds));
    covered && in_window && policy.count.is_none_or(|count| token.replays < count)
}

impl Family {
    /// Notes that the token at `place` was granted what `verdict` says.
    pub(super) fn apply(&mut self, place: usize, verdict: Verdict, now: Timestamp) {
        if verdict == Verdict::MintInstead {
            for successor in self.tokens[place].successors.clone() {
                self.supersede(successor);
            }
        }
        let token = &mut self.tokens[place];
        token.last_used = Some(now);
        if token.spent.is_some() {
            token.replays = token.replays.saturating_add(1);
        }
    }

    /// Notes that the token at `place` was exchanged for another. Not under P0, where it goes on working.
    pub(super) fn spend(&mut self, place: usize, now: Timestamp) {
        self.tokens[place].spent.get_or_insert(now);
    }

    fn supersede(&mut self, place: usize) {
        let mut ended = vec![place];
        while let Some(place) = ended.pop() {
            let token = &mut self.tokens[place];
            if !token.superseded {
                token.superseded = true;
                ended.extend(&token.successors);
            }
        }
    }

    /// The refresh tokens that neither were exchanged nor ended otherwise.
    pub(super) fn live_leaves(&self) -> usize {
        if self.revoked.is_some() {
            return 0;
        }
        self.tokens.iter().filter(|token| token.spent.is_none() && !token.superseded).count()
    }
}
