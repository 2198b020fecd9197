//! What happens in a run, decided beforehand: a seed makes a script, and a script makes a run.
//!
//! A script looks at nothing: who is meant by a number is found out when it is played. So steps can be left out, and the
//! others still mean something: that is how a failing history is shrunk.

use std::{fmt, str::FromStr};

use evergrant_rehearse::PolicyName;

use super::action::{Action, Emphasis};
use crate::{Dice, Ends, Told};

/// What a run is about: one of the eight behaviours, or a strict provider of which nobody knows that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The provider does this, and we know.
    Known(PolicyName),
    /// The provider ends the family on a replay, and we do not know.
    Unknown,
}

/// The name of a policy is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no policy: P0 to P7, or unknown")]
pub struct UnknownPolicy(String);

/// What a seed decides once.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Of the world.
    pub seed: u64,
    /// How the provider behaves.
    pub policy: Policy,
    /// How long access tokens live, in seconds.
    pub access_token_s: u64,
    /// How often schedulers look for what is due, in milliseconds.
    pub tick_ms: u64,
    /// Who signs in at the beginning.
    pub users: usize,
    /// Whether the provider tells who signed in.
    pub tells_account: bool,
    /// Whether the provider says why it refuses.
    pub tells_reason: bool,
    /// Whether processes serve from memory, and look into the lifeboat all the time.
    pub drivers: bool,
    /// For how many seconds a spent token is forgiven, where the policy has such a window and it can be of any length.
    pub window_s: u64,
    /// What becomes of replays, where the policy forgives some.
    pub replays: Replays,
    /// What happens more often than elsewhere.
    pub emphasis: Emphasis,
    /// What else befalls grants.
    pub habits: Habits,
}

/// What the provider and other programs do besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// What ends grants without anybody's doing.
    pub ends: Ends,
    /// Whether a replay that is not forgiven ends all that the user has given the client, and not only this grant.
    pub ends_sessions: bool,
    /// Whether a provider whose tokens can be used for ever issues another each time.
    pub reissues: bool,
    /// Whether somebody else holds the refresh tokens, too, and uses them now and then.
    pub is_shared: bool,
}

/// What becomes of replays where some are forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replays {
    /// How many; `None`: as many as come within the window.
    pub forgiven: Option<u32>,
    /// Whether only those of the latest spent token are.
    pub of_parent: bool,
    /// Whether one that is not forgiven ends the grant.
    pub revoke: bool,
    /// Whether a token that works until its successor is used does so for [`Setting::window_s`] only.
    pub briefly: bool,
}

/// One thing that happens, and the time after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What.
    pub action: Action,
    /// Milliseconds until the next.
    pub pause: u64,
    /// The seed of what is drawn meanwhile: latencies and the like. A step keeps its own when others are left out.
    pub chance: u64,
}

/// A run before it is played.
#[derive(Debug, Clone)]
pub struct Script {
    /// What it is about.
    pub setting: Setting,
    /// What happens.
    pub steps: Vec<Step>,
    /// The numbers of the steps in the whole script: others may have been left out.
    pub numbers: Vec<usize>,
}

const POLICIES: [Policy; 9] = [
    Policy::Known(PolicyName::P0),
    Policy::Known(PolicyName::P1),
    Policy::Known(PolicyName::P2),
    Policy::Known(PolicyName::P3),
    Policy::Known(PolicyName::P4),
    Policy::Known(PolicyName::P5),
    Policy::Known(PolicyName::P6),
    Policy::Known(PolicyName::P7),
    Policy::Unknown,
];

impl Policy {
    /// All of them.
    pub fn all() -> [Self; 9] {
        POLICIES
    }
}

impl Setting {
    /// What this seed decides; the policy only if it is not given.
    pub fn of(seed: u64, policy: Option<Policy>) -> Self {
        let mut dice = Dice::new(seed ^ 0x5e77_1e5e_ed00_0000);
        let drawn = *dice.pick(&POLICIES);
        let mut details = Dice::new(seed ^ 0xde7a_115d_e7a1_1500);
        let mut setting = Self {
            seed,
            policy: policy.unwrap_or(drawn),
            access_token_s: *dice.pick(&[60, 120, 300, 600, 600, 1800]),
            tick_ms: *dice.pick(&[1000, 5000, 5000, 10_000]),
            users: usize::try_from(dice.between(1, 4)).unwrap_or(1),
            // Signing takes more time than all the rest.
            tells_account: dice.permille(60),
            drivers: dice.permille(700),
            window_s: *dice.pick(&[30, 30, 150, 900]),
            replays: Replays {
                forgiven: *details.pick(&[None, None, None, Some(1), Some(4)]),
                revoke: details.permille(500),
                of_parent: details.permille(500),
                briefly: details.permille(500),
            },
            emphasis: *dice.pick(&Emphasis::ALL),
            tells_reason: dice.permille(350),
            habits: Habits::of(seed),
        };
        if !setting.tells_reason {
            setting.habits.ends.are_known();
        }
        setting
    }
}

impl Habits {
    /// Half of the providers end nothing by themselves while a run lasts.
    fn of(seed: u64) -> Self {
        // The seeds that are kept as tests draw nothing of this, and stay what they were.
        let mut dice = Dice::new(seed ^ 0x0e5d_0e60_6698_6695);
        Self {
            ends_sessions: dice.permille(200),
            reissues: dice.permille(300),
            is_shared: dice.permille(120),
            ends: Ends {
                idle_s: *dice.pick(&[None, None, Some(900), Some(2700)]),
                absolute_s: *dice.pick(&[None, None, None, Some(3000)]),
                grants_per_user: *dice.pick(&[None, None, Some(2)]),
                told: *dice.pick(&[Told::Catalogue, Told::Announced, Told::Nowhere]),
            },
        }
    }
}

impl Script {
    /// The script of a seed.
    pub fn of(seed: u64, policy: Option<Policy>, steps: usize) -> Self {
        let setting = Setting::of(seed, policy);
        let mut dice = Dice::new(seed);
        let mut step = |_| {
            let action = setting.emphasis.draw(&mut dice);
            let pause = match dice.below(10) {
                0 => dice.between(20_000, 120_000),
                1..4 => dice.between(1_000, 20_000),
                4..7 => dice.between(0, 120),
                _ => dice.between(0, 1_000),
            };
            Step { action, pause, chance: dice.draw() }
        };
        Self { steps: (0..steps).map(&mut step).collect(), numbers: (0..steps).collect(), setting }
    }

    /// The same with only some of its steps, by their place.
    #[must_use]
    pub fn with(&self, mut keeps: impl FnMut(usize) -> bool) -> Self {
        let places: Vec<_> = (0..self.steps.len()).filter(|place| keeps(*place)).collect();
        Self {
            setting: self.setting.clone(),
            steps: places.iter().map(|place| self.steps[*place].clone()).collect(),
            numbers: places.iter().map(|place| self.numbers[*place]).collect(),
        }
    }

    /// The same with only the steps of these numbers.
    #[must_use]
    pub fn only(&self, numbers: &[usize]) -> Self {
        self.with(|place| numbers.contains(&self.numbers[place]))
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(name) => write!(formatter, "{name:?}"),
            Self::Unknown => formatter.write_str("unknown"),
        }
    }
}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        let named = POLICIES.into_iter().find(|policy| policy.to_string().eq_ignore_ascii_case(text));
        named.ok_or_else(|| UnknownPolicy(text.to_owned()))
    }
}
