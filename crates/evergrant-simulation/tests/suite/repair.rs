//! Re-authorization.

use evergrant_proto::{
    engine::{Answer, CallbackEnd},
    grant::{EventKind, GrantRecord, GrantState},
};
use evergrant_rehearse::{Endpoint, GrantType};
use evergrant_simulation::{Mishap, Scene, World};

use crate::support::{is_dead, issue, lively, minutes, quiet, seconds};

fn end(answer: &Answer) -> &CallbackEnd {
    match answer {
        Answer::Callback(end) => end,
        other => panic!("no end of a callback but {other:?}"),
    }
}

fn exchanges(world: &World) -> usize {
    let code =
        |entry: &evergrant_rehearse::JournalEntry| entry.grant_type == Some(GrantType::AuthorizationCode);
    world.journal_of(Endpoint::Token).into_iter().filter(code).count()
}

#[test]
fn a_dead_grant_is_repaired_under_its_own_id() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.withdraw_consent("alice");
    world.run_for(minutes(62));
    assert!(is_dead(&world, grant));
    let link = world.open_link(Some(grant)).unwrap();
    let callback = world.sign_in(link, "alice");
    let call = world.bring_callback(process, callback);
    assert!(
        matches!(end(&world.await_answer(call)), CallbackEnd::Connected { grant: repaired, .. } if repaired.id == grant)
    );
    assert_eq!(world.grant(grant).state, GrantState::Active);
    issue(&world.token(process, grant));
    world.run_for(minutes(120));
    issue(&world.token(process, grant));
    assert!(world.engine(process).waiting() == 0);
    world.expect_order();
}

#[test]
fn the_same_account_comes_back_to_the_same_grant_without_being_asked_for() {
    let (mut world, process, grant) = quiet(Scene::strict());
    assert_eq!(world.connect(process, "alice"), grant);
    assert_ne!(world.connect(process, "bob"), grant);
    world.expect_order();
}

#[test]
fn another_account_changes_nothing() {
    let (mut world, process, grant) = quiet(Scene::strict());
    let before = world.grant(grant).clone();
    let link = world.open_link(Some(grant)).unwrap();
    let callback = world.sign_in(link, "bob");
    let call = world.bring_callback(process, callback);
    assert!(matches!(end(&world.await_answer(call)), CallbackEnd::WrongAccount(_)));
    let after = world.grant(grant);
    assert!(after.revision > before.revision, "it was kept from refreshing for the time of the exchange");
    assert_eq!(*after, GrantRecord { revision: after.revision, ..before });
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn a_callback_that_comes_twice_sends_its_code_once() {
    for gap in [0, 1, 5, 20, 60, 500] {
        let (mut world, process, grant) = quiet(Scene::strict());
        let other = world.start_without_scheduler();
        let link = world.open_link(Some(grant)).unwrap();
        let callback = world.sign_in(link, "alice");
        let before = exchanges(&world);
        let first = world.bring_callback(process, callback.clone());
        world.run_for(std::time::Duration::from_millis(gap));
        let second = world.bring_callback(other, callback);
        let ends = [world.await_answer(first), world.await_answer(second)];
        let connected =
            ends.iter().filter(|answer| matches!(end(answer), CallbackEnd::Connected { .. })).count();
        let used = ends.iter().filter(|answer| matches!(end(answer), CallbackEnd::LinkUsed)).count();
        assert_eq!((connected, used), (1, 1), "{ends:?}");
        assert_eq!(exchanges(&world) - before, 1);
        world.run_for(seconds(1));
        assert_eq!(world.store.places_taken(), []);
        world.run_for(minutes(61));
        issue(&world.token(process, grant));
        world.expect_order();
    }
}

#[test]
fn a_slow_refresh_never_overwrites_a_re_authorization() {
    for delay in [3_000, 12_000, 28_000] {
        let (mut world, process, grant) = quiet(Scene::strict());
        let other = world.start_without_scheduler();
        world.run_for(minutes(61));
        world.network.next.push_back(Mishap::ResponseDelayed(delay));
        world.ask(process, grant);
        world.run_for(seconds(1));
        let link = world.open_link(Some(grant)).unwrap();
        let callback = world.sign_in(link, "alice");
        let call = world.bring_callback(other, callback);
        assert!(matches!(end(&world.await_answer(call)), CallbackEnd::Connected { .. }));
        let (generation, start) = (world.grant(grant).generation, world.grant(grant).lineage_start);
        assert_eq!(generation, start);
        world.run_for(minutes(1));
        assert_eq!(world.grant(grant).generation, generation, "delay {delay}");
        assert!(world.grant(grant).spares.is_empty());
        let superseded = world.store.events().iter().any(|event| event.kind == EventKind::SupersededSuccess);
        assert_eq!(superseded, delay > 10_000, "delay {delay}");
        world.run_for(minutes(61));
        assert_eq!(issue(&world.token(other, grant)).generation, generation.next());
        world.expect_order();
    }
}

#[test]
fn a_refresh_waits_while_a_callback_is_under_way() {
    let (mut world, process, grant) = quiet(Scene::strict());
    let other = world.start_without_scheduler();
    world.run_for(minutes(61));
    let link = world.open_link(Some(grant)).unwrap();
    let callback = world.sign_in(link, "alice");
    world.network.latency = (400, 500);
    let call = world.bring_callback(other, callback);
    world.run_for(std::time::Duration::from_millis(100));
    let asked = world.ask(process, grant);
    assert!(matches!(end(&world.await_answer(call)), CallbackEnd::Connected { .. }));
    issue(&world.await_answer(asked));
    assert_eq!(world.refreshes().len(), 0, "the repair made it needless");
    world.expect_order();
}

#[test]
fn an_exchange_that_fails_lets_the_grant_go_on() {
    let (mut world, process, grant) = quiet(Scene::strict());
    let link = world.open_link(Some(grant)).unwrap();
    let callback = world.sign_in(link, "alice");
    world.run_for(minutes(2));
    let call = world.bring_callback(process, callback);
    assert!(matches!(end(&world.await_answer(call)), CallbackEnd::Failed { .. }), "codes live for a minute");
    world.run_for(minutes(61));
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn a_repair_that_the_store_cannot_take_lands_from_the_lifeboat() {
    use evergrant_proto::transaction::Command;
    use evergrant_simulation::{Fate, StoreFault};
    for fate in [Fate::Away, Fate::CommittedInDoubt, Fate::LostInDoubt] {
        let (mut world, process, grant) = quiet(Scene::strict());
        let strikes = |command: &Command| matches!(command, Command::Complete(_));
        world.store.faults.push(StoreFault { strikes, fate, times: 3 });
        let link = world.open_link(Some(grant)).unwrap();
        let callback = world.sign_in(link, "alice");
        let call = world.bring_callback(process, callback);
        assert!(matches!(end(&world.await_answer(call)), CallbackEnd::Connected { .. }), "{fate:?}");
        assert_eq!(world.grant(grant).generation.0, 2);
        world.run_for(seconds(1));
        assert_eq!(world.store.places_taken(), []);
        world.expect_order();
    }
}
