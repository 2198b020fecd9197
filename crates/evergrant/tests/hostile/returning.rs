//! The repair path: a user comes back with a code, and the provider answers its exchange with something else than
//! tokens. The code is sent once, the user is told, and the grant stays what it was.

use evergrant::{
    AuthorizationOptions,
    proto::{engine::CallbackEnd, grant::Owner},
};

use crate::{
    provider::Play,
    world::{CLIENT_SECRET, World, shop},
};

const CODE: &str = "4/0-canary-c0de";
const JSON: &str = "application/json";

/// Plays an answer to the exchange of a code that was brought back for the grant; people are told `cause`.
async fn leaves_the_grant_as_it_is(play: Play, cause: &str) {
    let world = World::new().await;
    let asked = world.in_order().await;
    let before = world.record().await;
    let link = world.keeper.authorize(AuthorizationOptions::repair(shop(), world.grant)).await.unwrap();
    let state = link.url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let query = format!("code={CODE}&state={state}");
    world.provider.plays(play);
    let end = world.keeper.complete(&query).await.unwrap();
    world.saw(&end);
    let CallbackEnd::Failed { reason, .. } = end else { panic!("{end:?}") };
    assert!(reason.contains(cause), "{cause:?} is not in {reason:?}");
    assert!(!reason.contains(char::is_control), "{reason:?}");
    assert!(matches!(world.keeper.complete(&query).await.unwrap(), CallbackEnd::LinkUsed));
    assert_eq!(world.provider.requests().len() - asked, 1, "a code is sent once");
    let after = world.record().await;
    assert_eq!((after.generation, after.state), (before.generation, before.state));
    world.nothing_leaked().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_instead_of_tokens_changes_nothing() {
    leaves_the_grant_as_it_is(Play::answer("200 OK", "text/html", "<html>\u{1b}[2J</html>"), "200").await;
    leaves_the_grant_as_it_is(Play::with_headers("302 Found", "location: /login\r\n", ""), "302").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_changes_nothing_and_the_code_is_not_sent_again() {
    leaves_the_grant_as_it_is(Play::Bytes(Vec::new()), "the connection broke").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_repeats_code_and_secret_shows_neither() {
    let body = format!(
        r#"{{"error":"invalid_grant","error_description":"\u001b[31mcode {CODE} of {CLIENT_SECRET} was used"}}"#
    );
    leaves_the_grant_as_it_is(Play::answer("400 Bad Request", JSON, body), "invalid_grant").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_with_an_id_token_of_somebody_else_change_nothing() {
    let forged = r#"{"access_token":"at-canary","refresh_token":"rt-canary","id_token":"e30.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSIsInN1YiI6ImV2ZSIsImF1ZCI6ImV2aWwiLCJleHAiOjQxMDI0NDQ4MDB9.c2ln"}"#;
    leaves_the_grant_as_it_is(Play::answer("200 OK", JSON, forged), "another client").await;
}

/// Two grants would rotate the one authorization that it stands for against each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_is_given_again_leads_to_the_grant_that_holds_it() {
    let world = World::new().await;
    world.in_order().await;
    let tokens =
        r#"{"access_token":"at-canary-again","refresh_token":"rt-canary-again","token_type":"Bearer"}"#;
    let mut grants = Vec::new();
    for (external_id, always_new) in [("anna", false), ("anna", true), ("ben", false)] {
        let owner = Owner { external_id: Some(external_id.to_owned()), ..Owner::default() };
        let options = AuthorizationOptions { owner, always_new, ..AuthorizationOptions::new(shop()) };
        let link = world.keeper.authorize(options).await.unwrap();
        let state = link.url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        world.provider.plays(Play::answer("200 OK", JSON, tokens));
        let end = world.keeper.complete(&format!("code={CODE}&state={state}")).await.unwrap();
        world.saw(&end);
        let CallbackEnd::Connected { grant, .. } = end else { panic!("{end:?}") };
        grants.push(grant.id);
    }
    assert!(grants[0] != world.grant && grants.iter().all(|grant| *grant == grants[0]), "{grants:?}");
    world.nothing_leaked().await;
}
