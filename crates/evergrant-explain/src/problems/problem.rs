//! What a page states in its front matter.

use std::collections::BTreeMap;

use evergrant_proto::diagnosis::{Action, Cause};
use serde::{Deserialize, Serialize};

/// A cause with its page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The cause.
    pub id: Cause,
    /// A heading: what happened, in words that a user of the product would choose.
    pub title: String,
    /// Values of `error` and codes of vendors that come with it.
    pub error_codes: Vec<String>,
    /// HTTP statuses that come with it. Empty: there is no answer to have one.
    pub statuses: Vec<u16>,
    /// Texts as providers and libraries write them.
    pub symptoms: Vec<String>,
    /// Which list it stands in.
    pub category: Category,
    /// Who can be at fault, the likeliest first.
    pub culprits: Vec<Party>,
    /// What really happened, in one sentence.
    pub root_cause: String,
    /// Where it is met.
    pub applies_to: AppliesTo,
    /// On what the page rests.
    pub verification: Verification,
    /// What helps, the best first.
    pub workarounds: Vec<Advice>,
    /// What people try and what never helps.
    pub dead_ends: Vec<Advice>,
    /// Neighbours that are taken for it.
    pub related: Vec<Cause>,
    /// What people type when they meet it.
    pub questions: Vec<String>,
    /// The sections, in Markdown, without the lists of advice.
    #[serde(skip)]
    pub(super) body: String,
}

/// Groups of causes, by what a person has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The provider ended what it had given.
    GrantEnded,
    /// The refresh token that was sent was not the newest one.
    Rotation,
    /// The application at the provider.
    Registration,
    /// The way from the user's consent to the first tokens.
    Connecting,
    /// What was sent, and what it was made from.
    Request,
    /// The provider or the way to it; most of it passes.
    Outage,
    /// Causes that are none yet.
    Unclear,
}

impl Category {
    /// Every category, in the order of a list.
    pub const ALL: [Self; 7] = [
        Self::GrantEnded,
        Self::Rotation,
        Self::Registration,
        Self::Connecting,
        Self::Request,
        Self::Outage,
        Self::Unclear,
    ];

    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::GrantEnded => "The grant was ended",
            Self::Rotation => "The refresh token was not the newest",
            Self::Registration => "The app's registration",
            Self::Connecting => "Connecting an account",
            Self::Request => "What was sent",
            Self::Outage => "Provider and network",
            Self::Unclear => "Still unclear",
        }
    }
}

/// Who can be at fault, and who reads the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Who gave the grant.
    User,
    /// Who administers the user's organization.
    Administrator,
    /// Who runs the application and owns its registration.
    Operator,
    /// Who wrote the application or a library in it.
    Developer,
    /// The authorization server, its service and its policies.
    Provider,
    /// What lies between.
    Network,
    /// Evergrant itself.
    Evergrant,
}

impl Party {
    /// Who that is, for a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::User => "the user",
            Self::Administrator => "the user's administrator",
            Self::Operator => "whoever runs the app",
            Self::Developer => "the app's code",
            Self::Provider => "the provider",
            Self::Network => "the network",
            Self::Evergrant => "Evergrant",
        }
    }
}

/// On what a page rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// `evergrant rehearse` plays it.
    Rehearsed,
    /// Providers' documents or a server's source say so.
    Documented,
    /// People have reported it.
    Reported,
}

impl Verification {
    /// A sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rehearsed => "The rehearsal server plays it.",
            Self::Documented => "Stated by providers' documents or by the source of a server.",
            Self::Reported => "Gathered from reports.",
        }
    }
}

/// Where a problem is met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliesTo {
    /// Any OAuth 2.0 server can answer so, also one that is not named here.
    #[serde(default)]
    pub everywhere: bool,
    /// Ids of the catalogue.
    #[serde(default)]
    pub providers: Vec<String>,
    /// Libraries and programs, with their versions.
    #[serde(default)]
    pub libraries: BTreeMap<String, String>,
}

/// One thing to do, or not to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// What to do, or what people try.
    pub what: String,
    /// Why it helps, or why it cannot.
    pub why: String,
    /// The step of a diagnosis that this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// How often it helped here.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// How often a step helped, counted from what happened after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// How often the grant worked afterwards.
    pub worked: u64,
    /// How often it was taken and its end is known.
    pub tried: u64,
}

impl Problem {
    /// The page with the rates that `rate` knows for its steps.
    #[must_use]
    pub fn with_rates(&self, rate: impl Fn(Action) -> Option<Measured>) -> Self {
        let mut problem = self.clone();
        for advice in problem.workarounds.iter_mut().chain(&mut problem.dead_ends) {
            advice.measured = advice.action.and_then(&rate);
        }
        problem
    }

    /// Whether this provider is named, rather than only not excluded.
    pub fn names_provider(&self, id: &str) -> bool {
        self.applies_to.providers.iter().any(|provider| provider == id)
    }
}
