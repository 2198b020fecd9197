use std::time::Duration;

use evergrant_proto::provider::Catalogue;
use proptest::prelude::*;

use super::*;
use crate::explanation::explain;

fn read(text: &str) -> Case {
    Case::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn code(case: &Case) -> &str {
    case.error.as_ref().and_then(|error| error.code.as_ref()).map_or("", |code| code.as_str())
}

fn description(case: &Case) -> &str {
    case.error.as_ref().and_then(|error| error.description.as_ref()).map_or("", |text| text.as_str())
}

#[test]
fn one_refusal_is_read_in_all_its_wrappings() {
    let rows = [
        r#"{"error":"invalid_grant","error_description":"Token has been revoked"}"#,
        "{'error': 'invalid_grant', 'error_description': 'Token has been revoked'}",
        "{ error: 'invalid_grant', error_description: 'Token has been revoked' }",
        "error=invalid_grant&error_description=Token+has+been+revoked",
        "error: invalid_grant\nerror_description: Token has been revoked",
        "\"error\": \"invalid_grant\",\n\"error_description\": \"Token has been revoked\"",
        "invalid_grant: Token has been revoked",
        "2026-11-21 ERROR refresh: 400 {\"error\":\"invalid_grant\",\"error_description\":\"Token has been revoked\"}",
        "msg=\"refresh\" body=\"{\\\"error\\\":\\\"invalid_grant\\\",\\\"error_description\\\":\\\"Token has been revoked\\\"}\"",
        r#"{"level":"error","body":"{\"error\":\"invalid_grant\",\"error_description\":\"Token has been revoked\"}"}"#,
        r#"{"response":{"data":{"error":"invalid_grant","error_description":"Token has been revoked"}}}"#,
        r#""{\"error\":\"invalid_grant\",\"error_description\":\"Token has been revoked\"}""#,
        r#"[{"error":"invalid_grant","error_description":"Token has been revoked"}]"#,
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{\"error\":\"invalid_grant\",\"error_description\":\"Token has been revoked\"}\r\n",
        "> POST /token HTTP/2\n> Host: idp.example\n>\n< HTTP/2 400\n< content-type: application/json\n<\n{\"error\":\"invalid_grant\",\"error_description\":\"Token has been revoked\"}\n* Connection #0 left intact",
        r#"{"id":"1","stage":"refresh_token","body":{"error":"invalid_grant","error_description":"Token has been revoked"}}"#,
    ];
    for text in rows {
        let case = read(text);
        assert_eq!(code(&case), "invalid_grant", "{text}");
        assert!(description(&case).contains("Token has been revoked"), "{text}: {case:?}");
    }
}

#[test]
fn an_exchange_tells_what_was_asked_and_whom() {
    let case = read(
        "POST https://oauth2.googleapis.com/token HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\n\
         grant_type=authorization_code&code=4/abc&redirect_uri=x\n\nHTTP/1.1 400 Bad Request\n\
         Retry-After: 5\n\n{\"error\":\"invalid_grant\"}",
    );
    assert_eq!(
        (case.form, case.status, case.stage),
        (Form::Exchange, Some(400), Some(Stage::AuthorizationCode))
    );
    assert_eq!(case.host.as_deref(), Some("oauth2.googleapis.com"));
    assert_eq!(case.headers, [("retry-after".to_owned(), "5".to_owned())]);
}

#[test]
fn of_several_answers_the_last_counts() {
    let case = read(
        "HTTP/1.1 302 Found\nLocation: x\n\nHTTP/1.1 401 Unauthorized\n\n{\"error\":\"invalid_client\"}",
    );
    assert_eq!((case.status, code(&case)), (Some(401), "invalid_client"));
}

#[test]
fn a_har_file_yields_its_last_failed_request_for_a_token() {
    let entry = |url: &str, sent: &str, status: u16, body: &str| {
        serde_json::json!({
            "request": { "method": "POST", "url": url, "postData": { "text": sent }, "headers": [] },
            "response": { "status": status, "headers": [], "content": { "text": body } },
        })
    };
    let har = |entries: Vec<Value>| serde_json::json!({ "log": { "entries": entries } }).to_string();
    let grant = "grant_type=refresh_token&refresh_token=hush-1234";
    let case = read(&har(vec![
        entry("https://idp.example/token", grant, 400, r#"{"error":"invalid_grant"}"#),
        entry("https://api.example/items", "", 401, r#"{"error":"invalid_token"}"#),
    ]));
    assert_eq!((case.form, case.stage, code(&case)), (Form::Har, Some(Stage::RefreshToken), "invalid_grant"));
    let called =
        read(&har(vec![entry("https://api.example/items", "", 401, r#"{"error":"invalid_token"}"#)]));
    assert_eq!(called.stage, Some(Stage::ApiCall));
    let nothing = har(vec![entry("https://idp.example/token", grant, 200, r#"{"access_token":"x"}"#)]);
    assert_eq!(Case::read(nothing.as_bytes()), Err(Unreadable::NothingInHar));
    assert_eq!(Case::read(har(vec![]).as_bytes()), Err(Unreadable::NothingInHar));
}

#[test]
fn tokens_without_a_refresh_token_are_seen() {
    let case = read(r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#);
    assert!(case.brought_tokens && case.error.is_none());
    assert_eq!(case.history.refresh_token_present, Some(false));
    let both = read(r#"{"access_token":"abc","refresh_token":"def"}"#);
    assert_eq!(both.history.refresh_token_present, None);
}

#[test]
fn what_is_known_besides_is_read() {
    let line = r#"{"id":7,"provider":"xero","stage":"refresh_token","http_status":400,"body":"invalid_grant",
        "observations":{"idle_s":86400,"previous_attempt":{"outcome":"timeout","age_s":null},"concurrent_attempts":true}}"#;
    let case = Case::from_record(line).unwrap();
    assert_eq!(case.id.as_deref(), Some("7"));
    assert_eq!(case.history.idle, Some(Duration::from_secs(86_400)));
    assert_eq!(case.history.concurrent_attempts, Some(1));
    assert_eq!(case.history.previous_attempt.unwrap().age, None);
}

#[test]
fn what_is_no_report_is_refused_without_repeating_it() {
    let large = vec![b'a'; MAX_INPUT_BYTES + 1];
    let rows: [(&[u8], Unreadable); 5] = [
        (b"", Unreadable::Empty),
        (b" \r\n\t", Unreadable::Empty),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", Unreadable::Binary),
        (&[0xff; 64], Unreadable::Binary),
        (&large, Unreadable::TooLarge),
    ];
    for (input, expected) in rows {
        assert_eq!(Case::read(input), Err(expected));
    }
    for line in ["[1]", "{\"http_status\":\"canary\"}", "{\"canary", "\"canary\""] {
        let error = Case::from_record(line).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn a_page_of_a_proxy_is_no_statement() {
    let case = read("HTTP/1.1 502 Bad Gateway\n\n<html><body>invalid_grant is not said here</body></html>");
    assert_eq!(case.error, None);
}

#[test]
fn a_short_secret_of_the_request_is_masked_in_the_answer() {
    let case = read(
        "POST /token HTTP/1.1\nHost: idp.example\n\ngrant_type=password&username=ada&password=hunter2\n\n\
         HTTP/1.1 400 Bad Request\n\n{\"error\":\"invalid_grant\",\"error_description\":\"bad password hunter2\"}",
    );
    assert_eq!(description(&case), "bad password [masked]");
}

/// What a canary is planted in: each holds the mark once.
const PLACES: [&str; 14] = [
    "POST /token HTTP/1.1\nAuthorization: Basic @\n\ngrant_type=refresh_token\n\nHTTP/1.1 401 x\n\n{\"error\":\"invalid_client\",\"error_description\":\"no client @\"}",
    "POST /token HTTP/1.1\n\nrefresh_token=@&grant_type=refresh_token\n\nHTTP/1.1 400 x\n\n{\"error\":\"invalid_grant\"}",
    "HTTP/1.1 400 x\nSet-Cookie: s=@\nWWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"@\"\n\n",
    "{\"error\":\"invalid_grant\",\"error_description\":\"token @ is dead\"}",
    "{\"error\":\"@\"}",
    "{\"access_token\":\"@\",\"expires_in\":1}",
    "{'error': 'invalid_grant', 'refresh_token': '@', 'error_description': '@'}",
    "refresh failed for client_secret=@ with invalid_grant",
    "Authorization: Bearer @",
    "{\"id\":\"@\",\"stage\":\"refresh_token\",\"provider\":\"@\",\"body\":\"invalid_grant @\",\"observations\":{}}",
    "{\"id\":\"1\",\"stage\":\"@\",\"body\":null,\"observations\":{\"transport_error\":\"timeout for @\"}}",
    "{\"log\":{\"entries\":[{\"request\":{\"method\":\"POST\",\"url\":\"https://idp.example/@\",\"postData\":{\"text\":\"grant_type=x&code=@\"}},\"response\":{\"status\":400,\"content\":{\"text\":\"invalid_grant @\"}}}]}}",
    "https://@.idp.example/token said 400 invalid_grant",
    "@",
];

proptest! {
    #[test]
    fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(case) = Case::read(&bytes) {
            let _ = explain(&case, &Catalogue::builtin()).to_terminal(80, true);
        }
    }

    #[test]
    fn no_text_panics(text in "[ -~\\n{}\"':=,\\\\ä😀]{0,300}") {
        let _ = Case::read(text.as_bytes());
        let _ = Case::from_record(&text);
    }

    #[test]
    fn no_cut_of_a_report_panics(place in 0..PLACES.len(), cut in 0..300_usize) {
        let text = PLACES[place];
        let _ = Case::read(&text.as_bytes()[..cut.min(text.len())]);
    }

    #[test]
    fn a_planted_secret_never_comes_out(place in 0..PLACES.len(), secret in "[A-Za-z0-9_-]{23}[0-9]") {
        let text = PLACES[place].replace('@', &secret);
        if let Ok(case) = Case::read(text.as_bytes()) {
            let explanation = explain(&case, &Catalogue::builtin());
            let shown = explanation.to_terminal(100, false) + &serde_json::to_string(&explanation).unwrap();
            prop_assert!(!shown.contains(&secret), "{shown}");
        }
    }
}

#[test]
fn a_secret_in_a_header_is_not_kept() {
    let pasted = "HTTP/1.1 400 Bad Request\nretry-after: 5 client_secret=canary-7f3a91c2d4&x=1\n\n{}";
    let record = r#"{"id":"1","http_status":400,"content_type":"text/plain; client_secret=canary-7f3a91c2d4","body":""}"#;
    for text in [pasted, record] {
        let case = Case::read(text.as_bytes()).unwrap();
        assert!(!format!("{case:?}").contains("canary"), "{case:?}");
    }
    assert_eq!(Case::read(pasted.as_bytes()).unwrap().headers[0].1, "5 client_secret=[masked]&x=1");
}
