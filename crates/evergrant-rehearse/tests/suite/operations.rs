//! Whatever is done to a provider in whatever order, some things always hold.

use evergrant_rehearse::{
    Action, Endpoint, Fault, Method, Outcome,
    PolicyName::{self, P0, P1, P2, P3, P4, P5, P6, P7},
    Progress, Request,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::Value;

use crate::world::{World, tokens};

#[derive(Debug, Clone)]
enum Operation {
    SignIn { bob: bool },
    Refresh(Index),
    RefreshAndLose(Index),
    RefreshWithWrongScope(Index),
    RefreshAsOther(Index),
    Revoke(Index),
    ReplayCode(Index),
    Garbage(String),
    Advance(u64),
    ChangePassword,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => any::<bool>().prop_map(|bob| Operation::SignIn { bob }),
        8 => any::<Index>().prop_map(Operation::Refresh),
        2 => any::<Index>().prop_map(Operation::RefreshAndLose),
        1 => any::<Index>().prop_map(Operation::RefreshWithWrongScope),
        1 => any::<Index>().prop_map(Operation::RefreshAsOther),
        1 => any::<Index>().prop_map(Operation::Revoke),
        1 => any::<Index>().prop_map(Operation::ReplayCode),
        1 => ".{0,40}".prop_map(Operation::Garbage),
        2 => (0_u64..40).prop_map(Operation::Advance),
        1 => Just(Operation::ChangePassword),
    ]
}

/// Everything that was handed out, as a client or thief may hold it.
#[derive(Default)]
struct Handed {
    refresh: Vec<String>,
    codes: Vec<String>,
    all: Vec<String>,
    token_requests: usize,
}

impl Handed {
    fn take(&mut self, response: &evergrant_rehearse::Response) {
        let Some(tokens) = tokens(response) else { return };
        self.all.push(tokens.access);
        if !tokens.refresh.is_empty() {
            self.all.push(tokens.refresh.clone());
            self.refresh.push(tokens.refresh);
        }
    }

    fn any(&self, index: Index) -> String {
        if self.refresh.is_empty() { "rt_none".into() } else { index.get(&self.refresh).clone() }
    }
}

fn perform(world: &mut World, handed: &mut Handed, operation: Operation) {
    handed.token_requests += usize::from(!matches!(
        operation,
        Operation::Revoke(_) | Operation::Advance(_) | Operation::ChangePassword
    ));
    match operation {
        Operation::SignIn { bob } => {
            let code = world.code("app", if bob { "bob" } else { "alice" }, &[]);
            let response = world.redeem("app", &code);
            handed.all.push(code.clone());
            handed.codes.push(code);
            handed.take(&response);
        }
        Operation::Refresh(index) => {
            let response = world.refresh("app", &handed.any(index));
            handed.take(&response);
        }
        Operation::RefreshAndLose(index) => lose(world, &handed.any(index)),
        Operation::RefreshWithWrongScope(index) => {
            let token = handed.any(index);
            let fields = [
                ("client_id", "app"),
                ("grant_type", "refresh_token"),
                ("refresh_token", &token),
                ("scope", "x"),
            ];
            assert_eq!(world.token(&fields).status, 400);
        }
        Operation::RefreshAsOther(index) => {
            assert_eq!(world.refresh("other", &handed.any(index)).status, 400);
        }
        Operation::Revoke(index) => {
            let token = handed.any(index);
            world.send(Request::post_form("/revoke", &[("client_id", "app"), ("token", &token)]));
        }
        Operation::ReplayCode(index) => {
            let code = if handed.codes.is_empty() { "none".into() } else { index.get(&handed.codes).clone() };
            assert_eq!(world.redeem("app", &code).status, 400);
        }
        Operation::Garbage(text) => {
            world.token(&[("grant_type", &text), ("client_id", &text), ("refresh_token", &text)]);
        }
        Operation::Advance(seconds) => world.advance_s(seconds),
        Operation::ChangePassword => {
            let now = world.now;
            world.provider.change_password("alice", now).unwrap();
        }
    }
}

fn lose(world: &mut World, token: &str) {
    world.provider.add_fault(Fault::after_commit(Action::Drop)).unwrap();
    let fields = [("client_id", "app"), ("grant_type", "refresh_token"), ("refresh_token", token)];
    assert!(matches!(world.handle(Request::post_form("/token", &fields)), Progress::Deliver(_)));
    world.provider.clear_faults();
}

fn check(world: &mut World, handed: &Handed, policy: PolicyName) {
    if matches!(policy, P1 | P2 | P3) {
        assert!(world.live_leaves().into_iter().all(|leaves| leaves <= 1), "{policy:?}");
    }
    let entries = world.provider.journal(0);
    let token_entries: Vec<_> = entries.filter(|entry| entry.endpoint == Endpoint::Token).collect();
    assert_eq!(token_entries.len(), handed.token_requests);
    for entry in token_entries {
        assert_eq!(entry.status >= 400, entry.outcome == Outcome::Refused, "{entry:?}");
        assert_eq!(entry.reason.is_some(), entry.outcome == Outcome::Refused, "{entry:?}");
        assert!(entry.revoked.is_empty() || entry.outcome == Outcome::Refused, "{entry:?}");
    }
}

fn check_that_nothing_shows(world: &mut World, handed: &Handed) {
    for path in ["/admin/journal", "/admin/grants", "/admin/clients", "/admin/users", "/admin/faults"] {
        let shown = String::from_utf8(world.admin(Method::Get, path, &Value::Null).body).unwrap();
        for secret in &handed.all {
            assert!(!shown.contains(secret.as_str()), "{path} shows {secret}");
        }
        assert!(!shown.contains("demo-secret"), "{path}");
    }
    let debugged = format!("{:?} {:?}", world.provider, world.provider.clients().collect::<Vec<_>>());
    assert!(!debugged.contains("demo-secret"), "{debugged}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_under_every_policy(
        policy in prop::sample::select(vec![P0, P1, P2, P3, P4, P5, P6, P7]),
        operations in vec(operation(), 1..60),
    ) {
        let mut world = World::rotating(policy);
        world.provider.add_client(evergrant_rehearse::ClientSettings::public("other")).unwrap();
        world.provider.add_client(evergrant_rehearse::ClientSettings::basic("third", "demo-secret")).unwrap();
        let mut handed = Handed::default();
        for operation in operations {
            perform(&mut world, &mut handed, operation);
            check(&mut world, &handed, policy);
        }
        check_that_nothing_shows(&mut world, &handed);
    }

    #[test]
    fn the_same_bytes_and_times_give_the_same_journal(operations in vec(operation(), 1..20)) {
        let run = || {
            let (mut world, mut handed) = (World::rotating(P2), Handed::default());
            world.provider.add_client(evergrant_rehearse::ClientSettings::public("other")).unwrap();
            for operation in operations.clone() {
                perform(&mut world, &mut handed, operation);
            }
            world.provider.journal(0).cloned().collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}
