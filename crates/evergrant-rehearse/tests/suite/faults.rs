//! Faults before and after the change of state, in the provider as a value.

use std::{collections::BTreeMap, time::Duration};

use evergrant_rehearse::{
    Action, Delivery, Endpoint, ExchangeId, Fault, FaultId, GrantType, Outcome,
    PolicyName::{P1, P2},
    Progress, Reason, Request, Until,
};

use crate::world::World;

fn refresh_request(token: &str) -> Request {
    Request::post_form(
        "/token",
        &[("client_id", "app"), ("grant_type", "refresh_token"), ("refresh_token", token)],
    )
}

fn held(progress: &Progress) -> ExchangeId {
    match progress {
        Progress::Wait { exchange, until: Until::Released } => *exchange,
        other => panic!("not held but {other:?}"),
    }
}

#[test]
fn a_fault_before_the_change_leaves_the_token_unspent() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    let headers = BTreeMap::from([("Retry-After".to_owned(), "7".to_owned())]);
    let down = Action::Respond { status: 503, headers, body: "busy".into() };
    world.provider.add_fault(Fault::before(down).at(Endpoint::Token)).unwrap();
    let response = world.send(refresh_request(&first));
    assert_eq!((response.status, response.header("retry-after")), (503, Some("7")));
    let entry = world.last();
    assert_eq!((entry.outcome, entry.reason), (Outcome::Failed, Some(Reason::FaultBeforeChange)));
    assert_eq!((entry.status, entry.response_lost), (503, false));
    assert_eq!(
        (entry.generation, entry.presented_before),
        (Some(1), Some(0)),
        "it was presented all the same"
    );
    world.refreshed(&first);
    assert_eq!(world.last().presented_before, Some(1));
}

#[test]
fn a_fault_after_the_commit_spends_the_token_and_loses_the_answer() {
    for action in [
        Action::Drop,
        Action::status(500),
        Action::respond(200, "<html>sign in to the hotel network</html>"),
        Action::Truncate { bytes: 10 },
    ] {
        let mut world = World::rotating(P2);
        let first = world.sign_in("app", "alice").refresh;
        let fault = world.provider.add_fault(Fault::after_commit(action.clone())).unwrap();
        let Progress::Deliver(delivery) = world.handle(refresh_request(&first)) else {
            panic!("{action:?} does not wait")
        };
        match (&action, delivery) {
            (Action::Drop, Delivery::Dropped) => {}
            (Action::Truncate { bytes }, Delivery::Truncated(response, sent)) => {
                assert_eq!((*bytes, response.status), (sent, 200));
            }
            (Action::Respond { status, body, .. }, Delivery::Whole(response)) => {
                assert_eq!((response.status, response.body.as_slice()), (*status, body.as_bytes()));
            }
            (action, delivery) => panic!("{action:?} gave {delivery:?}"),
        }
        let entry = world.last();
        assert!(entry.response_lost && entry.issued.is_some());
        assert_eq!((entry.status, entry.faults.as_slice()), (200, &[fault][..]));
        assert_eq!(world.refusal(&first), Reason::ReplayedRefreshToken);
    }
}

#[test]
fn a_fault_strikes_only_what_it_is_aimed_at_and_only_so_often() {
    let mut world = World::rotating(P1);
    let first = world.sign_in("app", "alice").refresh;
    let aimed = Fault::before(Action::status(503)).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let others = world.provider.add_fault(aimed.clone().of_client("other")).unwrap();
    let ours = world.provider.add_fault(aimed.of_client("app").times(2)).unwrap();
    assert_eq!(world.userinfo("at_none"), 401);
    assert!(!world.code("app", "alice", &[]).is_empty());
    let statuses: Vec<_> = (0..3).map(|_| world.send(refresh_request(&first)).status).collect();
    assert_eq!(statuses, [503, 503, 200]);
    assert_eq!(world.provider.fault(others).unwrap().struck, 0);
    assert_eq!(world.provider.fault(ours).unwrap().struck, 2);
}

#[test]
fn a_delay_names_its_time_and_goes_on_when_it_is_resumed() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    world.provider.add_fault(Fault::before(Action::Delay { ms: 700 })).unwrap();
    let progress = world.handle(refresh_request(&first));
    let Progress::Wait { exchange, until } = progress else { panic!("{progress:?}") };
    assert_eq!(until, Until::After(Duration::from_millis(700)));
    let resumed = world.resume(exchange);
    assert!(matches!(resumed, Some(Progress::Deliver(Delivery::Whole(response))) if response.status == 200));
    assert_eq!(world.resume(exchange), None);
}

#[test]
fn a_request_held_before_the_change_sees_the_world_at_its_release() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    let fault = world.provider.add_fault(Fault::before(Action::Hold)).unwrap();
    let exchange = held(&world.handle(refresh_request(&first)));
    assert_eq!(world.provider.fault(fault).unwrap().held, 1);
    world.refreshed(&first);
    assert_eq!(world.provider.release(fault, None), 1);
    assert_eq!(world.provider.poll_released(), Some(exchange));
    assert_eq!(world.provider.fault(fault).unwrap().held, 0);
    world.resume(exchange);
    assert_eq!(world.last().reason, Some(Reason::ReplayedRefreshToken));
}

#[test]
fn a_request_held_after_the_commit_keeps_its_answer() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    let fault = world.provider.add_fault(Fault::after_commit(Action::Hold).always()).unwrap();
    let exchange = held(&world.handle(refresh_request(&first)));
    let entry = world.last();
    assert!(entry.issued.is_some() && !entry.response_lost);
    world.provider.release(fault, Some(1));
    let resumed = world.resume(exchange);
    assert!(matches!(resumed, Some(Progress::Deliver(Delivery::Whole(response))) if response.status == 200));
}

#[test]
fn faults_follow_one_another_on_one_request() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    let hold = world.provider.add_fault(Fault::after_commit(Action::Hold)).unwrap();
    let drop = world.provider.add_fault(Fault::after_commit(Action::Drop)).unwrap();
    let exchange = held(&world.handle(refresh_request(&first)));
    world.provider.release(hold, None);
    assert_eq!(world.resume(exchange), Some(Progress::Deliver(Delivery::Dropped)));
    assert_eq!(world.last().faults, [hold, drop]);
    assert!(world.last().response_lost);
}

#[test]
fn removing_a_fault_releases_what_it_holds() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    let fault = world.provider.add_fault(Fault::before(Action::Hold).always()).unwrap();
    let exchange = held(&world.handle(refresh_request(&first)));
    assert!(world.provider.remove_fault(fault));
    assert!(!world.provider.remove_fault(FaultId(99)));
    assert_eq!(world.provider.poll_released(), Some(exchange));
    assert!(world.resume(exchange).is_some());
    assert_eq!(world.last().reason, None);
}

#[test]
fn a_request_that_arrives_twice_is_a_replay_and_gets_the_answer_of_one() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    world.provider.add_fault(Fault::after_commit(Action::Repeat)).unwrap();
    assert_eq!(world.send(refresh_request(&first)).status, 400);
    assert_eq!(world.last().reason, Some(Reason::ReplayedRefreshToken));
    let before = world.provider.journal(world.last().seq - 2).next().unwrap();
    assert_eq!((before.outcome, before.response_lost), (Outcome::Done, true));
}

#[test]
fn a_late_request_arrives_when_it_is_released_and_nobody_sees_its_answer() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice").refresh;
    let late = world.provider.add_fault(Fault::before(Action::Late)).unwrap();
    let dropped = world.handle(refresh_request(&first));
    assert_eq!(dropped, Progress::Deliver(Delivery::Dropped));
    assert_eq!(world.provider.fault(late).unwrap().held, 1);
    world.refreshed(&first);
    assert_eq!(world.provider.release(late, None), 1);
    let released = world.provider.poll_released().unwrap();
    world.resume(released);
    assert_eq!(world.last().reason, Some(Reason::ReplayedRefreshToken));
    assert_eq!(world.last().revoked.len(), 1);
}
