use evergrant_rehearse::{Action, Endpoint, Fault};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_check_tells_what_the_provider_says_and_refreshes_nothing() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/check");
    let alive = world.post(&path, json!({})).await.ok();
    assert_eq!((&alive["alive"], &alive["asked"][0]["probe"]), (&true.into(), &"introspection".into()));
    assert!(alive.get("diagnosis").is_none(), "{alive:#}");
    world.rehearsal.with_provider(|provider, now| provider.revoke_consent("alice", None, now)).unwrap();
    let asked = world.rehearsal.journal().len();
    let again = world.post(&path, json!({})).await.ok();
    assert_eq!(
        (again, world.rehearsal.journal().len()),
        (alive, asked),
        "a loop does not reach the provider"
    );
    world.advance(5);
    let dead = world.post(&path, json!({})).await.ok();
    assert_eq!(dead["alive"], false);
    assert_eq!(dead["state"], "active", "a suspicion changes nothing");
    let first = dead["diagnosis"]["evidence"].as_array().unwrap().iter().map(Value::to_string);
    assert!(first.into_iter().any(|said| said.contains("not active")), "{dead:#}");
    assert_ne!(dead["diagnosis"]["certainty"], "certain");
    assert_eq!(world.refreshes(), 0);
}

#[tokio::test]
async fn a_provider_that_does_not_tell_is_not_taken_for_a_no() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    for endpoint in [Endpoint::Introspect, Endpoint::Userinfo] {
        world.rehearsal.add_fault(Fault::before(Action::status(503)).at(endpoint).always()).unwrap();
    }
    let checked = world.post(&format!("/v1/grants/{grant}/check"), json!({})).await.ok();
    assert_eq!(checked["alive"], Value::Null);
    assert_eq!(checked["asked"].as_array().unwrap().len(), 2, "{checked:#}");
}

#[tokio::test]
async fn only_its_own_namespace_may_have_a_grant_checked() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/check");
    let request = world.anonymous(reqwest::Method::POST, &path).bearer_auth(world.neighbour.expose());
    world.send(request).await.problem(404, "no_such_grant");
    world.post(&format!("/v1/grants/{grant}/revoke"), json!({})).await.ok();
    world.post(&path, json!({})).await.problem(409, "revoked");
}
