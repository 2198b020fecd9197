//! The application at the provider.

use evergrant::proto::diagnosis::Cause;
use evergrant_rehearse::{AuthenticationMethod, TenantRefusal};
use serde_json::json;

use crate::{play::Play, row::Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        secret_changed().decidable(),
        secret_changed().worded("former_secret", "invalid_client", "The client secret has expired"),
        client_disabled(),
        client_disabled().worded("client_disabled", "invalid_client", "The client is disabled"),
        organization(),
        organization_again().decidable(),
        organization().worded(
            "client_disabled_for_tenant",
            "unauthorized_client",
            "The application has been disabled by the administrator of the organization",
        ),
        Row::new(
            Cause::WrongClientCredentials,
            "the client is set up with a secret that was never right",
            |play| {
                Box::pin(async move {
                    play.add_client(json!({ "secret": "never-right" })).await;
                    let callback = play.sign_in(&play.link(json!({})).await.url).await;
                    play.fails_to_connect(&callback).await
                })
            },
        )
        .decidable(),
        Row::new(
            Cause::WrongClientCredentials,
            "the client sends its secret in the header, and is registered to send it in the body",
            |play| {
                Box::pin(async move {
                    play.add_client(json!({ "authentication": "client_secret_basic" })).await;
                    let callback = play.sign_in(&play.link(json!({})).await.url).await;
                    play.fails_to_connect(&callback).await
                })
            },
        )
        .decidable()
        .registered(|mut client| {
            client.authentication = AuthenticationMethod::ClientSecretPost;
            client
        }),
        Row::new(
            Cause::WrongTokenEndpointOrTenant,
            "the client is set up with a token endpoint that is not there",
            |play| {
                Box::pin(async move {
                    let endpoint = format!("{}/nowhere", play.stage.rehearsal.issuer());
                    play.add_client(json!({ "endpoints": { "token": endpoint } })).await;
                    let callback = play.sign_in(&play.link(json!({})).await.url).await;
                    play.fails_to_connect(&callback).await
                })
            },
        ),
    ]
}

fn secret_changed() -> Row {
    Row::new(
        Cause::ClientSecretExpiredOrRotated,
        "the secret is replaced at the provider and not here",
        |play| {
            Box::pin(async move {
                let grant = play.connected().await;
                play.stage.advance(400);
                play.token(&grant).await;
                play.stage.rehearsal.change_secret(&play.id(), "the-new-secret").unwrap();
                play.refused(&grant).await
            })
        },
    )
}

fn client_disabled() -> Row {
    Row::new(Cause::ClientDisabledOrDeleted, "the client is switched off at the provider", |play| {
        Box::pin(async move {
            let grant = play.connected().await;
            play.stage.advance(400);
            play.token(&grant).await;
            play.reregister(|client| client.enabled = false);
            play.refused(&grant).await
        })
    })
}

/// The organization of one user switches the application off; the grants of others go on.
fn organization() -> Row {
    let played = "the user's organization switches the application off, and other organizations do not";
    Row::new(Cause::AppDisabledByOrganization, played, |play| {
        Box::pin(async move {
            let (grant, other) = disabled_for_one(play).await;
            play.token(&other).await;
            play.refused(&grant).await
        })
    })
}

/// The first rejection proves nothing; the second comes after somebody else was served.
fn organization_again() -> Row {
    let played = "the user's organization switches the application off, and a grant of another one is refreshed between \
                  two rejections";
    Row::new(Cause::AppDisabledByOrganization, played, |play| {
        Box::pin(async move {
            let (grant, other) = disabled_for_one(play).await;
            play.refused(&grant).await;
            play.token(&other).await;
            play.refused(&grant).await
        })
    })
}

/// A grant of the organization and one of another.
async fn disabled_for_one(play: &Play<'_>) -> (String, String) {
    let grant = play.connected().await;
    let other = play.connect(&play.neighbour()).await;
    let uniform = ("unauthorized_client", "the client is not authorized to do this");
    let said = play.row.words.map_or(uniform, |words| (words.error, words.description));
    let refusal = TenantRefusal { error: said.0.to_owned(), description: said.1.to_owned() };
    play.provide(|provider, _| provider.disable_client_for_tenant(&play.id(), &play.id(), refusal)).unwrap();
    play.stage.advance(400);
    (grant, other)
}
