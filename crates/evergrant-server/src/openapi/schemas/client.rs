//! Clients.

use evergrant::proto::{
    client::{Contradiction, MAX_DISPLAY_NAME_CHARACTERS},
    provider::{Ancestors, Replacement, ReplayRevokes, RotationKind},
    wire::client_authentication::AuthenticationMethod,
};

use super::{Named, scope};
use crate::openapi::schema::{
    Schema, address, count, flag, list, map, name, named, names_of, object, pattern, text, time, written,
};

pub(super) fn schemas() -> Named {
    vec![
        ("Client", client()),
        ("Clients", object().always("clients", list(named("Client")), "By name.")),
        ("Endpoints", endpoints()),
        ("RotationPolicy", rotation()),
        ("Learned", learned()),
        ("Branding", branding()),
    ]
}

/// What a provider issues as `client_id`.
pub(in crate::openapi) fn client_identifier() -> Schema {
    pattern("^[ -~]+$").long(1, 2048)
}

/// A method of RFC 8414 2.
pub(in crate::openapi) fn authentication() -> Schema {
    names_of::<AuthenticationMethod>()
}

/// An absolute URI without fragment.
pub(in crate::openapi) fn redirect_uri() -> Schema {
    address().with("pattern", "^[!\"$-~]+$").with("maxLength", 2048)
}

fn client() -> Schema {
    object()
        .always("name", name(), "Your name of it, unique in its namespace.")
        .always("provider", text(), "The id of its catalogue entry.")
        .always("issuer", text().or_null(), "The issuer identifier of its provider (RFC 8414 2).")
        .always("endpoints", named("Endpoints"), "Where its provider is spoken with.")
        .always("parameters", map(text()), "What fills the placeholders of the catalogue entry.")
        .always("client_id", client_identifier(), "What the provider calls it.")
        .always("has_secret", flag(), "Whether it has a secret. The secret itself goes out nowhere.")
        .always("authentication", authentication(), "How it authenticates at the token endpoint.")
        .always(
            "redirect_uris",
            list(redirect_uri()),
            "As registered at the provider; the first is the default.",
        )
        .always("scopes", list(scope()), "What is asked for unless an authorization says otherwise.")
        .always("return_urls", list(address()), "Where users may be returned to.")
        .always(
            "rotation",
            named("RotationPolicy"),
            "What its provider does with a refresh token that was used.",
        )
        .always("learned", named("Learned"), "What its answers have shown, beside what is stated.")
        .always(
            "keep_alive",
            flag(),
            "Whether refresh tokens that nobody needs are used before the provider ends them.",
        )
        .always("branding", named("Branding"), "How pages name and colour the app.")
        .always(
            "suspended",
            flag(),
            "Whether the provider rejects the registration, so that its grants pause.",
        )
        .always("version", count(), "Counts its changes.")
        .always("created_at", time(), "When it was added.")
        .always("updated_at", time(), "When it was last changed.")
        .meaning("A client registration, without its secret.")
}

fn endpoints() -> Schema {
    let endpoint = || address().or_null();
    object()
        .maybe("authorization", endpoint(), "RFC 6749 3.1.")
        .maybe("token", endpoint(), "RFC 6749 3.2.")
        .maybe("refresh", endpoint(), "Where refreshes go, if not to `token`.")
        .maybe("revocation", endpoint(), "RFC 7009.")
        .maybe("introspection", endpoint(), "RFC 7662.")
        .maybe("device_authorization", endpoint(), "RFC 8628.")
        .maybe("userinfo", endpoint(), "OpenID Connect Core 5.3.")
        .meaning("Addresses of a provider: `https`, or `http` on loopback.")
        .closed()
}

fn rotation() -> Schema {
    object()
        .always("kind", names_of::<RotationKind>(), "What happens to a refresh token that was used.")
        .maybe("window", count().or_null(), "Seconds within which it is forgiven.")
        .maybe("count", count().up_to(u64::from(u32::MAX)).or_null(), "How often it is forgiven.")
        .maybe("ancestors", names_of::<Ancestors>(), "Which used tokens are forgiven: the last one, or all.")
        .maybe("revokes", names_of::<ReplayRevokes>(), "What a use that is not forgiven ends.")
        .meaning("A rotation policy; docs/catalogue.md has each kind.")
        .closed()
}

fn branding() -> Schema {
    let name = "What users call the app: at most 60 characters, without such as are not seen or reorder others; `null`: your name of the client.";
    object()
        .maybe("name", text().long(1, MAX_DISPLAY_NAME_CHARACTERS as u64).or_null(), name)
        .maybe(
            "color",
            pattern("^#[0-9a-fA-F]{6}$").or_null(),
            "Of what is clicked, as `#rrggbb`; `null`: Evergrant's.",
        )
        .closed()
}

fn learned() -> Schema {
    let range = || {
        object()
            .always("shortest_s", count(), "The shortest, in seconds.")
            .always("longest_s", count(), "The longest, in seconds.")
            .or_null()
    };
    let repetitions = object()
        .always("accepted", count(), "How many were accepted.")
        .always("refused", count(), "How many were refused.")
        .always("accepted_after_s", count().or_null(), "The longest time after which one was accepted.")
        .always("refused_after_s", count().or_null(), "The shortest time after which one was refused.");
    let contradictions = written([
        Contradiction::Replaces,
        Contradiction::Keeps,
        Contradiction::RefusesRepetition,
        Contradiction::ShorterAccess,
    ]);
    object()
        .always("replaced", count(), "Refreshes that brought another refresh token; counted up to 3.")
        .always("kept", count(), "Refreshes that brought none; counted up to 3.")
        .always("repetitions", repetitions, "Refreshes that repeated one whose answer was lost.")
        .always("access_lifetime", range(), "Lifetimes of access tokens.")
        .always("refresh_lifetime", range(), "Lifetimes of refresh tokens.")
        .always("authorization_lifetime", range(), "Lifetimes of whole authorizations.")
        .always(
            "use_extends",
            flag().or_null(),
            "Whether using a refresh token moves its end; `null`: not seen.",
        )
        .always("replaces", names_of::<Replacement>(), "Whether refreshes bring another refresh token.")
        .always("contradicts", list(contradictions), "Where this speaks against what is stated.")
}
