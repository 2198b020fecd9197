//! Every operation, an area a file.

mod api_keys;
mod authorizations;
mod clients;
mod events;
mod grants;
mod namespaces;
mod pages;
mod providers;
mod server;
mod tokens;
mod webhooks;

use serde_json::{Value, json};

use super::{
    operation::Operation,
    schema::{Schema, count},
};

/// Every one, in the order of the areas.
pub(super) fn all() -> Vec<Operation> {
    [
        tokens::operations(),
        grants::operations(),
        authorizations::operations(),
        clients::operations(),
        providers::operations(),
        events::operations(),
        webhooks::operations(),
        api_keys::operations(),
        namespaces::operations(),
        pages::operations(),
        server::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How many items a page has.
fn limit(default: u64, most: u64) -> Schema {
    count().with("minimum", 1).up_to(most).usually(default)
}

// Ids as examples show them.
pub(super) const GRANT: &str = "g_0198f0c2a1d47c3e9b52d6a47e10f3b8";
const AUTHORIZATION: &str = "a_0198f0c1f3b27d41a6c08be25f9d4e73";
const WEBHOOK: &str = "wh_5f0e2c1b9a8d4763b1c2d3e4f5a60718";
const MESSAGE: &str = "msg_7c1d0a9be2f34856a7b8c9d0e1f20314";
const API_KEY: &str = "k_1b6f3d2c4e5a47089c8b7a6f5e4d3c2b";

/// A grant that works.
fn grant() -> Value {
    json!({
        "id": GRANT,
        "client": "crm",
        "state": "active",
        "external_id": "user-7",
        "labels": { "team": "sales" },
        "subject": "248289761001",
        "tenant": null,
        "requested_scopes": ["contacts.read", "offline_access"],
        "granted_scopes": ["contacts.read", "offline_access"],
        "generation": 12,
        "created_at": "2026-09-01T08:12:44Z",
        "last_success_at": "2026-11-21T09:30:02Z",
        "next_refresh_at": "2026-11-21T10:18:51Z",
        "ends_at": null,
        "expires_soon": false,
        "failures": 0,
    })
}

/// Why a grant died.
fn diagnosis() -> Value {
    json!({
        "cause": "user_revoked",
        "certainty": "likely",
        "culprit": "grant",
        "permanent": true,
        "retry": false,
        "remedies": [{ "action": "reauthorize", "actor": "user" }],
        "evidence": ["The token endpoint answered HTTP 400 with invalid_grant."],
        "alternatives": ["admin_or_policy_revoked"],
        "meaning": "The user withdrew the access.",
        "page": "/problems/user_revoked",
        "checks": [
            {
                "cause": "user_revoked",
                "check": "Does the user's list of connected apps at the provider still show this app?",
            },
            {
                "cause": "admin_or_policy_revoked",
                "check": "Does the provider's audit log show an administrator or a policy at the time of the first \
                          refusal?",
            },
        ],
        "measured": [{ "action": "reauthorize", "worked": 31, "tried": 33 }],
    })
}
