//! Through the login and the consent page, and back.

use evergrant::proto::{
    engine::CallbackEnd, grant::GrantState, wire::client_authentication::AuthenticationMethod,
};

use crate::world::{World, namespace, shop};

async fn connects_and_refreshes(client: &'static str, method: AuthenticationMethod) {
    let world = World::of(client).await;
    let grant = world.connect("alice").await;
    let registered = world.keeper.client(&namespace(), &shop()).await.unwrap().unwrap();
    assert_eq!(registered.authentication, method);
    assert_eq!(world.record(grant).await.owner.subject.as_deref(), Some("alice"));
    let first = world.keeper.token(grant).await.unwrap();
    assert_eq!(world.userinfo(&first), Ok("alice".to_owned()));
    let second = world.refresh(grant).await.unwrap();
    assert_ne!(first.expose(), second.expose());
    assert_eq!(world.userinfo(&second), Ok("alice".to_owned()));
    let journal = world.journal();
    assert_eq!(journal["token_requests"], 2);
    assert_eq!(journal["entries"][0]["grant_type"], "authorization_code");
    assert_eq!(journal["entries"][1]["grant_type"], "refresh_token");
    assert!(
        journal["entries"].as_array().unwrap().iter().all(|entry| entry["client_id"] == client),
        "{journal}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_authenticates_by_basic_connects_and_refreshes() {
    connects_and_refreshes("basic", AuthenticationMethod::ClientSecretBasic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_posts_its_secret_connects_and_refreshes() {
    connects_and_refreshes("post", AuthenticationMethod::ClientSecretPost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_client_connects_and_refreshes() {
    connects_and_refreshes("public", AuthenticationMethod::None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_refuses_makes_no_grant_and_costs_no_token_request() {
    let world = World::of("basic").await;
    let end = world.authorize("alice", "deny", None).await;
    assert!(
        matches!(&end, CallbackEnd::Denied { reason, .. } if reason.contains("access_denied")),
        "{end:?}"
    );
    assert_eq!(world.token_requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_is_refused_and_changes_nothing() {
    let world = World::of("basic").await;
    let grant = world.connect("alice").await;
    let before = world.record(grant).await;
    let end = world.authorize("bob", "allow", Some(grant)).await;
    assert!(matches!(end, CallbackEnd::WrongAccount(_)), "{end:?}");
    let after = world.record(grant).await;
    assert_eq!(
        (after.generation, &after.owner, &after.state),
        (before.generation, &before.owner, &GrantState::Active)
    );
    // Alice's refresh token, not Bob's.
    let token = world.refresh(grant).await.unwrap();
    assert_eq!(world.userinfo(&token), Ok("alice".to_owned()));
}
