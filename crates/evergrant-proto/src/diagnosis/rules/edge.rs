//! Services that stand before a provider and answer in its place.

use super::{Facts, Finding};
use crate::diagnosis::{Cause, Certainty};

/// Cloudflare's page for programs, one line of text
/// (developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors).
pub(super) fn the_guard_before_it_tells(facts: Facts<'_>) -> Option<Finding> {
    let number: u16 = facts.text.trim().strip_prefix("error code: ")?.parse().ok()?;
    let (cause, evidence) = match number {
        1005..=1012 | 1020 => (
            Cause::IpOrNetworkPolicyBlocked,
            "Cloudflare, which stands before the provider, refuses this caller: the request did not reach the provider.",
        ),
        1015 => (
            Cause::RateLimited,
            "Cloudflare, which stands before the provider, counts too many requests from this caller.",
        ),
        1000..=1004 | 1013..=1019 | 1023 | 1033 => {
            (Cause::ProviderOutage, "Cloudflare, which stands before the provider, does not reach it.")
        }
        _ => return None,
    };
    Some(Finding::new(cause, Certainty::Likely, evidence))
}
