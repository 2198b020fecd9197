//! What people paste: logs of libraries, fragments, and what their records say besides.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use evergrant_explain::{explanation::explain, reading::Case};
use evergrant_proto::diagnosis::Cause::{self, *};
use evergrant_proto::provider::Catalogue;
use serde_json::{Value, json};

/// Provider, stage, body, observations, the causes that may be named, whether it is permanent.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static [Cause], Option<bool>);

const P: Option<bool> = Some(true);
const T: Option<bool> = Some(false);

#[rustfmt::skip]
const WRAPPED: &[Row] = &[
    ("google", "refresh_token", "google.auth.exceptions.RefreshError: ('invalid_grant: Token has been expired or revoked.', {'error': 'invalid_grant', 'error_description': 'Token has been expired or revoked.'})", "{}", &[Undetermined], P),
    ("google", "refresh_token", "com.google.api.client.auth.oauth2.TokenResponseException: 400 Bad Request\n{\n  \"error\" : \"invalid_grant\",\n  \"error_description\" : \"Bad Request\"\n}", "{}", &[Undetermined], P),
    ("", "refresh_token", "oauthlib.oauth2.rfc6749.errors.InvalidGrantError: (invalid_grant) Refresh token is expired", "{}", &[RefreshTokenExpiredAbsolute, RefreshTokenExpiredIdle], P),
    ("", "refresh_token", "OAuth2::Error: invalid_grant: The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.", "{}", &[Undetermined], P),
    ("", "client_credentials", "org.springframework.security.oauth2.client.ClientAuthorizationException: [invalid_client] Client authentication failed", "{}", &[WrongClientCredentials], P),
    ("", "client_credentials", "[invalid_token_response] An error occurred while attempting to retrieve the OAuth 2.0 Access Token Response: 401 Unauthorized: [{\"error\":\"invalid_client\",\"error_description\":\"Bad client credentials\"}]", "{}", &[WrongClientCredentials], P),
    ("microsoft", "refresh_token", "MSAL.Desktop.4.46.0.0.MsalUiRequiredException: ErrorCode: invalid_grant Microsoft.Identity.Client.MsalUiRequiredException: AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication", "{}", &[MfaOrConditionalAccessRequired], P),
    ("microsoft", "refresh_token", "InteractionRequiredAuthError: invalid_grant: 700082 - [2023-05-01 10:00:00Z]: AADSTS700082: The refresh token has expired due to inactivity. - Correlation ID: x - Trace ID: y", "{}", &[RefreshTokenExpiredIdle], P),
    ("microsoft", "client_credentials", "ClientSecretCredential authentication failed: A configuration issue is preventing authentication - check the error message from the server for details. Original exception: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID", "{}", &[WrongClientCredentials], P),
    ("", "refresh_token", "oauth2: cannot fetch token: 401 Unauthorized\nResponse: {\"error\":\"invalid_client\",\"error_description\":\"client is disabled\"}", "{}", &[ClientDisabledOrDeleted], P),
    ("", "refresh_token", "time=2024-01-02 level=error msg=\"refresh failed\" err=\"400: {\\\"error\\\":\\\"invalid_grant\\\",\\\"error_description\\\":\\\"refresh token already used\\\"}\"", "{}", &[RotatedTokenReused], P),
    ("", "authorization_code", "AxiosError: Request failed with status code 400 { data: { error: 'invalid_grant', error_description: 'Invalid code verifier' } }", "{}", &[PkceMismatch], P),
    ("", "authorization_code", "League\\OAuth2\\Client\\Provider\\Exception\\IdentityProviderException: invalid_grant: Authorization code has expired", "{}", &[CodeExpired], P),
    ("", "refresh_token", "requests.exceptions.HTTPError: 400 Client Error: Bad Request for url: https://idp.example/oauth/token", "{}", &[Undetermined], P),
    ("", "refresh_token", "requests.exceptions.HTTPError: 503 Server Error: Service Unavailable for url: https://idp.example/oauth/token", "{}", &[ProviderOutage], T),
    ("", "client_credentials", "{\"timestamp\":1700000000,\"level\":\"error\",\"message\":\"token request failed\",\"response\":{\"status\":401,\"body\":\"{\\\"error\\\":\\\"invalid_client\\\"}\"}}", "{}", &[WrongClientCredentials], P),
    ("", "api_call", "WWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"The access token expired\"", "{}", &[AccessTokenExpired], T),
    ("okta", "refresh_token", "{\"errorCode\":\"E0000011\",\"errorSummary\":\"Invalid token provided\"}", "{}", &[Undetermined, AccessTokenExpired, UserRevoked], P),
    ("okta", "api_call", "{\"errorCode\":\"E0000047\",\"errorSummary\":\"API call exceeded rate limit due to too many requests.\"}", "{}", &[RateLimited], T),
    ("", "password", "{\"error\":\"invalid_grant\",\"error_description\":\"The user name or password is incorrect.\"}", "{}", &[WrongUserCredentials], P),
    ("adfs", "refresh_token", "MSIS9604: An error occurred. The authorization server was not able to fulfill the request.", "{}", &[Undetermined, ProviderOutage], None),
    ("adfs", "authorization_code", "{\"error\":\"invalid_grant\",\"error_description\":\"MSIS9612: The authorization code received in 'code' parameter is invalid or has expired.\"}", "{}", &[Undetermined, CodeExpired, CodeReused], P),
    ("adfs", "authorization_code", "MSIS9609: The 'redirect_uri' parameter is invalid. No redirect uri with the specified value is registered for the received 'client_id'.", "{}", &[RedirectUriMismatch], P),
    ("wso2", "client_credentials", "{\"error_description\":\"A valid OAuth client could not be found for client_id: x\",\"error\":\"invalid_client\"}", "{}", &[WrongClientCredentials, ClientDisabledOrDeleted], P),
    ("gitlab", "authorization_code", "{\"error\":\"invalid_client\",\"error_description\":\"Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.\"}", "{}", &[WrongClientCredentials], P),
    ("shopify", "api_call", "[API] Invalid API key or access token (unrecognized login or wrong password)", "{}", &[AccessTokenExpired, UserRevoked, Undetermined], None),
    ("zoom", "refresh_token", "{\"reason\":\"Invalid Token!\",\"error\":\"invalid_grant\"}", "{}", &[Undetermined], P),
    ("zoom", "authorization_code", "{\"reason\":\"Redirect URI mismatch\",\"error\":\"invalid_request\"}", "{}", &[RedirectUriMismatch], P),
    ("", "authorization_code", "{\"error\":\"invalid_grant\",\"error_description\":\"Session code mismatch: code was issued for another client\"}", "{}", &[TokenIssuedToOtherClient], P),
    ("zoho", "refresh_token", "{\"error_description\":\"You have made too many requests continuously. Please try again after some time.\",\"error\":\"Access Denied\",\"status\":\"failure\"}", "{}", &[RateLimited], T),
    ("", "client_credentials", "{\"error\":\"unauthorized_client\",\"error_description\":\"AADSTS700016: Application with identifier 'x' was not found in the directory 'y'.\"}", "{}", &[WrongTokenEndpointOrTenant], P),
];

#[rustfmt::skip]
const NETWORK: &[Row] = &[
    ("", "network", "", r#"{"transport_error":"getaddrinfo ENOTFOUND oauth2.example"}"#, &[NetworkOrTls], T),
    ("", "network", "", r#"{"transport_error":"connect ETIMEDOUT 1.2.3.4:443"}"#, &[NetworkOrTls], T),
    ("", "network", "", r#"{"transport_error":"net/http: TLS handshake timeout"}"#, &[NetworkOrTls], T),
    ("", "network", "", r#"{"transport_error":"read: connection reset by peer"}"#, &[NetworkOrTls], T),
    ("", "network", "", r#"{"transport_error":"context deadline exceeded (Client.Timeout exceeded while awaiting headers)"}"#, &[NetworkOrTls], T),
    ("", "network", "", r#"{"transport_error":"Temporary failure in name resolution"}"#, &[NetworkOrTls], T),
    ("", "network", "", r#"{"transport_error":"unable to get local issuer certificate"}"#, &[NetworkOrTls], P),
    ("", "network", "", r#"{"transport_error":"SSL: CERTIFICATE_VERIFY_FAILED certificate verify failed: Hostname mismatch"}"#, &[NetworkOrTls], P),
    ("", "network", "", r#"{"transport_error":"PKIX path building failed: unable to find valid certification path to requested target"}"#, &[NetworkOrTls], P),
    ("", "refresh_token", "", r#"{"transport_error":"socket hang up"}"#, &[NetworkOrTls], T),
    ("google", "refresh_token", "", r#"{"transport_error":"dial tcp: lookup oauth2.googleapis.com: no such host"}"#, &[NetworkOrTls], T),
];

#[rustfmt::skip]
const OBSERVED: &[Row] = &[
    ("google", "refresh_token", "invalid_grant", r#"{"app_publishing_status":"testing"}"#, &[AppInTestingMode], P),
    ("google", "refresh_token", "invalid_grant", r#"{"refresh_token_age_s":605000}"#, &[AppInTestingMode], P),
    ("google", "refresh_token", "invalid_grant", r#"{"idle_s":16000000,"app_publishing_status":"production"}"#, &[RefreshTokenExpiredIdle], P),
    ("xero", "refresh_token", "invalid_grant", r#"{"idle_s":5300000}"#, &[RefreshTokenExpiredIdle], P),
    ("atlassian", "refresh_token", "invalid_grant", r#"{"refresh_token_age_s":31600000,"idle_s":100}"#, &[RefreshTokenExpiredAbsolute], P),
    ("okta", "refresh_token", "invalid_grant", r#"{"previous_attempt":{"outcome":"timeout","age_s":40}}"#, &[LostRotationNotPersisted], P),
    ("fitbit", "refresh_token", r#"{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid"}]}"#, r#"{"several_processes":true}"#, &[ConcurrentRefreshRace, Undetermined], P),
    ("x", "refresh_token", r#"{"error":"invalid_request","error_description":"Value passed for the token was invalid."}"#, r#"{"concurrent_attempts":true}"#, &[ConcurrentRefreshRace], P),
    ("", "refresh_token", "invalid_grant", r#"{"sent_token_is_latest":false,"rotation_observed":true}"#, &[RotatedTokenReused], P),
    ("", "refresh_token", "invalid_grant", r#"{"previous_attempt":{"outcome":"connection_error","age_s":null},"rotation_observed":true}"#, &[LostRotationNotPersisted], P),
    ("", "refresh_token", "invalid_request", r#"{"refresh_token_present":false,"offline_access_requested":false}"#, &[MissingOfflineScope], P),
    ("", "refresh_token", "refresh_token is required", r#"{"refresh_token_present":false,"offline_access_requested":true}"#, &[MissingRefreshToken], P),
    ("", "authorization_code", "invalid_grant", r#"{"code_age_s":1200}"#, &[CodeExpired], P),
    ("", "authorization_code", "invalid_grant", r#"{"redirect_uri_matches_authorization":false}"#, &[RedirectUriMismatch], P),
    ("", "authorization_code", r#"{"access_token":"x","expires_in":3600,"scope":"openid"}"#, r#"{"offline_access_requested":false}"#, &[MissingOfflineScope], P),
    ("google", "jwt_bearer", r#"{"error":"invalid_grant"}"#, r#"{"clock_offset_s":400}"#, &[ClockSkew], P),
    ("", "refresh_token", "invalid_client", r#"{"client_id_matches_grant":false}"#, &[TokenIssuedToOtherClient], P),
    ("", "refresh_token", "invalid_client", r#"{"other_grants_of_client":"all_failing","since_last_success_s":3600}"#, &[ClientSecretExpiredOrRotated, WrongClientCredentials], P),
    ("", "api_call", "401", r#"{"access_token_expired":true,"refresh_token_present":true}"#, &[AccessTokenExpired], T),
    ("", "api_call", "invalid_token", r#"{"access_token_expired":true,"refresh_token_present":false}"#, &[MissingRefreshToken], P),
    ("salesforce", "api_call", r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#, r#"{"access_token_age_s":7300}"#, &[AccessTokenExpired], T),
    ("", "refresh_token", "", r#"{"concurrent_attempts":true}"#, &[ConcurrentRefreshRace, Undetermined], P),
];

#[test]
fn what_libraries_make_of_an_answer() {
    judge(WRAPPED);
}

#[test]
fn what_libraries_say_without_an_answer() {
    judge(NETWORK);
}

#[test]
fn what_is_known_besides_decides() {
    judge(OBSERVED);
}

#[track_caller]
fn judge(rows: &[Row]) {
    let catalogue = Catalogue::builtin();
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(provider, stage, body, observations, causes, permanent)| {
            let record = json!({
                "provider": Some(provider).filter(|provider| !provider.is_empty()),
                "stage": stage,
                "body": Some(body).filter(|body| !body.is_empty()),
                "observations": serde_json::from_str::<Value>(observations).unwrap(),
            });
            let explanation = explain(&Case::from_record(&record.to_string()).unwrap(), &catalogue);
            let right = causes.contains(&explanation.cause)
                && (permanent.is_none() || explanation.permanent == *permanent);
            (!right).then(|| {
                format!(
                    "{provider} {stage} {body} {observations}\n  {} {:?} {:?}\n  {:?}",
                    explanation.cause, explanation.permanent, explanation.candidates, explanation.evidence
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
