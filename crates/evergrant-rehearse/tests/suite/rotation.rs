//! What each rotation policy does with a refresh token that is used again.

use evergrant_rehearse::{
    Ancestors, Otherwise,
    PolicyName::{P0, P1, P2, P3, P4, P5, P6, P7},
    Reason, RevocationCause, RotationPolicy,
};

use crate::world::{World, tokens};

const REVOKED: Reason = Reason::FamilyRevoked(RevocationCause::ReplayedRefreshToken);

#[test]
fn p0_keeps_the_refresh_token_and_sends_none() {
    let mut world = World::rotating(P0);
    let first = world.sign_in("app", "alice").refresh;
    for _ in 0..3 {
        let response = world.refresh("app", &first);
        assert_eq!(response.status, 200);
        assert_eq!(response.to_json().unwrap().get("refresh_token"), None);
    }
    assert_eq!(world.last().presented_before, Some(2));
}

#[test]
fn p0_may_reissue_while_the_old_token_goes_on_working() {
    let mut world = World::rotating(RotationPolicy { reissues: true, ..RotationPolicy::named(P0) });
    let first = world.sign_in("app", "alice").refresh;
    let second = world.refreshed(&first);
    assert_ne!(first, second);
    world.refreshed(&first);
    world.refreshed(&second);
}

#[test]
fn p1_refuses_a_replay_and_lets_the_successor_live() {
    let mut world = World::rotating(P1);
    let first = world.sign_in("app", "alice").refresh;
    let second = world.refreshed(&first);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
    assert!(world.last().revoked.is_empty());
    assert_eq!(world.last().generation, Some(1));
    world.refreshed(&second);
    assert_eq!(world.last().generation, Some(2));
    assert_eq!(world.last().issued_generation, Some(3));
}

#[test]
fn p2_ends_the_family_of_a_replay_and_no_other() {
    let mut world = World::rotating(P2);
    let other = world.sign_in("app", "alice").refresh;
    let first = world.sign_in("app", "alice");
    let second = tokens(&world.refresh("app", &first.refresh)).unwrap();
    assert_eq!(world.refusal(&first.refresh), Reason::ReplayedRefreshToken);
    let entry = world.last();
    assert_eq!(entry.revoked.len(), 1);
    assert_eq!(Some(entry.revoked[0].family), entry.family);
    assert_eq!(entry.revoked[0].cause, RevocationCause::ReplayedRefreshToken);
    assert_eq!(world.refusal(&second.refresh), REVOKED);
    assert_eq!(world.userinfo(&first.access), 401);
    assert_eq!(world.userinfo(&second.access), 401);
    world.refreshed(&other);
}

#[test]
fn p2_can_end_the_whole_client_session_of_the_user() {
    let policy = RotationPolicy { otherwise: Otherwise::RevokeClientSession, ..RotationPolicy::strict() };
    let mut world = World::rotating(policy);
    let sibling = world.sign_in("app", "alice").refresh;
    let bobs = world.sign_in("app", "bob").refresh;
    let first = world.sign_in("app", "alice").refresh;
    world.refreshed(&first);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
    assert_eq!(world.last().revoked.len(), 2);
    assert_eq!(world.refusal(&sibling), REVOKED);
    world.refreshed(&bobs);
}

#[test]
fn p3_returns_the_same_successor_inside_the_window_only() {
    let mut world = World::rotating(RotationPolicy::same_successor_within(30));
    let first = world.sign_in("app", "alice").refresh;
    let second = world.refreshed(&first);
    world.advance_s(29);
    assert_eq!(world.refreshed(&first), second);
    assert_eq!(world.refreshed(&first), second);
    world.advance_s(1);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
    assert_eq!(world.refusal(&second), REVOKED);
}

#[test]
fn p3_covers_only_the_immediate_predecessor_unless_told_otherwise() {
    for (ancestors, forgiven) in [(Ancestors::Immediate, false), (Ancestors::All, true)] {
        let policy = RotationPolicy { ancestors, ..RotationPolicy::same_successor_within(30) };
        let mut world = World::rotating(policy);
        let first = world.sign_in("app", "alice").refresh;
        let second = world.refreshed(&first);
        world.refreshed(&second);
        assert_eq!(world.refresh("app", &first).status == 200, forgiven, "{ancestors:?}");
    }
}

#[test]
fn p4_mints_a_new_pair_for_each_replay_inside_the_window() {
    let mut world = World::rotating(P4);
    let first = world.sign_in("app", "alice").refresh;
    let second = world.refreshed(&first);
    let sibling = world.refreshed(&first);
    assert_ne!(second, sibling);
    assert_eq!(world.last().issued_generation, Some(2));
    world.advance_s(30);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
    assert_eq!(world.refusal(&sibling), REVOKED);
}

#[test]
fn p4_can_count_instead_of_timing() {
    let policy = RotationPolicy { window_s: None, count: Some(1), ..RotationPolicy::named(P4) };
    let mut world = World::rotating(policy);
    let first = world.sign_in("app", "alice").refresh;
    world.refreshed(&first);
    world.advance_s(86_400);
    world.refreshed(&first);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
}

#[test]
fn p5_lets_the_latest_replay_win() {
    let mut world = World::rotating(RotationPolicy { count: Some(2), ..RotationPolicy::named(P5) });
    let first = world.sign_in("app", "alice").refresh;
    let second = world.refreshed(&first);
    let latest = world.refreshed(&first);
    assert_eq!(world.refusal(&second), Reason::SupersededRefreshToken);
    world.refreshed(&latest);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken, "its successor was used");
}

#[test]
fn p5_ends_when_its_count_is_used_up() {
    let mut world = World::rotating(RotationPolicy { count: Some(2), ..RotationPolicy::named(P5) });
    let first = world.sign_in("app", "alice").refresh;
    let latest = (0..3).map(|_| world.refreshed(&first)).last().unwrap();
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
    world.refreshed(&latest);
}

#[test]
fn p6_keeps_the_predecessor_until_its_successor_is_used() {
    let mut world = World::rotating(P6);
    let first = world.sign_in("app", "alice").refresh;
    let lost = world.refreshed(&first);
    world.advance_s(86_400);
    let second = world.refreshed(&first);
    assert_eq!(world.refusal(&lost), Reason::SupersededRefreshToken);
    world.refreshed(&second);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
}

#[test]
fn p6_has_a_longest_overlap() {
    let mut world = World::rotating(RotationPolicy { window_s: Some(60), ..RotationPolicy::named(P6) });
    let first = world.sign_in("app", "alice").refresh;
    world.refreshed(&first);
    world.advance_s(60);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
}

#[test]
fn p7_overlaps_for_minutes_whatever_has_happened_since() {
    let mut world = World::rotating(P7);
    let first = world.sign_in("app", "alice").refresh;
    let second = world.refreshed(&first);
    world.refreshed(&second);
    world.advance_s(599);
    world.refreshed(&first);
    world.advance_s(1);
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
}

#[test]
fn a_refused_scope_does_not_cost_the_token() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    let wider = world.token(&[
        ("client_id", "app"),
        ("grant_type", "refresh_token"),
        ("refresh_token", &first),
        ("scope", "openid admin"),
    ]);
    assert_eq!(crate::world::error(&wider), "invalid_scope");
    assert_eq!(world.last().reason, Some(Reason::ScopeNotAllowed));
    world.refreshed(&first);
}

#[test]
fn a_policy_that_is_changed_holds_for_tokens_that_exist() {
    let mut world = World::rotating(P3);
    let first = world.sign_in("app", "alice").refresh;
    let second = world.refreshed(&first);
    assert_eq!(world.refreshed(&first), second);
    world.provider.change_client("app", |client| client.rotation = P1.into()).unwrap();
    assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
    world.refreshed(&second);
}

#[test]
fn the_journal_tells_refresh_tokens_apart_without_showing_them() {
    let mut world = World::rotating(P3);
    let first = world.sign_in("app", "alice").refresh;
    let issued = world.last().issued;
    world.refreshed(&first);
    assert_eq!(world.last().presented, issued);
    assert_eq!(world.last().presented, Some(evergrant_rehearse::Fingerprint::of(&first)));
    assert_ne!(world.last().issued, issued);
}
