use reqwest::Method;

use crate::world::World;

#[tokio::test]
async fn every_type_and_every_cause_has_a_page() {
    let world = World::empty().await;
    for (name, words) in [
        ("needs_reauthorization", "The grant needs re-authorization"),
        ("store_unavailable", "HTTP 503"),
        ("user_revoked", "The user withdrew the application"),
        ("lost_rotation_not_persisted", "this installation"),
    ] {
        let answer = world.browse(Method::GET, &format!("/problems/{name}")).await;
        assert!(answer.page(200).contains(words), "{name}: {}", answer.body);
    }
}
