//! Values that several commands read from the command line.

use std::time::Duration;

use evergrant::proto::{
    provider::{RotationKind, RotationPolicy},
    scope::{Scope, ScopeSet},
    wire::{
        client_authentication::{ClientIdentifier, InvalidClientIdentifier},
        redirect_uri::{InvalidRedirectUri, RedirectUri},
    },
};

/// `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// The provider's identifier of a client.
pub(super) fn identifier(text: &str) -> Result<ClientIdentifier, InvalidClientIdentifier> {
    ClientIdentifier::new(text)
}

/// A redirect URI, as registered.
pub(super) fn redirect_uri(text: &str) -> Result<RedirectUri, InvalidRedirectUri> {
    RedirectUri::new(text)
}

/// One scope, or several separated by spaces.
pub(super) fn scopes(text: &str) -> Result<ScopeSet, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// All scopes of a repeated option.
pub(super) fn union(sets: &[ScopeSet]) -> ScopeSet {
    sets.iter().flat_map(ScopeSet::iter).map(Scope::clone).collect()
}

/// Whole seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| "write a whole number of seconds".to_owned())
}

/// `grace_same,window=30,count=2`.
pub(super) fn rotation(text: &str) -> Result<RotationPolicy, String> {
    let mut parts = text.split(',');
    let mut policy =
        RotationPolicy { kind: kind(parts.next().unwrap_or_default())?, ..RotationPolicy::default() };
    for part in parts {
        match part.split_once('=') {
            Some(("window", value)) => policy.window = Some(seconds(value)?),
            Some(("count", value)) => {
                policy.count = Some(value.parse().map_err(|_| "count takes a whole number".to_owned())?);
            }
            _ => return Err(format!("{part:?} is neither window=SECONDS nor count=NUMBER")),
        }
    }
    Ok(policy)
}

fn kind(text: &str) -> Result<RotationKind, String> {
    const NAMES: [(&str, &str, RotationKind); 9] = [
        ("p0", "reusable", RotationKind::Reusable),
        ("p1", "one_time", RotationKind::OneTime),
        ("p2", "replay_revokes", RotationKind::ReplayRevokes),
        ("p3", "grace_same", RotationKind::GraceSame),
        ("p4", "grace_new", RotationKind::GraceNew),
        ("p5", "latest_wins", RotationKind::LatestWins),
        ("p6", "until_successor_used", RotationKind::UntilSuccessorUsed),
        ("p7", "long_overlap", RotationKind::LongOverlap),
        ("-", "unknown", RotationKind::Unknown),
    ];
    let lower = text.to_ascii_lowercase();
    let found = NAMES.iter().find(|(short, long, _)| lower == *short || lower == *long);
    found.map(|(_, _, kind)| *kind).ok_or_else(|| {
        let names: Vec<_> = NAMES.iter().map(|(_, long, _)| *long).collect();
        format!("{text:?} is none of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_policy_is_a_kind_and_its_bounds() {
        let policy = rotation("P3,window=30,count=2").unwrap();
        assert_eq!(policy.kind, RotationKind::GraceSame);
        assert_eq!((policy.window, policy.count), (Some(Duration::from_secs(30)), Some(2)));
        assert_eq!(rotation("replay_revokes").unwrap().kind, RotationKind::ReplayRevokes);
        assert!(rotation("p9").is_err() && rotation("p3,windows=3").is_err());
    }

    #[test]
    fn a_pair_may_have_an_empty_value_but_no_empty_name() {
        assert_eq!(pair("team=").unwrap(), ("team".to_owned(), String::new()));
        assert!(pair("=x").is_err() && pair("team").is_err());
    }
}
