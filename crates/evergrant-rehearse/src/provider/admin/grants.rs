//! `/admin/grants`.

use serde_json::{Value, json};

use super::{Provider, Refused, Request, Response, Timestamp, ended, no_such_route, number, query};
use crate::provider::{FamilyId, Method, grant::Family, grant::RefreshToken};

/// Families that one answer lists at the most, the newest first.
const MOST_LISTED: usize = 1000;

/// Refresh tokens that are shown of a family, the newest first.
const MOST_TOKENS: usize = 50;

impl Provider {
    pub(super) fn administer_grants(
        &mut self,
        path: &[&str],
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        match (path, request.method) {
            ([], Method::Get) => {
                let query = query(request)?;
                let wanted = |family: &&Family| {
                    query.value("username").is_none_or(|username| family.username == username)
                        && query.value("client_id").is_none_or(|client_id| family.client_id == client_id)
                };
                let families = self.grants.families().rev().filter(wanted).take(MOST_LISTED);
                let grants: Vec<_> = families.map(shown).collect();
                Ok(Response::json(200, &json!({ "grants": grants })))
            }
            ([id, "revoke"], Method::Post) => {
                let revoked = self.revoke_family(FamilyId(number(id)?), now)?;
                self.note_change(request, now, revoked.clone());
                Ok(ended(&revoked))
            }
            _ => Err(no_such_route()),
        }
    }
}

fn shown(family: &Family) -> Value {
    let tokens: Vec<_> = family.tokens.iter().rev().take(MOST_TOKENS).map(shown_token).collect();
    json!({
        "family": family.id,
        "client_id": family.client_id,
        "username": family.username,
        "scope": family.scope.join(" "),
        "resources": family.resources,
        "created_ms": family.created,
        "revoked": family.revoked.map(|(at, cause)| json!({ "at_ms": at, "cause": cause })),
        "live_leaves": family.live_leaves(),
        "refresh_tokens": tokens,
    })
}

fn shown_token(token: &RefreshToken) -> Value {
    json!({
        "fingerprint": token.secret.digest().fingerprint(),
        "generation": token.generation,
        "issued_ms": token.issued,
        "spent_ms": token.spent,
        "presented": token.presented,
        "superseded": token.superseded,
    })
}
