//! What people paste, as they paste it: bodies, `curl -i`, lines of logs, entries of a HAR file, with nothing said of the
//! provider or of what was asked. Written down from documents, source code and common knowledge of the servers, with the
//! causes that may be named, before it was first judged. (First judged: 79 of 125 right in cause and in whether it can
//! pass; what was asked had then to be guessed from the first of several words, events of servers' logs were not read,
//! and what a server says after the standard's sentence was not heard. Those were mended, in general terms.)
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use evergrant_explain::{explanation::explain, reading::Case};
use evergrant_proto::diagnosis::Cause::{self, *};
use evergrant_proto::provider::Catalogue;
use serde_json::json;

/// What is pasted, the causes that may be named, the expected one first, whether it is permanent.
type Row = (&'static str, &'static [Cause], Option<bool>);

const P: Option<bool> = Some(true);
const T: Option<bool> = Some(false);

#[rustfmt::skip]
const SELF_HOSTED: &[Row] = &[
    (r#"2024-05-02 08:11:09,114 WARN  [org.keycloak.events] (executor-thread-12) type="REFRESH_TOKEN_ERROR", realmId="staff", clientId="portal", userId="null", ipAddress="10.0.0.1", error="invalid_token", reason="Session doesn't have required client", grant_type="refresh_token", refresh_token_type="Refresh""#, &[SessionTimedOut, Undetermined, UserRevoked], P),
    ("2024-05-02 08:11:09,114 WARN  [org.keycloak.events] (executor-thread-3) type=REFRESH_TOKEN_ERROR, realmId=staff, clientId=portal, userId=null, ipAddress=10.0.0.1, error=invalid_token, reason='Token is not active', grant_type=refresh_token", &[RefreshTokenExpiredIdle, RefreshTokenExpiredAbsolute, SessionTimedOut, Undetermined], P),
    (r#"{"error":"unauthorized_client","error_description":"Client not allowed for direct access grants"}"#, &[ClientDisabledOrDeleted, MalformedRequest], P),
    ("HTTP/2 400\r\ncontent-type: application/json\r\nx-powered-by: keycloak\r\n\r\n{\"error\":\"invalid_grant\",\"error_description\":\"Session bound to the specified client session is expired\"}", &[SessionTimedOut, CodeExpired], P),
    ("InvalidGrant: invalid_grant\n    at getRefreshToken (/app/node_modules/oidc-provider/lib/actions/grants/refresh_token.js:43:11) {\n  error: 'invalid_grant',\n  error_description: 'grant request is invalid',\n  error_detail: 'refresh token already used'\n}", &[RotatedTokenReused], P),
    ("InvalidGrant: invalid_grant {\n  error: 'invalid_grant',\n  error_description: 'grant request is invalid',\n  error_detail: 'authorization code already consumed'\n}", &[CodeReused], P),
    ("InvalidGrant: invalid_grant {\n  error: 'invalid_grant',\n  error_description: 'grant request is invalid',\n  error_detail: 'client mismatch'\n}", &[TokenIssuedToOtherClient], P),
    ("[12:00:01 WRN] Duende.IdentityServer.Services.DefaultRefreshTokenService Rejecting refresh token because it has been consumed already.", &[RotatedTokenReused], P),
    ("[12:00:01 ERR] IdentityServer4.Validation.TokenValidator portal tries to refresh token belonging to backoffice", &[TokenIssuedToOtherClient], P),
    ("[12:00:01 WRN] Duende.IdentityServer.Services.DefaultRefreshTokenService Refresh token has expired.", &[RefreshTokenExpiredAbsolute, RefreshTokenExpiredIdle, Undetermined], P),
    (r#"{"error":"invalid_grant","error_description":"The authorization associated with the token is no longer valid.","error_uri":"https://documentation.openiddict.com/errors/ID2023"}"#, &[UserRevoked, AdminOrPolicyRevoked, Undetermined], P),
    (r#"{"error":"invalid_client","error_description":"The specified client credentials are invalid.","error_uri":"https://documentation.openiddict.com/errors/ID2055"}"#, &[WrongClientCredentials], P),
    (r#"{"error":"invalid_grant","error_description":"The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client. The OAuth 2.0 Client ID from this request does not match the ID during the initial token issuance."}"#, &[TokenIssuedToOtherClient], P),
    (r#"{"error":"invalid_grant","error_description":"The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client. The PKCE code challenge did not match the code verifier."}"#, &[PkceMismatch], P),
    (r#"{"error":"invalid_grant","error_description":"The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client. The refresh token was already used."}"#, &[RotatedTokenReused], P),
    (r#"{"event": "Invalid redirect uri (strict comparison)", "level": "warning", "logger": "authentik.providers.oauth2.views.token", "redirect_uri_given": "https://app.example/cb", "redirect_uri_expected": ["https://app.example/callback"]}"#, &[RedirectUriMismatch], P),
    (r#"{"error":"invalid_grant","error_description":"Persisted access token data not found"}"#, &[Undetermined, RotatedTokenReused], P),
    (r#"{"fault":{"faultstring":"Access Token expired","detail":{"errorcode":"keymanagement.service.access_token_expired"}}}"#, &[AccessTokenExpired], T),
    (r#"{"ErrorCode" : "invalid_request", "Error" :"Refresh Token expired"}"#, &[RefreshTokenExpiredAbsolute, RefreshTokenExpiredIdle, Undetermined], P),
    (r#"{"error_description":"unknown, invalid, or expired refresh token","error":"invalid_grant"}"#, &[Undetermined], P),
    (r#"{"error_description":"The provided access grant is invalid, expired, or revoked.","error":"invalid_grant"}"#, &[Undetermined], P),
    (r#"{"error":"invalid_token","error_description":"The access token was revoked","state":"unauthorized"}"#, &[UserRevoked, AdminOrPolicyRevoked, Undetermined, AccessTokenExpired], None),
    ("org.springframework.security.oauth2.client.ClientAuthorizationRequiredException: [client_authorization_required] Authorization required for Client Registration Id: okta", &[MissingRefreshToken, ConsentRequired, Undetermined], P),
    ("OAuth2AuthenticationException: [invalid_id_token] An error occurred while attempting to decode the Jwt: Jwt used before 2024-01-02T03:04:05Z", &[ClockSkew], P),
    (r#"Unable to connect to the server: failed to refresh token: oauth2: cannot fetch token: 400 Bad Request
Response: {"error":"invalid_grant","error_description":"Session not active"}"#, &[SessionTimedOut], P),
];

#[rustfmt::skip]
const MICROSOFT_AND_GOOGLE: &[Row] = &[
    ("Microsoft.Identity.Client.MsalUiRequiredException: AADSTS700084: The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on 2024-01-01T10:00:00.0000000Z.", &[RefreshTokenExpiredAbsolute], P),
    (r#"{"error":"invalid_grant","error_description":"AADSTS70043: The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on 2024-01-01 and the maximum allowed lifetime for this request is 28800.","error_codes":[70043],"suberror":"token_expired"}"#, &[SessionTimedOut], P),
    (r#"{"error":"invalid_grant","error_description":"AADSTS54005: OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.","error_codes":[54005]}"#, &[CodeReused], P),
    (r#"{"error":"invalid_grant","error_description":"AADSTS501481: The Code_Verifier does not match the code_challenge supplied in the authorization request for PKCE.","error_codes":[501481]}"#, &[PkceMismatch], P),
    ("MsalServiceException: AADSTS50196: The server terminated an operation because it encountered a client request loop. Please contact your app vendor.", &[RateLimited], T),
    (r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033: A transient error has occurred. Please try again.","error_codes":[90033]}"#, &[ProviderOutage], T),
    (r#"{"error":"invalid_grant","error_description":"AADSTS500133: Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token.","error_codes":[500133]}"#, &[AccessTokenExpired, ClockSkew], None),
    (r#"{"error":"invalid_grant","error_description":"AADSTS500341: The user account {EUII Hidden} has been deleted from the contoso directory.","error_codes":[500341]}"#, &[AccountDisabled], P),
    (r#"{"error":"invalid_grant","error_description":"AADSTS90094: Admin consent is required for the permissions requested by this application.","error_codes":[90094],"suberror":"consent_required"}"#, &[ConsentRequired], P),
    (r#"{"error":"invalid_grant","error_description":"AADSTS135011: Device used during the authentication is disabled.","error_codes":[135011]}"#, &[MfaOrConditionalAccessRequired, AdminOrPolicyRevoked], P),
    (r#"{"error":"invalid_grant","error_description":"AADB2C90080: The provided grant has expired. Please re-authenticate and try again. Current time: 1700100000, Grant issued time: 1698000000, Grant sliding window expiration time: 1699209600\r\nCorrelation ID: 0"}"#, &[RefreshTokenExpiredIdle, RefreshTokenExpiredAbsolute], P),
    (r#"{"error":"invalid_grant","error_description":"AADB2C90129: The provided grant has been revoked. Please re-authenticate and try again.\r\nCorrelation ID: 0"}"#, &[Undetermined, UserRevoked, AdminOrPolicyRevoked, PasswordChanged], P),
    (r#"{"error":"invalid_grant","error_description":"AADB2C90088: The provided grant has not been issued for this endpoint. Actual Value : B2C_1_signin and Expected Value : B2C_1_edit"}"#, &[WrongTokenEndpointOrTenant], P),
    ("IDX10223: Lifetime validation failed. The token is expired. ValidTo (UTC): '1/2/2024 3:04:05 AM', Current time (UTC): '1/2/2024 4:04:05 AM'.", &[AccessTokenExpired], T),
    ("IDX10222: Lifetime validation failed. The token is not yet valid. ValidFrom (UTC): '1/2/2024 3:04:05 AM', Current time (UTC): '1/2/2024 3:02:05 AM'.", &[ClockSkew], None),
    ("IDX10205: Issuer validation failed. Issuer: 'https://sts.windows.net/1/'. Did not match: validationParameters.ValidIssuer: 'https://sts.windows.net/2/'", &[WrongTokenEndpointOrTenant], P),
    ("InteractionRequiredAuthError: no_tokens_found: No refresh token found in the cache. Please sign-in.", &[MissingRefreshToken], P),
    (r#"{"error":"invalid_grant","error_description":"Malformed auth code."}"#, &[MalformedRequest], P),
    (r#"{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}"#, &[ClockSkew], P),
    ("ERROR: (gcloud.auth.print-access-token) There was a problem refreshing your current auth tokens: Reauthentication failed. cannot prompt during non-interactive execution.", &[SessionTimedOut, MfaOrConditionalAccessRequired], P),
    (r#"{"error":"invalid_scope","error_description":"Some requested scopes were invalid. {valid\u003d[openid], invalid\u003d[drive.readnly]}"}"#, &[ScopeProblem], P),
    (r#"{"error":{"code":403,"message":"User Rate Limit Exceeded","errors":[{"message":"User Rate Limit Exceeded","domain":"usageLimits","reason":"userRateLimitExceeded"}]}}"#, &[RateLimited], T),
    ("Error: No refresh token is set.\n    at OAuth2Client.refreshTokenNoCache (/app/node_modules/google-auth-library/build/src/auth/oauth2client.js:171:19)", &[MissingRefreshToken], P),
    (r#"oauth2: "invalid_grant" "Token has been expired or revoked.""#, &[Undetermined, AppInTestingMode, UserRevoked], P),
    ("couldn't fetch token: invalid_grant: maybe token expired? - try refreshing with \"rclone config reconnect drive:\"", &[Undetermined, RefreshTokenExpiredIdle, RefreshTokenExpiredAbsolute, UserRevoked], P),
];

#[rustfmt::skip]
const SERVICES: &[Row] = &[
    (r#"{"message":"API rate limit exceeded for user ID 1.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api","status":"403"}"#, &[RateLimited], T),
    (r#"{"message":"Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization.","documentation_url":"https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/"}"#, &[ConsentRequired, MfaOrConditionalAccessRequired, AdminOrPolicyRevoked, AppDisabledByOrganization], P),
    ("Although you appear to have the correct authorization credentials, the `acme` organization has enabled OAuth App access restrictions, meaning that data access to third-parties is limited.", &[AppDisabledByOrganization, ConsentRequired, AdminOrPolicyRevoked], P),
    (r#"{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api"}"#, &[ScopeProblem], P),
    (r#"{"ok":false,"error":"team_added_to_org"}"#, &[ProviderOutage, AdminOrPolicyRevoked], None),
    (r#"{"ok":false,"error":"invalid_refresh_token"}"#, &[Undetermined, RotatedTokenReused], P),
    (r#"{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}"#, &[ConsentRequired], P),
    (r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]"#, &[RateLimited], T),
    (r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#, &[Undetermined, RefreshTokenExpiredIdle, RefreshTokenExpiredAbsolute, UserRevoked, RotatedTokenReused, TokenLimitExceeded], P),
    (r#"{"error":{"status":401,"message":"The access token expired"}}"#, &[AccessTokenExpired], T),
    (r#"{"error":{"status":403,"message":"User not registered in the Developer Dashboard"}}"#, &[AppInTestingMode, ConsentRequired, Undetermined], P),
    (r#"{"error_summary":"missing_scope/..","error":{".tag":"missing_scope","required_scope":"files.content.read"}}"#, &[ScopeProblem], P),
    (r#"{"error_summary":"user_suspended/...","error":{".tag":"user_suspended"}}"#, &[AccountDisabled], P),
    (r#"{"error":"invalid_grant","error_description":"Auth code doesn't exist or is invalid for the client"}"#, &[Undetermined, CodeExpired, CodeReused, TokenIssuedToOtherClient], P),
    (r#"{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token","correlationId":"a"}"#, &[Undetermined, UserRevoked], P),
    (r#"{"status":"BAD_CLIENT_ID","message":"missing or unknown client id","correlationId":"a"}"#, &[WrongClientCredentials, ClientDisabledOrDeleted, MalformedRequest], P),
    (r#"{"status":"error","message":"This app hasn't been granted all required scopes to make this call.","category":"MISSING_SCOPES"}"#, &[ScopeProblem, ConsentRequired], P),
    (r#"{"Fault":{"Error":[{"Message":"message=ThrottleExceeded; errorCode=003001; statusCode=429","Detail":"The request limit was reached.","code":"3001"}],"type":"SystemFault"}}"#, &[RateLimited], T),
    (r#"{"error":{"message":"Expired API Key provided: sk_live_********","type":"invalid_request_error","code":"api_key_expired"}}"#, &[ClientSecretExpiredOrRotated], P),
    (r#"{"error":"invalid_grant","error_description":"Authorization code does not exist: ac_123"}"#, &[Undetermined, CodeExpired, CodeReused, TokenIssuedToOtherClient, WrongTokenEndpointOrTenant], P),
    (r#"{"error":{"message":"Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons.","type":"OAuthException","code":190,"error_subcode":460}}"#, &[PasswordChanged], P),
    (r#"{"error":{"message":"(#4) Application request limit reached","type":"OAuthException","is_transient":true,"code":4}}"#, &[RateLimited], T),
    (r#"{"error":{"message":"Error validating client secret.","type":"OAuthException","code":1,"fbtrace_id":"A"}}"#, &[WrongClientCredentials, ClientSecretExpiredOrRotated], P),
    (r#"{"error":{"message":"Error validating application. Application has been deleted.","type":"OAuthException","code":190,"fbtrace_id":"A"}}"#, &[ClientDisabledOrDeleted], P),
    (r#"{"error":{"message":"An unexpected error has occurred. Please retry your request later.","type":"OAuthException","is_transient":true,"code":2}}"#, &[ProviderOutage], T),
    (r#"{"status":401,"serviceErrorCode":65602,"code":"EXPIRED_ACCESS_TOKEN","message":"The token used in the request has expired"}"#, &[AccessTokenExpired], T),
    (r#"{"message":"Resource level throttle MEMBER DAY limit for calls to this resource is reached.","status":429}"#, &[RateLimited], T),
    (r#"{"error":"unauthorized_client","error_description":"Missing valid authorization header"}"#, &[WrongClientCredentials, MalformedRequest], P),
    (r#"{"error":"invalid_request","error_description":"Value passed for the authorization code was invalid."}"#, &[Undetermined, CodeExpired, CodeReused], P),
    ("HTTP/1.1 429 Too Many Requests\r\nServer: cloudflare\r\nRetry-After: 3600\r\n\r\nerror code: 1015", &[RateLimited], T),
    ("HTTP/1.1 403 Forbidden\r\nServer: cloudflare\r\nCF-RAY: 8-FRA\r\n\r\nerror code: 1020", &[IpOrNetworkPolicyBlocked], P),
    (r#"{"status":403,"message":"invalid client secret"}"#, &[WrongClientCredentials, ClientSecretExpiredOrRotated], P),
    (r#"{"status":400,"message":"Parameter redirect_uri does not match registered URI"}"#, &[RedirectUriMismatch], P),
    (r#"{"error":"invalid_request","error_description":"Could not find Shopify API application with api_key abc"}"#, &[ClientDisabledOrDeleted, WrongClientCredentials], P),
    (r#"{"object":"error","status":403,"code":"restricted_resource","message":"Insufficient permissions for this endpoint."}"#, &[ScopeProblem, ConsentRequired], P),
    (r#"{"errors":[{"message":"The bearer token has expired. If you have a refresh token, please use it to request a new bearer token, otherwise allow the user to re-authenticate.","help":"For more information on API status codes and how to handle them, read the docs on errors"}]}"#, &[AccessTokenExpired], T),
    (r#"{"status":403,"err":"Token expired"}"#, &[AccessTokenExpired], T),
    (r#"{"error":"invalid_grant","error_description":"The code has expired or has been revoked."}"#, &[Undetermined, CodeExpired, CodeReused], P),
    (r#"{"error":"invalid_grant","error_description":"issuer_not_found"}"#, &[WrongClientCredentials, ClientDisabledOrDeleted, WrongTokenEndpointOrTenant], P),
    (r#"{"error":"invalid_grant","error_description":"no_valid_keys_or_signatures"}"#, &[WrongClientCredentials, ClientSecretExpiredOrRotated], P),
    (r#"{"errorCode":"HOURLY_APIINVOCATION_LIMIT_EXCEEDED","message":"The maximum number of hourly API invocations has been exceeded. The hourly limit is 1000."}"#, &[RateLimited], T),
    (r#"{"code":"OAUTH_SCOPE_MISMATCH","details":{},"message":"invalid oauth scope to access this URL","status":"error"}"#, &[ScopeProblem], P),
    ("NotAuthorizedException: Unable to verify secret hash for client 1example23456789", &[WrongClientCredentials], P),
    ("botocore.errorfactory.PasswordResetRequiredException: An error occurred (PasswordResetRequiredException) when calling the InitiateAuth operation: Password reset required for the user", &[PasswordChanged, AccountDisabled], P),
    ("The SSO session associated with this profile has expired or is otherwise invalid. To refresh this SSO session run aws sso login with the corresponding profile.", &[SessionTimedOut], P),
    ("An error occurred (ExpiredToken) when calling the GetObject operation: The provided token has expired.", &[AccessTokenExpired], T),
    (r#"{"published":"2024-01-02T03:04:05.000Z","eventType":"app.oauth2.as.token.detect_reuse","displayMessage":"OAuth2 token reuse detected","severity":"WARN","outcome":{"result":"FAILURE","reason":"Refresh token reuse"}}"#, &[RotatedTokenReused], P),
    (r#"{"type":"ferrt","description":"Unsuccessful Refresh Token exchange, reused refresh token detected","client_id":"abc","hostname":"acme.auth0.com"}"#, &[RotatedTokenReused], P),
    (r#"{"error":"access_denied","error_description":"Client is not authorized to access \"https://api.example.com\". You need to create a \"client-grant\" associated to this API."}"#, &[ConsentRequired, ScopeProblem, ClientDisabledOrDeleted], P),
    (r#"{"errorCode":"E0000007","errorSummary":"Not found: Resource not found: aus123 (AuthorizationServer)","errorLink":"E0000007","errorCauses":[]}"#, &[WrongTokenEndpointOrTenant], P),
    (r#"{"error":"access_denied","error_description":"User is not assigned to the client application."}"#, &[ConsentRequired, AdminOrPolicyRevoked, AppDisabledByOrganization], P),
    (r#"{"message":"Rate Limit Exceeded","errors":[{"resource":"Application","field":"overall rate limit","code":"exceeded"}]}"#, &[RateLimited], T),
    (r#"{"errors":[{"errorType":"expired_token","message":"Access token expired: eyJhbGciOiJIUzI1NiJ9.e30.x. Visit https://dev.fitbit.com/docs/oauth2 for more information on the Fitbit Web API authorization process."}],"success":false}"#, &[AccessTokenExpired], T),
];

#[rustfmt::skip]
const LIBRARIES_AND_NETWORKS: &[Row] = &[
    ("oauth2: token expired and refresh token is not set", &[MissingRefreshToken], P),
    ("oauthlib.oauth2.rfc6749.errors.TokenExpiredError: (token_expired)", &[AccessTokenExpired], T),
    ("oauthlib.oauth2.rfc6749.errors.InsecureTransportError: (insecure_transport) OAuth 2 MUST utilize https.", &[MalformedRequest, WrongTokenEndpointOrTenant, NetworkOrTls], P),
    ("RPError: id_token issued in the future, now 1700000000, iat 1700000030", &[ClockSkew], P),
    ("Post \"https://login.example.com/oauth/token\": x509: certificate signed by unknown authority", &[NetworkOrTls], P),
    ("Post \"https://login.example.com/oauth/token\": context deadline exceeded", &[NetworkOrTls], T),
    ("java.net.UnknownHostException: login.example.com", &[NetworkOrTls], T),
    ("curl: (60) SSL certificate problem: certificate has expired", &[NetworkOrTls], P),
    ("curl: (28) Operation timed out after 30001 milliseconds with 0 bytes received", &[NetworkOrTls], T),
    ("HTTP/1.1 504 Gateway Time-out\r\nServer: nginx\r\nContent-Type: text/html\r\n\r\n<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body><center><h1>504 Gateway Time-out</h1></center></body></html>", &[ProviderOutage], T),
    ("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"\r\nContent-Length: 0\r\n\r\n", &[NetworkOrTls, IpOrNetworkPolicyBlocked], P),
    ("HTTP/1.1 403 Forbidden\r\nServer: AkamaiGHost\r\nContent-Type: text/html\r\n\r\n<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1>You don't have permission to access \"http://login.example.com/oauth/token\" on this server.<P>Reference #18.2d351ab8.1557333295.a4e16ab</BODY></HTML>", &[IpOrNetworkPolicyBlocked], P),
    ("HTTP/2 403\r\ncontent-type: text/html; charset=UTF-8\r\ncf-mitigated: challenge\r\nserver: cloudflare\r\n\r\n<!DOCTYPE html><html lang=\"en-US\"><head><title>Just a moment...</title></head><body>Enable JavaScript and cookies to continue</body></html>", &[IpOrNetworkPolicyBlocked, SuspiciousActivity], None),
    ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><head><title>Welcome to Airport WiFi</title></head><body><form action=\"http://portal.local/login\">Accept the terms to go online</form></body></html>", &[NetworkOrTls, ProviderOutage], T),
    ("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nX-Azure-Ref: 0a\r\n\r\n<h2>Our services aren't available right now</h2><p>We're working to restore all services as soon as possible. Please check back soon.</p>", &[ProviderOutage], T),
    ("Error when retrieving token from sso: Token has expired and refresh failed", &[Undetermined, SessionTimedOut, RefreshTokenExpiredAbsolute, RefreshTokenExpiredIdle], P),
];

/// Address and body of a request of a HAR file, status and body of its answer, and as above.
type Entry = (&'static str, &'static str, u16, &'static str, &'static [Cause], Option<bool>);

#[rustfmt::skip]
const RECORDED: &[Entry] = &[
    ("https://oauth2.googleapis.com/token", "grant_type=refresh_token&refresh_token=1%2F%2F0abcdefghijklmnop&client_id=1.apps.googleusercontent.com&client_secret=GOCSPX-abcdefgh", 400, r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#, &[Undetermined, AppInTestingMode, UserRevoked], P),
    ("https://login.microsoftonline.com/common/oauth2/v2.0/token", "grant_type=authorization_code&code=0.AAAA&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&client_id=1", 400, r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app '1' are expired.","error_codes":[7000222]}"#, &[ClientSecretExpiredOrRotated], P),
    ("https://api.dropboxapi.com/oauth2/token", "grant_type=refresh_token&refresh_token=abcdefghijklmnop", 400, r#"{"error":"invalid_grant","error_description":"refresh token is invalid or revoked"}"#, &[Undetermined, UserRevoked], P),
    ("https://accounts.zoho.com/oauth/v2/token?refresh_token=1000.abc.def&client_id=1000.X&client_secret=s3cr3ts3cr3t&grant_type=refresh_token", "", 200, r#"{"error":"invalid_code"}"#, &[Undetermined, UserRevoked, RefreshTokenExpiredAbsolute, WrongTokenEndpointOrTenant, TokenLimitExceeded], P),
    ("https://id.twitch.tv/oauth2/token", "grant_type=refresh_token&refresh_token=abcdefghijklmnop&client_id=a&client_secret=b", 503, "", &[ProviderOutage], T),
    ("https://www.reddit.com/api/v1/access_token", "grant_type=authorization_code&code=abc", 401, r#"{"message": "Unauthorized", "error": 401}"#, &[WrongClientCredentials], P),
];

#[test]
fn what_servers_that_people_run_themselves_say() {
    judge(SELF_HOSTED);
}

#[test]
fn what_the_two_largest_say() {
    judge(MICROSOFT_AND_GOOGLE);
}

#[test]
fn what_services_say() {
    judge(SERVICES);
}

#[test]
fn what_libraries_and_networks_say() {
    judge(LIBRARIES_AND_NETWORKS);
}

#[test]
fn what_a_browser_recorded() {
    let catalogue = Catalogue::builtin();
    let wrong: Vec<_> = RECORDED
        .iter()
        .filter_map(|(url, request, status, answer, causes, permanent)| {
            let archive = json!({"log": {"version": "1.2", "entries": [{
                "request": {"method": "POST", "url": url, "headers": [], "postData": {"text": request}},
                "response": {"status": status, "headers": [], "content": {"text": answer}},
            }]}});
            misjudged(&archive.to_string(), causes, *permanent, &catalogue)
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), RECORDED.len(), wrong.join("\n"));
}

#[track_caller]
fn judge(rows: &[Row]) {
    let catalogue = Catalogue::builtin();
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(pasted, causes, permanent)| misjudged(pasted, causes, *permanent, &catalogue))
        .collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// What came instead.
fn misjudged(
    pasted: &str,
    causes: &[Cause],
    permanent: Option<bool>,
    catalogue: &Catalogue,
) -> Option<String> {
    let explanation = explain(&Case::read(pasted.as_bytes()).unwrap(), catalogue);
    let right =
        causes.contains(&explanation.cause) && (permanent.is_none() || explanation.permanent == permanent);
    (!right).then(|| {
        format!(
            "{pasted}\n  {} {:?} {:?}\n  {:?}",
            explanation.cause, explanation.permanent, explanation.candidates, explanation.evidence
        )
    })
}
