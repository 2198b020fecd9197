//! Where a process can be struck: at every boundary between an effect and the process that asked for it.

use evergrant_proto::{
    engine::{Effect, Outcome},
    transaction::{Command, Reply},
};

/// A kind of effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The grant, or an authorization, is read.
    Read,
    /// A place in the lifeboat is reserved.
    Reserve,
    /// The lease is asked for.
    Claim,
    /// A request is sent and answered.
    Send,
    /// The outcome of an attempt, or of an exchange, is recorded.
    Record,
    /// Something is written into the lifeboat.
    Rescue,
    /// Anything else is written into the store.
    Write,
}

/// A side of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It is asked for and not begun.
    Before,
    /// It is done, and its outcome is on the way.
    After,
    /// Its outcome arrives and is not heard any more.
    OnReturn,
}

/// What becomes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// It ends.
    Kill,
    /// It stands still for so many milliseconds.
    Stop(u64),
}

/// A blow that waits for its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doom {
    /// At which effect.
    pub work: Work,
    /// On which side of it.
    pub side: Side,
    /// What happens.
    pub blow: Blow,
}

impl Work {
    pub(super) fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Read(_) | Effect::ReadDue { .. } | Effect::FindAuthorization(_) => Self::Read,
            Effect::Reserve | Effect::Release(_) => Self::Reserve,
            Effect::Transact(command) => match &**command {
                Command::Claim(_) | Command::JournalExchange(_) => Self::Claim,
                Command::Complete(_) => Self::Record,
                command if command.attempt().is_some() => Self::Record,
                _ => Self::Write,
            },
            Effect::Rescue { .. } => Self::Rescue,
            Effect::Send { .. } => Self::Send,
        }
    }

    pub(super) fn behind(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Found(_) | Outcome::Due(_) | Outcome::Authorization(_) => Self::Read,
            Outcome::Reserved(_) => Self::Reserve,
            Outcome::Transacted(Ok(Reply::Claimed(_) | Reply::Deferred(_))) => Self::Claim,
            Outcome::Transacted(_) => Self::Record,
            Outcome::Rescued(_) => Self::Rescue,
            Outcome::Answered(_) => Self::Send,
        }
    }
}
