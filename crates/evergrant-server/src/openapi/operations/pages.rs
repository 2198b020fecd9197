//! What browsers are sent to, and what people read.

use axum::http::Method;

use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{named, pattern, text},
    },
    problem::Reason,
};

/// The headers of every page.
const PAGE: [&str; 5] = [
    "Cache-Control",
    "Content-Security-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
];

pub(super) fn operations() -> Vec<Operation> {
    vec![ask(), open(), callback(), problems(), problem(), reference()]
}

fn page(status: u16, words: &'static str) -> Answer {
    PAGE.into_iter().fold(Answer::new(status, words).html(), Answer::header)
}

fn redirect(words: &'static str) -> Answer {
    PAGE.into_iter().fold(Answer::new(303, words).header("Location"), Answer::header)
}

fn ask() -> Operation {
    let words = "The address of `connect_url` and `reauthorize_url`: names the app, the provider and the reason, and asks. It changes nothing, \
                 since programs that look into messages for previews follow every link.";
    following(Operation::new(
        Area::Pages,
        Method::GET,
        "/connect/{link}",
        ("askToReconnect", "Ask the user to reconnect"),
        words,
    ))
    .answers(page(200, "The question; or that there is nothing to do."))
}

fn open() -> Operation {
    let words =
        "The button of that page: opens an authorization, if there is none yet, and leads to the provider.";
    following(Operation::new(
        Area::Pages,
        Method::POST,
        "/connect/{link}",
        ("reconnect", "Lead the user to the provider"),
        words,
    ))
    .answers(redirect("To the provider."))
    .answers(page(200, "There is nothing to do: the grant works."))
}

fn following(operation: Operation) -> Operation {
    operation
        .path(
            "link",
            text(),
            "What the link ends with. It is signed, and ends after some time.",
            "a-signed-link",
        )
        .answers(page(404, "Its grant or its client was removed meanwhile."))
        .answers(page(409, "Its grant was revoked meanwhile, or its account was another one."))
        .answers(page(410, "The link has ended, or its grant has."))
        .answers(page(422, "The client lacks something; the page says what."))
        .answers(page(429, "It was tried too often within the hour; the page says when to come back."))
        .answers(page(503, "The server cannot work now."))
}

fn callback() -> Operation {
    let words = "The redirect URI: the provider sends the user's browser here. It finds its authorization by `state`, checks \
                 `iss` (RFC 9207), exchanges the code and leads on to the return URL, if there is one.";
    Operation::new(Area::Pages, Method::GET, "/callback", ("callback", "Come back from the provider"), words)
        .parameter_of_the_provider("code", "The authorization code (RFC 6749 4.1.2).")
        .parameter_of_the_provider("state", "What the authorization was opened with.")
        .parameter_of_the_provider("iss", "The issuer that answers (RFC 9207).")
        .parameter_of_the_provider("error", "Why there is no code (RFC 6749 4.1.2.1).")
        .parameter_of_the_provider("error_description", "The same for people.")
        .answers(page(200, "The grant is connected, and there is no return URL."))
        .answers(redirect("To the return URL, with `authorization` and `grant`."))
        .answers(page(400, "This is not the answer of a provider."))
        .answers(page(403, "The provider says that access was not given."))
        .answers(page(409, "It was another account; nothing was changed."))
        .answers(page(410, "The link was used, or has expired."))
        .answers(page(502, "The provider did not complete the connection."))
        .answers(page(503, "The server cannot work now."))
}

fn problems() -> Operation {
    let words = "Every documented cause, or those that fit a search.";
    Operation::new(
        Area::Pages,
        Method::GET,
        "/problems",
        ("searchProblems", "Look up why something failed"),
        words,
    )
    .query("q", text(), "An error message, or words of one. Leave tokens out.")
    .query("provider", text().with("maxLength", 100), "The id of a catalogue entry.")
    .query("code", text().with("maxLength", 100), "An error code.")
    .query("status", pattern(r"^\s*([1-5][0-9]{2})?\s*$"), "An HTTP status.")
    .answers(page(200, "The list.").json_of(named("CauseIndex")).header("Vary"))
}

fn problem() -> Operation {
    let words = "What a cause of a diagnosis, or the `type` of a refusal, means and what helps. By `Accept` as a page, as \
                 JSON or as Markdown; a refusal's is a page alone.";
    let name = "The last segment of a `type`, or the name of a cause.";
    Operation::new(
        Area::Pages,
        Method::GET,
        "/problems/{name}",
        ("readProblem", "Read about a problem"),
        words,
    )
    .path("name", text(), name, "user_revoked")
    .answers(
        page(200, "What it means.")
            .header("Vary")
            .json_of(named("CausePage"))
            .text("text/markdown", "# The user withdrew the access\n"),
    )
    .refuses(&[Reason::NoSuchRoute])
}

fn reference() -> Operation {
    let words = "This document, to be read.";
    Operation::new(Area::Pages, Method::GET, "/docs/api", ("readReference", "Read this reference"), words)
        .answers(page(200, "The reference."))
}
