//! Everything at once, by chance: many seeds, all invariants after every step, and an end in good order.

use std::collections::{BTreeMap, BTreeSet};

use evergrant_proto::diagnosis::Cause;
use evergrant_simulation::{
    Fate, NOT_JUDGED, Options, Policy, SUPPOSED_LOST, Script, Setting, Side, Work, play, run, shrink, trace,
};

/// How many seeds are played; `EVERGRANT_SEEDS` asks for more.
const SEEDS: u64 = 2000;

/// All seeds that decide for this policy.
fn play_all(policy: &str) {
    let policy: Policy = policy.parse().unwrap();
    let asked = std::env::var("EVERGRANT_SEEDS").ok().and_then(|text| text.parse().ok());
    let seeds = (0..asked.unwrap_or(SEEDS)).filter(|seed| Setting::of(*seed, None).policy == policy);
    for seed in seeds {
        if let Err(violation) = run(seed, &Options::default()) {
            let shrunk = shrink(&violation);
            panic!("{}\n{violation}\nshrunk:\n{shrunk}", shrunk.trace.join("\n"));
        }
    }
}

#[test]
fn nothing_is_lost_without_need_where_tokens_are_reusable() {
    play_all("P0");
}

#[test]
fn nothing_is_lost_without_need_where_a_token_works_once() {
    play_all("P1");
}

#[test]
fn nothing_is_lost_without_need_where_a_replay_ends_the_family() {
    play_all("P2");
}

#[test]
fn nothing_is_lost_without_need_where_a_window_returns_the_same_successor() {
    play_all("P3");
}

#[test]
fn nothing_is_lost_without_need_where_a_window_mints_another_pair() {
    play_all("P4");
}

#[test]
fn nothing_is_lost_without_need_where_the_latest_replay_wins() {
    play_all("P5");
}

#[test]
fn nothing_is_lost_without_need_where_a_token_works_until_its_successor_does() {
    play_all("P6");
}

#[test]
fn nothing_is_lost_without_need_where_a_token_works_on_for_minutes() {
    play_all("P7");
}

#[test]
fn nothing_is_lost_without_need_where_nobody_knows_the_policy() {
    play_all("unknown");
}

/// Plays a seed that has broken an invariant once.
fn play_again(seed: u64) {
    run(seed, &Options::default()).unwrap_or_else(|violation| panic!("{violation}"));
}

/// One that has done so when it was asked to play this policy.
fn play_again_as(policy: &str, seed: u64) {
    let options = Options { policy: policy.parse().ok(), ..Options::default() };
    run(seed, &options).unwrap_or_else(|violation| panic!("{violation}"));
}

/// After an adoption a grant may serve nothing until it is its turn, while others are refreshed: the end is judged between two
/// of these refreshes.
#[test]
fn an_end_is_judged_when_nothing_is_under_way() {
    play_again(41_310);
}

/// What was rescued is asked about after a change, and there is no process that nobody tells of changes.
#[test]
fn a_process_hears_of_changes_whether_or_not_it_serves_from_memory() {
    play_again(647_009);
}

/// A request of the newer tables arrives after the restored store has refreshed with its old token, and the latest wins.
#[test]
fn a_request_that_the_backup_knows_nothing_of_is_among_the_causes_of_a_death() {
    play_again(938_009);
}

/// Within its window the provider repeats what the newer tables were given already, until it counts one use too many.
#[test]
fn what_was_used_before_the_restore_is_among_the_causes_of_a_death() {
    play_again(803_012);
}

/// The same where a replay ends nothing: the successor was used before the restore, and is spent when it comes again.
#[test]
fn what_was_used_before_the_restore_is_among_the_causes_where_replays_end_nothing() {
    play_again(85_891);
}

/// The same where the provider says that it was used: by the newer tables, and not by a thief.
#[test]
fn what_was_used_before_the_restore_accuses_nobody() {
    play_again(835_107);
}

/// A refusal has waited for an attempt, and its end is no reason to come back before the provider's time.
#[test]
fn what_replaces_a_refused_credential_waits_as_the_provider_has_asked() {
    play_again(472_735);
}

#[test]
fn the_end_of_an_attempt_that_an_authorization_has_superseded_settles_nothing() {
    play_again(606_076);
}

/// Its refusal was heard five minutes late: that makes no token older.
#[test]
fn a_token_does_not_grow_old_while_its_process_stands_still() {
    play_again(230_809);
}

/// The predecessor is put back, used without an answer, and then the user withdraws the consent.
#[test]
fn what_befalls_a_predecessor_that_was_put_back_is_news() {
    play_again_as("P6", 10_492);
}

/// Its successor was refused before the backup was made, and by now the predecessor has ended, too.
#[test]
fn what_a_backup_tells_of_a_newer_token_is_no_news() {
    play_again_as("P6", 1959);
}

/// A cause that never comes to pass is never judged, and neither is a death of which nobody tells the truth.
#[test]
fn grants_die_of_every_cause_and_hardly_any_death_is_left_unjudged() {
    let mut deaths: BTreeMap<String, usize> = BTreeMap::new();
    for summary in (0..SEEDS / 4).filter_map(|seed| run(seed, &Options::default()).ok()) {
        for (cause, count) in summary.deaths {
            *deaths.entry(cause).or_default() += count;
        }
    }
    let all: usize = deaths.values().sum();
    let unjudged = deaths.remove(NOT_JUDGED).unwrap_or_default();
    assert!(unjudged * 20 < all, "{unjudged} of {all}");
    // So many answers are lost here that every third death follows one without an answer.
    let supposed = deaths.remove(SUPPOSED_LOST).unwrap_or_default();
    assert!(supposed * 3 < all, "{supposed} of {all}");
    let expected = [
        Cause::AccountDisabled,
        Cause::AdminOrPolicyRevoked,
        Cause::LostRotationNotPersisted,
        Cause::PasswordChanged,
        Cause::RefreshTokenExpiredAbsolute,
        Cause::RefreshTokenExpiredIdle,
        Cause::RotatedTokenReused,
        Cause::TokenLimitExceeded,
        Cause::UserRevoked,
    ];
    let expected: BTreeSet<String> = expected.iter().map(Cause::to_string).collect();
    assert_eq!(deaths.into_keys().collect::<BTreeSet<_>>(), expected);
}

/// To the last line: a map of random order in an engine would show in what it asks for first.
#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..20 {
        let script = Script::of(seed, None, 200);
        assert_eq!(trace(&script), trace(&script), "seed {seed}");
        assert_eq!(
            play(&script, true).ok(),
            play(&script, false).ok(),
            "seed {seed}: a trace changes nothing"
        );
    }
}

/// What is drawn has to come to pass, too: a trouble that strikes nobody proves nothing.
#[test]
fn every_trouble_comes_to_pass() {
    let works = [Work::Read, Work::Reserve, Work::Claim, Work::Send, Work::Record, Work::Rescue, Work::Write];
    let blows = works.iter().flat_map(|work| {
        [Side::Before, Side::After, Side::OnReturn]
            .into_iter()
            // The return of any other write counts as that of a record.
            .filter(move |side| (*work, *side) != (Work::Write, Side::OnReturn))
            .flat_map(move |side| ["Kill", "Stop"].map(|blow| format!("{work:?} {side:?} {blow}")))
    });
    let fates = [Fate::Away, Fate::CommittedInDoubt, Fate::LostInDoubt].map(|fate| format!("{fate:?}"));
    let mishaps = ["Refused", "RequestLost", "ResponseLost", "Reset", "RequestDelayed", "ResponseDelayed"];
    let mut missing: BTreeSet<String> = blows.chain(fates).chain(mishaps.map(str::to_owned)).collect();
    for summary in (0..SEEDS).filter_map(|seed| run(seed, &Options::default()).ok()) {
        missing.retain(|trouble| !summary.met.contains(trouble));
        if missing.is_empty() {
            return;
        }
    }
    panic!("never came to pass: {missing:?}");
}
