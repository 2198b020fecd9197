//! What passes by itself, or has nothing to do with the grant.

use super::{Facts, Finding};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::{Consequence, Culprit, Processed},
    wire::{error_response::ErrorCode, http::TransportFailureKind},
};

pub(super) fn nothing_was_sent(facts: Facts<'_>) -> Option<Finding> {
    let kind = facts.failure.transport?;
    if facts.failure.processed == Processed::Maybe {
        return None;
    }
    let finding = match kind {
        TransportFailureKind::Forbidden => Finding::new(
            Cause::WrongTokenEndpointOrTenant,
            Certainty::Likely,
            "The guard of this installation does not allow the address; nothing was sent.",
        )
        .or(&[Cause::NetworkOrTls]),
        TransportFailureKind::TooLate => Finding::new(
            Cause::NetworkOrTls,
            Certainty::Possible,
            "The time for this attempt was over before the request could be sent.",
        ),
        _ => Finding::new(
            Cause::NetworkOrTls,
            Certainty::Certain,
            "No byte of the request reached the provider, so the refresh token is not in doubt.",
        ),
    };
    Some(finding)
}

pub(super) fn no_answer_came(facts: Facts<'_>) -> Option<Finding> {
    facts.failure.transport?;
    Some(
        Finding::new(
            Cause::NetworkOrTls,
            Certainty::Likely,
            "The request was sent and no whole answer came back: the provider may have acted on it.",
        )
        .or(&[Cause::ProviderOutage]),
    )
}

pub(super) fn the_user_has_not_decided(facts: Facts<'_>) -> Option<Finding> {
    (facts.failure.consequence == Consequence::KeepPolling).then(|| {
        Finding::new(
            Cause::AuthorizationPending,
            Certainty::Certain,
            "The user has neither approved nor refused yet.",
        )
    })
}

pub(super) fn too_many_requests(facts: Facts<'_>) -> Option<Finding> {
    let told = facts.failure.http_status == Some(429)
        || facts.failure.consequence == Consequence::KeepPollingSlower
        || facts.code() == Some(&ErrorCode::SlowDown);
    told.then(|| {
        let finding =
            Finding::new(Cause::RateLimited, Certainty::Certain, "The provider asks for fewer requests.");
        // A firewall in front of the service says 429 to what it does not like, too, and says no more.
        finding.or(if facts.failure.error.is_none() { &[Cause::WrongTokenEndpointOrTenant] } else { &[] })
    })
}

pub(super) fn the_provider_is_down(facts: Facts<'_>) -> Option<Finding> {
    // What came back with a user has no status of its own.
    let by_status = facts.failure.http_status.is_some_and(|status| status >= 500 || status == 408);
    let says_so = matches!(facts.code(), Some(ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable));
    if !by_status && !says_so {
        return None;
    }
    let doubt = match facts.failure.processed {
        Processed::Maybe => "The provider may have acted on the request before it failed.",
        Processed::No => "The provider says that it did not act on the request.",
    };
    Some(Finding::new(Cause::ProviderOutage, Certainty::Likely, doubt).or(&[Cause::UnknownBug]))
}

/// An answer that is not from the authorization server, or not one that it should give.
pub(super) fn something_else_answered(facts: Facts<'_>) -> Option<Finding> {
    if facts.failure.culprit != Culprit::Provider && facts.failure.culprit != Culprit::Network {
        return None;
    }
    // "404 page not found" is a sentence of a web server and no error of an authorization server.
    let no_statement = facts
        .failure
        .error
        .as_ref()
        .is_none_or(|error| error.code.is_none() && error.vendor_codes.is_empty());
    let finding = match facts.failure.http_status? {
        407 => Finding::new(
            Cause::IpOrNetworkPolicyBlocked,
            Certainty::Likely,
            "Our own proxy asks for credentials.",
        ),
        404 | 405 | 410 if no_statement => Finding::new(
            Cause::WrongTokenEndpointOrTenant,
            Certainty::Possible,
            "Nothing that takes this request is at this address.",
        )
        .or(&[Cause::ProviderOutage]),
        // RFC 9110 15.4.2, 15.4.9: for good. Other redirects come from captive portals and sign-in pages.
        301 | 308 => Finding::new(
            Cause::WrongTokenEndpointOrTenant,
            Certainty::Possible,
            "The answer says that this address has moved for good.",
        )
        .or(&[Cause::ProviderOutage, Cause::IpOrNetworkPolicyBlocked]),
        // RFC 9110 15.5.14 to 15.5.16, RFC 6585 5.
        413..=415 | 431 if no_statement => Finding::new(
            Cause::MalformedRequest,
            Certainty::Possible,
            "The status is the one of a request whose size or format is not taken.",
        )
        .or(&[Cause::WrongTokenEndpointOrTenant, Cause::ProviderOutage]),
        401 | 403 if no_statement => Finding::new(
            Cause::IpOrNetworkPolicyBlocked,
            Certainty::Possible,
            "The answer is not one of an authorization server: a firewall or proxy may have given it.",
        )
        .or(&[Cause::ProviderOutage]),
        _ if facts.failure.catalogue.is_some() => return None,
        _ => Finding::new(
            Cause::ProviderOutage,
            Certainty::Possible,
            "The answer is not one that the standards or the catalogue know.",
        )
        .or(&[Cause::UnknownBug, Cause::IpOrNetworkPolicyBlocked]),
    };
    Some(finding)
}
