//! A user connects, through the real redirects.

use evergrant::proto::name::GrantId;
use evergrant_rehearse::{Endpoint, GrantType, Outcome};
use serde_json::json;
use url::Url;

use super::grant_id;
use crate::{
    demo::{
        count,
        narrator::Narrator,
        short,
        stage::{STRICT, Stage},
    },
    failure::Failure,
};

/// Connects alice's calendar; its grant is the one that the story is about.
pub(super) async fn play(stage: &Stage, narrator: &mut Narrator) -> Result<GrantId, Failure> {
    narrator.act(1, "A user connects", stage.elapsed()).await;
    narrator
        .tell("alice gives the app \"calendar\" access. A program asks Evergrant's API for a link; her browser follows it.")
        .await;
    let (grant, redirects) = connect(stage, STRICT, "alice").await?;
    let exchanges = codes(stage, STRICT);
    narrator
        .claim(
            redirects == 1 && exchanges == 1,
            "authorization code with PKCE, through the real redirect",
            &format!(
                "{} followed, {} at the token endpoint",
                count(redirects, "redirect"),
                count(exchanges, "exchange")
            ),
        )
        .await?;
    let record = stage.record(grant).await?;
    narrator
        .claim(
            record.state.name() == "active" && record.owner.subject.as_deref() == Some("alice"),
            &format!("grant {grant} is active"),
            "its refresh token is sealed in the store; this id will outlive all that follows",
        )
        .await?;
    let status = stage.userinfo(grant).await.map(|answer| answer.status);
    narrator
        .claim(
            status == Ok(200),
            "its access token works at the provider's API",
            &format!(
                "GET /userinfo: {}",
                status.map_or_else(|error| error.to_string(), |status| status.to_string())
            ),
        )
        .await?;
    Ok(grant)
}

/// Connects a user's account: the grant, and how often the browser was redirected.
pub(super) async fn connect(stage: &Stage, client: &str, user: &str) -> Result<(GrantId, usize), Failure> {
    let wanted = json!({ "client": client, "login_hint": user });
    let (status, opened) = stage.call("/v1/authorizations", Some(&wanted)).await?;
    let link = opened["url"].as_str().and_then(|url| Url::parse(url).ok());
    let link = link.ok_or_else(|| Failure::new("the API gives no link", format!("HTTP {status}")))?;
    let (page, redirects) = stage.browser.visit(link).await?;
    let path = format!("/v1/authorizations/{}", opened["id"].as_str().unwrap_or_default());
    let (_, authorization) = stage.call(&path, None).await?;
    if authorization["state"] != "connected" {
        let seen = format!("HTTP {}, state {}", page.status, short(&authorization["state"].to_string()));
        return Err(Failure::new("the account was not connected", seen));
    }
    Ok((grant_id(&authorization["grant"])?, redirects))
}

/// Codes of a client that were exchanged.
fn codes(stage: &Stage, client: &str) -> usize {
    let journal = stage.rehearsal.journal();
    let exchanged = journal.iter().filter(|entry| {
        entry.endpoint == Endpoint::Token
            && entry.grant_type == Some(GrantType::AuthorizationCode)
            && entry.client_id.as_deref() == Some(client)
            && entry.outcome == Outcome::Done
    });
    exchanged.count()
}
