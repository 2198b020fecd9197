//! The store is away, or does not say what it did.

use evergrant_proto::{
    engine::{Answer, Refusal},
    grant::GrantState,
    name::GrantId,
    transaction::Command,
};
use evergrant_rehearse::PolicyName;
use evergrant_simulation::{Fate, Mishap, ProcessId, Scene, StoreDelay, StoreFault, World};

use crate::support::{is_dead, issue, lively, minutes, quiet, refusal, seconds};

fn of_success(command: &Command) -> bool {
    matches!(command, Command::Succeed(_))
}

fn of_claim(command: &Command) -> bool {
    matches!(command, Command::Claim(_))
}

fn of_ending(command: &Command) -> bool {
    matches!(command, Command::End(_) | Command::Refuse(_))
}

#[test]
fn a_success_that_the_store_cannot_take_is_served_from_the_lifeboat_and_lands_once() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(minutes(61));
    world.store.faults.push(StoreFault { strikes: of_success, fate: Fate::Away, times: 8 });
    let token = issue(&world.token(process, grant)).access.token.clone();
    assert_eq!(world.store.rescued().count(), 1);
    assert_eq!(world.grant(grant).generation.0, 1, "the store does not have it yet");
    assert_eq!(issue(&world.token(process, grant)).access.token, token);
    world.run_for(minutes(2));
    assert_eq!(world.grant(grant).generation.0, 2);
    assert_eq!(world.grant(grant).access[0].token, token);
    assert_eq!(world.store.places_taken(), []);
    assert_eq!(world.refreshes().len(), 1);
    world.run_for(minutes(61));
    issue(&world.token(process, grant));
    assert_eq!(world.refreshes().len(), 2);
    world.expect_order();
}

/// An access token has ended; the next success is committed twice without anybody hearing of it before so many milliseconds.
fn about_to_commit_in_doubt(after: u64) -> (World, ProcessId, GrantId) {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.with_drivers();
    world.run_for(minutes(61));
    world.store.faults.push(StoreFault { strikes: of_success, fate: Fate::CommittedInDoubt, times: 2 });
    world.store.delays.push(StoreDelay { strikes: of_success, before: 0, after, times: 2 });
    (world, process, grant)
}

#[test]
fn a_rescued_token_that_was_rejected_meanwhile_is_not_handed_out_again() {
    let (mut world, process, grant) = about_to_commit_in_doubt(0);
    world.store.delays.push(StoreDelay { strikes: of_success, before: 65_000, after: 0, times: 1 });
    let token = issue(&world.token(process, grant)).access.token.clone();
    world.run_for(seconds(2));
    assert_eq!(issue(&world.token(process, grant)).access.token, token, "a change alone does not end it");
    world.reject(grant);
    world.run_for(seconds(2));
    assert_eq!(*refusal(&world.token(process, grant)), Refusal::InProgress { retry_after: seconds(1) });
    world.run_for(minutes(2));
    assert_ne!(issue(&world.token(process, grant)).access.token, token);
    world.expect_order();
}

/// Its commit landed before anybody heard of it, and a resource server had rejected it before it came into the lifeboat.
#[test]
fn a_token_that_was_rejected_before_it_was_rescued_is_not_handed_out() {
    let (mut world, process, grant) = about_to_commit_in_doubt(65_000);
    world.ask(process, grant);
    world.run_for(seconds(3));
    assert_eq!(world.grant(grant).generation.0, 2);
    let brought = world.grant(grant).access[0].token.clone();
    world.reject(grant);
    world.run_for(seconds(70));
    assert_ne!(world.store.places_taken(), []);
    let asked = world.ask(process, grant);
    if let Answer::Token(issue) = world.await_answer(asked) {
        assert_ne!(issue.access.token, brought);
    }
    world.run_for(minutes(3));
    assert_ne!(issue(&world.token(process, grant)).access.token, brought);
    world.expect_order();
}

#[test]
fn what_a_killed_process_has_rescued_lands_when_the_next_one_starts() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(minutes(61));
    world.store.faults.push(StoreFault { strikes: of_success, fate: Fate::Away, times: 1000 });
    let token = issue(&world.token(process, grant)).access.token.clone();
    world.kill(process);
    world.run_for(minutes(1));
    world.store.faults.clear();
    let next = world.start_without_scheduler();
    assert_eq!(world.store.places_taken(), []);
    assert_eq!(issue(&world.token(next, grant)).access.token, token);
    assert_eq!(world.refreshes().len(), 1);
    world.expect_order();
}

#[test]
fn a_commit_in_doubt_is_made_once() {
    for fate in [Fate::CommittedInDoubt, Fate::LostInDoubt] {
        let (mut world, process, grant) = quiet(Scene::strict());
        world.run_for(minutes(61));
        world.store.faults.push(StoreFault { strikes: of_success, fate, times: 2 });
        issue(&world.token(process, grant));
        world.run_for(minutes(1));
        assert_eq!(world.grant(grant).generation.0, 2);
        assert_eq!(world.store.places_taken(), []);
        assert!(world.engine(process).is_idle());
        world.expect_order();
    }
}

#[test]
fn a_claim_in_doubt_sends_nothing_and_leaves_no_doubt() {
    for fate in [Fate::CommittedInDoubt, Fate::LostInDoubt] {
        let (mut world, process, grant) = quiet(Scene::strict());
        world.run_for(minutes(61));
        world.store.faults.push(StoreFault { strikes: of_claim, fate, times: 1 });
        refusal(&world.token(process, grant));
        assert_eq!(world.refreshes().len(), 0);
        world.run_for(seconds(5));
        issue(&world.token(process, grant));
        assert_eq!(world.store.attempts(grant).filter(|attempt| attempt.is_open()).count(), 0);
        world.expect_order();
    }
}

#[test]
fn nothing_is_sent_while_the_store_or_the_lifeboat_is_away() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.run_for(minutes(50));
    world.store.away = true;
    world.run_for(minutes(20));
    assert!(matches!(refusal(&world.token(process, grant)), Refusal::StoreUnavailable(_)));
    world.store.away = false;
    world.store.lifeboat_away = true;
    world.run_for(minutes(20));
    assert!(matches!(refusal(&world.token(process, grant)), Refusal::StoreUnavailable(_)));
    assert_eq!(world.refreshes().len(), 0);
    world.store.lifeboat_away = false;
    world.run_for(minutes(1));
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn a_failure_that_the_store_cannot_take_is_told_at_once_and_recorded_later() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(minutes(61));
    world.withdraw_consent("alice");
    world.store.faults.push(StoreFault { strikes: of_ending, fate: Fate::Away, times: 6 });
    assert!(matches!(refusal(&world.token(process, grant)), Refusal::NeedsReauthorization(_)));
    assert!(!is_dead(&world, grant));
    world.run_for(minutes(1));
    assert!(is_dead(&world, grant));
    assert_eq!(world.refreshes().len(), 1);
    world.expect_order();
}

#[test]
fn a_quarantined_store_serves_and_refreshes_nothing() {
    let (mut world, process, grant) = lively(Scene::strict());
    world.store.quarantined = true;
    world.run_for(minutes(58));
    issue(&world.token(process, grant));
    world.run_for(minutes(5));
    assert_eq!(*refusal(&world.token(process, grant)), Refusal::Quarantined);
    assert_eq!(world.refreshes().len(), 0);
    world.store.quarantined = false;
    world.run_for(minutes(2));
    assert_eq!(world.grant(grant).state, GrantState::Active);
    issue(&world.token(process, grant));
    world.expect_order();
}

#[test]
fn an_outcome_is_recorded_although_the_lifeboat_and_the_store_are_away() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(minutes(61));
    world.network.next.push_back(Mishap::ResponseDelayed(2_000));
    let call = world.ask(process, grant);
    world.run_for(seconds(1));
    (world.store.away, world.store.lifeboat_away) = (true, true);
    refusal(&world.await_answer(call));
    world.run_for(minutes(1));
    (world.store.away, world.store.lifeboat_away) = (false, false);
    world.run_for(seconds(10));
    issue(&world.token(process, grant));
    assert_eq!(world.refreshes().len(), 1);
    world.expect_order();
}

#[test]
fn what_was_rescued_is_not_served_after_its_end() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.run_for(minutes(61));
    world.store.faults.push(StoreFault { strikes: of_success, fate: Fate::Away, times: 10_000 });
    issue(&world.token(process, grant));
    world.run_for(minutes(61));
    assert!(matches!(refusal(&world.token(process, grant)), Refusal::StoreUnavailable(_)));
    world.store.faults.clear();
    world.run_for(seconds(10));
    issue(&world.token(process, grant));
    assert_eq!(world.refreshes().len(), 2);
    world.expect_order();
}

#[test]
fn what_a_slow_store_tells_is_not_remembered_over_what_has_changed_since() {
    let (mut world, process, grant) = quiet(Scene::strict());
    world.with_drivers();
    world.run_for(minutes(61));
    world.store.delays.push(StoreDelay { strikes: of_success, before: 0, after: 30_000, times: 1 });
    world.ask(process, grant);
    world.run_for(seconds(2));
    let brought = world.grant(grant).generation;
    world.reject(grant);
    world.run_for(seconds(40));
    let call = world.ask(process, grant);
    let told = world.await_answer(call);
    assert!(issue(&told).generation > brought, "a resource server had rejected what was brought");
    world.expect_order();
}

#[test]
fn a_rescued_token_that_has_ended_does_not_hide_what_another_process_brought() {
    let (mut world, first, grant) = quiet(Scene::named(PolicyName::P0).living(60));
    let second = world.start_without_scheduler();
    world.run_for(seconds(61));
    world.store.faults.push(StoreFault { strikes: of_success, fate: Fate::Away, times: 1 });
    for after in [0, 90_000] {
        world.store.delays.push(StoreDelay { strikes: of_success, before: 0, after, times: 1 });
    }
    issue(&world.token(first, grant));
    // The second try is committed, and its answer is on the way for longer than the token lives.
    world.run_for(seconds(100));
    let newer = issue(&world.token(second, grant)).generation;
    assert_eq!(issue(&world.token(first, grant)).generation, newer);
    world.expect_order();
}
