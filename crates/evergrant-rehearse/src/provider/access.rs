//! Revocation (RFC 7009) and introspection (RFC 7662).

use serde_json::{Map, Value, json};

use super::{
    Call, Method, Provider, Reason, Response, RevocationCause,
    grant::AccessToken,
    refusal::Refusal,
    rotation::{self, Verdict},
    secret::Fingerprint,
    token::is_over,
};

impl Provider {
    /// Why an access token does not work now, if it does not.
    pub(super) fn check_access_token(&self, call: &Call<'_>, token: &AccessToken) -> Result<(), Reason> {
        if token.revoked {
            return Err(Reason::RevokedAccessToken);
        }
        if let Some(family) = token.family.and_then(|id| self.grants.family(id)) {
            if let Some((_, cause)) = family.revoked {
                return Err(Reason::FamilyRevoked(cause));
            }
            if token.serial < family.oldest_access {
                return Err(Reason::RevokedAccessToken);
            }
            if self.users.find(&family.username).is_none_or(|user| !user.enabled) {
                return Err(Reason::UserDisabled);
            }
        }
        if call.now >= token.expires { Err(Reason::ExpiredAccessToken) } else { Ok(()) }
    }

    /// RFC 7009: a refresh token takes its whole family along, an access token only itself. An unknown token is
    /// no error (2.2).
    pub(super) fn revoke_token(&mut self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        call.allow(&[Method::Post])?;
        let form = call.form()?;
        let client = self.authenticate(call, &form)?;
        let presented = form.value("token").ok_or_else(|| Refusal::missing("token"))?;
        call.entry.presented = Some(Fingerprint::of(presented));
        if let Some((id, place)) = self.grants.find_refresh_token(presented) {
            let family = self.grants.family(id).expect("the index names families that exist");
            call.entry.family = Some(id);
            call.entry.username = Some(family.username.clone());
            call.entry.generation = Some(family.tokens[place].generation);
            if family.client_id != client.client_id {
                return Err(Reason::RefreshTokenOfOtherClient.into());
            }
            let cause = RevocationCause::ClientRequest;
            call.entry.revoked = self.revoke_all(cause, call.now, |family| family.id == id);
        } else if let Some(token) = self.grants.access_token_mut(presented) {
            call.entry.family = token.family;
            if token.client_id != client.client_id {
                return Err(Reason::GrantNotAllowed.into());
            }
            token.revoked = true;
        }
        Ok(Response::empty(200).with_header("cache-control", "no-store"))
    }

    /// RFC 7662: for confidential clients, about tokens of any client, since resource servers ask, too.
    pub(super) fn introspect(&mut self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        call.allow(&[Method::Post])?;
        let form = call.form()?;
        self.authenticate_confidential(call, &form)?;
        let presented = form.value("token").ok_or_else(|| Refusal::missing("token"))?;
        call.entry.presented = Some(Fingerprint::of(presented));
        let description = match self.grants.find_refresh_token(presented) {
            Some(found) => self.describe_refresh_token(call, found),
            None => self.describe_access_token(call, presented),
        };
        Ok(Response::json(200, &description.map_or_else(|| json!({ "active": false }), Value::Object)))
    }

    fn describe_refresh_token(
        &self,
        call: &mut Call<'_>,
        (id, place): (super::FamilyId, usize),
    ) -> Option<Map<String, Value>> {
        let family = self.grants.family(id)?;
        call.entry.family = Some(id);
        call.entry.generation = Some(family.tokens[place].generation);
        let client = &self.clients.find(&family.client_id)?.settings;
        let user = self.usable_user(client, &family.username).ok()?;
        let (idle, absolute) = family.limits(place, &client.lifetimes);
        let verdict = rotation::judge(&client.rotation, family, place, call.now);
        let usable = !matches!(verdict, Verdict::Replayed | Verdict::Superseded);
        if family.revoked.is_some() || is_over(idle, call.now) || is_over(absolute, call.now) || !usable {
            return None;
        }
        let mut description = Map::new();
        description.insert("active".into(), true.into());
        description.insert("token_type".into(), "refresh_token".into());
        description.insert("client_id".into(), family.client_id.as_str().into());
        description.insert("scope".into(), family.scope.join(" ").into());
        description.insert("iat".into(), family.tokens[place].issued.seconds().into());
        if let Some(expiry) = idle.into_iter().chain(absolute).min() {
            description.insert("exp".into(), expiry.seconds().into());
        }
        self.name_user(&mut description, user.username.as_str());
        Some(description)
    }

    fn describe_access_token(&self, call: &mut Call<'_>, presented: &str) -> Option<Map<String, Value>> {
        let token = self.grants.access_token(presented)?;
        call.entry.family = token.family;
        self.check_access_token(call, token).ok()?;
        let mut description = Map::new();
        description.insert("active".into(), true.into());
        description.insert("token_type".into(), "Bearer".into());
        description.insert("client_id".into(), token.client_id.as_str().into());
        description.insert("scope".into(), token.scope.join(" ").into());
        description.insert("iat".into(), token.issued.seconds().into());
        description.insert("exp".into(), token.expires.seconds().into());
        if !token.resources.is_empty() {
            description.insert("aud".into(), token.resources.clone().into());
        }
        match token.family.and_then(|id| self.grants.family(id)) {
            Some(family) => self.name_user(&mut description, &family.username),
            None => self.name_client(&mut description, &token.client_id),
        }
        Some(description)
    }

    fn name_user(&self, description: &mut Map<String, Value>, username: &str) {
        description.insert("iss".into(), self.issuer.as_str().into());
        if let Some(user) = self.users.find(username) {
            description.insert("sub".into(), user.subject().into());
            description.insert("username".into(), user.username.as_str().into());
            description.insert("tid".into(), user.tenant.as_str().into());
        }
    }

    fn name_client(&self, description: &mut Map<String, Value>, client_id: &str) {
        description.insert("iss".into(), self.issuer.as_str().into());
        description.insert("sub".into(), client_id.into());
    }
}
