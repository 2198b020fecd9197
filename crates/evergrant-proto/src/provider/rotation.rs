//! What a provider does with a refresh token that was used already.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;

/// One of eight behaviours and its parameters. A property of the provider, stated in the catalogue, since no
/// response tells it (RFC 9700 4.14.2 asks for rotation, FAPI 2.0 forbids it).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationPolicy {
    /// The behaviour.
    pub kind: RotationKind,
    /// How long after its first use the old token goes on working; seconds in the catalogue.
    #[serde(default, with = "seconds::optional", skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
    /// How many repetitions the provider takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Which earlier tokens the window covers. It decides nothing here: but for [`RotationKind::UntilSuccessorUsed`], no
    /// token is presented whose successor is held.
    #[serde(default)]
    pub ancestors: Ancestors,
    /// What a replay outside the window ends.
    #[serde(default)]
    pub revokes: ReplayRevokes,
}

/// The behaviours (facts/rotation-policies: P0 to P7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationKind {
    /// P0: the old token keeps working.
    Reusable,
    /// P1: a replay is refused, the successor lives.
    OneTime,
    /// P2: a replay ends every token of the grant.
    ReplayRevokes,
    /// P3: inside a window the same successor is returned again.
    GraceSame,
    /// P4: inside a window each replay brings a new pair.
    GraceNew,
    /// P5: the latest replay wins, a bounded number of times.
    LatestWins,
    /// P6: the old token works until its successor is used.
    UntilSuccessorUsed,
    /// P7: the old token works for minutes to hours.
    LongOverlap,
    /// Nobody knows: treated like P2, the most fragile.
    #[default]
    Unknown,
}

/// Which earlier tokens a window covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ancestors {
    /// Only the token before the current one. Auth0 ends the family for an older one even inside the window.
    #[default]
    Immediate,
    /// Any earlier one.
    All,
}

/// What a replay ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayRevokes {
    /// Nothing: it is just refused.
    Nothing,
    /// Every token of the grant.
    Grant,
    /// Everything of the user at this client (Keycloak: the whole client session).
    ClientSession,
    /// Nobody knows.
    #[default]
    Unknown,
}
