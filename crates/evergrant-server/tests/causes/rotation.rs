//! The refresh token that was sent was not the newest one, or not ours.

use evergrant::proto::diagnosis::Cause;
use evergrant_rehearse::{Action, Fault};
use serde_json::json;

use crate::row::Row;

const STRICT: &str = "rotation.kind = 'replay_revokes'\nrotation.revokes = 'grant'";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        lost_answer().decidable(),
        lost_answer().worded("replayed_refresh_token", "invalid_grant", "Refresh token reuse detected"),
        late_request().decidable(),
        second_holder(),
        second_holder().worded("replayed_refresh_token", "invalid_grant", "Refresh token reuse detected"),
        arrives_twice(),
        arrives_twice().worded("replayed_refresh_token", "invalid_grant", "token was already used"),
        other_client(),
        other_client().worded(
            "refresh_token_of_other_client",
            "invalid_grant",
            "The refresh token was issued to another client",
        ),
    ]
}

fn lost_answer() -> Row {
    let row = Row::new(
        Cause::LostRotationNotPersisted,
        "the answer with the new refresh token is lost on the way",
        |play| {
            Box::pin(async move {
                let grant = play.connected().await;
                play.breaks(Fault::after_commit(Action::Drop));
                play.stage.advance(400);
                play.until(&grant, "needs_reauthorization").await;
                play.asked(&grant).await
            })
        },
    );
    row.knowing(STRICT)
}

/// Our own request, which the network kept until its token had been replaced.
fn late_request() -> Row {
    let row = Row::new(
        Cause::RotatedTokenReused,
        "our own request is late: it arrives when its refresh token has been replaced",
        |play| {
            Box::pin(async move {
                let grant = play.connected().await;
                let held = play.breaks(Fault::before(Action::Late));
                play.stage.advance(400);
                play.stage.rehearsal.wait_held(held, 1).await;
                play.until(&grant, "active").await;
                play.stage.rehearsal.release(held);
                play.refused(&grant).await
            })
        },
    );
    row.knowing(STRICT)
}

fn second_holder() -> Row {
    let row = Row::new(
        Cause::RotatedTokenReused,
        "another program holds the same refresh token and uses it first",
        |play| {
            Box::pin(async move {
                play.add_client(json!({})).await;
                let given = play.stage.rehearsal.issue_grant(&play.id(), &play.id(), "openid").unwrap();
                let grant = play.import(&given.refresh_token).await;
                play.refresh_elsewhere(&given.refresh_token).await;
                play.refused(&grant).await
            })
        },
    );
    row.knowing(STRICT)
}

fn arrives_twice() -> Row {
    let row = Row::new(Cause::RotatedTokenReused, "a proxy sends our refresh twice", |play| {
        Box::pin(async move {
            let grant = play.connected().await;
            play.breaks(Fault::after_commit(Action::Repeat));
            play.refused(&grant).await
        })
    });
    row.knowing(STRICT)
}

fn other_client() -> Row {
    Row::new(
        Cause::TokenIssuedToOtherClient,
        "a refresh token is imported that another client was given",
        |play| {
            Box::pin(async move {
                play.add_client(json!({})).await;
                let other = play.other_client();
                let given = play.stage.rehearsal.issue_grant(&other, &play.id(), "openid").unwrap();
                let grant = play.import(&given.refresh_token).await;
                play.refused(&grant).await
            })
        },
    )
}
