//! Requests to the token endpoint (RFC 6749 4.1.3, 6; RFC 8628 3.4), as each provider's dialect wants them.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use url::Url;
use zeroize::Zeroizing;

use super::{
    client_authentication::ClientCredentials,
    form::Form,
    http::{HttpRequest, Method},
    redirect_uri::RedirectUri,
};
use crate::{
    provider::{ClientInRefresh, Dialect, ShortLived, TokenMethod},
    scope::ScopeSet,
    secret::{AuthorizationCode, CodeVerifier, DeviceCode, RefreshToken},
};

/// One token endpoint as one client uses it.
#[derive(Debug, Clone, Copy)]
pub struct TokenEndpoint<'a> {
    /// Its address.
    pub url: &'a Url,
    /// Who asks.
    pub client: &'a ClientCredentials,
    /// How this provider wants it.
    pub dialect: &'a Dialect,
}

/// A refresh asks for more than was granted, which RFC 6749 6 forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a refresh cannot ask for scopes that were not granted: {excess}")]
pub struct WiderScope {
    /// What was not granted.
    pub excess: ScopeSet,
}

/// What a refresh sends besides the client's credentials.
#[derive(Debug, Clone)]
pub struct RefreshRequest<'a> {
    refresh_token: &'a RefreshToken,
    scopes: Option<ScopeSet>,
    /// How long the access token that is there lives, from issue to expiry; `None`: nobody knows.
    pub lifetime: Option<Duration>,
    /// The resource the access token is for (RFC 8707 2.2).
    pub resource: Option<&'a str>,
    /// The redirect URI of the authorization: some providers (GitLab) want it again.
    pub redirect_uri: Option<&'a RedirectUri>,
}

impl<'a> RefreshRequest<'a> {
    /// A refresh for the scopes that were granted.
    pub fn new(refresh_token: &'a RefreshToken) -> Self {
        Self { refresh_token, scopes: None, lifetime: None, resource: None, redirect_uri: None }
    }

    /// Asks for fewer scopes; never for more than `granted` (RFC 6749 6, requirement 10).
    pub fn narrowed_to(self, wanted: &ScopeSet, granted: &ScopeSet) -> Result<Self, WiderScope> {
        let excess: ScopeSet = wanted.iter().filter(|scope| !granted.contains(scope)).cloned().collect();
        if !excess.is_empty() {
            return Err(WiderScope { excess });
        }
        Ok(Self { scopes: Some(wanted.clone()), ..self })
    }
}

impl TokenEndpoint<'_> {
    /// Exchanges an authorization code (RFC 6749 4.1.3, RFC 7636 4.5, RFC 8707 2.2).
    pub fn exchange_code(
        &self,
        code: &AuthorizationCode,
        redirect_uri: &RedirectUri,
        verifier: &CodeVerifier,
        resources: &[String],
    ) -> HttpRequest {
        let mut form = Form::new();
        form.push("grant_type", "authorization_code");
        form.push("code", code.expose());
        form.push("redirect_uri", redirect_uri.as_str());
        form.push("code_verifier", verifier.expose());
        for resource in resources {
            form.push("resource", resource);
        }
        self.request(form, self.dialect.token_method, ClientInRefresh::Authenticated)
    }

    /// Refreshes (RFC 6749 6), or as the provider has it instead.
    pub fn refresh(&self, refresh: &RefreshRequest<'_>) -> HttpRequest {
        let own = &self.dialect.refresh;
        if let Some(instead) = own.instead(refresh.lifetime) {
            return self.exchange_short_lived(instead, refresh.refresh_token);
        }
        let mut form = Form::new();
        form.push("grant_type", own.grant_type.as_deref().unwrap_or("refresh_token"));
        form.push("refresh_token", refresh.refresh_token.expose());
        if let Some(scopes) = &refresh.scopes {
            form.push("scope", &scopes.joined_by(self.dialect.scope_separator));
        }
        form.push("resource", refresh.resource.unwrap_or_default());
        if let Some(redirect_uri) = refresh.redirect_uri.filter(|_| self.dialect.redirect_uri_on_refresh) {
            form.push("redirect_uri", redirect_uri.as_str());
        }
        for (name, value) in &self.dialect.refresh_parameters {
            form.push_new(name, value);
        }
        form.rename(&own.names);
        self.request(form, self.dialect.refresh_method(), own.client)
    }

    /// The access token stands in the refresh token's place.
    fn exchange_short_lived(&self, instead: &ShortLived, token: &RefreshToken) -> HttpRequest {
        let mut form = Form::new();
        form.push("grant_type", &instead.grant_type);
        form.push("refresh_token", token.expose());
        form.rename(&instead.names);
        let there = TokenEndpoint { url: &instead.url, client: self.client, dialect: self.dialect };
        there.request(form, instead.method, instead.client)
    }

    /// Asks whether the user has approved a device (RFC 8628 3.4).
    pub fn poll_device(&self, code: &DeviceCode) -> HttpRequest {
        let mut form = Form::new();
        form.push("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
        form.push("device_code", code.expose());
        self.request(form, self.dialect.token_method, ClientInRefresh::Authenticated)
    }

    fn request(&self, mut form: Form, method: TokenMethod, client: ClientInRefresh) -> HttpRequest {
        for (name, value) in &self.dialect.token_parameters {
            form.push_new(name, value);
        }
        let authorization = match client {
            ClientInRefresh::Authenticated => self.client.apply(&mut form),
            ClientInRefresh::Named => {
                form.push("client_id", self.client.identifier.as_str());
                None
            }
            ClientInRefresh::Secret => {
                self.client.apply_secret(&mut form);
                None
            }
            ClientInRefresh::Absent => None,
        };
        form.rename(&self.dialect.request_names);
        let format = if self.dialect.json_body { BodyFormat::Json } else { BodyFormat::Form };
        let mut request = match method {
            TokenMethod::Post => in_body(self.url, &form, format, authorization),
            TokenMethod::Get => in_query(self.url, &form, authorization),
        };
        let own = self.dialect.token_headers.iter();
        request.headers.extend(own.map(|(name, value)| (name.clone().into(), Zeroizing::new(value.clone()))));
        request
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFormat {
    /// RFC 6749.
    Form,
    /// Notion, Zendesk.
    Json,
}

/// An authenticated POST: the form of every endpoint that a client talks to directly.
pub(super) fn post(url: &Url, client: &ClientCredentials, form: Form, format: BodyFormat) -> HttpRequest {
    post_renamed(url, client, form, format, &BTreeMap::new())
}

/// The same, with the provider's names of the parameters.
pub(super) fn post_renamed(
    url: &Url,
    client: &ClientCredentials,
    mut form: Form,
    format: BodyFormat,
    names: &BTreeMap<String, String>,
) -> HttpRequest {
    let authorization = client.apply(&mut form);
    form.rename(names);
    in_body(url, &form, format, authorization)
}

fn in_body(
    url: &Url,
    form: &Form,
    format: BodyFormat,
    authorization: Option<Zeroizing<String>>,
) -> HttpRequest {
    let (content_type, body) = match format {
        BodyFormat::Form => ("application/x-www-form-urlencoded", into_bytes(form.encode())),
        BodyFormat::Json => ("application/json", json(form)),
    };
    let mut headers = vec![accept(), ("content-type".into(), Zeroizing::new(content_type.to_owned()))];
    headers.extend(authorization.map(|value| ("authorization".into(), value)));
    HttpRequest { method: Method::Post, url: url.clone(), headers, body }
}

/// The parameters after those that the address has already.
fn in_query(url: &Url, form: &Form, authorization: Option<Zeroizing<String>>) -> HttpRequest {
    let encoded = form.encode();
    let mut url = url.clone();
    let query = match url.query().filter(|query| !query.is_empty()) {
        Some(before) => Zeroizing::new(format!("{before}&{}", *encoded)),
        None => encoded,
    };
    url.set_query(Some(&query));
    let authorization = authorization.map(|value| ("authorization".into(), value));
    let headers = std::iter::once(accept()).chain(authorization).collect();
    HttpRequest { method: Method::Get, url, headers, body: Zeroizing::default() }
}

/// Without it GitHub answers with a form, and some proxies with HTML.
fn accept() -> (Cow<'static, str>, Zeroizing<String>) {
    ("accept".into(), Zeroizing::new("application/json".to_owned()))
}

fn json(form: &Form) -> Zeroizing<Vec<u8>> {
    let members: BTreeMap<&str, &str> = form.iter().collect();
    // Reserved at once: a vector that grows leaves copies of the secrets behind. Escaping at most sextuples.
    let bytes: usize = form.iter().map(|(name, value)| 6 * (name.len() + value.len()) + 6).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(bytes + 2));
    serde_json::to_writer(&mut *body, &members).expect("texts can be written as JSON");
    body
}

fn into_bytes(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        secret::ClientSecret,
        wire::client_authentication::{ClientAuthentication, ClientIdentifier},
    };

    fn client(authentication: ClientAuthentication) -> ClientCredentials {
        ClientCredentials { identifier: ClientIdentifier::new("client").unwrap(), authentication }
    }

    fn send(dialect: &Dialect, build: impl Fn(TokenEndpoint<'_>) -> HttpRequest) -> (HttpRequest, String) {
        let client = client(ClientAuthentication::SecretPost(ClientSecret::new("hush").unwrap()));
        let url = Url::parse("https://as.example/token").unwrap();
        let request = build(TokenEndpoint { url: &url, client: &client, dialect });
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        (request, body)
    }

    #[test]
    fn a_code_exchange_says_what_the_rfcs_want() {
        let (request, body) = send(&Dialect::default(), |endpoint| {
            endpoint.exchange_code(
                &AuthorizationCode::new("c").unwrap(),
                &RedirectUri::new("http://127.0.0.1:1/cb").unwrap(),
                &CodeVerifier::new("v").unwrap(),
                &["https://one.example/".into(), "https://two.example/".into()],
            )
        });
        assert_eq!(
            body,
            "grant_type=authorization_code&code=c&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcb&code_verifier=v\
             &resource=https%3A%2F%2Fone.example%2F&resource=https%3A%2F%2Ftwo.example%2F\
             &client_id=client&client_secret=hush"
        );
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (&**name, value.as_str())).collect();
        assert_eq!(
            headers,
            [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")]
        );
    }

    #[test]
    fn a_refresh_says_what_the_rfcs_want() {
        let token = RefreshToken::new("r+/=").unwrap();
        let redirect_uri = RedirectUri::new("https://app.example/cb").unwrap();
        let (_, body) = send(&Dialect::default(), |endpoint| {
            let mut refresh = RefreshRequest::new(&token);
            refresh.resource = Some("https://api.example/");
            refresh.redirect_uri = Some(&redirect_uri);
            let granted = "a b".parse().unwrap();
            endpoint.refresh(&refresh.narrowed_to(&"a".parse().unwrap(), &granted).unwrap())
        });
        assert_eq!(
            body,
            "grant_type=refresh_token&refresh_token=r%2B%2F%3D&scope=a&resource=https%3A%2F%2Fapi.example%2F\
             &client_id=client&client_secret=hush"
        );
    }

    #[test]
    fn requirement_10_a_refresh_never_asks_for_wider_scope() {
        let token = RefreshToken::new("r").unwrap();
        let refused =
            RefreshRequest::new(&token).narrowed_to(&"a c".parse().unwrap(), &"a b".parse().unwrap());
        assert_eq!(refused.unwrap_err(), WiderScope { excess: "c".parse().unwrap() });
    }

    #[test]
    fn a_dialect_can_want_json_the_redirect_uri_and_more() {
        let token = RefreshToken::new("r\"").unwrap();
        let redirect_uri = RedirectUri::new("https://app.example/cb").unwrap();
        let dialect = Dialect {
            json_body: true,
            redirect_uri_on_refresh: true,
            refresh_parameters: [("expires_in".into(), "172800".into()), ("grant_type".into(), "x".into())]
                .into(),
            ..Dialect::default()
        };
        let (request, body) = send(&dialect, |endpoint| {
            let mut refresh = RefreshRequest::new(&token);
            refresh.redirect_uri = Some(&redirect_uri);
            endpoint.refresh(&refresh)
        });
        assert_eq!(
            body,
            r#"{"client_id":"client","client_secret":"hush","expires_in":"172800","grant_type":"refresh_token","redirect_uri":"https://app.example/cb","refresh_token":"r\""}"#
        );
        assert!(request.headers.iter().any(|(_, value)| value.as_str() == "application/json"));
    }

    #[test]
    fn a_dialect_can_name_parameters_otherwise_and_add_its_own() {
        let token = RefreshToken::new("r").unwrap();
        let dialect = Dialect {
            request_names: [("client_id".into(), "client_key".into())].into(),
            token_parameters: [("action".into(), "requesttoken".into())].into(),
            token_headers: [("x-tell-the-end".into(), "true".into())].into(),
            ..Dialect::default()
        };
        let (request, body) = send(&dialect, |endpoint| endpoint.refresh(&RefreshRequest::new(&token)));
        assert_eq!(
            body,
            "grant_type=refresh_token&refresh_token=r&action=requesttoken&client_key=client&client_secret=hush"
        );
        let told = request.headers.iter().find(|(name, _)| *name == "x-tell-the-end").unwrap();
        assert_eq!(told.1.as_str(), "true");
    }

    #[test]
    fn a_dialect_can_want_a_refresh_by_get_with_a_grant_type_and_names_of_its_own() {
        let token = RefreshToken::new("r+/=").unwrap();
        let dialect = Dialect {
            refresh: toml::from_str(
                "method = 'get'\ngrant_type = 'fb_exchange_token'\nnames = {refresh_token = 'fb_exchange_token'}",
            )
            .unwrap(),
            token_headers: [("x-tell-the-end".into(), "true".into())].into(),
            ..Dialect::default()
        };
        let (request, body) = send(&dialect, |endpoint| endpoint.refresh(&RefreshRequest::new(&token)));
        assert_eq!((request.method, body.as_str()), (Method::Get, ""));
        assert_eq!(
            request.url.as_str(),
            "https://as.example/token?grant_type=fb_exchange_token&fb_exchange_token=r%2B%2F%3D\
             &client_id=client&client_secret=hush"
        );
        let names: Vec<_> = request.headers.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["accept", "x-tell-the-end"]);
        let (exchange, body) =
            send(&dialect, |endpoint| endpoint.poll_device(&DeviceCode::new("d").unwrap()));
        assert_eq!(exchange.method, Method::Post, "only the refresh is asked for by GET");
        assert!(body.contains("client_secret=hush"));
    }

    #[test]
    fn a_query_that_the_address_has_already_stays() {
        let client = client(ClientAuthentication::SecretBasic(ClientSecret::new("hush").unwrap()));
        let url = Url::parse("https://as.example/token?version=2").unwrap();
        let dialect = Dialect { token_method: TokenMethod::Get, ..Dialect::default() };
        let request = TokenEndpoint { url: &url, client: &client, dialect: &dialect }
            .poll_device(&DeviceCode::new("d").unwrap());
        assert!(request.url.as_str().starts_with("https://as.example/token?version=2&grant_type="));
        assert!(!request.url.as_str().contains("hush"));
        assert!(request.headers.iter().any(|(name, _)| *name == "authorization"));
    }

    #[test]
    fn a_refresh_can_name_the_client_without_its_secret_or_say_nothing_of_it() {
        for (client, expected) in [
            ("named", "grant_type=refresh_token&refresh_token=r&client_id=client"),
            ("absent", "grant_type=refresh_token&refresh_token=r"),
        ] {
            let refresh = toml::from_str(&format!("client = '{client}'")).unwrap();
            let dialect = Dialect { refresh, ..Dialect::default() };
            let token = RefreshToken::new("r").unwrap();
            let (_, body) = send(&dialect, |endpoint| endpoint.refresh(&RefreshRequest::new(&token)));
            assert_eq!(body, expected);
        }
    }

    #[test]
    fn basic_credentials_stay_out_of_the_body() {
        let client = client(ClientAuthentication::SecretBasic(ClientSecret::new("hush").unwrap()));
        let url = Url::parse("https://as.example/token").unwrap();
        let dialect = Dialect::default();
        let request = TokenEndpoint { url: &url, client: &client, dialect: &dialect }
            .poll_device(&DeviceCode::new("d").unwrap());
        assert_eq!(
            &request.body[..],
            b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=d"
        );
        assert!(
            request
                .headers
                .iter()
                .any(|(name, value)| *name == "authorization" && value.starts_with("Basic "))
        );
    }

    #[test]
    fn a_request_is_masked_in_debug_output() {
        let (request, _) = send(&Dialect::default(), |endpoint| {
            endpoint.refresh(&RefreshRequest::new(&RefreshToken::new("rt-canary").unwrap()))
        });
        assert!(!format!("{request:?}").contains("canary"));
        let by_get = Dialect { token_method: TokenMethod::Get, ..Dialect::default() };
        let (request, _) = send(&by_get, |endpoint| {
            endpoint.refresh(&RefreshRequest::new(&RefreshToken::new("rt-canary").unwrap()))
        });
        assert!(request.url.as_str().contains("rt-canary"));
        let shown = format!("{request:?}");
        assert!(!shown.contains("canary") && !shown.contains("hush"), "{shown}");
    }
}
