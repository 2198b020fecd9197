//! Events.

use axum::http::Method;
use serde_json::json;

use super::{GRANT, diagnosis, limit};
use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{count, list, name, named},
        schemas::{event_kind, grant_id},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    let words = "Everything that happens in a namespace. With `Accept: text/event-stream` as it happens (Server-Sent Events): \
                 `id` is the event's number, `event` its kind, `data` an `Event`; an event of the name `gap` says what is \
                 missing. Come back with `Last-Event-ID` and nothing is lost. Else page by page: ask again with `after`. \
                 `limit` is for pages alone.";
    let page = json!({ "events": [{
        "number": 4712,
        "at": "2026-11-21T09:31:40Z",
        "kind": "needs_reauthorization",
        "client": "crm",
        "grant": GRANT,
        "generation": 12,
        "diagnosis": diagnosis(),
    }], "next": 4712, "more": false });
    let stream = "retry: 2000\nid: 4711\n\nid: 4712\nevent: refreshed\ndata: {\"number\":4712,…}\n\n";
    let operation = Operation::new(
        Area::Events,
        Method::GET,
        "/v1/events",
        ("listEvents", "Read events, or listen to them"),
        words,
    );
    let operation = operation
        .query(
            "after",
            count().up_to(u64::MAX),
            "Only events after this number; a stream without it begins now.",
        )
        .query("grant", grant_id(), "Only those of this grant.")
        .query("client", name(), "Only those of this client and its grants.")
        .query("type", list(event_kind()), "Only those of this kind. May be repeated.")
        .query("limit", limit(100, 1000), "Events on a page.")
        .header(
            "Last-Event-ID",
            count().up_to(u64::MAX),
            "The number that a listener which comes back has seen last.",
        )
        .answers(
            Answer::new(200, "A page of events, or a stream of them.")
                .json(named("Events"), page)
                .text("text/event-stream", stream)
                .header("X-Accel-Buffering"),
        )
        .refuses(&[Reason::InvalidHeader, Reason::TooManyListeners, Reason::ShuttingDown]);
    vec![operation]
}
