//! The dialects of the catalogue against answers as providers give them.

use std::{collections::BTreeMap, time::Duration};

use zeroize::Zeroizing;

use crate::{
    diagnosis::Cause,
    failure::{Consequence, Exchange, Failure, Stage, Verdict, classify},
    provider::{Catalogue, Dialect},
    secret::{ClientSecret, RefreshToken},
    time::Timestamp,
    wire::{
        client_authentication::{ClientAuthentication, ClientCredentials, ClientIdentifier},
        http::{HttpResponse, Method},
        token_request::{RefreshRequest, TokenEndpoint},
        token_response::TokenResponse,
    },
};

fn verdict(dialect: &Dialect, status: u16, content_type: &str, body: &str) -> Verdict {
    let response = HttpResponse {
        status,
        headers: vec![("content-type".into(), content_type.into())],
        body: Zeroizing::new(body.as_bytes().to_vec()),
    };
    classify(&Exchange {
        stage: Stage::RefreshToken,
        result: Ok(&response),
        dialect,
        now: Timestamp::from_seconds(1_795_222_891),
        secrets: &[],
    })
}

fn failure(provider: &str, status: u16, content_type: &str, body: &str) -> Failure {
    let catalogue = Catalogue::builtin();
    let dialect = &catalogue.provider(provider).unwrap().dialect;
    match verdict(dialect, status, content_type, body) {
        Verdict::Failure(failure) => failure,
        other => panic!("{provider}: {other:?}"),
    }
}

fn tokens(provider: &str, body: &str) -> TokenResponse {
    let catalogue = Catalogue::builtin();
    match verdict(&catalogue.provider(provider).unwrap().dialect, 200, "application/json", body) {
        Verdict::Success(tokens) => *tokens,
        other => panic!("{provider}: {other:?}"),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn death_is_recognized_however_a_provider_says_it() {
    use Cause as C;
    let rows: [(&str, u16, &str, Option<Cause>); 27] = [
        // Errors with status 200.
        (
            "github",
            200,
            r#"{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}"#,
            None,
        ),
        ("slack", 200, r#"{"ok":false,"error":"invalid_refresh_token"}"#, None),
        ("zoho", 200, r#"{"error":"invalid_code"}"#, None),
        ("wechat", 200, r#"{"errcode":40030,"errmsg":"invalid refresh_token"}"#, None),
        // Form-encoded.
        (
            "github",
            200,
            "error=bad_refresh_token&error_description=The+refresh+token+passed+is+incorrect",
            None,
        ),
        // The status stands in the body.
        (
            "withings",
            200,
            r#"{"status":503,"body":{},"error":"Invalid Params: invalid refresh_token"}"#,
            None,
        ),
        // 401, 403, 404.
        (
            "atlassian",
            403,
            r#"{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}"#,
            None,
        ),
        (
            "auth0",
            403,
            r#"{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}"#,
            None,
        ),
        (
            "rauthy",
            404,
            r#"{"timestamp":1,"error":"NotFound","message":"Refresh Token does not exist"}"#,
            None,
        ),
        (
            "monzo",
            401,
            r#"{"code":"unauthorized.bad_refresh_token.evicted","message":"Refresh token has been evicted"}"#,
            Some(C::TokenLimitExceeded),
        ),
        (
            "tesla-fleet",
            401,
            r#"{"error":"login_required","error_description":"The refresh_token is invalid"}"#,
            None,
        ),
        (
            "databricks",
            401,
            r#"{"error":"invalid_refresh_token","error_description":"Refresh token is invalid"}"#,
            None,
        ),
        ("servicenow", 401, r#"{"error":"server_error","error_description":"access_denied"}"#, None),
        // Codes of RFC 6749 that mean something else.
        (
            "x",
            400,
            r#"{"error":"invalid_request","error_description":"Value passed for the token was invalid."}"#,
            None,
        ),
        (
            "bitbucket",
            400,
            r#"{"error":"invalid_request","error_description":"Invalid refresh_token"}"#,
            None,
        ),
        (
            "deviantart",
            400,
            r#"{"error":"invalid_request","error_description":"The refresh_token is invalid."}"#,
            None,
        ),
        (
            "gitea",
            400,
            r#"{"error":"unauthorized_client","error_description":"token was already used"}"#,
            Some(C::RotatedTokenReused),
        ),
        // No error member, or one that is no text.
        (
            "hubspot",
            400,
            r#"{"status":"BAD_REFRESH_TOKEN","message":"missing or unknown refresh token"}"#,
            None,
        ),
        ("twitch", 400, r#"{"status":400,"message":"Invalid refresh token"}"#, None),
        ("reddit", 400, r#"{"message":"Bad Request","error":400}"#, None),
        ("pipedrive", 400, r#"{"success":false,"message":"Invalid grant: refresh_token is invalid"}"#, None),
        // Arrays of errors.
        (
            "fitbit",
            400,
            r#"{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid: x"}],"success":false}"#,
            None,
        ),
        (
            "strava",
            400,
            r#"{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"refresh_token","code":"invalid"}]}"#,
            None,
        ),
        // Codes and subcodes.
        (
            "facebook",
            400,
            r#"{"error":{"message":"x","type":"OAuthException","code":190,"error_subcode":460}}"#,
            Some(C::PasswordChanged),
        ),
        (
            "microsoft",
            400,
            r#"{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired due to inactivity.","error_codes":[700082]}"#,
            Some(C::RefreshTokenExpiredIdle),
        ),
        (
            "zoom",
            401,
            r#"{"reason":"The token has been revoked (4741)","error":"invalid_request"}"#,
            Some(C::TokenLimitExceeded),
        ),
        (
            "google",
            400,
            r#"{"error":"invalid_grant","error_description":"Bad Request","error_subtype":"invalid_rapt"}"#,
            Some(C::SessionTimedOut),
        ),
    ];
    for (provider, status, body, cause) in rows {
        let failure = failure(provider, status, "application/json", body);
        assert_eq!(failure.consequence, Consequence::Terminal, "{provider} {status} {body}");
        if cause.is_some() {
            assert_eq!(failure.catalogue.map(|said| said.cause), cause, "{provider} {status} {body}");
        }
    }
}

#[test]
fn what_only_looks_dead_kills_nothing() {
    let rows = [
        (
            "ory-hydra",
            400,
            r#"{"error":"invalid_request","error_description":"Failed to refresh token because of multiple concurrent requests using the same token."}"#,
            Consequence::Retry,
        ),
        (
            "hh-ru",
            400,
            r#"{"error":"invalid_grant","error_description":"token not expired"}"#,
            Consequence::Retry,
        ),
        ("zoho", 200, r#"{"error":"Access Denied","status":"failure"}"#, Consequence::Retry),
        (
            "home-connect",
            429,
            r#"{"error":"429","error_description":"rate limit for refresh token requests was reached"}"#,
            Consequence::Retry,
        ),
        (
            "feishu",
            400,
            r#"{"code":20050,"error":"server_error","error_description":"retry"}"#,
            Consequence::Retry,
        ),
        (
            "facebook",
            400,
            r#"{"error":{"message":"x","type":"OAuthException","code":4}}"#,
            Consequence::Retry,
        ),
        (
            "strava",
            400,
            r#"{"message":"Bad Request","errors":[{"resource":"Application","field":"client_id","code":"invalid"}]}"#,
            Consequence::SuspendClient,
        ),
        (
            "microsoft",
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired","error_codes":[7000222]}"#,
            Consequence::SuspendClient,
        ),
        (
            "ebay",
            400,
            r#"{"error":"invalid_scope","error_description":"The requested scope is invalid"}"#,
            Consequence::RefuseRequest,
        ),
        ("cybersource", 500, r#"{"error":"server_error"}"#, Consequence::ResolveUnknown),
        ("kanidm", 400, r#"{"error":"invalid_request"}"#, Consequence::RefuseRequest),
        ("bluesky", 400, r#"{"error":"use_dpop_nonce"}"#, Consequence::AnswerNonce),
    ];
    for (provider, status, body, consequence) in rows {
        let found = failure(provider, status, "application/json", body).consequence;
        assert_eq!(found, consequence, "{provider} {status} {body}");
    }
}

#[test]
fn a_firewalls_page_kills_nothing_and_is_recognized() {
    let failure = failure("planning-center", 403, "text/html", "<html>Forbidden</html>");
    assert_eq!(failure.consequence, Consequence::ResolveUnknown);
    assert_eq!(failure.catalogue.unwrap().cause, Cause::IpOrNetworkPolicyBlocked);
}

#[test]
fn tokens_are_found_wherever_a_provider_puts_them() {
    let rows = [
        ("slack", r#"{"ok":true,"authed_user":{"access_token":"a","refresh_token":"r","expires_in":43200}}"#),
        (
            "withings",
            r#"{"status":0,"body":{"userid":1,"access_token":"a","refresh_token":"r","expires_in":10800}}"#,
        ),
        ("dingtalk", r#"{"accessToken":"a","refreshToken":"r","expireIn":7200}"#),
        ("sentry", r#"{"token":"a","refreshToken":"r","expiresAt":"2026-11-21T12:00:00Z"}"#),
        (
            "braintree",
            r#"{"credentials":{"accessToken":"a","refreshToken":"r","expiresAt":"2026-11-21T12:00:00Z"}}"#,
        ),
        ("squarespace", r#"{"access_token":"a","refresh_token":"r","access_token_expires_at":1795226491.5}"#),
        ("naver", r#"{"access_token":"a","refresh_token":"r","token_type":"bearer","expires_in":"3600"}"#),
    ];
    for (provider, body) in rows {
        let tokens = tokens(provider, body);
        assert_eq!(tokens.access_token.expose(), "a", "{provider}");
        assert_eq!(tokens.refresh_token.unwrap().expose(), "r", "{provider}");
        assert_ne!(tokens.lifetime, crate::wire::lifetime::Lifetime::Unknown, "{provider}");
    }
}

#[test]
fn endless_tokens_are_endless_and_not_expired() {
    let endless = crate::wire::lifetime::Lifetime::Never;
    assert_eq!(tokens("mailchimp", r#"{"access_token":"a","expires_in":0,"scope":null}"#).lifetime, endless);
    assert_eq!(tokens("clickup", r#"{"access_token":"a"}"#).lifetime, endless);
}

/// The refresh that a provider of the catalogue is sent, for an access token of this life.
fn refresh_at(provider: &str, lifetime: Option<Duration>) -> (Method, String, String) {
    let catalogue = Catalogue::builtin();
    let provider = catalogue.provider(provider).unwrap();
    let endpoints = provider.resolve(&BTreeMap::new()).unwrap();
    let client = ClientCredentials {
        identifier: ClientIdentifier::new("app").unwrap(),
        authentication: ClientAuthentication::SecretPost(ClientSecret::new("hush").unwrap()),
    };
    let endpoint =
        TokenEndpoint { url: endpoints.for_refresh().unwrap(), client: &client, dialect: &provider.dialect };
    let token = RefreshToken::new("tok").unwrap();
    let mut refresh = RefreshRequest::new(&token);
    refresh.lifetime = lifetime;
    let request = endpoint.refresh(&refresh);
    (request.method, request.url.to_string(), String::from_utf8(request.body.to_vec()).unwrap())
}

#[test]
fn a_refresh_is_what_each_provider_documents() {
    let rows = [
        (
            "wechat",
            "https://api.weixin.qq.com/sns/oauth2/refresh_token\
             ?grant_type=refresh_token&refresh_token=tok&appid=app",
        ),
        (
            "facebook",
            "https://graph.facebook.com/v22.0/oauth/access_token\
             ?grant_type=fb_exchange_token&fb_exchange_token=tok&client_id=app&client_secret=hush",
        ),
        (
            "instagram",
            "https://graph.instagram.com/refresh_access_token?grant_type=ig_refresh_token&access_token=tok",
        ),
    ];
    for (provider, address) in rows {
        let refresh = refresh_at(provider, None);
        assert_eq!(refresh, (Method::Get, address.to_owned(), String::new()), "{provider}");
    }
    let (method, address, body) = refresh_at("google", None);
    assert_eq!((method, address.as_str()), (Method::Post, "https://oauth2.googleapis.com/token"));
    assert_eq!(body, "grant_type=refresh_token&refresh_token=tok&client_id=app&client_secret=hush");
}

/// developers.facebook.com/docs/instagram-platform/reference/access_token
#[test]
fn a_token_of_a_short_life_is_exchanged_for_one_of_a_long_life_before_it_is_ever_refreshed() {
    let hours = |count: u64| Some(Duration::from_secs(count * 3600));
    let exchange = "https://graph.instagram.com/access_token?grant_type=ig_exchange_token&access_token=tok&client_secret=hush";
    let refresh =
        "https://graph.instagram.com/refresh_access_token?grant_type=ig_refresh_token&access_token=tok";
    for (lifetime, address) in [(hours(1), exchange), (hours(24 * 60), refresh), (None, refresh)] {
        assert_eq!(refresh_at("instagram", lifetime), (Method::Get, address.to_owned(), String::new()));
    }
    let short = tokens("instagram", r#"{"access_token":"IGQshort","user_id":17841405793187218}"#);
    assert_eq!(short.refresh_token.unwrap().expose(), "IGQshort");
}

#[test]
fn an_access_token_that_renews_itself_is_its_own_refresh_token_and_ends_as_it_does() {
    let renewed = tokens("facebook", r#"{"access_token":"long","token_type":"bearer","expires_in":5183944}"#);
    assert_eq!(renewed.refresh_token.unwrap().expose(), "long");
    assert_eq!(renewed.refresh_token_lifetime, renewed.lifetime);
    let usual = tokens("google", r#"{"access_token":"short","token_type":"Bearer","expires_in":3599}"#);
    assert_eq!(usual.refresh_token, None);
}
