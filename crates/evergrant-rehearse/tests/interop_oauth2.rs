//! The crate `oauth2`, an independent client, against the rehearsal server: code with PKCE, refresh, replay,
//! revocation. It needs nothing that is installed from outside.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use evergrant_rehearse::{
    ClientSettings, Endpoint, Reason, Rehearsal, RevocationCause, Running, Settings, UserSettings,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, RevocationUrl, Scope, StandardRevocableToken, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType, BasicRequestTokenError, BasicTokenResponse},
};
use reqwest::{Client, Url, redirect};

const REDIRECT_URI: &str = "http://127.0.0.1:4321/callback";
const SECRET: &str = "s3cret +/&=%25:?";

type Party = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointSet, EndpointSet>;

async fn rehearsal() -> Running {
    let settings = Settings {
        clients: vec![
            ClientSettings::basic("basic", SECRET),
            ClientSettings::post("post", SECRET),
            ClientSettings::public("public"),
        ],
        users: vec![UserSettings::new("alice", "acme")],
        ..Settings::bare()
    };
    Rehearsal::builder().settings(settings).start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// The three clients, each with its authentication method.
fn parties(issuer: &str) -> [Party; 3] {
    // The library revokes only over https, on loopback too: `carry` ends the encryption that never began.
    let secure = issuer.replace("http://", "https://");
    let party = |id: &str| {
        BasicClient::new(ClientId::new(id.into()))
            .set_auth_uri(AuthUrl::new(format!("{issuer}/authorize")).unwrap())
            .set_token_uri(TokenUrl::new(format!("{issuer}/token")).unwrap())
            .set_revocation_url(RevocationUrl::new(format!("{secure}/revoke")).unwrap())
            .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.into()).unwrap())
    };
    let secret = || ClientSecret::new(SECRET.into());
    [
        party("basic").set_client_secret(secret()).set_auth_type(AuthType::BasicAuth),
        party("post").set_client_secret(secret()).set_auth_type(AuthType::RequestBody),
        party("public").set_auth_type(AuthType::RequestBody),
    ]
}

fn browser() -> Client {
    Client::builder().redirect(redirect::Policy::none()).build().unwrap()
}

/// Carries the library's requests out, always without TLS, and changes nothing else.
async fn carry(mut request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    *request.uri_mut() = request.uri().to_string().replace("https://", "http://").parse().unwrap();
    let response = browser().execute(request.try_into()?).await?;
    let mut answer = HttpResponse::new(Vec::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    *answer.body_mut() = response.bytes().await?.to_vec();
    Ok(answer)
}

/// The user signs in by `login_hint`; returns a fresh code and its verifier.
async fn authorize(party: &Party) -> (AuthorizationCode, PkceCodeVerifier) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = party
        .authorize_url(CsrfToken::new_random)
        .add_scopes(["openid", "offline_access"].map(|scope| Scope::new(scope.into())))
        .add_extra_param("login_hint", "alice")
        .set_pkce_challenge(challenge)
        .url();
    let answer = browser().get(url).send().await.unwrap();
    let callback: Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
    assert!(callback.as_str().starts_with(REDIRECT_URI));
    let parameter = |name: &str| callback.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!(&parameter("state"), state.secret());
    (AuthorizationCode::new(parameter("code")), verifier)
}

async fn connect(party: &Party) -> BasicTokenResponse {
    let (code, verifier) = authorize(party).await;
    party.exchange_code(code).set_pkce_verifier(verifier).request_async(&carry).await.unwrap()
}

async fn refresh(
    party: &Party,
    tokens: &BasicTokenResponse,
) -> Result<BasicTokenResponse, BasicErrorResponseType> {
    let token = tokens.refresh_token().expect("a refresh token was issued");
    party.exchange_refresh_token(token).request_async(&carry).await.map_err(|error| refusal(&error))
}

/// The OAuth error code; anything but a proper refusal fails the test.
fn refusal(error: &BasicRequestTokenError<reqwest::Error>) -> BasicErrorResponseType {
    match error {
        RequestTokenError::ServerResponse(response) => response.error().clone(),
        other => panic!("not an OAuth error response: {other:?}"),
    }
}

/// Why requests were refused by the token endpoint.
fn refusals(rehearsal: &Running) -> Vec<Reason> {
    let journal = rehearsal.journal();
    journal
        .iter()
        .filter(|entry| entry.endpoint == Endpoint::Token)
        .filter_map(|entry| entry.reason)
        .collect()
}

#[tokio::test]
async fn every_rotation_brings_a_new_refresh_token_that_works() {
    let rehearsal = rehearsal().await;
    for party in parties(rehearsal.issuer()) {
        let mut tokens = connect(&party).await;
        for _ in 0..3 {
            let next = refresh(&party, &tokens).await.unwrap();
            assert_ne!(
                next.refresh_token().map(RefreshToken::secret),
                tokens.refresh_token().map(RefreshToken::secret)
            );
            assert_ne!(next.access_token().secret(), tokens.access_token().secret());
            tokens = next;
        }
    }
    assert_eq!(refusals(&rehearsal), []);
}

#[tokio::test]
async fn a_replayed_refresh_token_ends_the_family() {
    let rehearsal = rehearsal().await;
    for party in parties(rehearsal.issuer()) {
        let first = connect(&party).await;
        let second = refresh(&party, &first).await.unwrap();
        assert_eq!(refresh(&party, &first).await.unwrap_err(), BasicErrorResponseType::InvalidGrant);
        assert_eq!(refresh(&party, &second).await.unwrap_err(), BasicErrorResponseType::InvalidGrant);
    }
    let expected =
        [Reason::ReplayedRefreshToken, Reason::FamilyRevoked(RevocationCause::ReplayedRefreshToken)];
    assert_eq!(refusals(&rehearsal), expected.repeat(3));
}

#[tokio::test]
async fn a_revoked_refresh_token_is_refused_and_revoking_it_again_is_not() {
    let rehearsal = rehearsal().await;
    for party in parties(rehearsal.issuer()) {
        let tokens = connect(&party).await;
        for _ in 0..2 {
            let token = StandardRevocableToken::from(tokens.refresh_token().unwrap());
            party.revoke_token(token).unwrap().request_async(&carry).await.unwrap();
        }
        assert_eq!(refresh(&party, &tokens).await.unwrap_err(), BasicErrorResponseType::InvalidGrant);
    }
    assert_eq!(refusals(&rehearsal), [Reason::FamilyRevoked(RevocationCause::ClientRequest)].repeat(3));
}

#[tokio::test]
async fn a_code_is_refused_without_its_verifier_and_with_another() {
    let rehearsal = rehearsal().await;
    for party in parties(rehearsal.issuer()) {
        let (code, _) = authorize(&party).await;
        let without = party.exchange_code(code).request_async(&carry).await.unwrap_err();
        assert_eq!(refusal(&without), BasicErrorResponseType::InvalidGrant);
        let (code, _) = authorize(&party).await;
        let (_, other) = PkceCodeChallenge::new_random_sha256();
        let wrong =
            party.exchange_code(code).set_pkce_verifier(other).request_async(&carry).await.unwrap_err();
        assert_eq!(refusal(&wrong), BasicErrorResponseType::InvalidGrant);
    }
    assert_eq!(refusals(&rehearsal), [Reason::PkceMismatch].repeat(6));
}

#[tokio::test]
async fn a_wrong_client_secret_is_invalid_client_whatever_the_method() {
    let rehearsal = rehearsal().await;
    let [basic, post, _] = parties(rehearsal.issuer());
    for party in [basic, post] {
        let tokens = connect(&party).await;
        let stranger = party.clone().set_client_secret(ClientSecret::new("wrong".into()));
        assert_eq!(refresh(&stranger, &tokens).await.unwrap_err(), BasicErrorResponseType::InvalidClient);
        refresh(&party, &tokens).await.expect("the grant did not suffer from the stranger");
    }
    assert_eq!(refusals(&rehearsal), [Reason::WrongSecret].repeat(2));
}
