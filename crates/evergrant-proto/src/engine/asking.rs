//! After an adoption: asking whether a refresh token is still active before it is presented (RFC 7662).

use super::{Refusal, conclusion::Conclusion, conclusion::EndpointVerdict};
use crate::{
    diagnosis::{Action, Actor, Cause, Certainty, Diagnosis, Remedy},
    failure::Culprit,
    time::Timestamp,
    transaction::{Claimed, Command, End, Ending},
    wire::{
        http::{HttpRequest, HttpResponse, TransportFailure},
        introspection::{Introspection, introspection_request},
    },
};

/// The question, if the token may be old and the provider can be asked. It spends nothing.
pub(super) fn question(claimed: &Claimed) -> Option<HttpRequest> {
    let url = claimed.client.endpoints.introspection.as_ref().filter(|_| claimed.unproven)?;
    Some(introspection_request(url, &claimed.client.credentials(), &claimed.credential.refresh_token))
}

/// Whether the provider says that the token is not active. Anything else is no reason not to present it.
pub(super) fn says_inactive(answer: &Result<HttpResponse, TransportFailure>) -> bool {
    answer.as_ref().is_ok_and(|response| Introspection::read(response) == Introspection::Inactive)
}

/// The token is left alone: presenting one that was spent could end what its successor keeps alive. The grant is not
/// declared dead either, since some providers call every refresh token inactive (RFC 7662 2.2).
pub(super) fn left_alone(claimed: &Claimed, wall: Timestamp) -> Conclusion {
    let diagnosis = Diagnosis {
        cause: Cause::Undetermined,
        certainty: Certainty::Possible,
        culprit: Culprit::Grant,
        permanent: false,
        retry: true,
        remedies: vec![Remedy { action: Action::Reauthorize, actor: Actor::User }],
        evidence: vec![
            "the store was adopted, and the provider says that its refresh token is not active".to_owned(),
            "the refresh token was not presented; it will be as soon as somebody needs the grant".to_owned(),
        ],
        alternatives: vec![Cause::LostRotationNotPersisted, Cause::UserRevoked],
    };
    let end = End {
        grant: claimed.grant.id,
        attempt: claimed.attempt,
        ending: Ending::Inactive,
        reason: "not sent: the provider says that the refresh token is not active".to_owned(),
        diagnosis: diagnosis.clone(),
        retry_at: wall,
        wall,
    };
    Conclusion {
        command: Command::End(Box::new(end)),
        endpoint: EndpointVerdict::Unknown,
        refusal: Refusal::NeedsReauthorization(Box::new(diagnosis)),
    }
}
