//! Ways to break the refresh protocol on purpose, one at a time.
//!
//! A check that cannot fail proves nothing. Each [`Sabotage`] is a mistake that a program of this kind could make, and
//! that others have made; `evergrant-proto` makes it while it is switched on, if it was built with its feature
//! `sabotage`, which no program that ships enables. `cargo xtask sabotage` shows that the simulation catches every one.

use std::cell::Cell;

thread_local! {
    static SWITCHED_ON: Cell<Option<Sabotage>> = const { Cell::new(None) };
}

macro_rules! sabotages {
    ($($(#[doc = $text:literal])+ $name:ident,)+) => {
        /// One mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Sabotage {
            $($(#[doc = $text])+ $name,)+
        }

        impl Sabotage {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What it does, in a sentence.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($text,)+).trim_ascii(),)+
                }
            }
        }
    };
}

sabotages! {
    /// Installs what a refresh brought even if another one has moved the generation.
    DropTheGenerationCheck,
    /// Claims a grant whose lease another process holds.
    IgnoreLeases,
    /// Gives the lease back as soon as it is taken.
    ReleaseTheLeaseEarly,
    /// Counts leases on the wall clock.
    TrustTheWallClock,
    /// Answers callers although the store has not confirmed the rotation, and forgets it.
    BelieveEveryCommit,
    /// Writes nothing to the lifeboat when the store is away.
    ForgetTheLifeboat,
    /// Keeps a place in the lifeboat for ever.
    LeakPlaces,
    /// Presents a refresh token again whatever became of the last time.
    RepeatBlindly,
    /// Takes an attempt whose process is silent for one that never was.
    ForgetOpenAttempts,
    /// Writes an unknown outcome down as a plain failure.
    CallUnknownUnprocessed,
    /// Declares a grant dead at the first refusal, while another attempt may still succeed.
    BelieveTheFirstRefusal,
    /// Declares a grant dead without trying what a late success has brought.
    ForgetSpares,
    /// Throws the tokens of a late success away.
    DropLateSuccesses,
    /// Keeps the old refresh token when the provider has rotated it.
    KeepTheOldToken,
    /// Deletes the refresh token on `invalid_grant`.
    DeleteOnRefusal,
    /// Counts a 503 as a refusal of the grant.
    CountUnavailableAsRefusal,
    /// Lets a rejected client kill the grant.
    LetTheClientKillTheGrant,
    /// Comes back before the time that `Retry-After` names.
    IgnoreRetryAfter,
    /// Tries again at once after every failure.
    NeverBackOff,
    /// Goes on presenting the token of a dead grant.
    AskForTheDead,
    /// Leaves the generation as it is when the token changes.
    StandStill,
    /// Lets a flight that began before a re-authorization write over it.
    ForgetTheLineage,
    /// Brings a removed grant back when a late answer comes in.
    RaiseTheDead,
    /// Goes on handing out an access token that a resource server has rejected.
    IgnoreRejections,
    /// Sends a request however long ago its lease was taken.
    SendLate,
    /// Leaves the lease in place when the refresh has ended.
    KeepTheLease,
    /// Says that a token was revoked where its successor was lost.
    BlameTheUser,
    /// Refreshes while the store is quarantined.
    IgnoreTheQuarantine,
    /// Probes the grants of an adopted store all at once.
    ProbeAllAtOnce,
    /// Goes on probing the grants of an adopted store although one after the other is refused.
    ForgetRefusedProbes,
    /// Takes the scope of a narrower access token for that of the grant.
    NarrowTheGrant,
    /// Asks for the whole scope where a part of it is wanted.
    WidenTheScope,
}

impl Sabotage {
    /// Its name on the command line: `drop-the-generation-check`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// The one of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|sabotage| sabotage.name() == name)
    }

    /// Whether this thread makes it now.
    pub fn is_on(self) -> bool {
        SWITCHED_ON.get() == Some(self)
    }

    /// Makes this thread make it, and no other one, from now on.
    pub fn switch_on(self) {
        SWITCHED_ON.set(Some(self));
    }
}

/// Makes this thread make none.
pub fn switch_off() {
    SWITCHED_ON.set(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back() {
        for sabotage in Sabotage::ALL {
            assert_eq!(Sabotage::of_name(&sabotage.name()), Some(*sabotage));
            assert!(sabotage.description().ends_with('.'));
        }
        assert_eq!(Sabotage::DropTheGenerationCheck.name(), "drop-the-generation-check");
    }

    #[test]
    fn one_is_on_at_a_time_and_only_on_its_thread() {
        Sabotage::IgnoreLeases.switch_on();
        Sabotage::RepeatBlindly.switch_on();
        assert!(!Sabotage::IgnoreLeases.is_on() && Sabotage::RepeatBlindly.is_on());
        let elsewhere =
            std::thread::spawn(|| Sabotage::RepeatBlindly.is_on()).join().expect("it does not panic");
        assert!(!elsewhere);
        switch_off();
        assert!(!Sabotage::RepeatBlindly.is_on());
    }
}
