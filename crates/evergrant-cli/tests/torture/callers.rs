//! Many callers of one grant.

use futures_util::future::join_all;

use crate::{
    process::until,
    provider::{ACCESS_LIFE, P2},
    world::World,
};

const CALLERS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_callers_of_one_expired_grant_get_the_token_of_one_refresh() {
    let world = World::with_client(P2).await;
    let kept = world.import().await;
    let server = world.serve(None).await;
    let (status, old) = server.token(&world.http, &kept.grant).await.unwrap();
    assert_eq!(status, 200, "{old}");

    let hold = world.provider.hold_answers(None).await;
    world.provider.advance(ACCESS_LIFE).await;
    // Whoever notices first: the server itself, or somebody who asks.
    let noticed = tokio::join!(server.token(&world.http, &kept.grant), async {
        hold.wait(1).await;
        let callers = (0..CALLERS).map(|_| server.token(&world.http, &kept.grant));
        let waiting = async {
            until("all of them wait", async || {
                let waiting = server.metric(&world.http, "evergrant_waiting_callers").await;
                (waiting >= CALLERS as u64).then_some(())
            })
            .await;
            assert_eq!(hold.held().await, 1, "all of them wait for one");
            hold.release().await;
        };
        tokio::join!(join_all(callers), waiting).0
    });
    let mut tokens = Vec::new();
    for answer in noticed.1 {
        let (status, body) = answer.unwrap();
        assert_eq!(status, 200, "{body}");
        tokens.push(body["access_token"].as_str().unwrap().to_owned());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "one token for all");
    assert_ne!(tokens[0], old["access_token"]);
    let refreshes = world.provider.refreshes().await;
    assert_eq!(refreshes.len(), 2, "one for the first token, one for all of them: {refreshes:#?}");
}
