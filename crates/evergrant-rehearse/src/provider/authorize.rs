//! The authorization endpoint (RFC 6749 4.1.1, OpenID Connect Core 3.1.2) and its login form.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    Call, Method, Provider, Reason, Response, Timestamp,
    grant::Code,
    pages,
    parameters::{self, Parameters},
    redirect,
    refusal::Refusal,
    scope,
    secret::{Digest, Secret},
};
use crate::settings::ClientSettings;

/// Who is signed in in which browser, and which clients they have agreed to.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    signed_in: HashMap<Digest, (String, Timestamp)>,
    consents: BTreeSet<(String, String)>,
}

/// Browsers that stay signed in; more are forgotten all at once, which costs them nothing but a click.
const MOST_SESSIONS: usize = 10_000;

const SESSION_COOKIE: &str = "rehearsal_session";

/// Client and address are known good: errors may be redirected there.
struct Addressed {
    client: Arc<ClientSettings>,
    redirect_uri: String,
    redirect_uri_given: bool,
    state: Option<String>,
}

/// An authorization request that a user can decide about.
struct Asked {
    addressed: Addressed,
    scope: Vec<String>,
    resources: Vec<String>,
    nonce: Option<String>,
    challenge: Option<String>,
    prompt: Vec<String>,
    login_hint: Option<String>,
}

impl Provider {
    pub(super) fn authorize(&mut self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        let returned = call.request.path == "/authorize/login";
        call.allow(if returned { &[Method::Post] } else { &[Method::Get, Method::Post] })?;
        let parameters = match call.request.method {
            Method::Post => call.form()?,
            _ => call.query()?,
        };
        let addressed = self.address(call, &parameters)?;
        let (redirect_uri, state) = (addressed.redirect_uri.clone(), addressed.state.clone());
        let answered = self.ask(&parameters, addressed).and_then(|asked| {
            if returned {
                self.decide(call, &parameters, &asked)
            } else {
                self.present(call, &parameters, &asked)
            }
        });
        answered.or_else(|refusal| {
            call.entry.refuse(refusal.reason);
            let (error, description) = refusal.wire(self.settings.error_descriptions);
            let mut pairs = vec![("error", error.as_str()), ("error_description", description.as_str())];
            pairs.extend(state.as_deref().map(|state| ("state", state)));
            Ok(self.call_back(&redirect_uri, pairs))
        })
    }

    /// Errors up to here are shown and not redirected: nobody knows whose address it is (RFC 6749 4.1.2.1).
    fn address(&self, call: &mut Call<'_>, parameters: &Parameters) -> Result<Addressed, Refusal> {
        let client_id = parameters.value("client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let found = self.clients.find(client_id);
        let client = found.ok_or_else(|| shown(Reason::UnknownClient, "no client has this client_id"))?;
        let client = client.settings.clone();
        call.entry.client_id = Some(client.client_id.clone());
        let given = parameters.value("redirect_uri").map(String::from);
        let redirect_uri_given = given.is_some();
        let only = match client.redirect_uris.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        let redirect_uri = given.or(only).ok_or_else(|| Refusal::missing("redirect_uri"))?;
        if !redirect::is_registered(&client, &redirect_uri) {
            return Err(shown(
                Reason::RedirectUriMismatch,
                "the redirect_uri is not one of those registered for this client",
            ));
        }
        let state = parameters.value("state").map(String::from);
        Ok(Addressed { client, redirect_uri, redirect_uri_given, state })
    }

    fn ask(&self, parameters: &Parameters, addressed: Addressed) -> Result<Asked, Refusal> {
        let client = &addressed.client;
        if !client.enabled {
            return Err(
                Refusal::from(Reason::ClientDisabled).worded("unauthorized_client", "the client is disabled")
            );
        }
        let response_type =
            parameters.value("response_type").ok_or_else(|| Refusal::missing("response_type"))?;
        if response_type != "code" || parameters.value("response_mode").is_some_and(|mode| mode != "query") {
            return Err(Reason::UnsupportedResponseType.into());
        }
        let prompt: Vec<String> =
            parameters.value("prompt").unwrap_or_default().split_whitespace().map(String::from).collect();
        if prompt.len() > 1 && prompt.iter().any(|value| value == "none") {
            let detail = "prompt=none excludes every other value";
            return Err(Refusal::from(Reason::MalformedRequest).detailed(detail));
        }
        Ok(Asked {
            scope: scope::of_client(parameters, client)?,
            resources: self.requested_resources(parameters)?,
            nonce: parameters.value("nonce").map(String::from),
            challenge: challenge(parameters, client)?,
            login_hint: parameters.value("login_hint").map(String::from),
            prompt,
            addressed,
        })
    }

    /// Shows the login page, or answers at once if the request says how.
    fn present(
        &mut self,
        call: &mut Call<'_>,
        parameters: &Parameters,
        asked: &Asked,
    ) -> Result<Response, Refusal> {
        let prompts = |value: &str| asked.prompt.iter().any(|prompt| prompt == value);
        if prompts("none") {
            let (username, authenticated) = self.silent_user(call, &asked.addressed.client)?;
            return self.grant_code(call, asked, &username, authenticated);
        }
        let hinted = asked.login_hint.as_deref().and_then(|hint| self.users.find(hint));
        let interactive = prompts("login") || prompts("select_account");
        if let Some(user) = hinted.filter(|_| self.settings.login_hint_signs_in && !interactive) {
            let username = user.username.clone();
            return self.grant_code(call, asked, &username, call.now);
        }
        let users: Vec<_> = self.users.all().filter(|user| user.enabled).collect();
        let client = &asked.addressed.client;
        let hint = asked.login_hint.as_deref();
        Ok(pages::login(&client.client_id, &asked.scope, &users, hint, parameters))
    }

    /// `prompt=none`: somebody is signed in in this browser and has agreed to this client before.
    fn silent_user(&self, call: &Call<'_>, client: &ClientSettings) -> Result<(String, Timestamp), Refusal> {
        let cookie = session_cookie(call).ok_or(Reason::LoginRequired)?;
        let signed_in = self.sessions.signed_in.get(&Digest::of(cookie));
        let (username, since) = signed_in.cloned().ok_or(Reason::LoginRequired)?;
        if self.sessions.consents.contains(&(username.clone(), client.client_id.clone())) {
            Ok((username, since))
        } else {
            Err(Reason::ConsentRequired.into())
        }
    }

    /// The login form came back.
    fn decide(&mut self, call: &mut Call<'_>, form: &Parameters, asked: &Asked) -> Result<Response, Refusal> {
        if form.value("decision") == Some("deny") {
            return Err(Reason::DeniedByUser.into());
        }
        let username = form.value("user").ok_or_else(|| Refusal::missing("user"))?.to_owned();
        let answer = self.grant_code(call, asked, &username, call.now)?;
        let session = call.mint("");
        if self.sessions.signed_in.len() >= MOST_SESSIONS {
            self.sessions.signed_in.clear();
        }
        self.sessions.signed_in.insert(session.digest(), (username, call.now));
        let cookie =
            format!("{SESSION_COOKIE}={}; Path=/authorize; HttpOnly; SameSite=Lax", session.expose());
        Ok(answer.with_header("set-cookie", &cookie))
    }

    fn grant_code(
        &mut self,
        call: &mut Call<'_>,
        asked: &Asked,
        username: &str,
        authenticated: Timestamp,
    ) -> Result<Response, Refusal> {
        let addressed = &asked.addressed;
        self.usable_user(&addressed.client, username).map_err(as_denial)?;
        call.entry.username = Some(username.into());
        self.sessions.consents.insert((username.into(), addressed.client.client_id.clone()));
        let secret = call.mint("code_");
        let code = Code {
            client_id: addressed.client.client_id.clone(),
            username: username.into(),
            redirect_uri: addressed.redirect_uri.clone(),
            redirect_uri_given: addressed.redirect_uri_given,
            challenge: asked.challenge.clone(),
            scope: asked.scope.clone(),
            resources: asked.resources.clone(),
            nonce: asked.nonce.clone(),
            authenticated,
            expires: call.now.plus_seconds(addressed.client.lifetimes.code_s),
            redeemed: None,
        };
        self.grants.add_code(&secret, code, call.now);
        Ok(self.call_back_with_code(addressed, &secret))
    }

    fn call_back_with_code(&self, addressed: &Addressed, code: &Secret) -> Response {
        let mut pairs = vec![("code", code.expose())];
        pairs.extend(addressed.state.as_deref().map(|state| ("state", state)));
        self.call_back(&addressed.redirect_uri, pairs)
    }

    /// Every answer names its issuer (RFC 9207).
    fn call_back(&self, redirect_uri: &str, pairs: Vec<(&str, &str)>) -> Response {
        let pairs = pairs.into_iter().chain([("iss", self.issuer.as_str())]);
        Response::redirect(&redirect::with_parameters(redirect_uri, &parameters::encode(pairs)))
    }
}

impl Sessions {
    pub(super) fn consent(&mut self, username: &str, client_id: &str) {
        self.consents.insert((username.into(), client_id.into()));
    }

    pub(super) fn withdraw_consent(&mut self, username: &str, client_id: Option<&str>) {
        self.consents.retain(|(user, client)| {
            user != username || client_id.is_some_and(|client_id| client_id != client)
        });
    }
}

/// PKCE (RFC 7636 4.3): S256 or nothing, and not nothing if the client is bound to it.
fn challenge(parameters: &Parameters, client: &ClientSettings) -> Result<Option<String>, Refusal> {
    let method = parameters.value("code_challenge_method");
    let Some(challenge) = parameters.value("code_challenge") else {
        return match (client.requires_pkce, method) {
            (true, _) => {
                Err(Refusal::from(Reason::MissingCodeChallenge).detailed("a code_challenge is required"))
            }
            (false, Some(_)) => Err(Refusal::missing("code_challenge")),
            (false, None) => Ok(None),
        };
    };
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    // A SHA-256 has 43 characters. Without a method the challenge would be a plain one.
    if method != Some("S256") || challenge.len() != 43 || !challenge.bytes().all(base64url) {
        let detail = "the code_challenge_method must be S256";
        return Err(Refusal::from(Reason::UnsupportedCodeChallenge).detailed(detail));
    }
    Ok(Some(challenge.into()))
}

/// An error that the user sees, worded for the developer who sits there.
fn shown(reason: Reason, description: &str) -> Refusal {
    Refusal::from(reason).worded("invalid_request", description).with_status(400)
}

/// What the token endpoint would call an invalid grant is a denial here; a tenant's own words stay.
fn as_denial(refusal: Refusal) -> Refusal {
    match refusal.reason {
        Reason::UnknownUser => refusal.worded("access_denied", "there is no such user"),
        Reason::UserDisabled => refusal.worded("access_denied", "the user is disabled"),
        _ => refusal,
    }
}

fn session_cookie<'a>(call: &Call<'a>) -> Option<&'a str> {
    let cookies = call.request.header("cookie")?.split(';');
    let mut pairs = cookies.filter_map(|cookie| cookie.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION_COOKIE).map(|(_, value)| value)
}
