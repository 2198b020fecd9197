//! What servers answer, by their documents and their source code: an answer, and the causes that it leaves open.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use evergrant_explain::{explanation::explain, reading::Case};
use evergrant_proto::diagnosis::Cause::{self, *};
use evergrant_proto::provider::Catalogue;
use serde_json::json;

/// Provider, stage, status (0: not written down), body, the causes that may be named.
type Row = (&'static str, &'static str, u16, &'static str, &'static [Cause]);

const CODE: &str = "authorization_code";
const REFRESH: &str = "refresh_token";
const CLIENT: &str = "client_credentials";
const JWT: &str = "jwt_bearer";
const DEVICE: &str = "device_code";
const API: &str = "api_call";
const PASSWORD: &str = "password";

#[rustfmt::skip]
const CODES: &[Row] = &[
    ("keycloak", CODE, 400, r#"{"error":"invalid_grant","error_description":"Code not valid"}"#, &[Undetermined, CodeReused, CodeExpired]),
    ("keycloak", CODE, 400, r#"{"error":"invalid_grant","error_description":"Incorrect redirect_uri"}"#, &[RedirectUriMismatch]),
    ("keycloak", CODE, 400, r#"{"error":"invalid_grant","error_description":"PKCE verification failed: Code mismatch"}"#, &[PkceMismatch]),
    ("keycloak", CODE, 400, r#"{"error":"invalid_grant","error_description":"PKCE code verifier not specified"}"#, &[PkceMismatch]),
    ("spring-authorization-server", CODE, 400, r#"{"error_description":"OAuth 2.0 Parameter: code_verifier","error":"invalid_grant","error_uri":"https://datatracker.ietf.org/doc/html/rfc7636#section-4.6"}"#, &[PkceMismatch]),
    ("spring-authorization-server", CODE, 400, r#"{"error_description":"OAuth 2.0 Parameter: redirect_uri","error":"invalid_grant"}"#, &[RedirectUriMismatch]),
    ("auth0", CODE, 403, r#"{"error":"invalid_grant","error_description":"Invalid authorization code"}"#, &[Undetermined, CodeExpired, CodeReused]),
    ("auth0", CODE, 403, r#"{"error":"invalid_grant","error_description":"Failed to verify code verifier"}"#, &[PkceMismatch]),
    ("auth0", CODE, 401, r#"{"error":"access_denied","error_description":"Unauthorized"}"#, &[Undetermined, WrongClientCredentials]),
    ("okta", CODE, 400, r#"{"error":"invalid_grant","error_description":"The authorization code is invalid or has expired."}"#, &[Undetermined, CodeExpired, CodeReused]),
    ("okta", CODE, 401, r#"{"error":"invalid_client","error_description":"The client secret supplied for a confidential client is invalid."}"#, &[WrongClientCredentials, ClientSecretExpiredOrRotated]),
    ("okta", CODE, 400, r#"{"error":"invalid_request","error_description":"The 'redirect_uri' parameter must be a Login redirect URI in the client app settings"}"#, &[RedirectUriMismatch]),
    ("google", CODE, 400, r#"{"error":"redirect_uri_mismatch","error_description":"Bad Request"}"#, &[RedirectUriMismatch]),
    ("google", CODE, 400, r#"{"error":"invalid_grant","error_description":"Missing code verifier."}"#, &[PkceMismatch]),
    ("github", CODE, 200, "error=bad_verification_code&error_description=The+code+passed+is+incorrect+or+expired.", &[Undetermined, CodeExpired, CodeReused]),
    ("github", CODE, 200, r#"{"error":"incorrect_client_credentials","error_description":"The client_id and/or client_secret passed are incorrect."}"#, &[WrongClientCredentials]),
    ("github", CODE, 200, r#"{"error":"redirect_uri_mismatch","error_description":"The redirect_uri MUST match the registered callback URL for this application."}"#, &[RedirectUriMismatch]),
    ("slack", CODE, 200, r#"{"ok":false,"error":"invalid_code"}"#, &[Undetermined, CodeExpired, CodeReused]),
    ("slack", CODE, 200, r#"{"ok":false,"error":"code_already_used"}"#, &[CodeReused]),
    ("slack", CODE, 200, r#"{"ok":false,"error":"bad_redirect_uri"}"#, &[RedirectUriMismatch]),
    ("slack", CODE, 200, r#"{"ok":false,"error":"bad_client_secret"}"#, &[WrongClientCredentials, ClientSecretExpiredOrRotated]),
    ("slack", CODE, 200, r#"{"ok":false,"error":"invalid_client_id"}"#, &[WrongClientCredentials, ClientDisabledOrDeleted]),
    ("facebook", CODE, 400, r#"{"error":{"message":"This authorization code has been used.","type":"OAuthException","code":100,"error_subcode":36009}}"#, &[CodeReused]),
    ("facebook", CODE, 400, r#"{"error":{"message":"Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request","type":"OAuthException","code":100,"error_subcode":36008}}"#, &[RedirectUriMismatch]),
    ("linkedin", CODE, 400, r#"{"error":"invalid_request","error_description":"Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. Or authorization code expired. Or external member binding exists"}"#, &[Undetermined, RedirectUriMismatch, CodeExpired, PkceMismatch]),
    ("salesforce", CODE, 400, r#"{"error":"invalid_grant","error_description":"expired authorization code"}"#, &[CodeExpired]),
    ("salesforce", CODE, 400, r#"{"error":"redirect_uri_mismatch","error_description":"redirect_uri must match configuration"}"#, &[RedirectUriMismatch]),
    ("salesforce", CODE, 400, r#"{"error":"invalid_client_id","error_description":"client identifier invalid"}"#, &[WrongClientCredentials, ClientDisabledOrDeleted]),
    ("identityserver", CODE, 400, "error: invalid_grant, PKCE: code_verifier is missing", &[PkceMismatch]),
    ("django-oauth-toolkit", CODE, 400, r#"{"error":"invalid_request","error_description":"Mismatching redirect URI."}"#, &[RedirectUriMismatch]),
    ("openiddict", CODE, 400, r#"{"error":"invalid_grant","error_description":"The specified authorization code has already been redeemed.","error_uri":"https://documentation.openiddict.com/errors/ID2010"}"#, &[CodeReused]),
    ("openiddict", CODE, 400, r#"{"error":"invalid_grant","error_description":"The specified token is no longer valid."}"#, &[Undetermined, CodeExpired, CodeReused]),
    ("ory-hydra", CODE, 400, r#"{"error":"invalid_grant","error_description":"The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client. The authorization code has already been used."}"#, &[CodeReused, Undetermined]),
    ("apple", CODE, 400, r#"{"error":"invalid_client"}"#, &[WrongClientCredentials, ClientSecretExpiredOrRotated]),
    ("aws-cognito", CODE, 400, r#"{"error":"invalid_grant"}"#, &[Undetermined, CodeExpired, CodeReused]),
    ("strava", CODE, 400, r#"{"message":"Bad Request","errors":[{"resource":"AuthorizationCode","field":"code","code":"expired"}]}"#, &[CodeExpired]),
    ("tiktok", CODE, 200, r#"{"error":"invalid_grant","error_description":"Authorization code is expired.","log_id":"20230101"}"#, &[CodeExpired]),
    ("authentik", CODE, 400, r#"{"error":"invalid_client","error_description":"Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method)"}"#, &[WrongClientCredentials]),
    ("microsoft", CODE, 400, "AADSTS9002313: Invalid request. Request is malformed or invalid.", &[MalformedRequest]),
    ("microsoft", CODE, 401, "AADSTS700025: Client is public so neither 'client_assertion' nor 'client_secret' should be presented.", &[WrongClientCredentials]),
    ("microsoft", CODE, 400, "AADSTS9002327: Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.", &[WrongClientCredentials, MalformedRequest, RedirectUriMismatch]),
    ("microsoft", CODE, 400, "AADSTS700005: Provided Authorization Code is intended to use against other tenant, thus rejected.", &[WrongTokenEndpointOrTenant]),
];

#[rustfmt::skip]
const REFRESHES: &[Row] = &[
    ("keycloak", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Session not active"}"#, &[SessionTimedOut]),
    ("keycloak", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Offline user session not found"}"#, &[SessionTimedOut]),
    ("keycloak", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Invalid refresh token. Token client and authorized client don't match"}"#, &[TokenIssuedToOtherClient]),
    ("keycloak", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Maximum allowed refresh token reuse exceeded"}"#, &[RotatedTokenReused]),
    ("keycloak", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"User disabled"}"#, &[AccountDisabled]),
    ("keycloak", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Client no longer has requested consent from user"}"#, &[ConsentRequired, UserRevoked]),
    ("keycloak", REFRESH, 401, r#"{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}"#, &[WrongClientCredentials]),
    ("keycloak", REFRESH, 404, r#"{"error":"Realm does not exist"}"#, &[WrongTokenEndpointOrTenant]),
    ("keycloak", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Account is not fully set up"}"#, &[AccountDisabled, MfaOrConditionalAccessRequired, Undetermined]),
    ("auth0", REFRESH, 403, r#"{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}"#, &[Undetermined, RotatedTokenReused]),
    ("auth0", REFRESH, 403, r#"{"error":"mfa_required","error_description":"Multifactor authentication required","mfa_token":"Fe26.2"}"#, &[MfaOrConditionalAccessRequired]),
    ("auth0", REFRESH, 403, r#"{"error":"unauthorized","error_description":"user is blocked"}"#, &[AccountDisabled]),
    ("okta", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"The refresh token is invalid or expired."}"#, &[Undetermined, RefreshTokenExpiredIdle]),
    ("okta", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"The client is not authorized to use the provided refresh token."}"#, &[TokenIssuedToOtherClient, Undetermined, ClientDisabledOrDeleted]),
    ("ory-hydra", REFRESH, 400, r#"{"error":"token_inactive","error_description":"Token is inactive because it is malformed, expired or otherwise invalid. Token validation failed."}"#, &[Undetermined, RotatedTokenReused, RefreshTokenExpiredAbsolute, RefreshTokenExpiredIdle]),
    ("ory-hydra", REFRESH, 401, r#"{"error":"invalid_client","error_description":"Client authentication failed. The requested OAuth 2.0 Client does not exist."}"#, &[WrongClientCredentials, ClientDisabledOrDeleted]),
    ("dex", REFRESH, 400, r#"{"error":"invalid_request","error_description":"Refresh token is invalid or has already been claimed by another client."}"#, &[RotatedTokenReused, Undetermined, TokenIssuedToOtherClient, MalformedRequest]),
    ("spring-authorization-server", REFRESH, 400, r#"{"error":"invalid_grant"}"#, &[Undetermined, RefreshTokenExpiredAbsolute]),
    ("openiddict", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"The specified refresh token has already been redeemed.","error_uri":"https://documentation.openiddict.com/errors/ID2012"}"#, &[RotatedTokenReused]),
    ("django-oauth-toolkit", REFRESH, 401, r#"{"error":"invalid_client"}"#, &[WrongClientCredentials]),
    ("supabase", REFRESH, 400, r#"{"code":"refresh_token_already_used","message":"Invalid Refresh Token: Already Used"}"#, &[RotatedTokenReused]),
    ("supabase", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Invalid Refresh Token: Session Expired (Inactivity)"}"#, &[SessionTimedOut, RefreshTokenExpiredIdle]),
    ("aws-cognito", REFRESH, 400, "NotAuthorizedException: Refresh Token has expired", &[RefreshTokenExpiredAbsolute, RefreshTokenExpiredIdle]),
    ("aws-cognito", REFRESH, 400, "NotAuthorizedException: Refresh Token has been revoked", &[UserRevoked, AdminOrPolicyRevoked, Undetermined]),
    ("aws-cognito", REFRESH, 400, r#"{"__type":"NotAuthorizedException","message":"User is disabled."}"#, &[AccountDisabled]),
    ("aws-cognito", REFRESH, 400, r#"{"__type":"ResourceNotFoundException","message":"User pool client abc does not exist."}"#, &[ClientDisabledOrDeleted, WrongClientCredentials, WrongTokenEndpointOrTenant]),
    ("github", REFRESH, 200, r#"{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}"#, &[Undetermined, RotatedTokenReused, RefreshTokenExpiredIdle]),
    ("fitbit", REFRESH, 400, r#"{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid: 1234567890abcdef1234567890abcdef. Visit https://dev.fitbit.com/docs/oauth2 for more information"}],"success":false}"#, &[Undetermined, RotatedTokenReused]),
    ("salesforce", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"inactive user"}"#, &[AccountDisabled]),
    ("salesforce", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"ip restricted"}"#, &[IpOrNetworkPolicyBlocked]),
    ("salesforce", REFRESH, 400, r#"{"error":"inactive_org","error_description":"organization is inactive"}"#, &[AccountDisabled, AdminOrPolicyRevoked]),
    ("google", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Account has been deleted"}"#, &[AccountDisabled]),
    ("google", REFRESH, 401, r#"{"error":"deleted_client","error_description":"The OAuth client was deleted."}"#, &[ClientDisabledOrDeleted]),
    ("google", REFRESH, 403, r#"{"error":"access_denied","error_description":"Account restricted"}"#, &[AccountDisabled, AdminOrPolicyRevoked]),
    ("google", REFRESH, 400, r#"{"error":"admin_policy_enforced"}"#, &[AdminOrPolicyRevoked]),
    ("slack", REFRESH, 200, r#"{"ok":false,"error":"account_inactive"}"#, &[AccountDisabled]),
    ("slack", REFRESH, 200, r#"{"ok":false,"error":"token_expired"}"#, &[RefreshTokenExpiredAbsolute, RefreshTokenExpiredIdle, Undetermined]),
    ("slack", REFRESH, 200, r#"{"ok":false,"error":"ratelimited"}"#, &[RateLimited]),
    ("xero", REFRESH, 400, r#"{"error":"unauthorized_client"}"#, &[ClientDisabledOrDeleted, WrongClientCredentials]),
    ("atlassian", REFRESH, 403, r#"{"error":"unauthorized_client","error_description":"refresh_token is invalid"}"#, &[Undetermined, RotatedTokenReused]),
    ("monzo", REFRESH, 401, r#"{"code":"unauthorized.bad_refresh_token.evicted","message":"Refresh token has been evicted"}"#, &[TokenLimitExceeded]),
    ("withings", REFRESH, 200, r#"{"status":503,"error":"Invalid Params: invalid refresh_token"}"#, &[Undetermined, RotatedTokenReused]),
    ("spotify", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Refresh token revoked"}"#, &[UserRevoked, AdminOrPolicyRevoked, Undetermined]),
    ("spotify", REFRESH, 400, r#"{"error":"invalid_client","error_description":"Invalid client secret"}"#, &[WrongClientCredentials, ClientSecretExpiredOrRotated]),
    ("twitch", REFRESH, 400, r#"{"status":400,"message":"Invalid refresh token"}"#, &[Undetermined, UserRevoked, RotatedTokenReused]),
    ("microsoft", REFRESH, 400, "AADSTS50132: The session is not valid due to the following reasons: password expiration or recent password change, SSO Artifact is invalid or expired, session is not fresh enough for application, or a silent sign-in request was sent but the user's session with Azure AD is invalid or has expired.", &[PasswordChanged]),
    ("microsoft", REFRESH, 400, "AADSTS53003: Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.", &[MfaOrConditionalAccessRequired]),
    ("microsoft", REFRESH, 400, "AADSTS50034: The user account does not exist in the directory.", &[AccountDisabled]),
    ("microsoft", REFRESH, 400, "AADSTS70008: The refresh token has expired due to inactivity. The token was issued on 2021-01-01 and was inactive for 90.00:00:00.", &[RefreshTokenExpiredIdle]),
    ("", REFRESH, 502, "<html><head><title>502 Bad Gateway</title></head></html>", &[ProviderOutage]),
    ("", REFRESH, 400, r#"{"error":"unsupported_grant_type","error_description":"Grant type refresh_token is not supported"}"#, &[MalformedRequest, ClientDisabledOrDeleted]),
    ("", REFRESH, 400, r#"{"error":"invalid_request","error_description":"Missing required parameter: refresh_token"}"#, &[MalformedRequest, MissingRefreshToken]),
    ("", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Refresh token was issued to a different client"}"#, &[TokenIssuedToOtherClient]),
    ("", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Token reuse detected, all sessions revoked"}"#, &[RotatedTokenReused]),
    ("", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"the user has changed their password"}"#, &[PasswordChanged]),
    ("", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"The user has revoked access to the application"}"#, &[UserRevoked]),
    ("", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"refresh token exceeded its maximum lifetime"}"#, &[RefreshTokenExpiredAbsolute]),
    ("", REFRESH, 400, r#"{"error":"access_denied","error_description":"Request from untrusted network"}"#, &[IpOrNetworkPolicyBlocked]),
    ("", REFRESH, 429, r#"{"error":"too_many_requests","error_description":"Rate limit exceeded"}"#, &[RateLimited]),
];

#[rustfmt::skip]
const OTHERS: &[Row] = &[
    ("", CODE, 400, r#"{"error":"invalid_request","error_description":"Invalid Authorization Code","error_reason":"auth_code_not_found"}"#, &[Undetermined, CodeExpired, CodeReused, MalformedRequest]),
    ("", CODE, 401, r#"{"error":"expired-auth-code"}"#, &[CodeExpired]),
    ("", REFRESH, 401, r#"{"error":"expired-refresh-token"}"#, &[RefreshTokenExpiredAbsolute, RefreshTokenExpiredIdle]),
    ("", CODE, 401, r#"{"error":"invalid_client","error_description":"client_id is required."}"#, &[WrongClientCredentials, MalformedRequest]),
    ("", CODE, 400, r#"{"error":"invalid_request","error_description":"authorization_code.client_id: Field required"}"#, &[MalformedRequest, WrongClientCredentials]),
    ("microsoft", REFRESH, 400, "AADSTS700081: The refresh token has expired due to maximum lifetime. The token was issued on x and the max allowed lifetime for this request is 90.", &[RefreshTokenExpiredAbsolute]),
    ("", REFRESH, 0, "No refresh token or refresh handler callback is set.", &[MissingRefreshToken]),
    ("", REFRESH, 0, "The credentials do not contain the necessary fields need to refresh the access token. You must specify refresh_token, token_uri, client_id, and client_secret.", &[MissingRefreshToken, MalformedRequest]),
    ("", REFRESH, 0, "404 page not found", &[WrongTokenEndpointOrTenant]),
    ("", REFRESH, 405, r#"{"message":"Method Not Allowed"}"#, &[WrongTokenEndpointOrTenant]),
    ("", REFRESH, 0, r#"{"error":{"type":"rate_limit_error","message":"This request would exceed your account's rate limit. Please try again later."}}"#, &[RateLimited]),
    ("", API, 403, "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.", &[IpOrNetworkPolicyBlocked]),
    ("snowflake", API, 403, "Incoming request with IP/Token 1.2.3.4 is not allowed to access Snowflake.", &[IpOrNetworkPolicyBlocked]),
    ("", API, 401, "ID token used too early, 1700000000 < 1700000005. Check that your computer's clock is set correctly.", &[ClockSkew]),
    ("", API, 401, "JsonWebTokenError: jwt not active", &[ClockSkew]),
    ("", CLIENT, 403, "Signature expired: 20200101T000000Z is now earlier than 20200101T001500Z", &[ClockSkew]),
    ("", CLIENT, 415, r#"{"error":"invalid_request","error_description":"Content-Type must be application/x-www-form-urlencoded"}"#, &[MalformedRequest]),
    ("", REFRESH, 400, r#"{"error":"invalid_request","error_description":"grant_type is missing"}"#, &[MalformedRequest]),
    ("", REFRESH, 401, r#"{"error":"invalid_client","error_description":"Client is not active"}"#, &[ClientDisabledOrDeleted]),
    ("", REFRESH, 403, r#"{"error":"account_suspended","message":"Your account has been suspended."}"#, &[AccountDisabled]),
    ("slack", API, 200, r#"{"ok":false,"error":"org_login_required"}"#, &[SessionTimedOut, MfaOrConditionalAccessRequired, AdminOrPolicyRevoked, AccessTokenExpired]),
    ("", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Refresh token does not belong to the client"}"#, &[TokenIssuedToOtherClient]),
    ("", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"The refresh token is no longer valid because a newer one was issued"}"#, &[Undetermined, RotatedTokenReused]),
    ("", REFRESH, 400, r#"{"error":"invalid_grant","error_description":"Grant not found"}"#, &[Undetermined, UserRevoked]),
    ("", CODE, 400, r#"{"error":"invalid_grant","error_description":"Code has been consumed"}"#, &[CodeReused]),
    ("", CODE, 400, r#"{"error":"invalid_grant","error_description":"authorization code was not issued to this client"}"#, &[TokenIssuedToOtherClient]),
    ("", PASSWORD, 400, r#"{"error":"invalid_grant","error_description":"Multi-factor authentication is required"}"#, &[MfaOrConditionalAccessRequired]),
    ("", PASSWORD, 400, r#"{"error":"invalid_grant","error_description":"LOGIN_MUST_USE_SECURITY_TOKEN: Invalid username, password, security token; or user locked out."}"#, &[WrongUserCredentials, AccountDisabled]),
    ("google", JWT, 400, r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#, &[WrongClientCredentials, ClientSecretExpiredOrRotated]),
    ("google", JWT, 401, r#"{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}"#, &[ConsentRequired, ScopeProblem, ClientDisabledOrDeleted, TokenIssuedToOtherClient]),
    ("google", JWT, 400, r#"{"error":"invalid_grant","error_description":"Invalid email or User ID"}"#, &[AccountDisabled, MalformedRequest, WrongUserCredentials]),
    ("google", JWT, 400, r#"{"error":"invalid_grant","error_description":"account not found"}"#, &[AccountDisabled, ClientDisabledOrDeleted]),
    ("salesforce", JWT, 400, r#"{"error":"invalid_grant","error_description":"audience is invalid"}"#, &[WrongTokenEndpointOrTenant, MalformedRequest]),
    ("salesforce", JWT, 400, r#"{"error":"invalid_app_access","error_description":"user is not admin approved to access this app"}"#, &[ConsentRequired]),
    ("docusign", JWT, 400, r#"{"error":"consent_required"}"#, &[ConsentRequired]),
    ("docusign", JWT, 400, r#"{"error":"invalid_grant","error_description":"user_not_found"}"#, &[AccountDisabled, WrongTokenEndpointOrTenant]),
    ("docusign", JWT, 400, r#"{"error":"invalid_grant","error_description":"expired_jwt_token"}"#, &[ClockSkew]),
    ("box", JWT, 400, r#"{"error":"invalid_grant","error_description":"Please check the 'exp' claim."}"#, &[ClockSkew, Undetermined]),
    ("box", JWT, 400, r#"{"error":"unauthorized_client","error_description":"This app is not authorized by the enterprise admin"}"#, &[ConsentRequired, AppDisabledByOrganization, ClientDisabledOrDeleted]),
    ("okta", CLIENT, 400, r#"{"error":"invalid_scope","error_description":"One or more scopes are not configured for the authorization server resource."}"#, &[ScopeProblem]),
    ("okta", CLIENT, 401, r#"{"error":"invalid_client","error_description":"The client_assertion signature is invalid."}"#, &[WrongClientCredentials]),
    ("okta", CLIENT, 401, r#"{"error":"invalid_client","error_description":"The client_assertion token is expired."}"#, &[ClockSkew]),
    ("okta", CLIENT, 401, r#"{"error":"invalid_client","error_description":"The audience claim for client_assertion must be the endpoint invoked for the request."}"#, &[WrongTokenEndpointOrTenant, MalformedRequest]),
    ("microsoft", CLIENT, 400, "AADSTS90002: Tenant 'contoso' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", &[WrongTokenEndpointOrTenant]),
    ("microsoft", CLIENT, 401, "AADSTS700027: Client assertion failed signature validation. [Reason - The key was not found.]", &[WrongClientCredentials, ClientSecretExpiredOrRotated]),
    ("microsoft", CLIENT, 400, "AADSTS1002012: The provided value for scope Mail.Read is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.", &[ScopeProblem]),
    ("microsoft", CLIENT, 400, "AADSTS500011: The resource principal named https://x was not found in the tenant named Contoso.", &[ScopeProblem, WrongTokenEndpointOrTenant]),
    ("microsoft", PASSWORD, 400, "AADSTS50126: Error validating credentials due to invalid username or password.", &[WrongUserCredentials]),
    ("microsoft", PASSWORD, 400, "AADSTS50053: The account is locked, you've tried to sign in too many times with an incorrect user ID or password.", &[AccountDisabled]),
    ("salesforce", PASSWORD, 400, r#"{"error":"invalid_grant","error_description":"authentication failure"}"#, &[WrongUserCredentials]),
    ("keycloak", PASSWORD, 401, r#"{"error":"invalid_grant","error_description":"Invalid user credentials"}"#, &[WrongUserCredentials]),
    ("keycloak", PASSWORD, 400, r#"{"error":"invalid_grant","error_description":"Account disabled"}"#, &[AccountDisabled]),
    ("", PASSWORD, 400, r#"{"error":"invalid_grant","error_description":"Bad credentials"}"#, &[WrongUserCredentials]),
    ("github", DEVICE, 200, r#"{"error":"authorization_pending","error_description":"The authorization request is still pending."}"#, &[AuthorizationPending]),
    ("github", DEVICE, 200, r#"{"error":"expired_token","error_description":"The device code has expired."}"#, &[CodeExpired]),
    ("microsoft", DEVICE, 400, r#"{"error":"expired_token","error_description":"AADSTS70020: The provided value for the input parameter 'device_code' is not valid. This device code has expired."}"#, &[CodeExpired]),
    ("google", DEVICE, 428, r#"{"error":"authorization_pending","error_description":"Precondition Required"}"#, &[AuthorizationPending]),
    ("", DEVICE, 400, r#"{"error":"access_denied","error_description":"The user declined"}"#, &[ConsentRequired, UserRevoked]),
    ("google", API, 401, r#"{"error":{"code":401,"message":"Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.","status":"UNAUTHENTICATED"}}"#, &[AccessTokenExpired]),
    ("google", API, 403, r#"{"error":{"code":403,"message":"Request had insufficient authentication scopes.","status":"PERMISSION_DENIED"}}"#, &[ScopeProblem]),
    ("google", API, 429, r#"{"error":{"code":429,"message":"Quota exceeded for quota metric","status":"RESOURCE_EXHAUSTED"}}"#, &[RateLimited]),
    ("microsoft", API, 401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired."}}"#, &[AccessTokenExpired]),
    ("microsoft", API, 403, r#"{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}"#, &[ScopeProblem, ConsentRequired]),
    ("slack", API, 200, r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#, &[ScopeProblem]),
    ("slack", API, 200, r#"{"ok":false,"error":"token_revoked"}"#, &[UserRevoked, AdminOrPolicyRevoked, AccessTokenExpired]),
    ("hubspot", API, 401, r#"{"status":"error","message":"The OAuth token used to make this call expired 2 hour(s) ago.","category":"EXPIRED_AUTHENTICATION"}"#, &[AccessTokenExpired]),
    ("facebook", API, 400, r#"{"error":{"message":"Error validating access token: Session has expired on Friday, 01-Jan-21 10:00:00 PST. The current time is Friday, 01-Jan-21 11:00:00 PST.","type":"OAuthException","code":190,"error_subcode":463}}"#, &[AccessTokenExpired]),
    ("facebook", API, 400, r#"{"error":{"message":"Error validating access token: The user has not authorized application 1.","type":"OAuthException","code":190,"error_subcode":458}}"#, &[UserRevoked]),
    ("", API, 401, "Jwt is expired", &[AccessTokenExpired]),
    ("", API, 401, "Token used before issued", &[ClockSkew]),
    ("", API, 401, r#"{"message":"The incoming token has expired"}"#, &[AccessTokenExpired]),
    ("", API, 500, "internal server error", &[ProviderOutage]),
];

#[test]
fn codes_that_are_refused() {
    judge(CODES);
}

#[test]
fn refreshes_that_are_refused() {
    judge(REFRESHES);
}

#[test]
fn other_grants_and_calls_that_are_refused() {
    judge(OTHERS);
}

#[track_caller]
fn judge(rows: &[Row]) {
    let catalogue = Catalogue::builtin();
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(provider, stage, status, body, causes)| {
            let record = json!({
                "provider": Some(provider).filter(|provider| !provider.is_empty()),
                "stage": stage,
                "http_status": Some(*status).filter(|status| *status != 0),
                "body": body,
                "observations": {},
            });
            let explanation = explain(&Case::from_record(&record.to_string()).unwrap(), &catalogue);
            (!causes.contains(&explanation.cause)).then(|| {
                format!(
                    "{provider} {body}\n  {} {:?}\n  {:?}",
                    explanation.cause, explanation.candidates, explanation.evidence
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
