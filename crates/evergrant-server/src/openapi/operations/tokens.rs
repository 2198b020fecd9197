//! Asking for access tokens, and telling of those that were rejected.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::GRANT;
use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{Schema, address, count, list, named, object, pattern, text},
        schemas::{grant_id, scope, spaced_scopes},
    },
    problem::Reason,
};

/// Why there is no token.
const NO_TOKEN: [Reason; 10] = [
    Reason::NoSuchGrant,
    Reason::Revoked,
    Reason::NeedsReauthorization,
    Reason::NotRefreshable,
    Reason::RequestRefused,
    Reason::ClientRejected,
    Reason::InProgress,
    Reason::OutcomeUnknown,
    Reason::ProviderUnavailable,
    Reason::StoreUnavailable,
];

/// What else keeps the server from giving one.
const NO_SERVICE: [Reason; 2] = [Reason::StoreQuarantined, Reason::ShuttingDown];

pub(super) fn operations() -> Vec<Operation> {
    vec![token(), forward_auth(), refresh(), reject()]
}

fn operation(
    method: Method,
    path: &'static str,
    name: (&'static str, &'static str),
    words: &'static str,
) -> Operation {
    Operation::new(Area::Tokens, method, path, name, words)
        .path("grant", grant_id(), "The grant.", GRANT)
        .refuses(&NO_SERVICE)
}

fn wanted(operation: Operation) -> Operation {
    let min_ttl = "Seconds that the token has to live still: at most 80 % of its lifetime counts, and it causes at most \
                   one refresh a generation.";
    operation
        .query("min_ttl", count().up_to(u64::MAX).usually(0), min_ttl)
        .query("resource", resource(), "What the token is for (RFC 8707): an absolute URI without fragment.")
        .query(
            "scope",
            spaced_scopes(),
            "A part of what was granted, separated by spaces; without it, all of it.",
        )
}

fn token() -> Operation {
    let words = "Answers from memory as long as the token is fresh, and refreshes it in time by itself. All who ask while a \
                 refresh is under way wait for that one, ten seconds at most. A token that works is given even if its \
                 grant is in trouble: `warning` says so. These requests do not count towards the limit of the key.";
    wanted(operation(
        Method::GET,
        "/v1/grants/{grant}/token",
        ("readToken", "Get an access token that works"),
        words,
    ))
    .answers(answer("A token that works now."))
    .refuses(&NO_TOKEN)
}

fn forward_auth() -> Operation {
    let words = "For nginx `auth_request`, Traefik and Caddy: the proxy asks before it passes a request on, and copies \
                 `Authorization` of this answer into it. Such a proxy knows 2xx, 401 and 403, so whatever only the user \
                 can repair is a 403 here, with the link in `Evergrant-Reauthorize-Url`.";
    let for_the_user = [Reason::Revoked, Reason::NeedsReauthorization, Reason::NotRefreshable];
    let others: Vec<_> = NO_TOKEN.into_iter().filter(|reason| !for_the_user.contains(reason)).collect();
    wanted(operation(
        Method::GET,
        "/v1/grants/{grant}/forward-auth",
        ("forwardAuth", "Get the access token as a header"),
        words,
    ))
    .answers(Answer::new(204, "The header that the request to the API needs.").header("Authorization"))
    .refuses(&others)
    .refuses_as(StatusCode::FORBIDDEN, &for_the_user)
    .refused_with(&["Evergrant-Problem", "Evergrant-Reauthorize-Url"])
}

fn refresh() -> Operation {
    let words = "Refreshes unless somebody has done so since the token that the body names: then the current one is the \
                 answer, and nothing is sent. Seldom needed: `token` refreshes in time, and a token that an API refused \
                 is reported as a rejection.";
    let by_digest =
        json!({ "token_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" });
    operation(
        Method::POST,
        "/v1/grants/{grant}/refresh",
        ("refreshGrant", "Get a later token than the one that was seen"),
        words,
    )
    .body(either(seen()), [("By generation", json!({ "generation": 12 })), ("By digest", by_digest)])
    .answers(answer("A later token, or the current one if it is later already."))
    .refuses(&NO_TOKEN)
}

fn reject() -> Operation {
    let words = "Say that an API answered 401 or 403 to a token. Answers with the token to use instead; the rejection of \
                 a token that has been replaced since changes nothing.";
    let body = either(
        seen()
            .always("status", count().with("enum", json!([401, 403])), "What the API answered.")
            .maybe("www_authenticate", text().or_null(), "Its `WWW-Authenticate`, which often says why.")
            .maybe("resource", resource().or_null(), "What the token was for, as it was asked for.")
            .maybe("scopes", list(scope()).or_null(), "The same."),
    );
    let example = json!({
        "generation": 12,
        "status": 401,
        "www_authenticate": "Bearer error=\"invalid_token\"",
    });
    operation(
        Method::POST,
        "/v1/grants/{grant}/rejections",
        ("rejectToken", "Report that an API rejected a token"),
        words,
    )
    .body(body, [("An API answered 401", example)])
    .answers(answer("The token to use instead."))
    .refuses(&NO_TOKEN)
}

fn resource() -> Schema {
    address().with("pattern", "^[^#]+$").with("maxLength", 2048)
}

/// Which token was seen.
fn seen() -> Schema {
    object()
        .maybe("generation", count().up_to(u64::MAX).or_null(), "Its generation.")
        .maybe(
            "token_sha256",
            pattern("^[0-9a-fA-F]{64}$").or_null(),
            "Or its SHA-256, where it was handed on without one.",
        )
        .closed()
}

/// Of the two names of a token, exactly one.
fn either(body: Schema) -> Schema {
    body.one_of_both("generation", "token_sha256")
}

fn answer(words: &'static str) -> Answer {
    Answer::new(200, words).json(named("Token"), example()).header("Pragma")
}

fn example() -> Value {
    json!({
        "access_token": "an-access-token",
        "token_type": "Bearer",
        "expires_at": "2026-11-21T10:30:02Z",
        "expires_in": 3584,
        "scope": "contacts.read offline_access",
        "generation": 12,
    })
}
