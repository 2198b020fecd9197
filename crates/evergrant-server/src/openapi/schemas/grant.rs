//! Grants: what is kept, what was tried, what a check found and what is foreseen.

use evergrant::proto::{
    diagnosis::PreviousOutcome,
    forecast::{Averter, Condition, Source},
    grant::Degradation,
    probe::Probe,
};

use super::{Named, external_id, grant_id, labels, scope, secret, spaced_scopes};
use crate::{
    import::Outcome,
    openapi::schema::{
        Schema, any_id, any_of, any_time, count, flag, id, list, name, named, names_of, object, one_of,
        pattern, text, time,
    },
};

/// The states of a grant.
pub(in crate::openapi) const STATES: [&str; 5] =
    ["active", "degraded", "needs_reauthorization", "not_refreshable", "revoked"];

pub(super) fn schemas() -> Named {
    vec![
        ("Grant", grant()),
        ("Grants", grants()),
        ("Attempts", attempts()),
        ("Check", check()),
        ("Forecasts", forecasts()),
        ("ImportLine", one_import()),
        ("ImportReportLine", any_of(["ImportEntry", "ImportSummary"])),
        ("ImportEntry", import_entry()),
        ("ImportSummary", import_summary()),
    ]
}

fn state() -> Schema {
    one_of(STATES)
}

fn grant() -> Schema {
    let revocation = object().always("requested_at", time(), "When it was asked for.").always(
        "confirmed_at",
        time().or_null(),
        "When the provider confirmed; `null`: not yet.",
    );
    object()
        .always("id", grant_id(), "Its id. It never changes, also across re-authorization.")
        .always("client", name(), "The client that it was given to.")
        .always("state", state(), "What can be done with it.")
        .maybe("degradation", names_of::<Degradation>(), "What keeps a degraded grant from refreshing.")
        .maybe("diagnosis", named("Diagnosis"), "Why it is in trouble.")
        .always("external_id", external_id().or_null(), "Your own id of its user.")
        .always("labels", labels(), "Your own words.")
        .always("subject", text().or_null(), "The account, as the provider names it.")
        .always("tenant", text().or_null(), "The account's organization at the provider.")
        .always("requested_scopes", list(scope()), "What was asked for.")
        .always("granted_scopes", list(scope()), "What was given.")
        .always("generation", count(), "Counts the changes of its credential.")
        .always("created_at", time(), "When it was connected or imported.")
        .always("last_success_at", time(), "When the provider last gave a token for it.")
        .always("next_refresh_at", time().or_null(), "When it is refreshed next by itself.")
        .always(
            "ends_at",
            time().or_null(),
            "When it ends at the latest, however often it is used; `null`: nobody said.",
        )
        .always("expires_soon", flag(), "The warning of that end was given: the user should authorize again.")
        .always("failures", count(), "Transient failures since the last success.")
        .maybe("revocation", revocation, "What became of its revocation.")
        .meaning("A grant, without its credential.")
}

fn grants() -> Schema {
    object().always("grants", list(named("Grant")), "In the order of their ids.").always(
        "next_cursor",
        grant_id().or_null(),
        "What to ask with next, as `cursor`; `null`: this was the last page.",
    )
}

fn attempts() -> Schema {
    let attempt = object()
        .always("id", id("t_"), "Its id.")
        .always("generation", count(), "The generation whose credential it presented.")
        .always("fence", count(), "The number of the lease under which it was made.")
        .always("process", id("h_"), "The process that made it.")
        .maybe("resource", text(), "The resource that it asked for (RFC 8707).")
        .maybe("scopes", list(scope()), "The scopes that it asked for, if not all.")
        .always("journalled_at", time(), "When it was written down, which is before it was sent.")
        .always("ended_at", time().or_null(), "When its outcome was written down.")
        .maybe(
            "outcome",
            one_of(["succeeded", "refused", "failed", "unknown"]),
            "How it ended; absent while it is open.",
        )
        .maybe("code", text(), "The error code of a refusal.")
        .maybe("reason", text(), "Why it failed, or is unknown.")
        .maybe("manner", names_of::<PreviousOutcome>(), "How an unknown outcome came about.");
    object().always("attempts", list(attempt), "The newest first.")
}

fn check() -> Schema {
    let told = object()
        .always("probe", names_of::<Probe>(), "What was asked.")
        .always("alive", flag().or_null(), "Whether the token lives; `null`: the answer does not tell.")
        .always("evidence", list(text()), "Plain sentences, the telling one first.");
    object()
        .always("grant", grant_id(), "The grant.")
        .always("state", state(), "Its state here, which a check does not change.")
        .always("alive", flag().or_null(), "Whether it lives; `null`: nobody could tell.")
        .always(
            "asked",
            list(told),
            "What was asked and answered; empty where nothing can be asked without spending something.",
        )
        .maybe("diagnosis", named("Diagnosis"), "What is wrong with it, if anything.")
        .meaning("What the provider says of a grant now.")
}

fn forecasts() -> Schema {
    let ending = object()
        .always("at", time(), "When, at the latest.")
        .always("ends_in", count(), "Seconds from now; 0 if it should have come already.")
        .always(
            "only_if",
            names_of::<Condition>().or_null(),
            "It comes only if this is so, which nobody here knows.",
        )
        .always("cause", named("Cause"), "What it will be called when it has come.")
        .always("page", text(), "The page of the cause, on this server.")
        .always("averted_by", names_of::<Averter>(), "What keeps it from coming.")
        .always("source", names_of::<Source>(), "Who says so.")
        .always("evidence", text(), "Why, in one sentence.");
    let forecast = object()
        .always("grant", grant_id(), "The grant.")
        .always("client", name(), "Its client.")
        .always("external_id", external_id().or_null(), "Your own id of its user.")
        .always("state", state(), "Its state now.")
        .always("endings", list(ending), "How it can end, the soonest first.");
    object().always("forecast", list(forecast), "The grants with a known end, the soonest first.")
}

/// What is said of a grant that is taken over, but for its client.
pub(in crate::openapi) fn import_line() -> Schema {
    object()
        .always("refresh_token", secret(), "The refresh token.")
        .maybe("refresh_expires_at", any_time().or_null(), "When the refresh token ends.")
        .maybe("obtained_at", any_time().or_null(), "When the refresh token was obtained.")
        .maybe("access_token", secret().or_null(), "The access token that came with it.")
        .maybe("expires_at", any_time().or_null(), "When the access token ends.")
        .maybe("expires_in", count().up_to(u64::MAX).or_null(), "Or the seconds that it still lives.")
        .maybe("scope", spaced_scopes().or_null(), "What was granted, separated by spaces.")
        .maybe("scopes", list(scope()).long(0, 1000).or_null(), "Or the same as a list.")
        .maybe("external_id", any_id().or_null(), "Your own id of the user: at most 256 bytes.")
        .maybe("subject", any_id().or_null(), "The account, as the provider names it: at most 256 bytes.")
        .maybe("tenant", any_id().or_null(), "The account's organization at the provider: at most 256 bytes.")
        .maybe("labels", labels().or_null(), "Your own words.")
        .maybe(
            "grant",
            grant_id_in().or_null(),
            "Give the refresh token to this grant instead of making a new one.",
        )
}

fn one_import() -> Schema {
    object()
        .maybe("client", name().or_null(), "The client; without it, that of the query.")
        .and(import_line())
        .meaning("A grant that is taken over from another program.")
        .closed()
}

fn import_entry() -> Schema {
    object()
        .always("line", count(), "The number of the line, from 1.")
        .maybe("external_id", text(), "Your own id of the user, if the line could be read that far.")
        .always("outcome", names_of::<Outcome>(), "What was done.")
        .maybe("grant", grant_id(), "The grant that it is about.")
        .maybe("problem", refusal(), "Why it was refused.")
        .meaning("What became of one line.")
}

fn import_summary() -> Schema {
    let counts = object()
        .always("lines", count(), "All of them.")
        .always("created", count(), "New grants.")
        .always("updated", count(), "Grants with a new refresh token.")
        .always("unchanged", count(), "Lines that were imported before.")
        .always("refused", count(), "Lines that were not taken.");
    object()
        .always("summary", counts, "How many lines had which outcome.")
        .always("complete", flag(), "Every line was looked at; if not, the problem says why.")
        .always("dry_run", flag(), "Nothing was written.")
        .maybe("problem", refusal(), "Why it ended early.")
        .meaning("The last line of a report.")
}

/// A problem of one line, without what only a whole answer has.
fn refusal() -> Schema {
    object()
        .always("type", text(), "What went wrong: the address of its page on this server.")
        .always("title", text(), "The same for every problem of this type.")
        .always("status", count(), "The status that a request of its own would have had.")
        .always("detail", text(), "What is wrong with this line.")
}

/// Letters of an id that comes in may be large.
fn grant_id_in() -> Schema {
    pattern("^g_[0-9a-fA-F]{32}$")
}
