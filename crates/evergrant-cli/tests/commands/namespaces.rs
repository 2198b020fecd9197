#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::support::World;

async fn names(world: &World) -> Vec<String> {
    let listed = world.run(&["namespaces", "list", "--format", "json"]).await.json();
    let name = |namespace: &serde_json::Value| namespace["name"].as_str().unwrap().to_owned();
    listed["namespaces"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn a_namespace_is_added_listed_and_removed() {
    let world = World::new().await;
    assert_eq!(names(&world).await, ["default"]);
    world.run(&["namespaces", "add", "team"]).await.good();
    world.run(&["namespaces", "add", "team"]).await.bad(1);
    assert_eq!(names(&world).await, ["default", "team"]);
    assert!(world.run(&["namespaces", "list"]).await.good().contains("team"));
    world.run(&["namespaces", "remove", "team"]).await.good();
    let said = world.run(&["namespaces", "remove", "team"]).await.bad(8);
    assert!(said.contains("no namespace team"), "{said}");
}

#[tokio::test]
async fn a_namespace_with_grants_stays_unless_they_shall_go_with_it() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let said = world.run(&["namespaces", "remove", "default"]).await.bad(1);
    assert!(said.contains("1 grants and 1 clients") && said.contains("--with-contents"), "{said}");
    world.run(&["token", &grant]).await.good();
    world.run(&["namespaces", "remove", "default", "--with-contents"]).await.good();
    world.run(&["token", &grant]).await.bad(8);
    assert_eq!(names(&world).await, [""; 0]);
    let revoked = world.rehearsal.journal();
    assert!(revoked.iter().any(|entry| entry.endpoint == evergrant_rehearse::Endpoint::Revoke));
}
