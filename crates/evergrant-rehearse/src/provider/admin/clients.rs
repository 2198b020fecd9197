//! `/admin/clients`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Provider, Refused, Request, Response, Timestamp, body, changed, ended, merge, no_such_route};
use crate::{
    provider::{Method, registry::ChangeError},
    settings::{ClientSettings, TenantRefusal},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    tenant: Option<String>,
    error: Option<String>,
    description: Option<String>,
}

impl Provider {
    pub(super) fn administer_clients(
        &mut self,
        path: &[&str],
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        let revoked = match (path, request.method) {
            ([], Method::Get) => {
                let clients: Vec<_> = self.clients().map(shown).collect();
                return Ok(Response::json(200, &json!({ "clients": clients })));
            }
            ([], Method::Post) => {
                self.add_client(body(request)?)?;
                self.note_change(request, now, Vec::new());
                return Ok(Response::json(201, &json!({ "ok": true })));
            }
            ([client_id], Method::Patch) => {
                self.patch_client(client_id, body(request)?)?;
                Vec::new()
            }
            ([client_id], Method::Delete) => self.remove_client(client_id, now)?,
            ([client_id, "disable"], Method::Post) => {
                self.switch_client(client_id, body(request)?, false)?;
                Vec::new()
            }
            ([client_id, "enable"], Method::Post) => {
                self.switch_client(client_id, body(request)?, true)?;
                Vec::new()
            }
            _ => return Err(no_such_route()),
        };
        self.note_change(request, now, revoked.clone());
        Ok(if revoked.is_empty() { changed() } else { ended(&revoked) })
    }

    fn patch_client(&mut self, client_id: &str, patch: Value) -> Result<(), Refused> {
        let client =
            self.clients.find(client_id).ok_or_else(|| ChangeError::not_found("client", client_id))?;
        let mut merged = as_value(&client.settings);
        if patch.get("rotation").is_some() {
            // A policy is one value: the parameters of the old one mean nothing to the new one.
            merged["rotation"] = Value::Null;
        }
        merge(&mut merged, patch);
        let patched: ClientSettings = serde_json::from_value(merged)
            .map_err(|error| Refused(400, format!("the change cannot be read: {error}")))?;
        Ok(self.change_client(client_id, |client| *client = patched)?)
    }

    fn switch_client(&mut self, client_id: &str, switch: Switch, on: bool) -> Result<(), ChangeError> {
        let Some(tenant) = switch.tenant else {
            return self.change_client(client_id, |client| client.enabled = on);
        };
        if on {
            return self.enable_client_for_tenant(client_id, &tenant);
        }
        let usual = TenantRefusal::default();
        let refusal = TenantRefusal {
            error: switch.error.unwrap_or(usual.error),
            description: switch.description.unwrap_or(usual.description),
        };
        self.disable_client_for_tenant(client_id, &tenant, refusal)
    }
}

fn as_value(client: &ClientSettings) -> Value {
    serde_json::to_value(client).expect("settings have text keys")
}

/// A client without its secret.
fn shown(client: &ClientSettings) -> Value {
    let mut shown = as_value(client);
    if let Some(secret) = shown.get_mut("client_secret") {
        *secret = "***".into();
    }
    shown
}
