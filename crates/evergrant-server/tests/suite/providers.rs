use crate::world::World;

#[tokio::test]
async fn the_catalogue_is_listed_with_what_each_entry_needs() {
    let world = World::empty().await;
    let listed = world.get("/v1/providers").await.ok();
    let providers = listed["providers"].as_array().unwrap();
    let keycloak = providers.iter().find(|provider| provider["id"] == "keycloak").unwrap();
    assert_eq!(keycloak["parameters"], serde_json::json!(["host", "realm"]));
    assert_eq!((&keycloak["verification"], &keycloak["own"]), (&"documented".into(), &false.into()));
    assert!(providers.len() > 170);
}

#[tokio::test]
async fn the_catalogue_is_searched_by_name_and_address() {
    let world = World::empty().await;
    let found = world.get("/v1/providers?text=MICROSOFTONLINE").await.ok();
    let ids: Vec<_> = found["providers"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    assert_eq!(ids, ["microsoft", "microsoft-ads"]);
    world.get("/v1/providers?txet=google").await.problem(400, "invalid_query");
}

#[tokio::test]
async fn one_entry_tells_all_that_is_known() {
    let world = World::empty().await;
    let google = world.get("/v1/providers/google").await.ok();
    assert_eq!(google["name"], "Google");
    assert!(google["rotation"]["kind"].is_string());
    assert_eq!(google["lifetimes"]["testing"], 604_800);
    assert!(google["dialect"]["signatures"].as_array().unwrap().len() > 10);
    assert!(!google["knowledge"]["sources"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn an_entry_that_does_not_exist_is_a_problem() {
    let world = World::empty().await;
    let problem = world.get("/v1/providers/nobody%1b%5b31m").await.problem(404, "no_such_provider");
    assert!(!problem["detail"].as_str().unwrap().contains('\u{1b}'));
    world.get("/v1/providers/%ff").await.problem(404, "no_such_provider");
}
