//! The catalogue.

use axum::http::Method;
use serde_json::json;

use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{named, text},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    let listed = json!({ "providers": [{
        "id": "keycloak",
        "name": "Keycloak",
        "parameters": ["host", "realm"],
        "verification": "documented",
        "confidence": 0.9,
        "own": false,
    }] });
    vec![
        Operation::new(
            Area::Providers,
            Method::GET,
            "/v1/providers",
            ("listProviders", "List the catalogue"),
            "Every entry by id, or those that mention a text: in their name, their id, an alias or an address.",
        )
        .query("text", text(), "Part of a name or of an address, whatever the case.")
        .answers(Answer::new(200, "The entries.").json(named("Providers"), listed)),
        Operation::new(
            Area::Providers,
            Method::GET,
            "/v1/providers/{id}",
            ("readProvider", "Read an entry of the catalogue"),
            "All that is known of a provider. docs/catalogue.md has every member.",
        )
        .path("id", text(), "The id of the entry.", "google")
        .answers(Answer::new(200, "The entry.").json_of(named("Provider")))
        .refuses(&[Reason::NoSuchProvider]),
    ]
}
