//! Two small resource servers: userinfo (OpenID Connect Core 5.3), and `/resource/<scope>`, which wants a token
//! that has that scope. Both refuse as RFC 6750 says.

use serde_json::json;

use super::{
    Call, Method, Provider, Reason, Response, grant::AccessToken, issue::add_profile, parameters,
    refusal::Refusal, secret::Fingerprint,
};

impl Provider {
    pub(super) fn userinfo(&mut self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        call.allow(&[Method::Get, Method::Post])?;
        let token = self.bearer(call)?;
        require_scope(token, "openid")?;
        let user = token
            .family
            .and_then(|id| self.grants.family(id))
            .and_then(|family| self.users.find(&family.username))
            .ok_or(Reason::UnknownAccessToken)?;
        call.entry.username = Some(user.username.clone());
        let mut claims = json!({ "sub": user.subject(), "tid": user.tenant });
        add_profile(&mut claims, user, &token.scope);
        Ok(Response::json(200, &claims))
    }

    /// `/resource` takes any live token, `/resource/<scope>` one with that scope.
    pub(super) fn resource(&mut self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        let token = self.bearer(call)?;
        if let Some(encoded) = call.request.path.strip_prefix("/resource/").filter(|rest| !rest.is_empty()) {
            let scope = parameters::decode(encoded.as_bytes())?;
            if scope.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'"' || byte == b'\\') {
                return Err(Reason::NoSuchEndpoint.into());
            }
            require_scope(token, &scope)?;
        }
        let owner = token.family.and_then(|id| self.grants.family(id)).map(|family| family.username.clone());
        call.entry.username.clone_from(&owner);
        Ok(Response::json(
            200,
            &json!({
                "owner": owner,
                "client_id": token.client_id,
                "scope": token.scope.join(" "),
                "expires_in": token.expires.since(call.now).as_secs(),
            }),
        ))
    }

    /// The live access token that a request presents in its header. Nowhere else: RFC 9700 4.3.2.
    fn bearer(&self, call: &mut Call<'_>) -> Result<&AccessToken, Refusal> {
        let header = call.request.header("authorization").ok_or(Reason::MissingAccessToken)?;
        let presented = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => return Err(Reason::MissingAccessToken.into()),
        };
        call.entry.presented = Some(Fingerprint::of(presented));
        let token = self.grants.access_token(presented).ok_or(Reason::UnknownAccessToken)?;
        call.entry.family = token.family;
        call.entry.client_id = Some(token.client_id.clone());
        self.check_access_token(call, token).map_err(as_token_error)?;
        Ok(token)
    }
}

/// The journal gets the true reason; the client gets `invalid_token`, whatever the reason says elsewhere.
fn as_token_error(reason: Reason) -> Refusal {
    match reason {
        Reason::FamilyRevoked(_) | Reason::UserDisabled => {
            let description = Reason::RevokedAccessToken.uniform_description();
            Refusal::from(reason).worded("invalid_token", description).with_status(401)
        }
        other => other.into(),
    }
}

fn require_scope(token: &AccessToken, scope: &str) -> Result<(), Refusal> {
    if token.scope.iter().any(|held| held == scope) {
        Ok(())
    } else {
        Err(Refusal::from(Reason::InsufficientScope).needing(scope))
    }
}
