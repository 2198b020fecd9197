//! The user follows the link, and the same grant lives again.

use std::{io, time::Duration};

use evergrant::proto::{
    grant::GrantState,
    name::{Generation, GrantId},
};
use url::Url;

use crate::{
    demo::{
        browser::redirect,
        narrator::{Ink, Narrator},
        stage::{STRICT, Stage},
    },
    failure::Failure,
};

/// Real time between two looks at what the person in the browser has done.
const LOOK: Duration = Duration::from_millis(200);
const MINUTE: Duration = Duration::from_secs(60);
const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

pub(super) async fn play(
    stage: &Stage,
    narrator: &mut Narrator,
    grant: GrantId,
    link: Url,
    attended: bool,
) -> Result<(), Failure> {
    narrator.act(6, "The user signs in again", stage.elapsed()).await;
    let before = stage.record(grant).await?;
    if attended {
        narrator
            .tell("This is the link for alice. Open it, press the button, choose \"Alice Example\":")
            .await;
        narrator.gap();
        narrator.copyable(link.as_str());
        narrator.gap();
        narrator.show(Ink::Strong, "Enter: let the demonstration follow it for you.").await;
        wait_for_alice(stage, grant, &link).await?;
    } else {
        narrator.tell("alice opens the link, presses its button and signs in at the provider.").await;
        follow(stage, &link).await?;
    }
    check(stage, narrator, grant, before.generation).await
}

/// Waits until somebody has signed in through the browser, or leaves it to us by pressing Enter.
async fn wait_for_alice(stage: &Stage, grant: GrantId, link: &Url) -> Result<(), Failure> {
    let mut enter = tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new()));
    let mut left_to_us = false;
    while stage.record(grant).await?.state != GrantState::Active {
        if left_to_us {
            return follow(stage, link).await;
        }
        tokio::select! {
            _ = &mut enter => left_to_us = true,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Ok(())
}

/// What the browser does: the page asks, its button leads to the provider, and that leads back.
async fn follow(stage: &Stage, link: &Url) -> Result<(), Failure> {
    stage.browser.visit(link.clone()).await?;
    let answer = stage.browser.press(link.clone()).await?;
    let provider = redirect(&answer, link);
    let mut provider =
        provider.ok_or_else(|| Failure::new("the link leads nowhere", format!("HTTP {}", answer.status)))?;
    provider.query_pairs_mut().append_pair("login_hint", "alice");
    stage.browser.visit(provider).await?;
    Ok(())
}

async fn check(
    stage: &Stage,
    narrator: &mut Narrator,
    grant: GrantId,
    dead: Generation,
) -> Result<(), Failure> {
    let record = stage.record(grant).await?;
    narrator
        .claim(
            record.id == grant && record.state == GrantState::Active && record.generation > dead,
            &format!("grant {grant} is active again"),
            &format!("the same id; generation {dead} is dead, generation {} lives", record.generation),
        )
        .await?;
    let status = stage.userinfo(grant).await.map(|answer| answer.status);
    narrator
        .claim(
            status == Ok(200),
            "programs that hold this id go on as if nothing had happened",
            &format!(
                "GET /userinfo: {}",
                status.map_or_else(|error| error.to_string(), |status| status.to_string())
            ),
        )
        .await?;
    let before = stage.refreshes(STRICT).len();
    let renewed = async || Ok(stage.refreshes(STRICT).len() > before);
    stage.pass_until(MINUTE, TWO_HOURS, renewed).await?;
    stage.pass(MINUTE).await;
    let after = stage.record(grant).await?;
    narrator
        .claim(
            after.state == GrantState::Active && after.generation > record.generation,
            "and it is kept alive again",
            &format!("the next hour's refresh came by itself: generation {}", after.generation),
        )
        .await
}
