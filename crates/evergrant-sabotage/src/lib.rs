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
    ($($(#[doc = $text:literal])+ $name:ident breaks $invariant:literal,)+) => {
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

            /// The number of the invariant that it breaks: it counts as noticed only where that one is found broken.
            pub fn breaks(self) -> u8 {
                match self {
                    $(Self::$name => $invariant,)+
                }
            }
        }
    };
}

sabotages! {
    /// Installs what a refresh brought even if another one has moved the generation.
    DropTheGenerationCheck breaks 7,
    /// Takes the outcome of a refresh that lost its lease for one of the holder's: its lease is given back, its word counts.
    DropTheFenceCheck breaks 1,
    /// Claims a grant whose lease another process holds.
    IgnoreLeases breaks 1,
    /// Gives the lease back as soon as it is taken.
    ReleaseTheLeaseEarly breaks 1,
    /// Counts leases on the wall clock.
    TrustTheWallClock breaks 1,
    /// Answers callers with what a refresh brought before it is committed.
    UseBeforeTheCommit breaks 2,
    /// Answers callers although the store has not confirmed the rotation, and forgets it.
    BelieveEveryCommit breaks 2,
    /// Writes nothing to the lifeboat when the store is away.
    ForgetTheLifeboat breaks 2,
    /// Keeps a place in the lifeboat for ever.
    LeakPlaces breaks 6,
    /// Presents a refresh token again whatever became of the last time.
    RepeatBlindly breaks 1,
    /// Takes an attempt whose process is silent for one that never was.
    ForgetOpenAttempts breaks 1,
    /// Writes an unknown outcome down as a plain failure.
    CallUnknownUnprocessed breaks 1,
    /// Declares a grant dead at the first refusal, while another attempt may still succeed.
    BelieveTheFirstRefusal breaks 2,
    /// Declares a grant dead without trying what a late success has brought.
    ForgetSpares breaks 2,
    /// Throws the tokens of a late success away.
    DropLateSuccesses breaks 2,
    /// Keeps the old refresh token when the provider has rotated it.
    KeepTheOldToken breaks 2,
    /// Deletes the refresh token on `invalid_grant`.
    DeleteOnRefusal breaks 2,
    /// Counts a 503 as a refusal of the grant.
    CountUnavailableAsRefusal breaks 2,
    /// Lets a rejected client kill the grant.
    LetTheClientKillTheGrant breaks 2,
    /// Comes back before the time that `Retry-After` names.
    IgnoreRetryAfter breaks 5,
    /// Tries again at once after every failure.
    NeverBackOff breaks 5,
    /// Goes on presenting the token of a dead grant.
    AskForTheDead breaks 5,
    /// Leaves the generation as it is when the token changes.
    StandStill breaks 7,
    /// Lets a flight that began before a re-authorization write over it.
    ForgetTheLineage breaks 7,
    /// Brings a removed grant back when a late answer comes in.
    RaiseTheDead breaks 7,
    /// Goes on handing out an access token that a resource server has rejected.
    IgnoreRejections breaks 4,
    /// Sends a request however long ago its lease was taken.
    SendLate breaks 1,
    /// Leaves the lease in place when the refresh has ended.
    KeepTheLease breaks 6,
    /// Says that a token was revoked where its successor was lost.
    BlameTheUser breaks 3,
    /// Says that a successor was lost where the provider took the token once more.
    SupposeALoss breaks 3,
    /// Says of every death that its cause is undetermined, also where the own journal tells it.
    KnowNothing breaks 3,
    /// Refuses callers although the store holds a valid token for them.
    WithholdTokens breaks 4,
    /// Forgets when a grant that was refreshed is due again.
    ForgetWhatIsDue breaks 6,
    /// Tries a revocation that failed again at once.
    RevokeWithoutPause breaks 5,
    /// Refreshes while the store is quarantined.
    IgnoreTheQuarantine breaks 1,
    /// Probes the grants of an adopted store all at once.
    ProbeAllAtOnce breaks 1,
    /// Goes on probing the grants of an adopted store although one after the other is refused.
    ForgetRefusedProbes breaks 1,
    /// Takes the scope of a narrower access token for that of the grant.
    NarrowTheGrant breaks 2,
    /// Asks for the whole scope where a part of it is wanted.
    WidenTheScope breaks 4,
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
