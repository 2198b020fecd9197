//! The authorization request (RFC 6749 4.1.1, with PKCE, RFC 8707 and OpenID Connect Core 3.1.2.1).

use std::{collections::BTreeMap, fmt, time::Duration};

use url::Url;

use super::{
    client_authentication::ClientIdentifier, form::Form, pkce::code_challenge, redirect_uri::RedirectUri,
};
use crate::{
    scope::ScopeSet,
    secret::{AuthorizationState, CodeVerifier},
};

/// Everything that the address of the authorization page says. PKCE is always S256 (RFC 9700 2.1.1).
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The provider's page; its own query is kept.
    pub endpoint: Url,
    /// Our `client_id`.
    pub client: ClientIdentifier,
    /// Where the answer comes to.
    pub redirect_uri: RedirectUri,
    /// Ties the answer to this request.
    pub state: AuthorizationState,
    /// The S256 challenge of the verifier that the code exchange will show.
    pub code_challenge: String,
    /// What is asked for; left out if empty.
    pub scopes: ScopeSet,
    /// What stands between two scopes.
    pub scope_separator: char,
    /// OpenID Connect: comes back in the ID token.
    pub nonce: Option<String>,
    /// Resource indicators (RFC 8707 2), repeatable.
    pub resources: Vec<String>,
    /// OpenID Connect: `consent`, `login`, `select_account`.
    pub prompt: Option<String>,
    /// OpenID Connect: who should sign in.
    pub login_hint: Option<String>,
    /// Step-up (RFC 9470 4): the authentication context that is needed.
    pub acr_values: Option<String>,
    /// Step-up (RFC 9470 4): how old the sign-in may be.
    pub max_age: Option<Duration>,
    /// What this provider wants besides (`access_type=offline`); a name that is set above is left out.
    pub extra: BTreeMap<String, String>,
    /// The provider's names of parameters that RFC 6749 names otherwise (TikTok's `client_key`).
    pub names: BTreeMap<String, String>,
}

impl AuthorizationRequest {
    /// The least that a request holds.
    pub fn new(
        endpoint: Url,
        client: ClientIdentifier,
        redirect_uri: RedirectUri,
        state: AuthorizationState,
        verifier: &CodeVerifier,
    ) -> Self {
        Self {
            endpoint,
            client,
            redirect_uri,
            state,
            code_challenge: code_challenge(verifier),
            scopes: ScopeSet::new(),
            scope_separator: ' ',
            nonce: None,
            resources: Vec::new(),
            prompt: None,
            login_hint: None,
            acr_values: None,
            max_age: None,
            extra: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// The address to send the user to. It holds the `state`: whoever sees it can finish the flow.
    pub fn url(&self) -> Url {
        let mut parameters = self.parameters();
        for (name, value) in &self.extra {
            parameters.push_new(name, value);
        }
        parameters.rename(&self.names);
        // The endpoint's own query stays (RFC 6749 3.1), but no parameter may appear twice.
        let kept: Vec<_> = self
            .endpoint
            .query_pairs()
            .filter(|(name, _)| parameters.value(name).is_none())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let mut url = self.endpoint.clone();
        url.set_fragment(None);
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .extend_pairs(parameters.iter())
            .extend_pairs(self.resources.iter().map(|resource| ("resource", resource)));
        url
    }

    fn parameters(&self) -> Form {
        let mut form = Form::new();
        form.push("response_type", "code");
        form.push("client_id", self.client.as_str());
        form.push("redirect_uri", self.redirect_uri.as_str());
        form.push("scope", &self.scopes.joined_by(self.scope_separator));
        form.push("state", self.state.expose());
        form.push("code_challenge", &self.code_challenge);
        form.push("code_challenge_method", "S256");
        form.push("nonce", self.nonce.as_deref().unwrap_or_default());
        form.push("prompt", self.prompt.as_deref().unwrap_or_default());
        form.push("login_hint", self.login_hint.as_deref().unwrap_or_default());
        form.push("acr_values", self.acr_values.as_deref().unwrap_or_default());
        if let Some(max_age) = self.max_age {
            form.push("max_age", &max_age.as_secs().to_string());
        }
        form
    }
}

impl fmt::Debug for AuthorizationRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthorizationRequest")
            .field("endpoint", &self.endpoint.as_str().split('?').next())
            .field("client", &self.client)
            .field("redirect_uri", &self.redirect_uri)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pkce;

    fn request(endpoint: &str) -> AuthorizationRequest {
        AuthorizationRequest::new(
            Url::parse(endpoint).unwrap(),
            ClientIdentifier::new("our client").unwrap(),
            RedirectUri::new("http://127.0.0.1:8780/callback").unwrap(),
            AuthorizationState::new("state-canary").unwrap(),
            &pkce::code_verifier(&[7; 32]),
        )
    }

    fn values(request: &AuthorizationRequest, name: &str) -> Vec<String> {
        let url = request.url();
        url.query_pairs()
            .filter(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    #[test]
    fn the_least_request_has_state_and_challenge() {
        let request = request("https://as.example/authorize");
        assert_eq!(values(&request, "response_type"), ["code"]);
        assert_eq!(values(&request, "client_id"), ["our client"]);
        assert_eq!(values(&request, "redirect_uri"), ["http://127.0.0.1:8780/callback"]);
        assert_eq!(values(&request, "state"), ["state-canary"]);
        assert_eq!(values(&request, "code_challenge_method"), ["S256"]);
        assert_eq!(values(&request, "code_challenge"), [code_challenge(&pkce::code_verifier(&[7; 32]))]);
        assert!(values(&request, "scope").is_empty());
    }

    #[test]
    fn a_provider_can_have_its_own_names_of_parameters() {
        let mut request = request("https://as.example/authorize?client_key=stale");
        request.names = [("client_id".into(), "client_key".into())].into();
        assert_eq!(values(&request, "client_key"), ["our client"]);
        assert!(values(&request, "client_id").is_empty());
    }

    #[test]
    fn everything_that_can_be_asked_is_asked() {
        let mut request = request("https://as.example/authorize");
        request.scopes = "b a".parse().unwrap();
        request.scope_separator = ',';
        request.nonce = Some("n".into());
        request.resources = vec!["https://one.example/".into(), "https://two.example/".into()];
        request.prompt = Some("login".into());
        request.login_hint = Some("ada@example".into());
        request.acr_values = Some("mfa".into());
        request.max_age = Some(Duration::from_secs(5));
        request.extra =
            [("access_type".into(), "offline".into()), ("prompt".into(), "consent".into())].into();
        assert_eq!(values(&request, "scope"), ["a,b"]);
        assert_eq!(values(&request, "resource"), ["https://one.example/", "https://two.example/"]);
        assert_eq!(values(&request, "max_age"), ["5"]);
        assert_eq!(values(&request, "access_type"), ["offline"]);
        assert_eq!(
            values(&request, "prompt"),
            ["login"],
            "what the flow needs wins over the provider's habit"
        );
    }

    #[test]
    fn the_query_of_the_endpoint_stays_but_nothing_is_said_twice() {
        let request = request("https://as.example/authorize?p=signin&state=theirs#top");
        assert_eq!(values(&request, "p"), ["signin"]);
        assert_eq!(values(&request, "state"), ["state-canary"]);
        assert_eq!(request.url().fragment(), None);
    }

    #[test]
    fn an_extra_parameter_cannot_replace_the_protocol() {
        let mut request = request("https://as.example/authorize");
        request.extra = [("code_challenge_method".into(), "plain".into())].into();
        assert_eq!(values(&request, "code_challenge_method"), ["S256"]);
    }

    #[test]
    fn the_state_is_masked_in_debug_output() {
        assert!(!format!("{:?}", request("https://as.example/authorize")).contains("canary"));
    }
}
