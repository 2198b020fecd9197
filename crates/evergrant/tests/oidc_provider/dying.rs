//! Theft, revocation, a changed secret, an account that is gone: what the keeper concludes, and how it comes back.

use evergrant::{
    ClientChanges,
    proto::{
        diagnosis::{Action, Cause, Diagnosis},
        engine::{CallbackEnd, Refusal},
        failure::Culprit,
        grant::GrantState,
        name::GrantId,
        secret::ClientSecret,
    },
};
use serde_json::{Value, json};

use crate::world::{World, namespace, refusal, shop};

fn names(diagnosis: &Diagnosis, cause: Cause) -> bool {
    diagnosis.cause == cause || diagnosis.alternatives.contains(&cause)
}

/// The grant is dead, and stays so without another request.
async fn is_dead(world: &World, grant: GrantId) -> Diagnosis {
    let Refusal::NeedsReauthorization(diagnosis) = refusal(world.refresh(grant).await) else { panic!() };
    assert_eq!(diagnosis.culprit, Culprit::Grant);
    assert!(diagnosis.remedies.iter().any(|remedy| remedy.action == Action::Reauthorize), "{diagnosis:?}");
    assert!(!diagnosis.evidence.is_empty(), "{diagnosis:?}");
    let requests = world.token_requests();
    for _ in 0..20 {
        assert!(matches!(refusal(world.refresh(grant).await), Refusal::NeedsReauthorization(_)));
    }
    assert_eq!(world.token_requests(), requests, "a dead grant costs no request");
    *diagnosis
}

/// The user comes back, to the same grant.
async fn comes_back(world: &World, grant: GrantId) {
    let CallbackEnd::Connected { grant: repaired, .. } = world.authorize("alice", "allow", Some(grant)).await
    else {
        panic!("not connected")
    };
    assert_eq!((repaired.id, &repaired.state), (grant, &GrantState::Active));
    let token = world.refresh(grant).await.unwrap();
    assert_eq!(world.userinfo(&token), Ok("alice".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_replays_an_old_refresh_token_kills_the_family_and_the_user_brings_the_grant_back() {
    let world = World::of("basic").await;
    let grant = world.connect("alice").await;
    let token = world.refresh(grant).await.unwrap();
    world.refresh(grant).await.unwrap();
    let stolen = world.tap.presented().remove(0);
    let answer = world.replay(&stolen);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.body.contains("invalid_grant"), "{answer:?}");
    assert_eq!(world.userinfo(&token), Err(401), "the provider ended the access tokens, too");
    let before = world.token_requests();
    let diagnosis = is_dead(&world, grant).await;
    assert_eq!(world.token_requests(), before + 1);
    // The provider has one text for every dead token: a second holder is a candidate, not a finding.
    assert_eq!(diagnosis.cause, Cause::Undetermined);
    assert!(
        names(&diagnosis, Cause::RotatedTokenReused) && names(&diagnosis, Cause::UserRevoked),
        "{diagnosis:?}"
    );
    comes_back(&world, grant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_revoked_at_the_provider_says_so_among_its_causes() {
    let world = World::of("basic").await;
    let grant = world.connect("alice").await;
    world.refresh(grant).await.unwrap();
    let grants = world.provider.admin("GET", "/grants", &Value::Null);
    world.provider.admin("DELETE", &format!("/grants/{}", grants[0]["id"].as_str().unwrap()), &Value::Null);
    let diagnosis = is_dead(&world, grant).await;
    assert!(names(&diagnosis, Cause::UserRevoked), "{diagnosis:?}");
    comes_back(&world, grant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_of_ours_is_confirmed_by_the_provider() {
    let world = World::of("basic").await;
    let grant = world.connect("alice").await;
    let token = world.refresh(grant).await.unwrap();
    assert!(world.is_active(token.expose()));
    let revoked = world.keeper.revoke(grant).await.unwrap();
    assert_eq!(revoked.state, GrantState::Revoked);
    assert!(revoked.revocation.is_some_and(|revocation| revocation.confirmed_at.is_some()), "{revoked:?}");
    assert!(!world.is_active(token.expose()));
    assert_eq!(world.userinfo(&token), Err(401));
    let requests = world.token_requests();
    assert_eq!(refusal(world.keeper.token(grant).await), Refusal::Revoked);
    assert_eq!(refusal(world.keeper.refresh(grant, token.generation()).await), Refusal::Revoked);
    assert_eq!(world.token_requests(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_kills_no_grant_and_new_credentials_resume_them() {
    let world = World::of("post").await;
    let grants = [world.connect("alice").await, world.connect("bob").await];
    world.provider.admin("PUT", "/clients/post/secret", &json!({ "client_secret": "the-new-secret" }));
    for grant in grants {
        let refused = refusal(world.refresh(grant).await);
        let Refusal::ClientRejected { diagnosis, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(diagnosis.culprit, Culprit::ClientRegistration);
        assert!(!matches!(world.record(grant).await.state, GrantState::NeedsReauthorization { .. }));
        // A failure never displaces a valid access token.
        let token = world.keeper.token(grant).await.unwrap();
        assert!(token.warning().is_some());
        assert!(world.userinfo(&token).is_ok());
    }
    let secret = Some(ClientSecret::new("the-new-secret").unwrap());
    let changes = ClientChanges { secret, ..ClientChanges::default() };
    world.keeper.update_client(&namespace(), &shop(), changes).await.unwrap();
    for grant in grants {
        let token = world.refresh(grant).await.unwrap();
        assert!(world.userinfo(&token).is_ok());
        assert_eq!(world.record(grant).await.state, GrantState::Active);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_gone_needs_reauthorization_and_may_come_back() {
    let world = World::of("public").await;
    let grant = world.connect("alice").await;
    world.refresh(grant).await.unwrap();
    world.provider.admin("DELETE", "/accounts/alice", &Value::Null);
    let diagnosis = is_dead(&world, grant).await;
    assert!(diagnosis.permanent, "{diagnosis:?}");
    world.provider.admin("PUT", "/accounts/alice", &Value::Null);
    comes_back(&world, grant).await;
}
