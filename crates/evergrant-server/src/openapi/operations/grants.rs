//! Grants.

use axum::http::Method;
use serde_json::json;

use super::{GRANT, diagnosis, grant, limit};
use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{Schema, count, flag, list, name, named, object, one_of, pattern, text},
        schemas::{self, grant_id, import_line},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list_grants(),
        import(),
        import_many(),
        forecast(),
        read(),
        remove(),
        revoke(),
        check(),
        events(),
        attempts(),
    ]
}

fn of_one(
    method: Method,
    path: &'static str,
    name: (&'static str, &'static str),
    words: &'static str,
) -> Operation {
    Operation::new(Area::Grants, method, path, name, words)
        .path("grant", grant_id(), "The grant.", GRANT)
        .refuses(&[Reason::NoSuchGrant])
}

fn list_grants() -> Operation {
    let words = "A page at a time: ask again with `cursor` until `next_cursor` is `null`. Filters add up.";
    Operation::new(Area::Grants, Method::GET, "/v1/grants", ("listGrants", "List grants"), words)
        .query("client", name(), "Only those of this client.")
        .query("state", one_of(schemas::STATES), "Only those in this state.")
        .query("external_id", text(), "Only those of this user of yours.")
        .query(
            "label",
            list(pattern("^[^:]*:")),
            "Only those with this label, as `key:value`. May be repeated.",
        )
        .query("cursor", grant_id(), "Where to go on: `next_cursor` of the page before.")
        .query("limit", limit(50, 500), "Grants on a page.")
        .answers(
            Answer::new(200, "A page of grants.")
                .json(named("Grants"), json!({ "grants": [grant()], "next_cursor": null })),
        )
}

fn import() -> Operation {
    let words = "Takes over a refresh token that was issued to another program, which must not use it any more: two holders \
                 of one refresh token end each other's grants.";
    let body = object()
        .always("client", name(), "The client that it was issued to.")
        .and(import_line())
        .not_both("expires_at", "expires_in")
        .not_both("scope", "scopes")
        .closed();
    let example = json!({
        "client": "crm",
        "refresh_token": "the-refresh-token",
        "scopes": ["contacts.read", "offline_access"],
        "external_id": "user-7",
        "labels": { "team": "sales" },
    });
    Operation::new(Area::Grants, Method::POST, "/v1/grants", ("importGrant", "Import a grant"), words)
        .idempotent()
        .body(body, [("A grant from another program", example)])
        .answers(made(201, "The grant that was made."))
        .answers(made(200, "The grant that has the refresh token now."))
        .refuses(&[
            Reason::NoSuchClient,
            Reason::NoSuchGrant,
            Reason::RefreshTokenHeld,
            Reason::Unprocessable,
        ])
        .refuses(&[Reason::Revoked])
}

fn import_many() -> Operation {
    let words = "Takes over many refresh tokens: a line of JSON each (an `ImportLine`), at most 256 MiB. The report comes while \
                 it goes on: a line of JSON for each (an `ImportEntry`), and an `ImportSummary` at the end. What was \
                 reported as done is durable. Sending the same lines again changes nothing, so an import that broke off \
                 is simply repeated. Read the report while sending, or the server waits.";
    let line = json!({ "client": "crm", "refresh_token": "the-refresh-token", "external_id": "user-7" });
    let entry = json!({ "line": 1, "external_id": "user-7", "outcome": "created", "grant": GRANT });
    let counts = json!({ "lines": 1, "created": 1, "updated": 0, "unchanged": 0, "refused": 0 });
    let summary = json!({ "summary": counts, "complete": true, "dry_run": false });
    Operation::new(
        Area::Grants,
        Method::POST,
        "/v1/grants/import",
        ("importGrants", "Import many grants"),
        words,
    )
    .query("client", name(), "The client of lines that name none.")
    .query(
        "match",
        one_of(["account", "external_id"]).usually("account"),
        "By what a grant that is there already is recognized.",
    )
    .query(
        "report",
        one_of(["all", "refused"]).usually("all"),
        "Which lines are reported; the summary always is.",
    )
    .query("dry_run", flag().usually(false), "Nothing is written.")
    .lines(named("ImportLine"), format!("{line}\n"))
    .answers(
        Answer::new(200, "The report.")
            .lines("ImportReportLine", &format!("{entry}\n{summary}\n"))
            .header("X-Accel-Buffering"),
    )
    .refuses(&[Reason::NoSuchClient])
}

fn made(status: u16, words: &'static str) -> Answer {
    Answer::new(status, words).json(named("Grant"), grant()).header("Location").header("Idempotency-Replayed")
}

fn forecast() -> Operation {
    let words = "Which grants end when if nobody acts, the soonest first, by what the providers announced and by what the \
                 catalogue knows. A running server averts what a refresh averts.";
    let example = json!({ "forecast": [{
        "grant": GRANT,
        "client": "crm",
        "external_id": "user-7",
        "state": "active",
        "endings": [{
            "at": "2027-02-19T09:30:02Z",
            "ends_in": 7_776_000,
            "only_if": null,
            "cause": "refresh_token_expired_idle",
            "page": "/problems/refresh_token_expired_idle",
            "averted_by": "refresh",
            "source": "announced",
            "evidence": "The provider announced that a refresh token that is not used ends after 90 days.",
        }],
    }] });
    Operation::new(
        Area::Grants,
        Method::GET,
        "/v1/grants/forecast",
        ("forecastGrants", "Foresee which grants end"),
        words,
    )
    .query("client", name(), "Only grants of this client.")
    .query("within", seconds(), "Only those that end within so many seconds.")
    .query("limit", limit(100, 1000), "Grants at most.")
    .answers(Answer::new(200, "What is foreseen.").json(named("Forecasts"), example))
}

fn read() -> Operation {
    let mut dead = grant();
    dead["state"] = json!("needs_reauthorization");
    dead["diagnosis"] = diagnosis();
    dead["next_refresh_at"] = json!(null);
    of_one(
        Method::GET,
        "/v1/grants/{grant}",
        ("readGrant", "Read a grant"),
        "Its state, and why it is in trouble.",
    )
    .answers(Answer::new(200, "The grant.").json(named("Grant"), dead))
}

fn remove() -> Operation {
    let words =
        "Revokes a grant and hides it from every list. Its record is kept until the provider has confirmed.";
    of_one(Method::DELETE, "/v1/grants/{grant}", ("removeGrant", "Revoke and remove a grant"), words)
        .answers(ended())
        .refuses(&[Reason::InProgress, Reason::ShuttingDown])
}

fn revoke() -> Operation {
    let words = "Ends a grant: here at once, and at the provider as soon as it can be told.";
    of_one(Method::POST, "/v1/grants/{grant}/revoke", ("revokeGrant", "Revoke a grant"), words)
        .answers(ended())
        .refuses(&[Reason::InProgress, Reason::ShuttingDown])
}

fn ended() -> Answer {
    let mut revoked = grant();
    revoked["state"] = json!("revoked");
    revoked["next_refresh_at"] = json!(null);
    revoked["revocation"] = json!({ "requested_at": "2026-11-21T09:41:10Z", "confirmed_at": null });
    Answer::new(200, "The grant as it is now; `revocation` says whether the provider has confirmed.")
        .json(named("Grant"), revoked)
}

fn check() -> Operation {
    let words = "Asks the provider whether a grant lives, without spending anything: introspection (RFC 7662) and userinfo, \
                 never a refresh. Nothing changes here.";
    let example = json!({
        "grant": GRANT,
        "state": "active",
        "alive": true,
        "asked": [{
            "probe": "introspection",
            "alive": true,
            "evidence": ["Introspection says that the refresh token is active."],
        }],
    });
    of_one(
        Method::POST,
        "/v1/grants/{grant}/check",
        ("checkGrant", "Ask the provider whether a grant lives"),
        words,
    )
    .answers(Answer::new(200, "What it says.").json(named("Check"), example))
    .refuses(&[Reason::Revoked])
}

fn events() -> Operation {
    let example = json!({ "events": [{
        "number": 4711,
        "at": "2026-11-21T09:30:02Z",
        "kind": "refreshed",
        "client": "crm",
        "grant": GRANT,
        "generation": 12,
        "attempt": "t_0198f0c2a1d47c3e9b52d6a47e10f3b8",
    }], "next": 4711 });
    of_one(
        Method::GET,
        "/v1/grants/{grant}/events",
        ("listGrantEvents", "List what happened to a grant"),
        "The oldest first.",
    )
    .query(
        "after",
        count().up_to(u64::MAX).usually(0),
        "Only events after this number: `next` of the page before.",
    )
    .query("limit", limit(100, 1000), "Events on a page.")
    .answers(Answer::new(200, "A page of events.").json(named("GrantEvents"), example))
}

fn attempts() -> Operation {
    let words = "Every request that presented a credential of the grant: written down before it was sent.";
    let example = json!({ "attempts": [{
        "id": "t_0198f0c2a1d47c3e9b52d6a47e10f3b8",
        "generation": 11,
        "fence": 12,
        "process": "h_0198f0b77a3c7f10b2a4c6d8e0f21436",
        "journalled_at": "2026-11-21T09:30:01Z",
        "ended_at": "2026-11-21T09:30:02Z",
        "outcome": "succeeded",
    }] });
    of_one(Method::GET, "/v1/grants/{grant}/attempts", ("listAttempts", "Read the journal of a grant"), words)
        .query("limit", limit(50, 500), "Attempts at most.")
        .answers(Answer::new(200, "The journal, the newest first.").json(named("Attempts"), example))
}

/// Any number of seconds that fits.
fn seconds() -> Schema {
    count().up_to(u64::MAX)
}
