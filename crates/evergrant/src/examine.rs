//! What a client's provider answers to questions that cost nothing: whether it is reached, what it says of itself, and
//! whether it takes the client's credentials and redirect URIs. No token, code or consent is spent or shown.

use std::time::Duration;

use evergrant_proto::{
    client::ClientRecord,
    diagnosis::{Diagnosis, History, diagnose},
    failure::{ClockOffset, Consequence, Exchange, Failure, Stage, Verdict, classify},
    provider::Endpoints,
    secret::{ClientSecret, RefreshToken},
    time::Now,
    wire::{
        authorization_request::AuthorizationRequest,
        client_authentication::AuthenticationMethod,
        http::{HttpRequest, HttpResponse, Method, TransportFailure},
        introspection::{Introspection, introspection_request},
        metadata::{Metadata, metadata_request, well_known_urls},
        pkce::{authorization_state, code_verifier},
        redirect_uri::RedirectUri,
        token_request::{RefreshRequest, TokenEndpoint},
    },
};
use url::Url;
use zeroize::Zeroizing;

use crate::{Keeper, random};

/// Longest exchange.
const EXCHANGE: Duration = Duration::from_secs(15);

/// A wall clock that moved by so much more or less than the suspend-aware one was set in between.
const SET_MEANWHILE: Duration = Duration::from_secs(1);

/// What was found out about a client and its provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Examined {
    /// Our clock against the provider's, by the most exact of the exchanges; `None`: no answer had a usable date, or our
    /// clock was set meanwhile.
    pub clock: Option<ClockOffset>,
    /// Why the provider could not be reached, the first time.
    pub unreachable: Option<(Url, TransportFailure)>,
    /// What the provider says of itself.
    pub discovery: Discovery,
    /// What it says to the client's credentials.
    pub authentication: Authentication,
    /// What it says to each redirect URI.
    pub redirect_uris: Vec<(RedirectUri, RedirectAnswer)>,
}

/// What the provider says of itself, against what is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// The client has no issuer: nothing to compare.
    NoIssuer,
    /// The metadata say what is on record.
    Agrees,
    /// They say something else now: names of endpoints, with what is on record and what they say.
    Differs(Vec<(&'static str, Option<Url>, Option<Url>)>),
    /// They cannot be had.
    Unavailable(String),
}

/// What the provider says to the client's credentials.
#[derive(Debug, Clone, PartialEq)]
pub enum Authentication {
    /// It takes them.
    Accepted(How),
    /// It rejects them.
    Rejected(Box<Diagnosis>),
    /// Its answer does not tell.
    Untold(String),
}

/// By which question it was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Introspection of a made-up token: `{"active": false}` (RFC 7662 2.2).
    Introspection,
    /// A refresh with a made-up refresh token: `invalid_grant` instead of `invalid_client` (RFC 6749 5.2).
    TokenEndpoint,
}

/// What the provider says to a redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectAnswer {
    /// It sent the browser back there.
    Registered,
    /// It went on to its own pages and did not refuse.
    NotRefused,
    /// It refuses it.
    Refused(String),
    /// Its answer does not tell.
    Untold(String),
}

impl Keeper {
    /// Asks a client's provider what can be asked for nothing. A made-up token is presented, never a real one.
    pub async fn examine(&self, client: &ClientRecord) -> Examined {
        let mut examination = Examination { keeper: self, clock: None, unreachable: None };
        let discovery = examination.discovery(client).await;
        let authentication = examination.authentication(client).await;
        let mut redirect_uris = Vec::new();
        for uri in &client.redirect_uris {
            redirect_uris.push((uri.clone(), examination.redirect(client, uri).await));
        }
        let Examination { clock, unreachable, .. } = examination;
        Examined { clock, unreachable, discovery, authentication, redirect_uris }
    }
}

struct Examination<'a> {
    keeper: &'a Keeper,
    clock: Option<ClockOffset>,
    unreachable: Option<(Url, TransportFailure)>,
}

impl Examination<'_> {
    /// One exchange, which measures the clocks on the way.
    async fn ask(&mut self, request: HttpRequest) -> Result<HttpResponse, TransportFailure> {
        let url = request.url.clone();
        // What was not reached once is not waited for again.
        if let Some((tried, failure)) = &self.unreachable
            && tried.host() == url.host()
        {
            return Err(failure.clone());
        }
        let sent = self.keeper.clock().now();
        let carrier = &self.keeper.shared.carrier;
        let answer = carrier.send(request, sent.moment.plus(EXCHANGE), EXCHANGE).await;
        let received = self.keeper.clock().now();
        match &answer {
            Ok(response) => {
                if let Some(offset) = measured(response, sent, received) {
                    let better = self
                        .clock
                        .is_none_or(|known| offset.uncertainty_milliseconds < known.uncertainty_milliseconds);
                    self.clock = if better { Some(offset) } else { self.clock };
                }
            }
            Err(failure) if self.unreachable.is_none() => self.unreachable = Some((url, failure.clone())),
            Err(_) => {}
        }
        answer
    }

    async fn discovery(&mut self, client: &ClientRecord) -> Discovery {
        let Some(issuer) = &client.issuer else { return Discovery::NoIssuer };
        let urls = match well_known_urls(issuer) {
            Ok(urls) => urls,
            Err(error) => return Discovery::Unavailable(error.to_string()),
        };
        let mut reasons = Vec::new();
        for url in urls {
            let path = url.path().to_owned();
            match self.ask(metadata_request(url)).await {
                Ok(response) => match Metadata::read(&response, issuer) {
                    Ok(metadata) => return compared(&client.endpoints, &metadata.endpoints),
                    Err(error) => reasons.push(format!("{path}: {error}")),
                },
                Err(failure) => reasons.push(format!("{path}: {}", failure.detail)),
            }
        }
        Discovery::Unavailable(reasons.join("; "))
    }

    /// Introspection first, where it is offered: it reads and changes nothing, by its definition. Else the token endpoint
    /// with a refresh token that nobody was ever given, which belongs to no grant and so can end none.
    async fn authentication(&mut self, client: &ClientRecord) -> Authentication {
        let made_up = made_up_token();
        let confidential = client.authentication != AuthenticationMethod::None;
        if let Some(url) = client.endpoints.introspection.as_ref().filter(|_| confidential) {
            let request = introspection_request(url, &client.credentials(), &made_up);
            // Where it says anything else it may be closed to clients: the token endpoint decides.
            if let Ok(response) = self.ask(request).await
                && Introspection::read(&response) == Introspection::Inactive
            {
                return Authentication::Accepted(How::Introspection);
            }
        }
        let Some(url) = client.endpoints.for_refresh() else {
            return Authentication::Untold("the client has no token endpoint".to_owned());
        };
        let (credentials, dialect) = (client.credentials(), &client.provider.dialect);
        let endpoint = TokenEndpoint { url, client: &credentials, dialect };
        let mut refresh = RefreshRequest::new(&made_up);
        refresh.redirect_uri = client.redirect_uris.first();
        let request = endpoint.refresh(&refresh);
        let answer = self.ask(request).await;
        let secret = client.secret.as_ref().map(ClientSecret::expose);
        let secrets: Vec<_> = secret.into_iter().chain([made_up.expose()]).collect();
        let verdict = classify(&Exchange {
            stage: Stage::RefreshToken,
            result: answer.as_ref(),
            dialect,
            now: self.keeper.clock().now().wall,
            secrets: &secrets,
        });
        judged(&verdict, client)
    }

    /// Asks for the page that a user would be sent to, as a browser without a session.
    async fn redirect(&mut self, client: &ClientRecord, uri: &RedirectUri) -> RedirectAnswer {
        let Some(page) = client.endpoints.authorization.clone() else {
            return RedirectAnswer::Untold("the client has no authorization endpoint".to_owned());
        };
        let state = authorization_state(&random::bytes());
        let verifier = code_verifier(&random::bytes());
        let mut request =
            AuthorizationRequest::new(page, client.identifier.clone(), uri.clone(), state, &verifier);
        request.scopes = client.scopes.union(&client.provider.offline.scopes);
        request.scope_separator = client.provider.dialect.scope_separator;
        request.names = client.provider.dialect.authorization_names.clone();
        // Without a session nobody consents to anything.
        request.prompt = Some("none".to_owned());
        let accept = Zeroizing::new("text/html".to_owned());
        let request = HttpRequest {
            method: Method::Get,
            url: request.url(),
            headers: vec![("accept".into(), accept)],
            body: Zeroizing::new(Vec::new()),
        };
        match self.ask(request).await {
            Ok(response) => redirected(&response, uri),
            Err(failure) => RedirectAnswer::Untold(failure.detail),
        }
    }
}

/// `None` if our wall clock was set during the exchange: it then measures the setting.
fn measured(response: &HttpResponse, sent: Now, received: Now) -> Option<ClockOffset> {
    let by_moment = received.moment.since(sent.moment);
    let expected = sent.wall.plus(by_moment);
    let apart = expected.since(received.wall).max(received.wall.since(expected));
    (apart <= SET_MEANWHILE).then(|| ClockOffset::measure(response, sent.wall, received.wall)).flatten()
}

/// What is on record wins where the metadata are silent: the catalogue and the operator know more than they say.
fn compared(held: &Endpoints, stated: &Endpoints) -> Discovery {
    let rows = [
        ("authorization", &held.authorization, &stated.authorization),
        ("token", &held.token, &stated.token),
        ("revocation", &held.revocation, &stated.revocation),
        ("introspection", &held.introspection, &stated.introspection),
        ("device authorization", &held.device_authorization, &stated.device_authorization),
        ("userinfo", &held.userinfo, &stated.userinfo),
    ];
    let other = rows.into_iter().filter(|(_, held, stated)| stated.is_some() && held != stated);
    let differences: Vec<_> =
        other.map(|(name, held, stated)| (name, held.clone(), stated.clone())).collect();
    if differences.is_empty() { Discovery::Agrees } else { Discovery::Differs(differences) }
}

/// A refresh token that nobody was ever given.
fn made_up_token() -> RefreshToken {
    let token = format!("evergrant-doctor-{:032x}", random::id());
    RefreshToken::new(token).expect("printable characters of a bounded length")
}

fn judged(verdict: &Verdict, client: &ClientRecord) -> Authentication {
    let failure = match verdict {
        Verdict::Failure(failure) | Verdict::Salvaged { failure, .. } => failure,
        // Its answer is dropped: whoever issues tokens for anything is no provider to rely on.
        Verdict::Success(_) => {
            return Authentication::Untold("the provider answered a made-up token with tokens".to_owned());
        }
    };
    match failure.consequence {
        Consequence::Terminal => Authentication::Accepted(How::TokenEndpoint),
        Consequence::SuspendClient => {
            let diagnosis = diagnose(failure, &History::default(), &client.provider);
            Authentication::Rejected(Box::new(diagnosis))
        }
        _ => Authentication::Untold(untold(failure)),
    }
}

fn untold(failure: &Failure) -> String {
    failure.summary.clone()
}

fn redirected(response: &HttpResponse, uri: &RedirectUri) -> RedirectAnswer {
    let back = response.header("location").is_some_and(|location| leads_to(location, uri));
    let status = response.status;
    match status {
        300..=399 if back => RedirectAnswer::Registered,
        200..=399 => RedirectAnswer::NotRefused,
        400..=499 => {
            // Pages of errors are for people: the parameter's name is what they have in common.
            let page = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
            let named = ["redirect_uri", "redirect uri", "redirect url", "reply url"];
            if named.iter().any(|name| page.contains(name)) {
                RedirectAnswer::Refused(format!("HTTP {status}, and the page speaks of the redirect URI"))
            } else {
                RedirectAnswer::Untold(format!("the authorization page answered HTTP {status}"))
            }
        }
        _ => RedirectAnswer::Untold(format!("the authorization page answered HTTP {status}")),
    }
}

/// Whether a redirection leads to this URI, whatever parameters were added.
fn leads_to(location: &str, uri: &RedirectUri) -> bool {
    let (Ok(location), Ok(uri)) = (Url::parse(location), Url::parse(uri.as_str())) else { return false };
    location.scheme() == uri.scheme()
        && location.host_str() == uri.host_str()
        && location.path() == uri.path()
        // RFC 8252 7.3: a loopback address has any port.
        && (location.port_or_known_default() == uri.port_or_known_default() || uri.port().is_none())
}
