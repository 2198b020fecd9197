//! What people have in front of them, and the page that they should find.

use evergrant_proto::diagnosis::Cause::{self, *};

use crate::problems::search;

/// Messages and searches as they are met, some misspelt, and the page that has to come first.
const FIRST: [(&str, Cause); 62] = [
    ("token has expired and refresh failed", SessionTimedOut),
    (
        "botocore.exceptions.TokenRetrievalError: Error when retrieving token from sso: Token has expired and refresh failed",
        SessionTimedOut,
    ),
    ("reauth related error (invalid_rapt)", SessionTimedOut),
    ("AADSTS70043", SessionTimedOut),
    ("keycloak session not active", SessionTimedOut),
    (
        "AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2023-04-20T18:48:41.6655773Z and was inactive for 90.00:00:00.",
        RefreshTokenExpiredIdle,
    ),
    ("refresh token unused for 6 months", RefreshTokenExpiredIdle),
    ("AADSTS700084 spa refresh token", RefreshTokenExpiredAbsolute),
    ("linkedin refresh token 365 days", RefreshTokenExpiredAbsolute),
    ("google refresh token expires after 7 days", AppInTestingMode),
    ("refresh token stops working every week google publishing status testing", AppInTestingMode),
    (
        "AADSTS50076: Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication",
        MfaOrConditionalAccessRequired,
    ),
    ("blocked by conditional access", MfaOrConditionalAccessRequired),
    ("AADSTS7000222: The provided client secret keys for app are expired", ClientSecretExpiredOrRotated),
    ("apple client secret expired after 6 months", ClientSecretExpiredOrRotated),
    (
        "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID",
        WrongClientCredentials,
    ),
    ("client authentication failed unsupported authentication method", WrongClientCredentials),
    ("SecretHash does not match for the client", WrongClientCredentials),
    ("AADSTS65001 user or administrator has not consented", ConsentRequired),
    ("user hasn't approved this consumer", ConsentRequired),
    ("Error 400: redirect_uri_mismatch", RedirectUriMismatch),
    ("redirect uri missmatch", RedirectUriMismatch),
    ("AADSTS50011 reply address does not match", RedirectUriMismatch),
    ("The Code_Verifier does not match the code_challenge", PkceMismatch),
    ("PKCE verification failed", PkceMismatch),
    ("Code was already redeemed.", CodeReused),
    ("react strict mode calls my oauth callback twice", CodeReused),
    ("bad_verification_code", CodeExpired),
    ("authorization code has expired", CodeExpired),
    ("authorization_pending", AuthorizationPending),
    ("slow_down", RateLimited),
    ("429 Too Many Requests", RateLimited),
    ("AADSTS50196 client request loop", RateLimited),
    ("Unexpected token < in JSON at position 0", ProviderOutage),
    ("503 service unavailable token endpoint", ProviderOutage),
    ("temporarily_unavailable", ProviderOutage),
    ("x509: certificate signed by unknown authority", NetworkOrTls),
    ("getaddrinfo ENOTFOUND oauth2.googleapis.com", NetworkOrTls),
    ("unable to get local issuer certificate", NetworkOrTls),
    ("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe", ClockSkew),
    ("token used too early", ClockSkew),
    ("The OAuth client was deleted.", ClientDisabledOrDeleted),
    ("deleted_client", ClientDisabledOrDeleted),
    ("Invalid token issuer. Expected 'http://keycloak:8080/auth/realms/lagoon'", WrongTokenEndpointOrTenant),
    ("AADSTS90002 tenant not found", WrongTokenEndpointOrTenant),
    ("Maximum allowed refresh token reuse exceeded", RotatedTokenReused),
    ("reused refresh token detected auth0", RotatedTokenReused),
    ("AuthApiError: Invalid Refresh Token: Already Used", RotatedTokenReused),
    ("Incorrect or invalid refresh token quickbooks", LostRotationNotPersisted),
    ("refresh token works only once", LostRotationNotPersisted),
    ("invalid_grant race condition two workers refresh at the same time", ConcurrentRefreshRace),
    ("multiple concurrent requests using the same token", ConcurrentRefreshRace),
    ("error_subcode 460 user changed their password", PasswordChanged),
    ("Robot is disabled.", AccountDisabled),
    ("AADSTS50057 The user account is disabled", AccountDisabled),
    ("salesforce ip restricted", IpOrNetworkPolicyBlocked),
    ("google returns no refresh token on second login", MissingRefreshToken),
    ("how do I get a refresh_token access_type offline", MissingOfflineScope),
    ("Some requested scopes were invalid", ScopeProblem),
    ("The request body must contain the following parameter: 'grant_type'", MalformedRequest),
    ("AADSTS50126 invalid username or password", WrongUserCredentials),
    ("google 100 refresh tokens limit oldest", TokenLimitExceeded),
];

/// Messages that several pages have: the page must be among the first five.
const AMONG_FIRST: [(&str, Cause); 12] = [
    ("invalid_grant: Token has been expired or revoked.", AppInTestingMode),
    ("invalid_grant: Token has been expired or revoked.", UserRevoked),
    ("invalid_grant", Undetermined),
    ("expired access/refresh token", Undetermined),
    ("Refresh token has expired", RotatedTokenReused),
    ("INVALID_SESSION_ID: Session expired or invalid", AccessTokenExpired),
    ("Authorization code provided does not belong to you", TokenIssuedToOtherClient),
    ("admin_policy_enforced", AppDisabledByOrganization),
    ("AADSTS50173 grant has expired due to it being revoked", PasswordChanged),
    ("AADSTS50173 grant has expired due to it being revoked", AdminOrPolicyRevoked),
    ("github revoked my token found in a public repository", SuspiciousActivity),
    ("Session doesn't have required client", UnknownBug),
];

#[test]
fn real_wordings_find_their_page() {
    let wrong: Vec<_> = FIRST.iter().filter_map(|(text, cause)| misplaced(text, *cause, 1)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn ambiguous_wordings_have_their_page_among_the_first() {
    let wrong: Vec<_> = AMONG_FIRST.iter().filter_map(|(text, cause)| misplaced(text, *cause, 5)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn misspelt_wordings_find_their_page() {
    for (text, cause) in [
        ("tokn has expierd and refresh faild", SessionTimedOut),
        ("redirect_uri_mismach", RedirectUriMismatch),
        ("certifcate signed by unknwon authority", NetworkOrTls),
        ("multifactor authentification conditional acces", MfaOrConditionalAccessRequired),
        ("Maximum alowed refresh token reuse exeeded", RotatedTokenReused),
    ] {
        assert_eq!(misplaced(text, cause, 1), None);
    }
}

#[test]
fn every_symptom_finds_its_own_page() {
    for problem in crate::problems::all() {
        for symptom in &problem.symptoms {
            assert_eq!(misplaced(symptom, problem.id, 7), None);
        }
    }
}

#[test]
fn the_name_of_a_cause_finds_its_page() {
    for problem in crate::problems::all() {
        assert_eq!(misplaced(problem.id.as_str(), problem.id, 1), None);
        assert_eq!(misplaced(&problem.title, problem.id, 1), None);
    }
}

/// What came instead, if the page is not among the first so many.
fn misplaced(text: &str, cause: Cause, within: usize) -> Option<String> {
    let hits = search(text);
    let place = hits.iter().position(|hit| hit.problem.id == cause);
    if place.is_some_and(|place| place < within) {
        return None;
    }
    let found: Vec<_> =
        hits.iter().take(4).map(|hit| format!("{} {:.1}", hit.problem.id, hit.score)).collect();
    Some(format!("{text:?}: {cause} is at {place:?}, before it {found:?}"))
}
