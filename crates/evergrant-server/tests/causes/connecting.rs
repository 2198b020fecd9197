//! The way from the user's consent to the first tokens.

use std::time::Duration;

use evergrant::{clock::Clock, proto::diagnosis::Cause};
use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, PkcePair, RefreshTokens};
use serde_json::json;
use url::Url;

use crate::{
    play::Play,
    row::{Row, Said},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        code_late(),
        code_late().worded("expired_code", "invalid_grant", "Authorization code expired"),
        code_twice(),
        code_twice().worded("replayed_code", "invalid_grant", "Authorization code was already redeemed"),
        other_redirect(),
        other_redirect().worded(
            "redirect_uri_mismatch",
            "invalid_grant",
            "redirect_uri does not match the one of the authorization request",
        ),
        other_challenge(),
        other_challenge().worded("pkce_mismatch", "invalid_grant", "PKCE verification failed"),
        Row::new(Cause::ClockSkew, "our clock is two hours ahead when a user connects", |play| {
            Box::pin(async move {
                let now = play.stage.clock.now().wall;
                play.stage.clock.set_wall(now.plus(Duration::from_secs(2 * 3600)));
                play.add_client(json!({ "scopes": ["openid"] })).await;
                let callback = play.sign_in(&play.link(json!({})).await.url).await;
                let said = play.fails_to_connect(&callback).await;
                play.stage.clock.set_wall(now);
                said
            })
        })
        .decidable(),
        Row::new(
            Cause::MissingRefreshToken,
            "the provider issues no refresh token, and the access token runs out",
            |play| Box::pin(async move { warned(play).await }),
        )
        .decidable()
        .registered(|mut client| {
            client.refresh_tokens = RefreshTokens::Never;
            client
        }),
        Row::new(
            Cause::MissingOfflineScope,
            "nobody asked for offline access, and the access token runs out",
            |play| Box::pin(async move { warned(play).await }),
        )
        .decidable()
        .without_offline_access(),
    ]
}

fn code_late() -> Row {
    Row::new(Cause::CodeExpired, "the browser comes back two minutes late, a code lives for one", |play| {
        Box::pin(async move {
            play.add_client(json!({})).await;
            let callback = play.sign_in(&play.link(json!({})).await.url).await;
            play.stage.advance(120);
            play.fails_to_connect(&callback).await
        })
    })
}

fn code_twice() -> Row {
    Row::new(Cause::CodeReused, "a proxy sends our exchange of the code twice", |play| {
        Box::pin(async move {
            play.add_client(json!({})).await;
            let callback = play.sign_in(&play.link(json!({})).await.url).await;
            let twice = Fault::after_commit(Action::Repeat).at(Endpoint::Token);
            let twice = twice.of_grant(GrantType::AuthorizationCode).of_client(&play.id());
            play.stage.rehearsal.add_fault(twice).unwrap();
            play.fails_to_connect(&callback).await
        })
    })
}

fn other_redirect() -> Row {
    Row::new(
        Cause::RedirectUriMismatch,
        "a gateway changes the redirect URI in the link to another registered one",
        |play| {
            Box::pin(async move {
                play.add_client(json!({})).await;
                let link = play.link(json!({})).await.url;
                let link = changed(&link, "redirect_uri", &play.stage.elsewhere());
                play.fails_to_connect(&play.sign_in(&link).await).await
            })
        },
    )
}

fn other_challenge() -> Row {
    Row::new(
        Cause::PkceMismatch,
        "a gateway mixes two links up: the challenge is not the one of our verifier",
        |play| {
            Box::pin(async move {
                play.add_client(json!({})).await;
                let link = play.link(json!({})).await.url;
                let link = changed(&link, "code_challenge", &PkcePair::example().challenge);
                play.fails_to_connect(&play.sign_in(&link).await).await
            })
        },
    )
}

/// The link with another value of a parameter.
fn changed(link: &Url, parameter: &str, value: &str) -> Url {
    let mut other = link.clone();
    let pairs = link.query_pairs().map(|(name, old)| {
        let new = if name == parameter { value.into() } else { old };
        (name, new)
    });
    other.query_pairs_mut().clear().extend_pairs(pairs);
    other
}

/// A grant that cannot be refreshed is warned of before its end.
async fn warned(play: &Play<'_>) -> Said {
    let grant = play.connected().await;
    play.stage.advance(400);
    play.stage.keeper.settled().await;
    let problem = play.problem(&grant, "").await;
    assert_eq!(problem["type"], "/problems/not_refreshable", "{problem:#}");
    let warned = play.events(&grant).await.pop();
    let warned = warned.unwrap_or_else(|| panic!("{}: nobody was warned", play.row.played));
    assert_eq!(
        Said::read(&problem["diagnosis"]).cause,
        warned.cause,
        "the refusal says the same: {problem:#}"
    );
    warned
}
