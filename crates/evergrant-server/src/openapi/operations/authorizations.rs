//! Authorizations.

use axum::http::Method;
use serde_json::json;

use super::{AUTHORIZATION, GRANT};
use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{address, flag, list, name, named, object, pattern, text},
        schemas::{authorization_id, external_id, labels, redirect_uri, scope},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![open(), read()]
}

fn open() -> Operation {
    let words = "Opens an authorization: send the user to `url`. It works once and for half an hour. The user comes back to \
                 this server, and from here to `return_url` with `authorization` and `grant`, or `error`. An account that \
                 has a grant of this client already keeps that one, unless `new` says otherwise or the grant has another \
                 `external_id`: what one user of yours has connected, another one does not take over.";
    let body = object()
        .always("client", name(), "The client that asks.")
        .maybe("grant", pattern("^g_[0-9a-fA-F]{32}$").or_null(), "The grant to repair.")
        .maybe("new", flag().usually(false), "Make a new grant even if this account has one.")
        .maybe("external_id", external_id().or_null(), "Your own id of the user: at most 256 bytes.")
        .maybe("labels", labels(), "Your own words.")
        .maybe("scopes", list(scope()).long(0, 1000), "What to ask for; none: the client's.")
        .maybe("resources", list(text()), "What the tokens will be for (RFC 8707).")
        .maybe("redirect_uri", redirect_uri().or_null(), "One of the client's; none: this server's own.")
        .maybe("return_url", address().or_null(), "Where the user goes in the end: one of the client's.")
        .maybe("login_hint", text().or_null(), "Who is expected to sign in (OpenID Connect Core 3.1.2.1).")
        .closed();
    let opened = json!({
        "id": AUTHORIZATION,
        "url": "https://login.example/authorize?client_id=crm&response_type=code",
        "connect_url": "https://grants.example/connect/a-signed-link",
        "expires_at": "2026-11-21T10:00:00Z",
    });
    let new =
        json!({ "client": "crm", "external_id": "user-7", "return_url": "https://app.example/connected" });
    Operation::new(
        Area::Authorizations,
        Method::POST,
        "/v1/authorizations",
        ("openAuthorization", "Open an authorization"),
        words,
    )
    .idempotent()
    .body(body, [("Connect a user", new), ("Repair a grant", json!({ "client": "crm", "grant": GRANT }))])
    .answers(
        Answer::new(201, "The link.")
            .json(named("OpenedAuthorization"), opened)
            .header("Location")
            .header("Idempotency-Replayed"),
    )
    .refuses(&[Reason::NoSuchClient, Reason::NoSuchGrant, Reason::Revoked, Reason::Unprocessable])
}

fn read() -> Operation {
    let example = json!({
        "id": AUTHORIZATION,
        "client": "crm",
        "state": "connected",
        "grant": GRANT,
        "scopes": ["contacts.read", "offline_access"],
        "created_at": "2026-11-21T09:30:00Z",
        "expires_at": "2026-11-21T10:00:00Z",
    });
    Operation::new(
        Area::Authorizations,
        Method::GET,
        "/v1/authorizations/{id}",
        ("readAuthorization", "Read an authorization"),
        "Where it stands, and the grant that it led to.",
    )
    .path("id", authorization_id(), "The authorization.", AUTHORIZATION)
    .answers(Answer::new(200, "The authorization.").json(named("Authorization"), example))
    .refuses(&[Reason::NoSuchAuthorization])
}
