use crate::world::World;

#[tokio::test]
async fn the_process_answers_without_a_key() {
    let world = World::empty().await;
    assert_eq!(world.browse(reqwest::Method::GET, "/livez").await.status, 200);
}
