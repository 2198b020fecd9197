//! Whatever is sent, there is an answer that can be sent back, and it is in the journal.

use evergrant_rehearse::{Method, Request};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::world::{World, basic};

const PATHS: [&str; 12] = [
    "/authorize",
    "/authorize/login",
    "/token",
    "/device",
    "/device_authorization",
    "/revoke",
    "/introspect",
    "/userinfo",
    "/resource/x",
    "/jwks",
    "/.well-known/openid-configuration",
    "//",
];

const NAMES: [&str; 16] = [
    "client_id",
    "client_secret",
    "grant_type",
    "refresh_token",
    "code",
    "code_verifier",
    "code_challenge",
    "redirect_uri",
    "response_type",
    "scope",
    "resource",
    "state",
    "login_hint",
    "user_code",
    "token",
    "user",
];

const VALUES: [&str; 10] = [
    "rehearse-public",
    "rehearse-basic",
    "refresh_token",
    "authorization_code",
    "code",
    "http%3A%2F%2F127.0.0.1%3A5000%2Fcallback",
    "alice",
    "%0D%0Aset-cookie%3A%20a%3Db",
    "%3Cscript%3E",
    "%zz",
];

/// Half of it like a form, so that it comes further than the parser.
fn form() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![select(&VALUES[..]).prop_map(String::from), "[ -~]{0,12}"];
    let pair = (select(&NAMES[..]), value).prop_map(|(name, value)| format!("{name}={value}"));
    prop_oneof![vec(pair, 0..8).prop_map(|pairs| pairs.join("&").into_bytes()), vec(any::<u8>(), 0..64),]
}

fn request() -> impl Strategy<Value = Request> {
    let method = select(vec![Method::Get, Method::Post, Method::Patch, Method::Other]);
    let authorization = prop_oneof![
        Just(None),
        Just(Some(basic("rehearse-basic", "demo-secret-basic"))),
        "(Basic|Bearer|basic)? ?[ -~]{0,20}".prop_map(Some),
    ];
    (method, select(&PATHS[..]), "[!-~]{0,40}", form(), form(), authorization).prop_map(
        |(method, path, garbage, query, body, authorization)| {
            let query = String::from_utf8(query).unwrap_or(garbage);
            let mut request = Request { query, body, ..Request::new(method, path) };
            request = request.with_header("content-type", "application/x-www-form-urlencoded");
            match authorization {
                Some(authorization) => request.with_header("authorization", &authorization),
                None => request,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_gets_an_answer_and_an_entry(requests in vec(request(), 1..5)) {
        let mut world = World::demonstration();
        for (index, request) in requests.into_iter().enumerate() {
            let response = world.send(request);
            prop_assert!((200..600).contains(&response.status));
            prop_assert_ne!(response.status, 500);
            for (name, value) in &response.headers {
                prop_assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{}: {:?}", name, value);
            }
            let body = String::from_utf8_lossy(&response.body).into_owned();
            prop_assert!(!body.contains("<script"), "{}", body);
            prop_assert_eq!(world.last().seq, index as u64 + 1);
            prop_assert_eq!(world.last().status, response.status);
        }
    }
}
