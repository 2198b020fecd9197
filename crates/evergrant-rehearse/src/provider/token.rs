//! The token endpoint (RFC 6749 3.2): who asks, with which grant.

use super::{
    Call, FamilyId, GrantType, Method, Provider, Reason, Response, RevocationCause, Timestamp,
    issue::{Authorization, Issue},
    parameters::Parameters,
    refusal::Refusal,
    scope,
    secret::{Digest, Fingerprint},
};
use crate::settings::ClientSettings;

impl Provider {
    pub(super) fn token(&mut self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        let form = self.token_parameters(call)?;
        let grant_type = form.value("grant_type").and_then(GrantType::parse);
        call.entry.grant_type = grant_type;
        let client = self.authenticate(call, &form)?;
        form.value("grant_type").ok_or_else(|| Refusal::missing("grant_type"))?;
        match grant_type.ok_or(Reason::UnsupportedGrantType)? {
            GrantType::AuthorizationCode => self.redeem_code(call, &form, &client),
            GrantType::RefreshToken => self.refresh(call, &form, &client),
            GrantType::DeviceCode => self.redeem_device_code(call, &form, &client),
            GrantType::ClientCredentials => self.grant_to_client(call, &form, &client),
        }
    }

    /// RFC 6749 3.2 wants a POST; some providers want the parameters in the query.
    fn token_parameters(&self, call: &Call<'_>) -> Result<Parameters, Refusal> {
        if call.request.method == Method::Get {
            let query = call.query()?;
            let client = query.value("client_id").and_then(|client_id| self.clients.find(client_id));
            if client.is_some_and(|client| client.settings.takes_queries) {
                return Ok(query);
            }
        }
        call.allow(&[Method::Post])?;
        call.form()
    }

    /// RFC 6749 4.1.3, with PKCE (RFC 7636 4.6) and single use (RFC 6749 4.1.2).
    fn redeem_code(
        &mut self,
        call: &mut Call<'_>,
        form: &Parameters,
        client: &ClientSettings,
    ) -> Result<Response, Refusal> {
        let presented = form.value("code").ok_or_else(|| Refusal::missing("code"))?;
        call.entry.presented = Some(Fingerprint::of(presented));
        let redeemed = self.check_code(call, presented, form, client);
        let (authorization, nonce) = match redeemed {
            Ok(redeemed) => redeemed,
            Err(Redeemed::Before(family)) => return Err(self.punish_code_replay(call, family)),
            Err(Redeemed::Not(refusal)) => return Err(refusal),
        };
        self.usable_user(client, &authorization.username)?;
        let scope = scope::within(form, &authorization.scope)?;
        let resources = scope::resources_within(form, &authorization.resources)?;
        let (family, refresh_token) = self.start_family(call, client, authorization);
        if let Some(code) = self.grants.code_mut(presented) {
            code.redeemed = Some(family);
        }
        let issue = Issue { client, family: Some(family), scope, resources, refresh_token, nonce };
        Ok(self.issue(call, &issue))
    }

    fn check_code(
        &mut self,
        call: &mut Call<'_>,
        presented: &str,
        form: &Parameters,
        client: &ClientSettings,
    ) -> Result<(Authorization, Option<String>), Redeemed> {
        let code = self.grants.code_mut(presented).ok_or(Reason::UnknownCode)?;
        call.entry.username = Some(code.username.clone());
        if code.client_id != client.client_id {
            return Err(Reason::CodeOfOtherClient.into());
        }
        if let Some(family) = code.redeemed {
            return Err(Redeemed::Before(family));
        }
        if call.now >= code.expires {
            return Err(Reason::ExpiredCode.into());
        }
        let redirect_uri = form.value("redirect_uri");
        let same = redirect_uri == Some(&code.redirect_uri);
        if !same && (redirect_uri.is_some() || code.redirect_uri_given) {
            return Err(Reason::RedirectUriMismatch.into());
        }
        check_verifier(code.challenge.as_deref(), form.value("code_verifier"))?;
        let authorization = Authorization {
            username: code.username.clone(),
            scope: code.scope.clone(),
            resources: code.resources.clone(),
            authenticated: code.authenticated,
        };
        Ok((authorization, code.nonce.clone()))
    }

    /// A code that comes twice may have been stolen: what it brought ends (RFC 6749 4.1.2).
    fn punish_code_replay(&mut self, call: &mut Call<'_>, family: FamilyId) -> Refusal {
        call.entry.family = Some(family);
        let cause = RevocationCause::ReplayedCode;
        call.entry.revoked = self.revoke_all(cause, call.now, |candidate| candidate.id == family);
        Reason::ReplayedCode.into()
    }

    /// RFC 6749 4.4: no user, no refresh token.
    fn grant_to_client(
        &mut self,
        call: &mut Call<'_>,
        form: &Parameters,
        client: &ClientSettings,
    ) -> Result<Response, Refusal> {
        if client.client_secret.is_none() {
            return Err(Reason::GrantNotAllowed.into());
        }
        let scope = scope::of_client(form, client)?;
        let resources = self.requested_resources(form)?;
        let issue = Issue { client, family: None, scope, resources, refresh_token: None, nonce: None };
        Ok(self.issue(call, &issue))
    }
}

/// Why a code was not redeemed.
enum Redeemed {
    /// It was redeemed before: for this family.
    Before(FamilyId),
    /// It cannot be.
    Not(Refusal),
}

impl From<Reason> for Redeemed {
    fn from(reason: Reason) -> Self {
        Self::Not(reason.into())
    }
}

fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), Reason> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Reason::UnexpectedCodeVerifier),
        (Some(challenge), Some(verifier)) if is_verifier(verifier) => {
            if Digest::of(verifier).base64url() == challenge { Ok(()) } else { Err(Reason::PkceMismatch) }
        }
        (Some(_), _) => Err(Reason::PkceMismatch),
    }
}

/// RFC 7636 4.1.
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// Whether something has run out.
pub(super) fn is_over(limit: Option<Timestamp>, now: Timestamp) -> bool {
    limit.is_some_and(|limit| now >= limit)
}
