//! What happens to users at a provider that says why it refuses.

use evergrant_proto::{diagnosis::Cause, grant::GrantState};
use evergrant_simulation::{Scene, World};

use crate::support::{is_dead, issue, lively, minutes};

type Happening = fn(&mut World);

#[test]
fn what_happens_to_an_account_is_named() {
    let happenings: [(Happening, Cause); 3] = [
        (|world| world.change_password("alice"), Cause::PasswordChanged),
        (|world| world.set_user_enabled("alice", false), Cause::AccountDisabled),
        (|world| world.delete_user("alice"), Cause::AccountDisabled),
    ];
    for (happen, cause) in happenings {
        let (mut world, ..) = lively(Scene { tells_reason: true, ..Scene::strict() });
        happen(&mut world);
        world.run_for(minutes(61));
        let grant = world.store.grants().next().unwrap();
        let GrantState::NeedsReauthorization { diagnosis } = &grant.state else {
            panic!("{:?}", grant.state)
        };
        let first = [diagnosis.cause].into_iter().chain(diagnosis.alternatives.iter().copied()).take(4);
        assert!(first.into_iter().any(|named| named == cause), "{cause:?}: {diagnosis:?}");
        world.expect_order();
    }
}

#[test]
fn a_user_who_comes_back_repairs_the_grant() {
    let (mut world, process, grant) = lively(Scene { tells_reason: true, ..Scene::strict() });
    world.delete_user("alice");
    world.run_for(minutes(61));
    assert!(is_dead(&world, grant));
    world.bring_user_back("alice", "acme");
    let link = world.open_link(Some(grant)).unwrap();
    let callback = world.sign_in(link, "alice");
    let call = world.bring_callback(process, callback);
    world.await_answer(call);
    assert_eq!(world.grant(grant).state, GrantState::Active);
    issue(&world.token(process, grant));
    world.expect_order();
}
