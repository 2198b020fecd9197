//! What scenarios have in common.

use std::time::Duration;

use evergrant_proto::{
    engine::{Answer, Issue, Refusal},
    grant::GrantState,
    name::GrantId,
};
use evergrant_simulation::{ProcessId, Scene, World};

pub(crate) fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One process without a scheduler and one connected grant.
pub(crate) fn quiet(scene: Scene) -> (World, ProcessId, GrantId) {
    let mut world = World::new(scene, 1);
    let process = world.start_without_scheduler();
    let grant = world.connect(process, "alice");
    (world, process, grant)
}

/// One process with its scheduler and one connected grant.
pub(crate) fn lively(scene: Scene) -> (World, ProcessId, GrantId) {
    let mut world = World::new(scene, 1);
    let process = world.start().unwrap();
    let grant = world.connect(process, "alice");
    (world, process, grant)
}

/// The token of an answer.
#[track_caller]
pub(crate) fn issue(answer: &Answer) -> &Issue {
    match answer {
        Answer::Token(issue) => issue,
        other => panic!("no token but {other:?}"),
    }
}

/// The refusal of an answer.
#[track_caller]
pub(crate) fn refusal(answer: &Answer) -> &Refusal {
    match answer {
        Answer::Refused(refusal) => refusal,
        other => panic!("no refusal but {other:?}"),
    }
}

pub(crate) fn is_dead(world: &World, grant: GrantId) -> bool {
    matches!(world.grant(grant).state, GrantState::NeedsReauthorization { .. })
}
