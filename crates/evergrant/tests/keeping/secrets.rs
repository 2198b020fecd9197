//! No secret appears where it does not belong.

use evergrant::proto::name::Namespace;
use evergrant_rehearse::{Action, Fault, PolicyName};

use crate::world::{SECRET, World, see, seen};

/// Everything that people, logs or callers can see of a story with every kind of trouble.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_appears_in_records_events_errors_or_files() {
    let world = World::playing(PolicyName::P2).await;
    let grant = world.connect("alice").await;
    let mut secrets = vec![SECRET.to_owned(), world.token(grant).await.unwrap().expose().to_owned()];
    world.advance(400);
    secrets.push(world.token(grant).await.unwrap().expose().to_owned());
    let echo = format!(r#"{{"error":"invalid_grant","error_description":"no: {SECRET}"}}"#);
    world.rehearsal.add_fault(Fault::before(Action::respond(400, &echo))).unwrap();
    world.advance(400);
    let error = world.token(grant).await.unwrap_err();
    see(&format!("{error} {error:?} {:?} {:?}", error.diagnosis(), world.keeper));
    see(&format!("{:?}", world.record(grant).await));
    see(&format!("{:?}", world.keeper.attempts(grant, 100).await.unwrap()));
    let all = evergrant_store::EventFilter { namespace: None, grant: None, after: 0, limit: 1000 };
    see(&format!("{:?}", world.keeper.events(all).await.unwrap()));
    see(&format!("{:?}", world.keeper.clients(&Namespace::default()).await.unwrap()));
    let seen = seen();
    for secret in secrets {
        assert!(!seen.contains(&secret), "a secret is visible");
    }
}
