//! The judge must be able to find something.

use evergrant_proto::{
    provider::{RotationKind, RotationPolicy},
    transaction::{Command, PutClient},
};
use evergrant_simulation::{CLIENT_SECRET, Mishap, Scene, World};

use crate::support::{lively, minutes, quiet, seconds};

/// Our store believes that the provider takes tokens again and again; the judge knows better.
fn believe_in_leniency(world: &mut World) {
    let wall = world.wall();
    let mut record = world.scene.client(CLIENT_SECRET, wall);
    record.provider.rotation = RotationPolicy { kind: RotationKind::Reusable, ..RotationPolicy::default() };
    let replaces = world.store.clients().next().map(|client| client.version);
    world.command(&Command::PutClient(Box::new(PutClient { record, replaces, wall }))).unwrap();
}

#[test]
fn a_blind_repetition_is_noticed() {
    let (mut world, ..) = lively(Scene::strict());
    believe_in_leniency(&mut world);
    world.network.next.push_back(Mishap::ResponseLost);
    world.run_for(minutes(59));
    let first = world.judge.violations.first().map(ToString::to_string).unwrap_or_default();
    assert!(first.contains("although the access token is good"), "{first:?}");
}

#[test]
fn a_repetition_while_the_owner_may_still_succeed_is_noticed() {
    let (mut world, process, grant) = quiet(Scene::strict());
    believe_in_leniency(&mut world);
    world.run_for(minutes(61));
    world.network.next.push_back(Mishap::ResponseDelayed(5_000));
    world.ask(process, grant);
    world.run_for(seconds(1));
    world.pause(process);
    world.start().unwrap();
    world.run_for(minutes(2));
    let first = world.judge.violations.first().map(ToString::to_string).unwrap_or_default();
    assert!(first.contains("may still succeed"), "{first:?}");
}
