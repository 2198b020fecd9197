use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;

fn read(body: &str) -> TokenResponse {
    TokenResponse::read(body.as_bytes(), &Dialect::default())
        .unwrap_or_else(|failure| panic!("{body}: {failure:?}"))
}

fn seconds(seconds: u64) -> Lifetime {
    Lifetime::For(Duration::from_secs(seconds))
}

#[test]
fn the_example_of_rfc_6749_5_1_is_read() {
    let response = read(
        r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"example","expires_in":3600,
            "refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA","example_parameter":"example_value"}"#,
    );
    assert_eq!(response.access_token.expose(), "2YotnFZFEjr1zCsicMWpAA");
    assert_eq!(response.token_type, TokenType::Other("example".into()));
    assert_eq!(response.lifetime, seconds(3600));
    assert_eq!(response.refresh_token.unwrap().expose(), "tGzv3JOkF0XG5Qx2TlKWIA");
    assert_eq!((response.scopes, response.id_token, response.oddities), (None, None, vec![]));
}

#[test]
fn every_odd_expires_in_is_handled() {
    let until = |seconds| Lifetime::Until(Timestamp::from_seconds(seconds));
    let rows = [
        (r#""expires_in":3600"#, seconds(3600)),
        (r#""expires_in":"3600""#, seconds(3600)),
        (r#""expires_in":3599.9"#, seconds(3599)),
        (r#""expires_in":"3599.9""#, seconds(3599)),
        (r#""expires_in":-5"#, Lifetime::Unknown),
        (r#""expires_in":0"#, Lifetime::Unknown),
        (r#""expires_in":99999999999999999999"#, Lifetime::For(MAX_LIFETIME)),
        (r#""expires_in":null"#, Lifetime::Unknown),
        (r#""expires_in":{}"#, Lifetime::Unknown),
        (r#""expires_in":"never""#, Lifetime::Unknown),
        (r#""unrelated":1"#, Lifetime::Unknown),
        (r#""expires_at":1795222891"#, until(1_795_222_891)),
        (r#""expires_at":"2026-11-21T01:01:31Z""#, until(1_795_222_891)),
        (r#""expires_in":0,"expires_at":1795222891"#, until(1_795_222_891)),
        (r#""expires_in":60,"expires_at":1795222891"#, seconds(60)),
        (r#""expires_on":"1795222891""#, until(1_795_222_891)),
        (r#""expires":5183944"#, seconds(5_183_944)),
    ];
    for (member, expected) in rows {
        assert_eq!(read(&format!(r#"{{"access_token":"a",{member}}}"#)).lifetime, expected, "{member}");
    }
}

#[test]
fn unknown_stays_distinct_from_never() {
    let dialect =
        Dialect { zero_lifetime_is_endless: true, absent_lifetime_is_endless: true, ..Dialect::default() };
    let lifetime = |body: &str| TokenResponse::read(body.as_bytes(), &dialect).unwrap().lifetime;
    assert_eq!(lifetime(r#"{"access_token":"a","expires_in":0}"#), Lifetime::Never);
    assert_eq!(lifetime(r#"{"access_token":"a"}"#), Lifetime::Never);
    assert_eq!(lifetime(r#"{"access_token":"a","expires_in":"soon"}"#), Lifetime::Unknown);
}

#[test]
fn requirement_13_every_lifetime_of_the_refresh_token_and_the_authorization_is_read() {
    let refresh = |member: &str| read(&format!(r#"{{"access_token":"a",{member}}}"#)).refresh_token_lifetime;
    assert_eq!(refresh(r#""refresh_token_timeout":60"#), seconds(60));
    assert_eq!(refresh(r#""refresh_token_expires_in":"15811200""#), seconds(15_811_200));
    assert_eq!(refresh(r#""refresh_expires_in":1800"#), seconds(1800));
    assert_eq!(refresh(r#""refresh_expires_in":0"#), Lifetime::Never);
    assert_eq!(refresh(r#""x_refresh_token_expires_in":8726400"#), seconds(8_726_400));
    assert_eq!(refresh(r#""other":1"#), Lifetime::Unknown);
    let authorization =
        |member: &str| read(&format!(r#"{{"access_token":"a",{member}}}"#)).authorization_lifetime;
    assert_eq!(authorization(r#""authorization_expires_in":31536000"#), seconds(31_536_000));
    assert_eq!(authorization(r#""x_refresh_token_hard_expires_in":157680000"#), seconds(157_680_000));
}

#[test]
fn an_odd_optional_member_never_costs_the_tokens() {
    let rows = [
        (r#""refresh_token":"""#, None),
        (r#""refresh_token":null"#, None),
        (r#""refresh_token":17"#, Some(Oddity::UnusableMember("refresh_token".into()))),
        (r#""refresh_token":"a\nb""#, Some(Oddity::UnusableMember("refresh_token".into()))),
        (r#""id_token":{}"#, Some(Oddity::UnusableMember("id_token".into()))),
        (r#""scope":7"#, Some(Oddity::UnusableMember("scope".into()))),
        (r#""scope":"a\"b""#, Some(Oddity::UnusableMember("scope".into()))),
        (r#""expires_in":[]"#, Some(Oddity::UnusableMember("expires_in".into()))),
        (r#""expires_in":0"#, Some(Oddity::ZeroLifetime("expires_in".into()))),
        (r#""error":"also_this""#, None),
    ];
    for (member, oddity) in rows {
        let response = read(&format!(r#"{{"access_token":"a","token_type":"BEARER",{member}}}"#));
        assert_eq!(response.token_type, TokenType::Bearer);
        assert_eq!(response.refresh_token, None, "{member}");
        assert_eq!(response.oddities.into_iter().next(), oddity, "{member}");
    }
}

#[test]
fn scopes_are_read_in_every_form() {
    let slack = Dialect { scope_separator: ',', ..Dialect::default() };
    let scopes = |body: &str, dialect: &Dialect| {
        TokenResponse::read(body.as_bytes(), dialect).unwrap().scopes.map(|scopes| scopes.to_string())
    };
    assert_eq!(scopes(r#"{"access_token":"a","scope":"b a"}"#, &Dialect::default()), Some("a b".into()));
    assert_eq!(scopes(r#"{"access_token":"a","scope":"b,a"}"#, &slack), Some("a b".into()));
    assert_eq!(scopes(r#"{"access_token":"a","scope":["b","a"]}"#, &Dialect::default()), Some("a b".into()));
    assert_eq!(scopes(r#"{"access_token":"a","scope":""}"#, &Dialect::default()), None);
}

#[test]
fn a_body_is_read_whatever_it_is_wrapped_in() {
    let rows: [(&[u8], Oddity); 5] = [
        (b"access_token=a&token_type=bearer&expires_in=60", Oddity::FormEncoded),
        (b"\xef\xbb\xbf{\"access_token\":\"a\",\"expires_in\":60}", Oddity::ByteOrderMark),
        (b"{\"access_token\":\"a\",\"expires_in\":60}\n<!-- served by 7 -->", Oddity::TrailingData),
        (b"{\"access_token\":\"a\",\"expires_in\":60,\"name\":\"\xff\"}", Oddity::NotUtf8),
        (
            b"{\"access_token\":\"z\",\"access_token\":\"a\",\"expires_in\":60}",
            Oddity::RepeatedMember("access_token".into()),
        ),
    ];
    for (body, oddity) in rows {
        let response = TokenResponse::read(body, &Dialect::default()).unwrap();
        assert_eq!((response.access_token.expose(), response.lifetime), ("a", seconds(60)));
        assert!(response.oddities.contains(&oddity), "{oddity:?} not in {:?}", response.oddities);
    }
}

#[test]
fn tokens_in_an_inner_object_are_found_where_the_catalogue_says() {
    let dialect = Dialect { token_path: Some("authed_user".into()), ..Dialect::default() };
    let body = r#"{"ok":true,"authed_user":{"access_token":"a","refresh_token":"r","expires_in":43200}}"#;
    let response = TokenResponse::read(body.as_bytes(), &dialect).unwrap();
    assert_eq!((response.access_token.expose(), response.lifetime), ("a", seconds(43_200)));
    assert_eq!(response.refresh_token.unwrap().expose(), "r");
    assert_eq!(TokenResponse::read(body.as_bytes(), &Dialect::default()), Err(NoTokens::Absent));
}

#[test]
fn members_with_other_names_are_found_where_the_catalogue_says() {
    let names =
        [("access_token", "accessToken"), ("refresh_token", "refreshToken"), ("expires_in", "expireIn")];
    let dialect = Dialect {
        response_names: names.map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned())).into(),
        ..Dialect::default()
    };
    let body = br#"{"accessToken":"a","refreshToken":"r","expireIn":7200}"#;
    let response = TokenResponse::read(body, &dialect).unwrap();
    assert_eq!((response.access_token.expose(), response.lifetime), ("a", seconds(7200)));
    assert_eq!(response.refresh_token.unwrap().expose(), "r");
    let standard = TokenResponse::read(br#"{"access_token":"a","accessToken":"b"}"#, &dialect).unwrap();
    assert_eq!(standard.access_token.expose(), "a");
}

#[test]
fn a_refresh_token_without_a_usable_access_token_is_not_lost() {
    for body in [
        r#"{"refresh_token":"r"}"#,
        r#"{"access_token":"","refresh_token":"r"}"#,
        r#"{"access_token":5,"refresh_token":"r"}"#,
    ] {
        let Err(NoTokens::Partial(partial)) = TokenResponse::read(body.as_bytes(), &Dialect::default())
        else {
            panic!("{body}")
        };
        assert_eq!((partial.access_token, partial.refresh_token.unwrap().expose()), (None, "r"));
    }
}

#[test]
fn an_answer_cut_off_before_its_refresh_token_is_not_a_success() {
    let cut = br#"{"access_token":"a","refresh_tok"#;
    let Err(NoTokens::Partial(partial)) = TokenResponse::read(cut, &Dialect::default()) else { panic!() };
    assert_eq!((partial.access_token.unwrap().expose(), partial.refresh_token), ("a", None));

    let cut_later = br#"{"access_token":"a","refresh_token":"r","expires_in":36"#;
    let response = TokenResponse::read(cut_later, &Dialect::default()).unwrap();
    assert_eq!(response.refresh_token.unwrap().expose(), "r");
    assert_eq!(response.lifetime, Lifetime::Unknown);
    assert!(response.oddities.contains(&Oddity::Truncated));
}

#[test]
fn what_holds_no_tokens_says_so() {
    let rows = [
        ("", NoTokens::Unreadable),
        ("<html>access_token</html>", NoTokens::Unreadable),
        ("[]", NoTokens::Unreadable),
        ("{}", NoTokens::Absent),
        (r#"{"error":"invalid_grant"}"#, NoTokens::Absent),
        (r#"{"error":"a","error":"b"}"#, NoTokens::Absent),
        ("error=bad_refresh_token", NoTokens::Absent),
        (r#"{"access_token":null}"#, NoTokens::Absent),
        (r#"{"access_token":5,"refresh_token":""}"#, NoTokens::Absent),
    ];
    for (body, expected) in rows {
        assert_eq!(TokenResponse::read(body.as_bytes(), &Dialect::default()), Err(expected), "{body}");
    }
}

#[test]
fn tokens_are_masked_in_debug_output() {
    let body = r#"{"access_token":"at-canary","refresh_token":"rt-canary","id_token":"id-canary"}"#;
    assert!(!format!("{:?}", read(body)).contains("canary"));
    let partial = TokenResponse::read(br#"{"refresh_token":"rt-canary"}"#, &Dialect::default());
    assert!(!format!("{partial:?}").contains("canary"));
}

proptest! {
    #[test]
    fn reading_arbitrary_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = TokenResponse::read(&bytes, &Dialect::default());
    }

    #[test]
    fn a_cut_answer_never_yields_a_shortened_token(cut in 0usize..80) {
        let whole = br#"{"access_token":"access-token","refresh_token":"refresh-token","expires_in":60}"#;
        let cut = &whole[..cut.min(whole.len())];
        let (access, refresh) = match TokenResponse::read(cut, &Dialect::default()) {
            Ok(response) => (Some(response.access_token), response.refresh_token),
            Err(NoTokens::Partial(partial)) => (partial.access_token, partial.refresh_token),
            Err(_) => (None, None),
        };
        prop_assert!(access.is_none_or(|token| token.expose() == "access-token"));
        prop_assert!(refresh.is_none_or(|token| token.expose() == "refresh-token"));
    }
}
