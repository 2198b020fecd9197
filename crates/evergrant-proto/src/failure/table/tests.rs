use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::{
    diagnosis::Cause,
    provider::{Catalogue, Dialect},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp(1_795_222_891_000);
const HTML: &str = "<!doctype html><title>Request blocked</title>";

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Zeroizing::new(body.as_bytes().to_vec()),
    }
}

fn verdict(stage: Stage, response: &HttpResponse, dialect: &Dialect) -> Verdict {
    classify(&Exchange { stage, result: Ok(response), dialect, now: NOW, secrets: &["sent-canary"] })
}

fn failure_of(stage: Stage, response: &HttpResponse, dialect: &Dialect) -> Failure {
    match verdict(stage, response, dialect) {
        Verdict::Failure(failure) | Verdict::Salvaged { failure, .. } => failure,
        Verdict::Success(_) => panic!("{response:?} is a success"),
    }
}

fn judgement(failure: &Failure) -> Judgement {
    Judgement(failure.culprit, failure.processed, failure.consequence)
}

fn dialect(provider: &str) -> Dialect {
    Catalogue::builtin().provider(provider).unwrap().dialect.clone()
}

#[test]
fn a_refresh_without_an_answer_is_judged_by_whether_a_byte_was_sent() {
    use TransportFailureKind as Kind;
    let rows = [
        (Kind::Forbidden, RequestSent::No, FORBIDDEN),
        (Kind::TooLate, RequestSent::No, TOO_LATE),
        (Kind::Dns, RequestSent::No, UNSENT),
        (Kind::Connect, RequestSent::No, UNSENT),
        (Kind::Tls, RequestSent::No, UNSENT),
        (Kind::Tls, RequestSent::Maybe, IN_DOUBT),
        (Kind::Timeout, RequestSent::No, UNSENT),
        (Kind::Timeout, RequestSent::Maybe, IN_DOUBT),
        // HTTP/2 REFUSED_STREAM: the carrier says No.
        (Kind::Reset, RequestSent::No, UNSENT),
        (Kind::Reset, RequestSent::Maybe, IN_DOUBT),
        (Kind::TooLarge, RequestSent::Maybe, IN_DOUBT),
        (Kind::Protocol, RequestSent::Maybe, IN_DOUBT),
    ];
    for (kind, request_sent, expected) in rows {
        let transport = TransportFailure { kind, request_sent, detail: "it broke".into() };
        let exchange = Exchange {
            stage: Stage::RefreshToken,
            result: Err(&transport),
            dialect: &Dialect::default(),
            now: NOW,
            secrets: &[],
        };
        let Verdict::Failure(failure) = classify(&exchange) else { panic!("{kind:?}") };
        assert_eq!(judgement(&failure), expected, "{kind:?} {request_sent:?}");
        assert_eq!((failure.transport, failure.summary.as_str()), (Some(kind), "it broke"));
    }
}

#[test]
fn an_answer_to_a_refresh_is_judged_by_status_and_body() {
    let rows: [(u16, &str, Judgement); 71] = [
        // The errors of RFC 6749 5.2 and its extensions.
        (400, r#"{"error":"invalid_grant"}"#, DEAD),
        (400, r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#, DEAD),
        (401, r#"{"error":"invalid_grant"}"#, DEAD),
        (403, r#"{"error":"invalid_grant"}"#, DEAD),
        (200, r#"{"error":"invalid_grant"}"#, DEAD),
        (400, "error=invalid_grant&error_description=gone", DEAD),
        (400, r#"{"error":"expired_token"}"#, DEAD),
        (401, r#"{"error":"invalid_token"}"#, DEAD),
        (403, r#"{"error":"access_denied"}"#, DEAD),
        (400, r#"{"error":"interaction_required"}"#, DEAD),
        (400, r#"{"error":"login_required"}"#, DEAD),
        (400, r#"{"error":"consent_required"}"#, DEAD),
        (400, r#"{"error":"account_selection_required"}"#, DEAD),
        (401, r#"{"error":"insufficient_user_authentication"}"#, DEAD),
        (400, r#"{"error":"invalid_client"}"#, CLIENT),
        (401, r#"{"error":"invalid_client"}"#, CLIENT),
        (200, r#"{"error":"invalid_client"}"#, CLIENT),
        (400, r#"{"error":"unauthorized_client"}"#, CLIENT),
        (400, r#"{"error":"invalid_request"}"#, REQUEST),
        (400, r#"{"error":"invalid_scope"}"#, REQUEST),
        (400, r#"{"error":"invalid_target"}"#, REQUEST),
        (403, r#"{"error":"insufficient_scope"}"#, REQUEST),
        (400, r#"{"error":"invalid_dpop_proof"}"#, REQUEST),
        (400, r#"{"error":"unsupported_grant_type"}"#, REQUEST),
        (400, r#"{"error":"unsupported_token_type"}"#, REQUEST),
        (400, r#"{"error":"server_error"}"#, NOT_NOW),
        (400, r#"{"error":"temporarily_unavailable"}"#, NOT_NOW),
        (200, r#"{"error":"temporarily_unavailable"}"#, NOT_NOW),
        (400, r#"{"error":"slow_down"}"#, NOT_NOW),
        (400, r#"{"error":"use_dpop_nonce"}"#, NONCE),
        // Requirement 6: none of these ends a grant, whatever stands in the body.
        (425, "", NOT_NOW),
        (429, "", NOT_NOW),
        (429, HTML, NOT_NOW),
        (429, r#"{"error":"invalid_grant"}"#, NOT_NOW),
        (500, "", IN_DOUBT),
        (500, HTML, IN_DOUBT),
        (500, r#"{"error":"invalid_grant"}"#, IN_DOUBT),
        (500, r#"{"error":"server_error"}"#, IN_DOUBT),
        (500, r#"{"error":"invalid_client"}"#, IN_DOUBT),
        (501, "", IN_DOUBT),
        (502, HTML, IN_DOUBT),
        (503, "", NOT_NOW),
        (503, HTML, NOT_NOW),
        (503, r#"{"error":"temporarily_unavailable"}"#, NOT_NOW),
        (503, r#"{"error":"invalid_grant"}"#, NOT_NOW),
        (504, "", IN_DOUBT),
        (522, HTML, IN_DOUBT),
        (599, "", IN_DOUBT),
        (408, "", IN_DOUBT),
        (408, r#"{"error":"invalid_grant"}"#, IN_DOUBT),
        (407, "", UNSENT),
        // A firewall, a proxy, a captive portal, a wrong address: no refusal.
        (400, HTML, IN_DOUBT),
        (400, "", IN_DOUBT),
        (400, "Bad Request", IN_DOUBT),
        (401, "", IN_DOUBT),
        (401, HTML, IN_DOUBT),
        (403, "", IN_DOUBT),
        (403, HTML, IN_DOUBT),
        (404, HTML, IN_DOUBT),
        (405, "", IN_DOUBT),
        (200, "", IN_DOUBT),
        (200, HTML, IN_DOUBT),
        (200, "{}", IN_DOUBT),
        (302, "", IN_DOUBT),
        (302, r#"{"error":"invalid_grant"}"#, IN_DOUBT),
        (103, r#"{"error":"invalid_grant"}"#, IN_DOUBT),
        (511, HTML, IN_DOUBT),
        // Errors that nobody registered, or in a place where a proxy may have put them.
        (400, r#"{"error":"something_else"}"#, IN_DOUBT),
        (403, r#"{"error":"Forbidden","message":"policy"}"#, IN_DOUBT),
        (403, r#"{"message":"Forbidden"}"#, IN_DOUBT),
        (400, r#"{"errors":[{"errorType":"invalid_grant"}]}"#, IN_DOUBT),
    ];
    for (status, body, expected) in rows {
        let failure = failure_of(Stage::RefreshToken, &response(status, &[], body), &Dialect::default());
        assert_eq!(judgement(&failure), expected, "{status} {body}");
        assert_eq!(failure.http_status, Some(status));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_catalogue_translates_what_providers_say_instead() {
    let rows: [(&str, u16, &str, Judgement, Option<Cause>); 27] = [
        ("github", 200, r#"{"error":"bad_refresh_token"}"#, DEAD, None),
        ("github", 200, "error=bad_refresh_token", DEAD, None),
        (
            "github",
            200,
            r#"{"error":"incorrect_client_credentials"}"#,
            CLIENT,
            Some(Cause::WrongClientCredentials),
        ),
        ("slack", 200, r#"{"ok":false,"error":"invalid_refresh_token"}"#, DEAD, None),
        ("slack", 200, r#"{"ok":false,"error":"internal_error"}"#, NOT_NOW, Some(Cause::ProviderOutage)),
        ("slack", 200, r#"{"ok":false,"error":"ratelimited"}"#, NOT_NOW, Some(Cause::RateLimited)),
        (
            "atlassian",
            403,
            r#"{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}"#,
            DEAD,
            None,
        ),
        (
            "fitbit",
            400,
            r#"{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid: sent-canary"}],"success":false}"#,
            DEAD,
            None,
        ),
        (
            "google",
            400,
            r#"{"error":"invalid_grant","error_subtype":"invalid_rapt"}"#,
            DEAD,
            Some(Cause::SessionTimedOut),
        ),
        ("google", 401, r#"{"error":"deleted_client"}"#, CLIENT, Some(Cause::ClientDisabledOrDeleted)),
        (
            "microsoft",
            400,
            r#"{"error":"invalid_grant","error_codes":[700082]}"#,
            DEAD,
            Some(Cause::RefreshTokenExpiredIdle),
        ),
        (
            "microsoft",
            400,
            r#"{"error":"invalid_grant","error_description":"AADSTS50173: The provided grant has expired"}"#,
            DEAD,
            Some(Cause::PasswordChanged),
        ),
        (
            "microsoft",
            401,
            r#"{"error":"invalid_client","error_codes":[7000222]}"#,
            CLIENT,
            Some(Cause::ClientSecretExpiredOrRotated),
        ),
        (
            "microsoft",
            400,
            r#"{"error":"invalid_grant","error_codes":[50196]}"#,
            NOT_NOW,
            Some(Cause::RateLimited),
        ),
        (
            "microsoft",
            400,
            r#"{"error":"invalid_grant","suberror":"consent_required"}"#,
            DEAD,
            Some(Cause::ConsentRequired),
        ),
        (
            "ory-hydra",
            400,
            r#"{"error":"invalid_request","error_description":"... multiple concurrent requests using the same token ..."}"#,
            NOT_NOW,
            Some(Cause::ConcurrentRefreshRace),
        ),
        (
            "keycloak",
            400,
            r#"{"error":"invalid_grant","error_description":"Session not active"}"#,
            DEAD,
            Some(Cause::SessionTimedOut),
        ),
        (
            "keycloak",
            400,
            r#"{"error":"invalid_grant","error_description":"Maximum allowed refresh token reuse exceeded"}"#,
            DEAD,
            Some(Cause::RotatedTokenReused),
        ),
        (
            "gitea",
            400,
            r#"{"error":"unauthorized_client","error_description":"token was already used"}"#,
            DEAD,
            Some(Cause::RotatedTokenReused),
        ),
        (
            "dex",
            400,
            r#"{"error":"invalid_request","error_description":"Refresh token is invalid or has already been claimed by another client."}"#,
            DEAD,
            None,
        ),
        ("dex", 500, r#"{"error":"invalid_request"}"#, IN_DOUBT, None),
        ("hubspot", 400, r#"{"status":"BAD_REFRESH_TOKEN","message":"x"}"#, DEAD, None),
        ("hh-ru", 400, r#"{"error":"invalid_grant","error_description":"token not expired"}"#, NOT_NOW, None),
        ("zoom", 400, r#"{"reason":"Invalid Token!","code":4735}"#, DEAD, Some(Cause::AccountDisabled)),
        (
            "x",
            400,
            r#"{"error":"invalid_request","error_description":"Value passed for the token was invalid."}"#,
            DEAD,
            None,
        ),
        // What a rule says of a refusal, it does not say of a crash.
        (
            "keycloak",
            500,
            r#"{"error":"invalid_grant","error_description":"User disabled"}"#,
            IN_DOUBT,
            Some(Cause::AccountDisabled),
        ),
        ("auth0", 429, r#"{"error":"too_many_requests"}"#, NOT_NOW, Some(Cause::RateLimited)),
    ];
    for (provider, status, body, expected, cause) in rows {
        let failure = failure_of(Stage::RefreshToken, &response(status, &[], body), &dialect(provider));
        assert_eq!(judgement(&failure), expected, "{provider} {status} {body}");
        assert_eq!(failure.catalogue.map(|said| said.cause), cause, "{provider} {status} {body}");
    }
}

#[test]
fn a_challenge_speaks_for_the_client_only() {
    let rows: [(&str, Judgement); 5] = [
        (r#"Basic realm="token""#, CLIENT),
        (r#"basic realm="token", error="invalid_client""#, CLIENT),
        (r#"Bearer error="invalid_token""#, IN_DOUBT),
        (r#"Bearer error="invalid_grant""#, IN_DOUBT),
        (r#"DPoP error="use_dpop_nonce""#, NONCE),
    ];
    for (challenge, expected) in rows {
        let answer = response(401, &[("www-authenticate", challenge)], HTML);
        assert_eq!(
            judgement(&failure_of(Stage::RefreshToken, &answer, &Dialect::default())),
            expected,
            "{challenge}"
        );
    }
}

#[test]
fn a_device_poll_has_answers_of_its_own() {
    let rows = [
        (r#"{"error":"authorization_pending"}"#, PENDING),
        (r#"{"error":"slow_down"}"#, SLOWER),
        (r#"{"error":"access_denied"}"#, DEAD),
        (r#"{"error":"expired_token"}"#, DEAD),
        (r#"{"error":"invalid_client"}"#, CLIENT),
    ];
    for (body, expected) in rows {
        let failure = failure_of(Stage::DeviceCode, &response(400, &[], body), &Dialect::default());
        assert_eq!(judgement(&failure), expected, "{body}");
    }
    let misplaced = response(400, &[], r#"{"error":"authorization_pending"}"#);
    assert_eq!(judgement(&failure_of(Stage::RefreshToken, &misplaced, &Dialect::default())), IN_DOUBT);
}

#[test]
fn tokens_are_a_success_whatever_is_odd_about_them() {
    let rows: [(u16, &str, &str); 6] = [
        (200, "application/json", r#"{"access_token":"a","token_type":"bearer"}"#),
        (200, "text/html", r#"{"access_token":"a"}"#),
        (201, "text/plain", "access_token=a"),
        (200, "application/json", r#"{"access_token":"a","refresh_token":[],"expires_in":"soon"}"#),
        (200, "application/json", r#"{"access_token":"a","error":"invalid_grant"}"#),
        (200, "application/json", r#"{"access_token":"a","refresh_token":"b","#),
    ];
    for (status, content_type, body) in rows {
        let answer = response(status, &[("content-type", content_type)], body);
        let verdict = verdict(Stage::RefreshToken, &answer, &Dialect::default());
        assert!(matches!(verdict, Verdict::Success(_)), "{body}");
    }
}

#[test]
fn half_a_success_is_kept_and_in_doubt() {
    for body in [r#"{"refresh_token":"r"}"#, r#"{"access_token":"a","refresh"#] {
        let Verdict::Salvaged { tokens, failure } =
            verdict(Stage::RefreshToken, &response(200, &[], body), &Dialect::default())
        else {
            panic!("{body}")
        };
        assert!(tokens.access_token.is_some() || tokens.refresh_token.is_some());
        assert_eq!(judgement(&failure), IN_DOUBT);
    }
}

#[test]
fn tokens_under_an_error_status_are_no_success() {
    let answer = response(500, &[], r#"{"access_token":"a","refresh_token":"b"}"#);
    assert!(matches!(verdict(Stage::RefreshToken, &answer, &Dialect::default()), Verdict::Failure(_)));
}

#[test]
fn the_catalogue_can_doubt_a_503() {
    let doubtful = Dialect { unavailable_may_be_processed: true, ..Dialect::default() };
    assert_eq!(judgement(&failure_of(Stage::RefreshToken, &response(503, &[], ""), &doubtful)), IN_DOUBT);
}

#[test]
fn only_a_rule_for_that_very_status_can_vouch_for_a_5xx() {
    let rule = |status| {
        let text = format!("{status}\nerror = ['invalid_request']\nmeaning = 'transient'");
        Dialect { signatures: vec![toml::from_str(&text).unwrap()], ..Dialect::default() }
    };
    let answer = response(500, &[], r#"{"error":"invalid_request"}"#);
    assert_eq!(judgement(&failure_of(Stage::RefreshToken, &answer, &rule("status = 500"))), NOT_NOW);
    assert_eq!(judgement(&failure_of(Stage::RefreshToken, &answer, &rule(""))), IN_DOUBT);
}

#[test]
fn a_nonce_challenge_carries_its_nonce() {
    let body = r#"{"error":"use_dpop_nonce"}"#;
    let failure =
        failure_of(Stage::RefreshToken, &response(400, &[("dpop-nonce", "n0")], body), &Dialect::default());
    assert_eq!(failure.dpop_nonce.as_deref(), Some("n0"));
    let smuggled = response(400, &[("dpop-nonce", "a b")], body);
    assert_eq!(failure_of(Stage::RefreshToken, &smuggled, &Dialect::default()).dpop_nonce, None);
}

#[test]
fn the_wait_that_the_provider_asks_for_is_kept() {
    let failure =
        failure_of(Stage::RefreshToken, &response(429, &[("retry-after", "17")], ""), &Dialect::default());
    assert_eq!(failure.retry_after_seconds, Some(17));
}

#[test]
fn what_was_sent_does_not_come_back_in_a_failure() {
    let body = r#"{"error":"invalid_grant","error_description":"no such token: sent-canary","error_uri":"https://a/?sent-canary"}"#;
    let failure = failure_of(Stage::RefreshToken, &response(400, &[], body), &Dialect::default());
    assert!(!format!("{failure:?}{}", serde_json::to_string(&failure).unwrap()).contains("canary"));
}

#[test]
fn a_failure_survives_being_stored() {
    let body = r#"{"error":"invalid_grant","error_description":"gone","error_codes":[1]}"#;
    let failure =
        failure_of(Stage::RefreshToken, &response(400, &[("retry-after", "1")], body), &dialect("google"));
    let json = serde_json::to_string(&failure).unwrap();
    assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), failure);
}

proptest! {
    #[test]
    fn no_answer_makes_the_table_panic(status in 100u16..600, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let answer = HttpResponse { status, headers: vec![], body: Zeroizing::new(body) };
        let _ = verdict(Stage::RefreshToken, &answer, &dialect("microsoft"));
    }

    #[test]
    fn requirement_6_no_5xx_408_or_429_ends_a_grant(
        status in prop_oneof![Just(408u16), Just(429), 500u16..600],
        code in "invalid_grant|invalid_client|access_denied|bad_refresh_token",
        provider in "google|microsoft|github|slack|keycloak|generic",
    ) {
        let answer = response(status, &[], &format!(r#"{{"error":"{code}"}}"#));
        let failure = failure_of(Stage::RefreshToken, &answer, &dialect(&provider));
        prop_assert!(matches!(failure.consequence, Consequence::Retry | Consequence::ResolveUnknown));
    }
}
