//! Problems, and what is held to be their cause.

use evergrant::proto::{
    diagnosis::{Action, Actor, Cause, Certainty},
    failure::Culprit,
};

use super::{Named, grant_id};
use crate::openapi::schema::{
    Schema, address, count, flag, list, named, names_of, object, one_of, pattern, text,
};

pub(super) fn schemas() -> Named {
    vec![("Problem", problem()), ("Diagnosis", diagnosis()), ("Cause", cause())]
}

fn problem() -> Schema {
    let url = "Where the user of the grant repairs it. Present if only the user can.";
    object()
        .always(
            "type",
            pattern("^/problems/[a-z_]+$"),
            "What went wrong: stable, and the address of its page on this server.",
        )
        .always("title", text(), "The same for every problem of this type.")
        .always("status", count(), "The status of this answer.")
        .always("detail", text(), "What went wrong this time, and what helps. No secret.")
        .maybe("grant", grant_id(), "The grant that it is about.")
        .maybe(
            "diagnosis",
            named("Diagnosis"),
            "What is held to be the cause, if a provider's answer is behind it.",
        )
        .maybe(
            "retry_after",
            count().with("minimum", 1),
            "Seconds after which to ask again; also `Retry-After`.",
        )
        .maybe("reauthorize_url", address(), url)
        .maybe(
            "lifeboat_records",
            count(),
            "Of `/readyz`: rotated credentials that wait for a store that cannot be written.",
        )
        .meaning("A refusal (RFC 9457). The request id to report it with is in the header `X-Request-Id`.")
}

fn cause() -> Schema {
    one_of(Cause::all().map(Cause::as_str)).meaning("A documented cause: `/problems/{cause}` is its page.")
}

fn diagnosis() -> Schema {
    let remedy = object().always("action", names_of::<Action>(), "What to do.").always(
        "actor",
        names_of::<Actor>(),
        "Who must do it.",
    );
    let measured = object()
        .always("action", names_of::<Action>(), "The remedy.")
        .always("worked", count(), "How often the grant worked afterwards.")
        .always("tried", count(), "How often it was taken, and its end is known.");
    let check = object().always("cause", named("Cause"), "A candidate.").always(
        "check",
        text(),
        "One look that confirms it or rules it out.",
    );
    object()
        .always("cause", named("Cause"), "What it is held to be.")
        .always("certainty", names_of::<Certainty>(), "How sure that is.")
        .always("culprit", names_of::<Culprit>(), "Who is at fault.")
        .always("permanent", flag(), "Whether repeating the very same request can never succeed.")
        .always("retry", flag(), "Whether it is tried again without anybody's help.")
        .always("remedies", list(remedy), "What helps, the first step first.")
        .always("evidence", list(text()), "Plain sentences; no secrets.")
        .always("alternatives", list(named("Cause")), "What else it could be, the likeliest first.")
        .always("meaning", text(), "What the cause means, in one sentence.")
        .always("page", text(), "The page of the cause, on this server.")
        .always("checks", list(check), "What tells the candidates apart; empty where there is one only.")
        .always("measured", list(measured), "How often its remedies worked here; empty: nobody knows yet.")
        .meaning("What is held to be the cause of a failure, and why.")
}
