//! Token responses (RFC 6749 5.1) and ID tokens (OpenID Connect Core 2).

use serde_json::{Map, Value, json};

use super::{
    Call, FamilyId, Provider, Reason, Response, RevocationCause, Timestamp,
    grant::{AccessToken, Family},
    refusal::Refusal,
    secret::Secret,
};
use crate::settings::{ClientSettings, RefreshTokens, UserSettings};

/// What an authorization, finished in whichever way, gave to a client.
pub(super) struct Authorization {
    pub(super) username: String,
    pub(super) scope: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) authenticated: Timestamp,
}

/// What a token response is about.
pub(super) struct Issue<'a> {
    pub(super) client: &'a ClientSettings,
    /// None: the client acts for itself.
    pub(super) family: Option<FamilyId>,
    pub(super) scope: Vec<String>,
    pub(super) resources: Vec<String>,
    /// The place of the refresh token in the answer.
    pub(super) refresh_token: Option<usize>,
    pub(super) nonce: Option<String>,
}

impl Provider {
    /// The user of a grant, if the grant may be used now.
    pub(super) fn usable_user(
        &self,
        client: &ClientSettings,
        username: &str,
    ) -> Result<&UserSettings, Refusal> {
        let user = self.users.find(username).ok_or(Reason::UnknownUser)?;
        if let Some(words) = client.disabled_tenants.get(&user.tenant) {
            let refusal = Refusal::from(Reason::ClientDisabledForTenant);
            return Err(refusal.worded(&words.error, &words.description));
        }
        match user {
            user if !user.enabled => Err(Reason::UserDisabled.into()),
            user if user.step_up_required => Err(Reason::StepUpRequired.into()),
            user => Ok(user),
        }
    }

    /// Starts a family with its first refresh token, if there is to be one.
    pub(super) fn start_family(
        &mut self,
        call: &mut Call<'_>,
        client: &ClientSettings,
        authorization: Authorization,
    ) -> (FamilyId, Option<usize>) {
        let offline = authorization.scope.iter().any(|scope| scope == "offline_access");
        let id = self.grants.start(Family {
            id: self.grants.next_id(),
            client_id: client.client_id.clone(),
            username: authorization.username,
            scope: authorization.scope,
            resources: authorization.resources,
            authenticated: authorization.authenticated,
            created: call.now,
            revoked: None,
            tokens: Vec::new(),
            oldest_access: 0,
        });
        self.drop_oldest_grants(call, client, id);
        let refreshable = match client.refresh_tokens {
            RefreshTokens::Always => true,
            RefreshTokens::OfflineAccess => offline,
            RefreshTokens::Never => false,
        };
        (id, refreshable.then(|| self.mint_refresh_token(call, id, None)))
    }

    /// Some providers allow a user and client so many grants, and drop the oldest without a word.
    fn drop_oldest_grants(&mut self, call: &mut Call<'_>, client: &ClientSettings, newest: FamilyId) {
        let Some(limit) = client.grants_per_user else { return };
        let username = self.grants.family(newest).map(|family| family.username.clone());
        let live = self.grants.live(|family| {
            family.client_id == client.client_id && Some(&family.username) == username.as_ref()
        });
        for &family in live.iter().take(live.len().saturating_sub(limit)) {
            call.entry.revoked.extend(
                self.revoke_all(RevocationCause::TokenLimit, call.now, |candidate| candidate.id == family),
            );
        }
    }

    /// A new refresh token in a family; returns its place.
    pub(super) fn mint_refresh_token(
        &mut self,
        call: &mut Call<'_>,
        family: FamilyId,
        predecessor: Option<usize>,
    ) -> usize {
        let secret = call.mint("rt_");
        self.grants.add_refresh_token(family, predecessor, secret, call.now)
    }

    /// A token response with a new access token.
    pub(super) fn issue(&mut self, call: &mut Call<'_>, issue: &Issue<'_>) -> Response {
        let access_token = self.mint_access_token(call, issue);
        let mut body = Map::new();
        body.insert("access_token".into(), access_token.expose().into());
        body.insert("token_type".into(), "Bearer".into());
        body.insert("expires_in".into(), issue.client.lifetimes.access_token_s.into());
        body.insert("scope".into(), issue.scope.join(" ").into());
        if let Some(family) = issue.family.and_then(|id| self.grants.family(id)) {
            call.entry.family = Some(family.id);
            call.entry.username = Some(family.username.clone());
            self.describe_user(&mut body, family, issue, call.now);
            if let Some(place) = issue.refresh_token {
                let token = &family.tokens[place];
                call.entry.issued = Some(token.secret.digest().fingerprint());
                call.entry.issued_generation = Some(token.generation);
                body.insert("refresh_token".into(), token.secret.expose().into());
                announce_lifetime(&mut body, family, place, issue.client, call.now);
            }
        }
        Response::json(200, &Value::Object(body))
    }

    fn mint_access_token(&mut self, call: &mut Call<'_>, issue: &Issue<'_>) -> Secret {
        let secret = call.mint("at_");
        let token = AccessToken {
            family: issue.family,
            client_id: issue.client.client_id.clone(),
            scope: issue.scope.clone(),
            resources: issue.resources.clone(),
            serial: 0,
            issued: call.now,
            expires: call.now.plus_seconds(issue.client.lifetimes.access_token_s),
            revoked: false,
        };
        self.grants.add_access_token(&secret, token, call.now);
        secret
    }

    /// The tenant, and the ID token if `openid` is in the scope.
    fn describe_user(
        &self,
        body: &mut Map<String, Value>,
        family: &Family,
        issue: &Issue<'_>,
        now: Timestamp,
    ) {
        let Some(user) = self.users.find(&family.username) else { return };
        body.insert("tid".into(), user.tenant.as_str().into());
        if !issue.scope.iter().any(|scope| scope == "openid") {
            return;
        }
        let mut claims = json!({
            "iss": self.issuer,
            "sub": user.subject(),
            "aud": issue.client.client_id,
            "iat": now.seconds(),
            "exp": now.plus_seconds(issue.client.lifetimes.access_token_s).seconds(),
            "auth_time": family.authenticated.seconds(),
            "tid": user.tenant,
        });
        if let Some(nonce) = &issue.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        add_profile(&mut claims, user, &issue.scope);
        body.insert("id_token".into(), self.signing_key.sign(&claims).into());
    }
}

/// The claims that `profile` and `email` ask for (OpenID Connect Core 5.4).
pub(super) fn add_profile(claims: &mut Value, user: &UserSettings, scope: &[String]) {
    let asks = |name: &str| scope.iter().any(|value| value == name);
    if asks("profile") {
        claims["name"] = user.display_name().into();
        claims["preferred_username"] = user.username.as_str().into();
    }
    if asks("email") {
        claims["email"] = user.email().into();
        claims["email_verified"] = true.into();
    }
}

fn announce_lifetime(
    body: &mut Map<String, Value>,
    family: &Family,
    place: usize,
    client: &ClientSettings,
    now: Timestamp,
) {
    let (idle, absolute) = family.limits(place, &client.lifetimes);
    let first = idle.into_iter().chain(absolute).min();
    if let Some(first) = first.filter(|_| client.lifetimes.announces_refresh_lifetime) {
        body.insert("refresh_token_expires_in".into(), first.since(now).as_secs().into());
    }
}
