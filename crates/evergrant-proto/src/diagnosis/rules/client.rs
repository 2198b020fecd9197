//! The client registration.

use super::{Facts, Finding, expiry};
use crate::{
    diagnosis::{Cause, Certainty, OtherGrants},
    failure::{Consequence, Stage},
    wire::error_response::ErrorCode,
};

pub(super) fn another_client_got_the_grant(facts: Facts<'_>) -> Option<Finding> {
    let refused = matches!(facts.failure.consequence, Consequence::Terminal | Consequence::SuspendClient);
    (refused && facts.history.client_matches_grant == Some(false)).then(|| {
        Finding::new(
            Cause::TokenIssuedToOtherClient,
            Certainty::Likely,
            "The client that asked is not the one that the grant was given to.",
        )
    })
}

/// Only some users of the client are refused: it is their organization, not the registration.
pub(super) fn an_organization_refuses(facts: Facts<'_>) -> Option<Finding> {
    let others_live =
        matches!(facts.history.other_grants, Some(OtherGrants::NoneFailing | OtherGrants::SomeFailing));
    let for_this_user = facts.failure.consequence == Consequence::SuspendClient && others_live;
    (for_this_user && facts.failure.catalogue.is_none()).then(|| {
        Finding::new(
            Cause::AppDisabledByOrganization,
            Certainty::Likely,
            "Other grants of the same client work, so its registration and credentials are good.",
        )
        .or(&[Cause::AdminOrPolicyRevoked, Cause::ClientDisabledOrDeleted])
    })
}

/// Somebody says that all are refused.
const OF_ALL_TOLD: [Cause; 5] = [
    Cause::AdminOrPolicyRevoked,
    Cause::ProviderOutage,
    Cause::TokenIssuedToOtherClient,
    Cause::ClientDisabledOrDeleted,
    Cause::WrongTokenEndpointOrTenant,
];

/// Several were refused within minutes, and our requests went where they had worked before. Several users at once are
/// rare, and not unheard of.
const OF_MANY_SEEN: [Cause; 5] = [
    Cause::AdminOrPolicyRevoked,
    Cause::UserRevoked,
    Cause::RotatedTokenReused,
    Cause::ClientDisabledOrDeleted,
    Cause::ProviderOutage,
];

/// Our own records show it.
pub(super) fn many_were_seen_to_fail(facts: Facts<'_>) -> bool {
    facts.history.neighbours.is_some() && facts.history.other_grants == Some(OtherGrants::AllFailing)
}

/// Every grant of the client at once: no single user did that.
pub(super) fn every_grant_fails(facts: Facts<'_>) -> Option<Finding> {
    let all = facts.history.other_grants == Some(OtherGrants::AllFailing) && facts.refresh_token_refused();
    all.then(|| {
        let seen = many_were_seen_to_fail(facts);
        let of_all: &[Cause] = if seen { &OF_MANY_SEEN } else { &OF_ALL_TOLD };
        // A long outage ends all that has to be used in time.
        let others: Vec<Cause> = expiry::what_is_over(facts).chain(of_all.iter().copied()).collect();
        Finding::new(
            Cause::Undetermined,
            Certainty::Possible,
            "All grants of this client are refused: something happened to the client or at the provider, not to \
             one user.",
        )
        .or(&others)
    })
}

pub(super) fn registration_is_rejected(facts: Facts<'_>) -> Option<Finding> {
    if facts.failure.consequence != Consequence::SuspendClient
        || facts.failure.catalogue.is_some_and(|said| said.cause != Cause::WrongClientCredentials)
    {
        return None;
    }
    if facts.code() == Some(&ErrorCode::UnauthorizedClient) {
        return Some(
            Finding::new(
                Cause::ClientDisabledOrDeleted,
                Certainty::Possible,
                "The provider knows the client and does not let it do this.",
            )
            .or(&[
                Cause::WrongClientCredentials,
                Cause::AppDisabledByOrganization,
                Cause::WrongTokenEndpointOrTenant,
            ]),
        );
    }
    Some(credentials_are_rejected(facts))
}

/// RFC 6749 5.2: a token endpoint answers 401 to a client that was not authenticated, in whatever words.
pub(super) fn the_status_speaks_of_the_client(facts: Facts<'_>) -> Option<Finding> {
    let failure = facts.failure;
    let at_token_endpoint = matches!(
        failure.stage,
        Stage::AuthorizationCode | Stage::RefreshToken | Stage::ClientCredentials | Stage::DeviceCode
    );
    let no_code = facts.code().is_none()
        && failure.error.as_ref().is_some_and(|error| error.vendor_codes.iter().all(|code| code == "401"));
    (at_token_endpoint && no_code && failure.http_status == Some(401) && failure.catalogue.is_none()).then(|| {
        Finding::new(
            Cause::WrongClientCredentials,
            Certainty::Possible,
            "401 is what a token endpoint answers to a client that it does not know, and the answer says no more.",
        )
        .or(&[Cause::ClientSecretExpiredOrRotated, Cause::WrongTokenEndpointOrTenant])
    })
}

fn credentials_are_rejected(facts: Facts<'_>) -> Finding {
    let changed = facts.history.client_changed_recently == Some(true);
    match facts.history.client_worked_before {
        // Many providers say the same of a client that they have switched off or deleted.
        Some(true) if !changed => Finding::new(
            Cause::ClientSecretExpiredOrRotated,
            Certainty::Possible,
            "The same credentials worked before and were not changed here.",
        )
        .or(&[Cause::ClientDisabledOrDeleted]),
        _ if changed => Finding::new(
            Cause::WrongClientCredentials,
            Certainty::Likely,
            "The client's configuration was changed here since it worked last.",
        )
        .or(&[Cause::ClientSecretExpiredOrRotated]),
        _ => Finding::new(
            Cause::WrongClientCredentials,
            Certainty::Likely,
            "Nothing shows that these credentials have ever worked.",
        )
        .or(&[
            Cause::ClientSecretExpiredOrRotated,
            Cause::ClientDisabledOrDeleted,
            Cause::WrongTokenEndpointOrTenant,
        ]),
    }
}
