//! API keys and namespaces.

use evergrant::store::access::KeyScope;

use super::{Named, api_key_id};
use crate::openapi::schema::{Schema, list, name, named, object, one_of, text, time};

pub(super) fn schemas() -> Named {
    let namespace = object().always("name", name(), "Its name.").always(
        "created_at",
        time().or_null(),
        "When it was added; `null`: it came with the store.",
    );
    vec![
        ("ApiKey", api_key()),
        (
            "AddedApiKey",
            api_key().always(
                "key",
                text().shown_once(),
                "The key itself. Shown this once; only its digest is kept.",
            ),
        ),
        ("ApiKeys", object().always("api_keys", list(named("ApiKey")), "The oldest first.")),
        ("Namespace", namespace),
        ("Namespaces", object().always("namespaces", list(named("Namespace")), "By name.")),
    ]
}

/// What a key may do.
pub(in crate::openapi) fn key_scope() -> Schema {
    one_of(KeyScope::ALL.map(KeyScope::as_str))
}

fn api_key() -> Schema {
    object()
        .always("id", api_key_id(), "Its id. It is not the key.")
        .always("name", text(), "What you call it.")
        .always("scope", key_scope(), "What it may do; each includes the ones before it.")
        .always("namespace", name().or_null(), "What it sees; `null`: every one.")
        .always("state", one_of(["active", "expired", "revoked"]), "Whether it is good.")
        .always("created_at", time(), "When it was made.")
        .always("expires_at", time().or_null(), "When it ends by itself.")
        .always("revoked_at", time().or_null(), "When it was taken away.")
        .always("last_used_at", time().or_null(), "When it was last used, to a minute or two.")
}
