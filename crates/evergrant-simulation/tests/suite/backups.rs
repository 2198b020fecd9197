//! A backup is restored over newer state, and the store is adopted.

use evergrant_proto::{diagnosis::Cause, engine::Refusal, grant::GrantState, name::GrantId};
use evergrant_rehearse::PolicyName;
use evergrant_simulation::{ProcessId, Scene, World};

use crate::support::{is_dead, issue, minutes, refusal, seconds};

/// Three grants whose tokens were replaced since the backup that was restored, and the process that opened it.
fn restored(scene: Scene) -> (World, ProcessId, Vec<GrantId>) {
    let mut world = World::new(scene.with_users(1), 5);
    let first = world.start().unwrap();
    let grants = ["alice", "bob", "user0"].map(|user| world.connect(first, user)).to_vec();
    world.back_up_store();
    world.run_for(minutes(61));
    assert_eq!(world.refreshes().len(), 3);
    world.restore_store(0);
    world.run_for(seconds(2));
    let process = world.running()[0];
    (world, process, grants)
}

#[test]
fn a_restored_backup_is_noticed_and_presents_nothing() {
    let (mut world, process, grants) = restored(Scene::strict());
    assert!(world.store.quarantined);
    assert_eq!(*refusal(&world.token(process, grants[0])), Refusal::Quarantined);
    world.run_for(minutes(120));
    assert_eq!(world.refreshes().len(), 3);
    world.expect_order();
}

#[test]
fn spent_tokens_are_not_presented_one_after_the_other() {
    let (mut world, process, grants) = restored(Scene::strict());
    world.adopt();
    world.run_for(minutes(180));
    assert_eq!(world.refreshes().len(), 3 + 2, "two refusals are enough");
    let dead: Vec<_> = grants.iter().filter(|grant| is_dead(&world, **grant)).collect();
    assert_eq!(dead.len(), 2);
    for grant in dead {
        let GrantState::NeedsReauthorization { diagnosis } = &world.grant(*grant).state else { panic!() };
        assert_eq!(diagnosis.cause, Cause::LostRotationNotPersisted, "{diagnosis:?}");
        assert!(diagnosis.alternatives.contains(&Cause::RotatedTokenReused), "{diagnosis:?}");
    }
    let left_alone = *grants.iter().find(|grant| !is_dead(&world, **grant)).unwrap();
    refusal(&world.token(process, left_alone));
    assert_eq!(world.refreshes().len(), 3 + 3, "somebody asked");
    world.expect_order();
}

#[test]
fn where_old_tokens_stay_valid_every_grant_comes_back() {
    let (mut world, process, grants) = restored(Scene::named(PolicyName::P0));
    world.adopt();
    world.run_for(minutes(30));
    for grant in grants {
        issue(&world.token(process, grant));
    }
    assert_eq!(world.refreshes().len(), 3 + 3);
    world.expect_order();
}

#[test]
fn a_backup_that_nothing_was_written_after_is_the_store() {
    let mut world = World::new(Scene::strict(), 5);
    let first = world.start().unwrap();
    let grant = world.connect(first, "alice");
    world.back_up_store();
    world.restore_store(0);
    world.run_for(minutes(62));
    assert!(!world.store.quarantined);
    issue(&world.token(world.running()[0], grant));
    world.expect_order();
}
