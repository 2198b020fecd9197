//! An API key, without the key.

use evergrant::{
    proto::{name::Namespace, time::Timestamp},
    store::access::ApiKeyRecord,
};
use serde::Serialize;

use super::time;

#[derive(Debug, Serialize)]
pub(crate) struct ApiKeyView<'a> {
    id: String,
    name: &'a str,
    /// `read-token`, `manage` or `admin`.
    scope: &'static str,
    /// What it sees; `null`: every one.
    namespace: Option<&'a Namespace>,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    /// To a minute or two.
    last_used_at: Option<String>,
}

impl<'a> ApiKeyView<'a> {
    pub(crate) fn new(key: &'a ApiKeyRecord, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.as_str(),
            scope: key.scope.as_str(),
            namespace: key.namespace.as_ref(),
            state: match key.revoked_at {
                Some(_) => "revoked",
                None if key.is_good_at(now) => "active",
                None => "expired",
            },
            created_at: time(key.created_at),
            expires_at: key.expires_at.map(time),
            revoked_at: key.revoked_at.map(time),
            last_used_at: key.last_used_at.map(time),
        }
    }
}
