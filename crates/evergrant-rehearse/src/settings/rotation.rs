//! What a client's refresh tokens do when they are used again, as data.
//!
//! Eight behaviours of real servers, each with its parameters. In a settings file a policy is its name alone
//! (`rotation = "P2"`) or a table (`rotation = { policy = "P3", window_s = 30 }`).

use serde::{Deserialize, Serialize};

/// A rotation policy: the behaviour and its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Parts")]
pub struct RotationPolicy {
    /// The behaviour.
    pub policy: PolicyName,
    /// How long, in seconds after its first use, a refresh token may be used again (P3, P4, P5, P7), or how
    /// long a predecessor lives at the most while its successor is unused (P6). `None`: without limit.
    pub window_s: Option<u64>,
    /// How often a refresh token may be used again (P3 to P7). `None`: without limit.
    pub count: Option<u32>,
    /// Which spent tokens the window covers (P3, P4, P5, P7).
    pub ancestors: Ancestors,
    /// What happens to a replay that is not allowed.
    pub otherwise: Otherwise,
    /// P0 only: hand out a new refresh token each time although the old one goes on working.
    pub reissues: bool,
}

/// The behaviours, numbered from the most lenient to the longest overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PolicyName {
    /// The old token keeps working. Google, Microsoft Entra.
    P0,
    /// A replay is refused; the successor lives. Zitadel, Spring Authorization Server.
    P1,
    /// A replay ends the whole family. node-oidc-provider, Hydra, Authelia.
    P2,
    /// Inside a window the same successor is returned again. Dex, Supabase.
    P3,
    /// Inside a window, or up to a count, each replay mints a new pair. Okta, Auth0, Keycloak, Hydra.
    P4,
    /// The latest replay wins: it ends what the earlier ones had brought. WSO2.
    P5,
    /// The predecessor stays valid until its successor is used for the first time. Shopify.
    P6,
    /// P4 with a window of minutes to a day. Atlassian, Xero, Intuit.
    P7,
}

/// Which spent tokens of a family may be used again inside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ancestors {
    /// Only one whose successor has not been used yet, as at Auth0.
    Immediate,
    /// Any whose window is still open.
    All,
}

/// What a replay that is not allowed brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// `invalid_grant`, and nothing else changes.
    Refuse,
    /// `invalid_grant`, and every token of the family ends (RFC 9700 4.14.2).
    RevokeFamily,
    /// `invalid_grant`, and every family of this user at this client ends, as in Keycloak's client session.
    RevokeClientSession,
}

/// Why the parameters of a rotation policy do not fit it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rotation policy {policy:?} does not take `{parameter}`: remove it or choose another policy")]
pub struct InvalidRotationPolicy {
    /// The behaviour that was asked for.
    pub policy: PolicyName,
    /// The parameter that means nothing to it.
    pub parameter: &'static str,
}

impl RotationPolicy {
    /// A behaviour with the parameters that are usual for it.
    pub fn named(policy: PolicyName) -> Self {
        let window_s = match policy {
            PolicyName::P3 | PolicyName::P4 | PolicyName::P5 => Some(30),
            PolicyName::P6 => Some(30 * 86_400),
            PolicyName::P7 => Some(600),
            PolicyName::P0 | PolicyName::P1 | PolicyName::P2 => None,
        };
        Self {
            policy,
            window_s,
            count: (policy == PolicyName::P5).then_some(5),
            ancestors: if policy == PolicyName::P7 { Ancestors::All } else { Ancestors::Immediate },
            otherwise: match policy {
                PolicyName::P2 | PolicyName::P3 | PolicyName::P4 | PolicyName::P7 => Otherwise::RevokeFamily,
                PolicyName::P0 | PolicyName::P1 | PolicyName::P5 | PolicyName::P6 => Otherwise::Refuse,
            },
            reissues: false,
        }
    }

    /// P3 with its window.
    pub fn same_successor_within(window_s: u64) -> Self {
        Self { window_s: Some(window_s), ..Self::named(PolicyName::P3) }
    }

    /// P2: a replay ends the family.
    pub fn strict() -> Self {
        Self::named(PolicyName::P2)
    }
}

impl Default for RotationPolicy {
    /// P2, the behaviour that RFC 9700 4.14.2 recommends.
    fn default() -> Self {
        Self::strict()
    }
}

impl From<PolicyName> for RotationPolicy {
    fn from(policy: PolicyName) -> Self {
        Self::named(policy)
    }
}

/// A policy as people write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Name(PolicyName),
    Parts(Parts),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    policy: PolicyName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ancestors: Option<Ancestors>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    otherwise: Option<Otherwise>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reissues: Option<bool>,
}

impl TryFrom<Written> for RotationPolicy {
    type Error = InvalidRotationPolicy;

    fn try_from(written: Written) -> Result<Self, InvalidRotationPolicy> {
        let parts = match written {
            Written::Name(policy) => return Ok(Self::named(policy)),
            Written::Parts(parts) => parts,
        };
        parts.refuse_what_means_nothing()?;
        let usual = Self::named(parts.policy);
        // A count alone is a bound without a window (Keycloak's max-reuse).
        let window_s = if parts.count.is_some() { parts.window_s } else { parts.window_s.or(usual.window_s) };
        Ok(Self {
            policy: parts.policy,
            window_s,
            count: parts.count.or(usual.count),
            ancestors: parts.ancestors.unwrap_or(usual.ancestors),
            otherwise: parts.otherwise.unwrap_or(usual.otherwise),
            reissues: parts.reissues.unwrap_or(usual.reissues),
        })
    }
}

impl Parts {
    fn refuse_what_means_nothing(&self) -> Result<(), InvalidRotationPolicy> {
        let windowed = !matches!(self.policy, PolicyName::P0 | PolicyName::P1 | PolicyName::P2);
        let covers = windowed && self.policy != PolicyName::P6;
        let unfit = [
            ("window_s", self.window_s.is_some() && !windowed),
            ("count", self.count.is_some() && !windowed),
            ("ancestors", self.ancestors.is_some() && !covers),
            ("otherwise", self.otherwise.is_some() && matches!(self.policy, PolicyName::P0 | PolicyName::P1)),
            ("reissues", self.reissues.is_some() && self.policy != PolicyName::P0),
        ];
        match unfit.into_iter().find(|(_, present)| *present) {
            Some((parameter, _)) => Err(InvalidRotationPolicy { policy: self.policy, parameter }),
            None => Ok(()),
        }
    }
}

impl From<RotationPolicy> for Parts {
    fn from(policy: RotationPolicy) -> Self {
        let windowed = !matches!(policy.policy, PolicyName::P0 | PolicyName::P1 | PolicyName::P2);
        let covers = windowed && policy.policy != PolicyName::P6;
        let refuses_otherwise = !matches!(policy.policy, PolicyName::P0 | PolicyName::P1);
        Self {
            policy: policy.policy,
            window_s: policy.window_s,
            count: policy.count,
            ancestors: covers.then_some(policy.ancestors),
            otherwise: refuses_otherwise.then_some(policy.otherwise),
            reissues: (policy.policy == PolicyName::P0).then_some(policy.reissues),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_as_a_name_or_as_a_table() {
        let read = |text: &str| serde_json::from_str::<RotationPolicy>(text);
        assert_eq!(read("\"P2\"").unwrap(), RotationPolicy::strict());
        let grace = read(r#"{"policy":"P3","window_s":10}"#).unwrap();
        assert_eq!(grace, RotationPolicy::same_successor_within(10));
        assert_eq!(read(r#"{"policy":"P4","count":2}"#).unwrap().window_s, None);
        let refused = read(r#"{"policy":"P1","window_s":10}"#).unwrap_err();
        assert!(refused.to_string().contains("P1 does not take `window_s`"), "{refused}");
    }

    #[test]
    fn a_policy_that_was_shown_can_be_read_again() {
        use PolicyName::{P0, P1, P2, P3, P4, P5, P6, P7};
        for name in [P0, P1, P2, P3, P4, P5, P6, P7] {
            let shown = serde_json::to_string(&RotationPolicy::named(name)).unwrap();
            assert_eq!(serde_json::from_str::<RotationPolicy>(&shown).unwrap(), RotationPolicy::named(name));
        }
    }
}
