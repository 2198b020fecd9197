//! Answers that hold tokens and break the rules otherwise. A success is never thrown away.

use evergrant::proto::engine::Refusal;

use crate::{provider::Play, world::World};

const ACCESS: &str = "at-canary-odd";
const REFRESH: &str = "rt-canary-next";
const JSON: &str = "application/json";

/// Plays an answer that counts as a success, although; its refresh token is the next that is presented.
async fn is_taken(play: Play) {
    let world = World::new().await;
    let token = world.token_from(play).await;
    assert_eq!(token.expose(), ACCESS);
    world.provider.plays(Play::answer(
        "200 OK",
        JSON,
        r#"{"access_token":"at-canary-then","token_type":"Bearer"}"#,
    ));
    let then = world.keeper.refresh(world.grant, token.generation()).await.unwrap();
    assert_eq!(then.expose(), "at-canary-then");
    let requests = world.provider.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].contains(&format!("refresh_token={REFRESH}")), "the new refresh token is in use");
    world.nothing_leaked().await;
}

async fn requests_in_a_minute(world: &World) -> usize {
    for _ in 0..60 {
        world.keeper.settled().await;
        world.advance(1);
    }
    world.provider.requests().len()
}

fn whole() -> String {
    format!(
        r#"{{"access_token":"{ACCESS}","token_type":"Bearer","expires_in":3600,"refresh_token":"{REFRESH}"}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn json_under_any_content_type_is_read() {
    for content_type in
        ["text/html", "text/plain; charset=latin1", "application/x-www-form-urlencoded", "", ";;;"]
    {
        is_taken(Play::answer("200 OK", content_type, whole())).await;
    }
    is_taken(Play::with_headers("201 Created", "", whole())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_instead_of_json_is_read() {
    let form = format!("access_token={ACCESS}&expires_in=3600&refresh_token={REFRESH}&token_type=bearer");
    is_taken(Play::answer("200 OK", "application/x-www-form-urlencoded", &form)).await;
    is_taken(Play::answer("200 OK", JSON, &form)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_repeated_members_and_parameters_the_last_counts() {
    let json = format!(
        r#"{{"access_token":"at-canary-first","access_token":"{ACCESS}","refresh_token":"rt-canary-first","refresh_token":"{REFRESH}"}}"#
    );
    is_taken(Play::answer("200 OK", JSON, json)).await;
    let form = format!(
        "access_token=at-canary-first&refresh_token=rt-canary-first&access_token={ACCESS}&refresh_token={REFRESH}"
    );
    is_taken(Play::answer("200 OK", "application/x-www-form-urlencoded", form)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_do_not_cost_the_tokens_beside_them() {
    let mut body = br#"{"note":""#.to_vec();
    body.extend([0xff, 0xfe, 0xc3, 0x28]);
    body.extend(format!(r#"","access_token":"{ACCESS}","refresh_token":"{REFRESH}"}}"#).bytes());
    is_taken(Play::answer("200 OK", JSON, body)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_behind_both_tokens_costs_none() {
    let body = format!(r#"{{"access_token":"{ACCESS}","refresh_token":"{REFRESH}","expires_in":36"#);
    is_taken(Play::answer("200 OK", JSON, body)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_comes_alone_is_kept_and_starts_no_loop() {
    let world = World::new().await;
    let alone = format!(r#"{{"refresh_token":"{REFRESH}"}}"#);
    world.provider.plays(Play::answer("200 OK", JSON, alone));
    let keeper = world.keeper.clone();
    let grant = world.grant;
    let caller = tokio::spawn(async move { keeper.token(grant).await.map(drop) });
    while world.provider.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    // It is asked again, slower each time, for as long as it goes on like this.
    let asked = requests_in_a_minute(&world).await;
    assert!(asked <= 10, "{asked} requests in a minute");
    for _ in 0..10 {
        world.keeper.settled().await;
        world.advance(1);
    }
    // The grant is in order, and whoever is refused is told why all the same.
    let (refusal, told) = world.refused().await;
    let Refusal::ProviderUnavailable { diagnosis: Some(diagnosis), .. } = refusal else { panic!("{told}") };
    assert_eq!(diagnosis.cause.as_str(), "unknown_bug");
    assert!(told.contains("with success and no access token"), "{told}");
    world.provider.plays(Play::answer("200 OK", JSON, whole()));
    requests_in_a_minute(&world).await;
    let _ = caller.await.unwrap();
    assert_eq!(world.keeper.token(grant).await.unwrap().expose(), ACCESS);
    let requests = world.provider.requests();
    assert!(requests[1].contains(&format!("refresh_token={REFRESH}")), "the new refresh token is in use");
    world.nothing_leaked().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_around_the_object_does_no_harm() {
    is_taken(Play::answer("200 OK", JSON, format!("\u{feff}{}", whole()))).await;
    is_taken(Play::answer("200 OK", JSON, format!("\r\n\t {}\r\n<!-- served by cache -->", whole()))).await;
    is_taken(Play::with_headers("200 OK", "content-encoding: gzip\r\n", whole())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_lifetimes_and_scopes_do_no_harm() {
    for odd in [
        r#""expires_in":-1"#,
        r#""expires_in":"soon""#,
        r#""expires_in":1e400"#,
        r#""expires_in":99999999999999999999"#,
        r#""expires_in":[3600],"scope":{"a":1}"#,
        r#""scope":"\u001b[31m \u0000""#,
        r#""token_type":["Bearer"]"#,
        r#""id_token":"not.a.token""#,
    ] {
        let body = format!(r#"{{"access_token":"{ACCESS}","refresh_token":"{REFRESH}",{odd}}}"#);
        is_taken(Play::answer("200 OK", JSON, body)).await;
    }
}
