//! Old events are forgotten along the way.

use evergrant::{proto::name::Namespace, store::EventFilter};
use evergrant_rehearse::PolicyName;

use crate::world::World;

const DAY: u64 = 86_400;

/// More than are kept of a grant however old they are.
const REFRESHES: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn a_running_keeper_forgets_old_events_but_for_the_last_hundred_of_each_grant() {
    let world = World::playing(PolicyName::P0).await;
    let busy = world.connect("alice").await;
    for _ in 0..REFRESHES {
        world.advance(400);
        world.token(busy).await.unwrap();
    }
    // As old as the newest of the other, and too young for a hundred refreshes by the scheduler.
    let quiet = world.connect("bob").await;
    let events = async |grant| {
        let namespace = Some(Namespace::default());
        let filter = EventFilter { namespace, grant: Some(grant), after: 0, limit: 9999 };
        world.keeper.events(filter).await.unwrap()
    };
    let first_of_quiet = events(quiet).await[0].clone();
    let before = events(busy).await;
    assert!(before.len() > REFRESHES, "nothing is old yet");
    world.advance(80 * DAY);
    world.keeper.settled().await;
    assert_eq!(events(busy).await[0], before[0], "eighty days are not old");
    world.advance(20 * DAY);
    world.advance_until(300, async || events(busy).await[0].number > before[0].number).await;
    world.advance_until(300, async || events(busy).await.len() <= 100).await;
    let kept = events(busy).await;
    assert!(kept.len() >= 100 && kept[0].number < before[before.len() - 1].number, "{}", kept.len());
    assert_eq!(events(quiet).await[0], first_of_quiet, "it has no newer ones");
    // Nobody notices but who reads the log.
    let newcomer = world.connect("anna").await;
    world.advance(400);
    world.token(newcomer).await.unwrap();
}
