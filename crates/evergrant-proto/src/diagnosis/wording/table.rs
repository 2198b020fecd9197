//! What sets of notions mean, at which stage.

mod account;
mod client;
mod passing;
mod request;
mod token;

use super::{Words, vocabulary::Word};
use crate::{diagnosis::Cause, failure::Stage};

/// Something that servers say.
#[derive(Debug)]
pub(in crate::diagnosis) struct Saying {
    stages: Stages,
    /// One notion of each of these must be heard.
    needs: &'static [Words],
    /// None of these may be.
    lacks: Words,
    weight: Weight,
    /// What it means.
    pub(in crate::diagnosis) cause: Cause,
    /// What else it can mean.
    pub(in crate::diagnosis) or: &'static [Cause],
    /// What it speaks of, as the end of "The provider's text speaks of".
    pub(in crate::diagnosis) subject: &'static str,
}

/// How much a saying weighs against our own records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diagnosis) enum Weight {
    /// It names one thing, and no record of ours would make it another.
    Plain,
    /// Servers say so of several things: our records come first.
    Hint,
}

/// What was heard, and where.
#[derive(Debug, Clone, Copy)]
pub(in crate::diagnosis) struct Hearing {
    pub(in crate::diagnosis) stage: Stage,
    pub(in crate::diagnosis) words: Words,
}

impl Hearing {
    /// The first saying of this weight that fits.
    pub(in crate::diagnosis) fn means(self, weight: Weight) -> Option<&'static Saying> {
        if self.words == Words::default() {
            return None;
        }
        let stage = Stages::of(&[self.stage]);
        TABLE.iter().copied().flatten().find(|saying| {
            saying.weight == weight
                && saying.stages.0 & stage.0 != 0
                && !self.words.has_any(saying.lacks)
                && saying.needs.iter().all(|one_of| self.words.has_any(*one_of))
        })
    }

    /// Whether the text says that a refresh token was used before.
    pub(in crate::diagnosis) fn tells_of_reuse(self) -> bool {
        self.means(Weight::Hint).is_some_and(|saying| saying.cause == Cause::RotatedTokenReused)
    }

    /// Whether the text says that something has expired, and nothing else.
    pub(in crate::diagnosis) fn speaks_of_an_end(self) -> bool {
        self.words.has_any(Words::of(&[Word::Expire]))
            && !self.words.has_any(Words::of(&[Word::Or, Word::Revoke, Word::Invalid, Word::Not]))
    }

    /// Whether the text says no more than that something is invalid.
    pub(in crate::diagnosis) fn calls_it_invalid(self) -> bool {
        self.words.has_any(Words::of(&[Word::Invalid]))
            && !self.words.has_any(Words::of(&[Word::Expire, Word::Revoke]))
    }

    /// Whether the text says that a code is invalid, and speaks of no parameter.
    pub(in crate::diagnosis) fn calls_the_code_invalid(self) -> bool {
        self.words.has_all(Words::of(&[Word::Code, Word::Invalid]))
            && !self.words.has_any(Words::of(&[Word::Parameter, Word::Missing, Word::Malformed]))
    }

    /// Whether the text says that something was revoked, and nothing else.
    pub(in crate::diagnosis) fn speaks_of_a_revocation(self) -> bool {
        self.words.has_any(Words::of(&[Word::Revoke]))
            && !self.words.has_any(Words::of(&[Word::Or, Word::Expire, Word::Not, Word::Invalid]))
    }
}

/// In this order: what passes, what was asked, who asked, for whom, and only then the token itself.
const TABLE: [&[Saying]; 5] =
    [passing::SAYINGS, request::SAYINGS, client::SAYINGS, account::SAYINGS, token::SAYINGS];

#[derive(Debug, Clone, Copy)]
struct Stages(u16);

impl Stages {
    const fn of(stages: &[Stage]) -> Self {
        let mut set = 0;
        let mut index = 0;
        while index < stages.len() {
            set |= 1 << stages[index] as u8;
            index += 1;
        }
        Self(set)
    }
}

const ANY: Stages = Stages(u16::MAX);
/// Where what is presented is a code.
const CODE: Stages = Stages::of(&[Stage::AuthorizationCode, Stage::DeviceCode]);
const REFRESH: Stages = Stages::of(&[Stage::RefreshToken]);
const PASSWORD: Stages = Stages::of(&[Stage::Password]);
/// Where a user is named without a grant.
const USER: Stages = Stages::of(&[Stage::Password, Stage::JwtBearer]);
/// Where an assertion may be what the request is about.
const ASSERTION: Stages = Stages::of(&[Stage::JwtBearer, Stage::ClientCredentials]);
const API: Stages = Stages::of(&[Stage::ApiCall]);
/// The token endpoint.
const TOKEN_ENDPOINT: Stages = Stages::of(&[
    Stage::AuthorizationCode,
    Stage::RefreshToken,
    Stage::ClientCredentials,
    Stage::Password,
    Stage::JwtBearer,
    Stage::DeviceCode,
]);

const NOTHING: Words = Words(0);

const fn plain(
    stages: Stages,
    needs: &'static [Words],
    lacks: Words,
    cause: Cause,
    or: &'static [Cause],
    subject: &'static str,
) -> Saying {
    Saying { stages, needs, lacks, weight: Weight::Plain, cause, or, subject }
}

const fn hint(
    stages: Stages,
    needs: &'static [Words],
    lacks: Words,
    cause: Cause,
    or: &'static [Cause],
    subject: &'static str,
) -> Saying {
    Saying { stages, needs, lacks, weight: Weight::Hint, cause, or, subject }
}
