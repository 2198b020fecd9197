//! Clients.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{Schema, address, flag, list, map, name, named, object, text},
        schemas::{authentication, client_identifier, redirect_uri, scope, secret},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![list_clients(), add(), read(), update(), remove()]
}

fn of_one(method: Method, (id, summary): (&'static str, &'static str), words: &'static str) -> Operation {
    Operation::new(Area::Clients, method, "/v1/clients/{name}", (id, summary), words)
        .path("name", name(), "The client.", "crm")
        .refuses(&[Reason::NoSuchClient])
}

fn list_clients() -> Operation {
    Operation::new(
        Area::Clients,
        Method::GET,
        "/v1/clients",
        ("listClients", "List clients"),
        "All of the namespace, by name.",
    )
    .queried()
    .answers(Answer::new(200, "The clients.").json(named("Clients"), json!({ "clients": [client()] })))
}

fn add() -> Operation {
    let words = "Adds a registration that you made at a provider. Name the provider by its id in the catalogue, by its \
                 issuer, or by its endpoints; what is missing is read from its metadata (RFC 8414).";
    let body = object()
        .always("name", name(), "Your name of it.")
        .always("client_id", client_identifier(), "What the provider calls it.")
        .maybe("provider", text().or_null(), "The id of a catalogue entry.")
        .maybe("issuer", text().or_null(), "The issuer identifier of the provider.")
        .maybe("endpoints", named("Endpoints"), "Endpoints that neither of them names.")
        .maybe("parameters", map(text()), "What fills the placeholders of the catalogue entry.")
        .maybe("redirect_uris", redirect_uris(), "As registered at the provider; none: this server's own.")
        .maybe("branding", named("Branding").or_null(), "How pages name and colour the app.")
        .and(common())
        .closed();
    let google = json!({
        "name": "crm",
        "provider": "google",
        "client_id": "1234-abcd.apps.googleusercontent.com",
        "secret": "the-client-secret",
        "scopes": ["https://www.googleapis.com/auth/contacts.readonly"],
        "return_urls": ["https://app.example/connected"],
    });
    let own = json!({ "name": "crm", "issuer": "https://login.example", "client_id": "crm", "secret": "the-client-secret" });
    Operation::new(Area::Clients, Method::POST, "/v1/clients", ("addClient", "Add a client"), words)
        .body(body, [("Of the catalogue", google), ("By its issuer", own)])
        .answers(Answer::new(201, "The client.").json(named("Client"), client()).header("Location"))
        .refuses(&[Reason::ClientExists, Reason::DiscoveryFailed, Reason::Unprocessable])
}

fn read() -> Operation {
    of_one(Method::GET, ("readClient", "Read a client"), "With what its provider's answers have shown.")
        .answers(Answer::new(200, "The client.").json(named("Client"), client()))
}

fn update() -> Operation {
    let words = "Changes what the body names. New credentials are used from the next request on and end a suspension at \
                 once; no grant is lost by it.";
    let body = object()
        .maybe("client_id", client_identifier().or_null(), "What the provider calls it.")
        .maybe("redirect_uris", redirect_uris(), "As registered at the provider.")
        .maybe("branding", named("Branding").or_null(), "How pages name and colour the app: as a whole.")
        .and(common_changes())
        .closed();
    of_one(Method::PATCH, ("updateClient", "Change a client"), words)
        .body(body, [("A new secret", json!({ "secret": "the-new-client-secret" }))])
        .answers(Answer::new(200, "The client as it is now.").json(named("Client"), client()))
        .refuses(&[Reason::ChangedMeanwhile, Reason::Unprocessable])
}

fn remove() -> Operation {
    let words = "Removes a client that no grant needs any more.";
    of_one(Method::DELETE, ("removeClient", "Remove a client"), words)
        .answers(Answer::new(204, "It is gone."))
        .refuses(&[Reason::ClientInUse, Reason::ChangedMeanwhile])
}

fn common() -> Schema {
    object()
        .maybe(
            "scopes",
            list(scope()).long(0, 1000),
            "What is asked for unless an authorization says otherwise.",
        )
        .maybe("return_urls", list(address().with("maxLength", 2048)), RETURN_URLS)
        .and(credentials())
}

fn common_changes() -> Schema {
    object()
        .maybe(
            "scopes",
            list(scope()).long(0, 1000).or_null(),
            "What is asked for unless an authorization says otherwise.",
        )
        .maybe("return_urls", list(address().with("maxLength", 2048)).or_null(), RETURN_URLS)
        .and(credentials())
}

const RETURN_URLS: &str = "Where users may be returned to: `https`, `http`, or an app's scheme with a dot.";

fn credentials() -> Schema {
    object()
        .maybe("secret", secret().or_null(), "Its secret at the provider.")
        .maybe(
            "authentication",
            authentication().or_null(),
            "How it authenticates; none: what the provider takes.",
        )
        .maybe(
            "rotation",
            named("RotationPolicy").or_null(),
            "What the provider does with used refresh tokens, if you know better.",
        )
        .maybe(
            "keep_alive",
            flag().or_null(),
            "`false`: refresh tokens that nobody needs are left to end unused.",
        )
}

fn redirect_uris() -> Schema {
    list(redirect_uri()).or_null()
}

fn client() -> Value {
    json!({
        "name": "crm",
        "provider": "google",
        "issuer": "https://accounts.google.com",
        "endpoints": {
            "authorization": "https://accounts.google.com/o/oauth2/v2/auth",
            "token": "https://oauth2.googleapis.com/token",
            "refresh": null,
            "revocation": "https://oauth2.googleapis.com/revoke",
            "introspection": null,
            "device_authorization": "https://oauth2.googleapis.com/device/code",
            "userinfo": "https://openidconnect.googleapis.com/v1/userinfo",
        },
        "parameters": {},
        "client_id": "1234-abcd.apps.googleusercontent.com",
        "has_secret": true,
        "authentication": "client_secret_post",
        "redirect_uris": ["https://grants.example/callback"],
        "scopes": ["https://www.googleapis.com/auth/contacts.readonly"],
        "return_urls": ["https://app.example/connected"],
        "rotation": { "kind": "reusable", "ancestors": "immediate", "revokes": "unknown" },
        "learned": {
            "replaced": 0,
            "kept": 3,
            "repetitions": { "accepted": 0, "refused": 0, "accepted_after_s": null, "refused_after_s": null },
            "access_lifetime": { "shortest_s": 3599, "longest_s": 3599 },
            "refresh_lifetime": null,
            "authorization_lifetime": null,
            "use_extends": null,
            "replaces": "never",
            "contradicts": [],
        },
        "keep_alive": true,
        "branding": { "name": "Acme CRM", "color": null },
        "suspended": false,
        "version": 3,
        "created_at": "2026-09-01T08:00:00Z",
        "updated_at": "2026-11-02T16:20:31Z",
    })
}
