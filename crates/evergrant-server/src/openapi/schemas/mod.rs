//! The schemas that have a name: what `view` and `problem` write, in the same words.

mod access;
mod authorization;
mod client;
mod diagnosis;
mod event;
mod grant;
mod provider;
mod token;
mod webhook;

use std::sync::LazyLock;

pub(super) use self::{
    access::key_scope,
    client::{authentication, client_identifier, redirect_uri},
    event::kind as event_kind,
    grant::{STATES, import_line},
    webhook::chosen_kinds,
};
use super::schema::{Schema, id, map, pattern, text};

/// The one of that name.
pub(super) fn find(name: &str) -> Option<&'static Schema> {
    static ALL: LazyLock<Named> = LazyLock::new(all);
    ALL.iter().find(|(known, _)| *known == name).map(|(_, schema)| schema)
}

/// Every one, with its name.
pub(super) fn all() -> Named {
    [
        access::schemas(),
        authorization::schemas(),
        client::schemas(),
        diagnosis::schemas(),
        event::schemas(),
        grant::schemas(),
        provider::schemas(),
        token::schemas(),
        webhook::schemas(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Schemas with their names.
pub(super) type Named = Vec<(&'static str, Schema)>;

pub(super) fn grant_id() -> Schema {
    id("g_")
}

pub(super) fn authorization_id() -> Schema {
    id("a_")
}

pub(super) fn webhook_id() -> Schema {
    id("wh_")
}

pub(super) fn message_id() -> Schema {
    id("msg_")
}

pub(super) fn api_key_id() -> Schema {
    id("k_")
}

/// RFC 6749 3.3.
pub(super) fn scope() -> Schema {
    pattern("^[!#-\\[\\]-~]+$").long(1, 512)
}

/// Scopes separated by spaces.
pub(super) fn spaced_scopes() -> Schema {
    pattern("^[!#-\\[\\]-~ ]*$")
}

/// A caller's own id of a person: at most 256 bytes of UTF-8.
pub(super) fn external_id() -> Schema {
    text().long(1, 256)
}

/// A caller's own words: a key has no `:`.
pub(super) fn labels() -> Schema {
    map(text().with("maxLength", 256))
        .with("propertyNames", pattern("^[^:]+$").long(1, 64))
        .with("maxProperties", 32)
}

/// What fits into a secret.
pub(super) fn secret() -> Schema {
    pattern("^[ -~]+$").long(1, 65536).secret()
}
