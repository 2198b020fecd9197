//! Events.

use evergrant::proto::grant::EventKind;

use super::{Named, grant_id};
use crate::openapi::schema::{
    Schema, count, flag, id, list, name, named, names_of, object, one_of, text, time,
};

pub(super) fn schemas() -> Named {
    let next = "What to ask with next, as `after`: also later, when more has happened.";
    let of_grant =
        object().always("events", list(named("Event")), "The oldest first.").always("next", count(), next);
    let gap = object()
        .always("reason", one_of(["forgotten", "unknown"]), "Forgotten by age, or never in this log.")
        .always("after", count(), "The number that was given.")
        .always("up_to", count(), "The first event that is there comes after this number.")
        .always("meaning", text(), "Why, in one sentence.");
    let page = of_grant.clone().always("more", flag(), "Whether there is more already.").maybe(
        "gap",
        gap,
        "What is missing between `after` and the first event.",
    );
    vec![("Event", event()), ("GrantEvents", of_grant), ("Events", page)]
}

/// The kinds of events.
pub(in crate::openapi) fn kind() -> Schema {
    names_of::<EventKind>()
}

fn event() -> Schema {
    object()
        .always("number", count(), "Its place in the log. It grows, and is never given twice.")
        .always("at", time(), "When.")
        .always("kind", kind(), "What happened.")
        .always("client", name(), "The client that it is about.")
        .always("grant", grant_id().or_null(), "The grant that it is about; `null`: the client as a whole.")
        .always("generation", count().or_null(), "The grant's generation after it.")
        .maybe("attempt", id("t_"), "The attempt that caused it.")
        .maybe("diagnosis", named("Diagnosis"), "Why, of trouble.")
        .maybe("expires_at", time(), "When the grant ends, of a warning of it.")
}
