//! `/admin/users`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Provider, Refused, Request, Response, Timestamp, body, ended, merge, no_such_route};
use crate::{
    provider::{Method, RevocationCause, registry::ChangeError},
    settings::UserSettings,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    client_id: Option<String>,
}

impl Provider {
    pub(super) fn administer_users(
        &mut self,
        path: &[&str],
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        let revoked = match (path, request.method) {
            ([], Method::Get) => {
                let users: Vec<_> = self.users().collect();
                return Ok(Response::json(200, &json!({ "users": users })));
            }
            ([], Method::Post) => {
                self.add_user(body(request)?)?;
                self.note_change(request, now, Vec::new());
                return Ok(Response::json(201, &json!({ "ok": true })));
            }
            ([username], Method::Patch) => {
                self.patch_user(username, body(request)?)?;
                Vec::new()
            }
            ([username], Method::Delete) => self.remove_user(username, now)?,
            ([username, "change-password"], Method::Post) => self.change_password(username, now)?,
            ([username, "end-session"], Method::Post) => {
                self.end_grants_of_user(username, RevocationCause::SessionEnded, now)?
            }
            ([username, "suspect"], Method::Post) => {
                self.end_grants_of_user(username, RevocationCause::SuspiciousActivity, now)?
            }
            ([username, "revoke-consent"], Method::Post) => {
                let consent: Consent = body(request)?;
                self.revoke_consent(username, consent.client_id.as_deref(), now)?
            }
            _ => return Err(no_such_route()),
        };
        self.note_change(request, now, revoked.clone());
        Ok(ended(&revoked))
    }

    fn patch_user(&mut self, username: &str, patch: Value) -> Result<(), Refused> {
        let user = self.users.find(username).ok_or_else(|| ChangeError::not_found("user", username))?;
        let mut merged = serde_json::to_value(user).expect("settings have text keys");
        merge(&mut merged, patch);
        let patched: UserSettings = serde_json::from_value(merged)
            .map_err(|error| Refused(400, format!("the change cannot be read: {error}")))?;
        Ok(self.change_user(username, |user| *user = patched)?)
    }
}
