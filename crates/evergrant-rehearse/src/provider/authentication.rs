//! Client authentication at the token, device authorization, revocation and introspection endpoints (RFC 6749 2.3).

use std::sync::Arc;

use aws_lc_rs::constant_time;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    Call, Provider, Reason, Request,
    parameters::{Parameters, decode},
    refusal::Refusal,
    secret::Digest,
};
use crate::settings::{AuthenticationMethod, ClientSettings};

/// The credentials of a request, as they were sent.
struct Presented {
    client_id: String,
    secret: Option<String>,
    method: AuthenticationMethod,
}

impl Provider {
    /// Establishes which client sends a request; notes it in the journal, also when its proof is wrong.
    pub(super) fn authenticate(
        &self,
        call: &mut Call<'_>,
        form: &Parameters,
    ) -> Result<Arc<ClientSettings>, Refusal> {
        let presented = presented(call.request, form)?;
        let client = self.clients.find(&presented.client_id).ok_or(Reason::UnknownClient)?;
        call.entry.client_id = Some(presented.client_id.clone());
        let registered = &client.settings;
        if registered.authentication != presented.method {
            return Err(match presented.method {
                AuthenticationMethod::None => Reason::MissingClientAuthentication.into(),
                _ => Reason::WrongAuthenticationMethod.into(),
            });
        }
        if let Some(secret) = &presented.secret {
            let expected = registered.client_secret.as_deref().unwrap_or_default();
            if constant_time::verify_slices_are_equal(secret.as_bytes(), expected.as_bytes()).is_err() {
                let former = client.former_secrets.contains(&Digest::of(secret));
                return Err(if former { Reason::FormerSecret } else { Reason::WrongSecret }.into());
            }
        }
        if !registered.enabled {
            return Err(Reason::ClientDisabled.into());
        }
        Ok(registered.clone())
    }

    /// As [`Self::authenticate`], but a public client will not do.
    pub(super) fn authenticate_confidential(
        &self,
        call: &mut Call<'_>,
        form: &Parameters,
    ) -> Result<Arc<ClientSettings>, Refusal> {
        let client = self.authenticate(call, form)?;
        match client.authentication {
            AuthenticationMethod::None => Err(Reason::GrantNotAllowed.into()),
            _ => Ok(client),
        }
    }
}

fn presented(request: &Request, form: &Parameters) -> Result<Presented, Refusal> {
    let in_body = form.value("client_id").map(String::from);
    let secret_in_body = form.value("client_secret").map(String::from);
    if request.headers.iter().filter(|(name, _)| name == "authorization").count() > 1 {
        return Err(Reason::SeveralAuthenticationMethods.into());
    }
    if request.header("authorization").is_some() {
        if secret_in_body.is_some() {
            return Err(Reason::SeveralAuthenticationMethods.into());
        }
        let (client_id, secret) = basic_credentials(request).ok_or(Reason::MissingClientAuthentication)?;
        if in_body.is_some_and(|in_body| in_body != client_id) {
            let detail = "client_id differs between header and body";
            return Err(Refusal::from(Reason::MalformedRequest).detailed(detail));
        }
        let method = AuthenticationMethod::ClientSecretBasic;
        return Ok(Presented { client_id, secret: Some(secret), method });
    }
    let client_id = in_body.ok_or(Reason::MissingClientAuthentication)?;
    let method = match secret_in_body {
        Some(_) => AuthenticationMethod::ClientSecretPost,
        None => AuthenticationMethod::None,
    };
    Ok(Presented { client_id, secret: secret_in_body, method })
}

/// The user name and password of HTTP Basic, form-decoded (RFC 6749 2.3.1).
pub(super) fn basic_credentials(request: &Request) -> Option<(String, String)> {
    let (scheme, encoded) = request.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let client_id = decode(&decoded[..colon]).ok().filter(|client_id| !client_id.is_empty())?;
    Some((client_id, decode(&decoded[colon + 1..]).ok()?))
}
