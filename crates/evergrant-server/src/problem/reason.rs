//! Every reason for which a request is refused, in one table.

use axum::http::StatusCode;

/// Why a request was refused. Its name ends the `type` of the problem document and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Reason::meaning says what each is; a second text would drift from it")]
pub enum Reason {
    Unauthenticated,
    InsufficientScope,
    TooManyRequests,
    NoSuchRoute,
    MethodNotAllowed,
    NoSuchGrant,
    NoSuchClient,
    NoSuchProvider,
    NoSuchAuthorization,
    NoSuchApiKey,
    NoSuchNamespace,
    NoSuchWebhook,
    NoSuchMessage,
    InvalidBody,
    InvalidQuery,
    InvalidHeader,
    UnsupportedMediaType,
    BodyTooLarge,
    Unprocessable,
    DiscoveryFailed,
    ClientExists,
    ClientInUse,
    NamespaceExists,
    NamespaceInUse,
    WebhookDisabled,
    IdempotencyKeyReused,
    ChangedMeanwhile,
    RefreshTokenHeld,
    Revoked,
    NeedsReauthorization,
    NotRefreshable,
    RequestRefused,
    ClientRejected,
    InProgress,
    OutcomeUnknown,
    ProviderUnavailable,
    StoreUnavailable,
    StoreQuarantined,
    TooManyListeners,
    ShuttingDown,
    Internal,
}

/// Name, status, title, and what it means and what helps.
struct Entry(Reason, &'static str, u16, &'static str, &'static str);

const ENTRIES: [Entry; 41] = {
    use Reason as R;
    [
        Entry(
            R::Unauthenticated,
            "unauthenticated",
            401,
            "No valid API key",
            "Present a key of this server as `Authorization: Bearer <key>`.",
        ),
        Entry(
            R::InsufficientScope,
            "insufficient_scope",
            403,
            "The API key may not do this",
            "The key is good, and this takes one that may do more; the detail says which. `evergrant api-keys create` makes one.",
        ),
        Entry(
            R::TooManyRequests,
            "too_many_requests",
            429,
            "Too many requests",
            "This key has asked too often. Ask again after `Retry-After`; requests for access tokens are not counted.",
        ),
        Entry(
            R::NoSuchRoute,
            "no_such_route",
            404,
            "Nothing is here",
            "The address is none of this server's: /docs/api describes those that are.",
        ),
        Entry(
            R::MethodNotAllowed,
            "method_not_allowed",
            405,
            "Another method is needed",
            "The address exists and does not take this method; the Allow header names those it takes.",
        ),
        Entry(
            R::NoSuchGrant,
            "no_such_grant",
            404,
            "No such grant",
            "No grant of this id is visible to this key: it never existed, was removed, or belongs to another namespace.",
        ),
        Entry(
            R::NoSuchClient,
            "no_such_client",
            404,
            "No such client",
            "No client of this name is visible to this key; list the clients to see their names.",
        ),
        Entry(
            R::NoSuchProvider,
            "no_such_provider",
            404,
            "No such provider",
            "The catalogue has no entry of this id; a client can also be added with an issuer or with endpoints.",
        ),
        Entry(
            R::NoSuchAuthorization,
            "no_such_authorization",
            404,
            "No such authorization",
            "No authorization of this id is visible to this key.",
        ),
        Entry(
            R::NoSuchApiKey,
            "no_such_api_key",
            404,
            "No such API key",
            "No API key of this id is bound to a namespace that this key sees.",
        ),
        Entry(
            R::NoSuchNamespace,
            "no_such_namespace",
            404,
            "No such namespace",
            "No namespace of this name is visible to this key.",
        ),
        Entry(
            R::NoSuchWebhook,
            "no_such_webhook",
            404,
            "No such webhook",
            "No webhook of this id is visible to this key; list the webhooks to see their ids.",
        ),
        Entry(
            R::NoSuchMessage,
            "no_such_message",
            404,
            "No such message",
            "No message of this id is visible to this key, or it was forgotten after 30 days.",
        ),
        Entry(
            R::InvalidBody,
            "invalid_body",
            400,
            "The body cannot be used",
            "The body is no JSON of the shape that this endpoint takes; the detail says where and why.",
        ),
        Entry(
            R::InvalidQuery,
            "invalid_query",
            400,
            "The query cannot be used",
            "A parameter is unknown, repeated or holds a value of another kind; the detail names it.",
        ),
        Entry(
            R::InvalidHeader,
            "invalid_header",
            400,
            "A header cannot be used",
            "A header is repeated or holds what it cannot hold; the detail names it.",
        ),
        Entry(
            R::UnsupportedMediaType,
            "unsupported_media_type",
            415,
            "The body must be JSON",
            "Send the body with `Content-Type: application/json`.",
        ),
        Entry(
            R::BodyTooLarge,
            "body_too_large",
            413,
            "The body is too large",
            "No request of this server needs more than 64 KiB.",
        ),
        Entry(
            R::Unprocessable,
            "unprocessable",
            422,
            "The request does not fit",
            "The request is well-formed and does not fit what is configured; the detail says what to change.",
        ),
        Entry(
            R::DiscoveryFailed,
            "discovery_failed",
            422,
            "The issuer's metadata cannot be had",
            "Check the issuer and that this server may reach it, or give the endpoints themselves.",
        ),
        Entry(
            R::ClientExists,
            "client_exists",
            409,
            "The client exists",
            "Change the client with PATCH, or choose another name.",
        ),
        Entry(
            R::ClientInUse,
            "client_in_use",
            409,
            "The client has grants",
            "Revoke or remove the client's grants first: without their client nobody could keep or revoke them.",
        ),
        Entry(
            R::NamespaceExists,
            "namespace_exists",
            409,
            "The namespace exists",
            "Use it as it is, or choose another name.",
        ),
        Entry(
            R::NamespaceInUse,
            "namespace_in_use",
            409,
            "Something is left in the namespace",
            "Remove its grants and clients first, or ask for them to be removed with it.",
        ),
        Entry(
            R::WebhookDisabled,
            "webhook_disabled",
            409,
            "The webhook is disabled",
            "Enable the webhook first; its record says since when and why it is disabled.",
        ),
        Entry(
            R::IdempotencyKeyReused,
            "idempotency_key_reused",
            422,
            "The idempotency key belongs to another request",
            "Within a day an `Idempotency-Key` names one request of a namespace: repeat that request exactly, or give this one a key of its own.",
        ),
        Entry(
            R::ChangedMeanwhile,
            "changed_meanwhile",
            409,
            "Somebody else changed it meanwhile",
            "Read it again and repeat the change.",
        ),
        Entry(
            R::RefreshTokenHeld,
            "refresh_token_held",
            409,
            "Another grant holds this refresh token",
            "Use the grant that the problem names: two holders of one refresh token end each other's grants.",
        ),
        Entry(
            R::Revoked,
            "revoked",
            409,
            "The grant was revoked",
            "It was ended here on purpose; connect the user again to get a new one.",
        ),
        Entry(
            R::NeedsReauthorization,
            "needs_reauthorization",
            409,
            "The grant needs re-authorization",
            "The grant is dead at the provider. Lead its user through `reauthorize_url`; the grant keeps its id.",
        ),
        Entry(
            R::NotRefreshable,
            "not_refreshable",
            409,
            "The access token has ended and there is no refresh token",
            "The provider issued no refresh token. Ask for offline access, and lead the user through `reauthorize_url`.",
        ),
        Entry(
            R::RequestRefused,
            "request_refused",
            422,
            "What is asked for is refused",
            "By the provider, or by the rules of this installation before it was sent. The scope, the resource or the \
             configuration of the client has to change; the diagnosis says which.",
        ),
        Entry(
            R::ClientRejected,
            "client_rejected",
            424,
            "The provider rejects the client registration",
            "Correct the client's identifier or secret; its grants are unharmed and resume by themselves.",
        ),
        Entry(
            R::InProgress,
            "in_progress",
            503,
            "A refresh is in progress",
            "The provider or the store is slow, or there is no room for one more request. Ask again after `Retry-After`; \
             `/readyz` says whether it is the store.",
        ),
        Entry(
            R::OutcomeUnknown,
            "outcome_unknown",
            503,
            "The outcome of a refresh is unknown",
            "The refresh token may be spent, and presenting it again could end the grant. Ask again after `Retry-After`.",
        ),
        Entry(
            R::ProviderUnavailable,
            "provider_unavailable",
            503,
            "The provider cannot be reached",
            "It is retried with backoff. Ask again after `Retry-After`.",
        ),
        Entry(
            R::StoreUnavailable,
            "store_unavailable",
            503,
            "The store is not available",
            "Nothing was sent and nothing is lost. The operator finds the reason in the log of this server.",
        ),
        Entry(
            R::StoreQuarantined,
            "store_quarantined",
            503,
            "The store is quarantined",
            "It was restored from a backup or copied, so nothing is refreshed. The operator runs `evergrant store adopt`.",
        ),
        Entry(
            R::TooManyListeners,
            "too_many_listeners",
            503,
            "Too many listen",
            "This process serves as many event streams as it can; ask another node, or again later.",
        ),
        Entry(
            R::ShuttingDown,
            "shutting_down",
            503,
            "The server is stopping",
            "Ask another node, or again after `Retry-After`.",
        ),
        Entry(
            R::Internal,
            "internal",
            500,
            "A defect of this server",
            "Report it with the request id; the log of this server has the details.",
        ),
    ]
};

impl Reason {
    /// The reason of a name.
    pub fn parse(name: &str) -> Option<Self> {
        ENTRIES.iter().find(|entry| entry.1 == name).map(|entry| entry.0)
    }

    /// Every reason.
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|entry| entry.0)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        self.entry().1
    }

    /// The status that a response of this reason has.
    #[expect(clippy::missing_panics_doc, reason = "a test finds every status in the table")]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.entry().2).expect("a test finds every status in the table")
    }

    /// The title, the same for every problem of this reason.
    pub fn title(self) -> &'static str {
        self.entry().3
    }

    /// What it means, and what helps.
    pub fn meaning(self) -> &'static str {
        self.entry().4
    }

    fn entry(self) -> &'static Entry {
        ENTRIES.iter().find(|entry| entry.0 == self).expect("a test finds every reason in the table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_in_the_table_under_a_name_of_its_own() {
        for (index, entry) in ENTRIES.iter().enumerate() {
            assert_eq!(entry.0 as usize, index, "{} stands where the enum has it", entry.1);
            assert_eq!(Reason::parse(entry.1), Some(entry.0));
            assert!(entry.0.status().is_client_error() || entry.0.status().is_server_error());
        }
        assert_eq!(Reason::Internal as usize + 1, ENTRIES.len());
    }

    #[test]
    fn no_reason_has_the_name_of_a_cause() {
        // Both share the addresses under /problems/.
        for cause in evergrant::proto::diagnosis::Cause::all() {
            assert_eq!(Reason::parse(cause.as_str()), None);
        }
    }
}
