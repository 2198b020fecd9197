//! Hours pass, and the refresh token is rotated again and again.

use std::{collections::HashSet, time::Duration};

use evergrant::proto::{
    name::GrantId,
    wire::http::HttpRequest,
    wire::token_request::{RefreshRequest, TokenEndpoint},
};
use evergrant_rehearse::{JournalEntry, Outcome};
use futures_util::future::join_all;

use super::replays;
use crate::{
    demo::{
        narrator::{Ink, Narrator, hours},
        short,
        stage::{STRICT, Stage},
    },
    failure::Failure,
};

const ROTATIONS: usize = 4;
const CALLERS: usize = 100;
const MINUTE: Duration = Duration::from_secs(60);

/// What leaks later: a backup of the store, with its key, made now. Masked in `Debug`.
#[derive(Debug)]
pub(super) struct Backup {
    /// What whoever finds it can send.
    pub(super) refresh: HttpRequest,
    /// The generation of its refresh token.
    pub(super) generation: u64,
}

pub(super) async fn play(stage: &Stage, narrator: &mut Narrator, grant: GrantId) -> Result<Backup, Failure> {
    narrator.act(2, "Hours pass, nobody asks, the grant stays fresh", stage.elapsed()).await;
    narrator
        .tell(
            "The access token lasts an hour. This provider rotates the refresh token each time and ends the whole \
             grant if an old one comes back.",
        )
        .await;
    let limit = Duration::from_secs(6 * 3600);
    let rotated = async || Ok(stage.refreshes(STRICT).len() >= ROTATIONS);
    stage.pass_until(MINUTE, limit, rotated).await?;
    stage.pass(MINUTE).await;
    let refreshes = stage.refreshes(STRICT);
    for entry in &refreshes {
        narrator.show(Ink::Quiet, &describe(stage, entry)).await;
    }
    let issued: HashSet<_> = refreshes.iter().filter_map(|entry| entry.issued.as_ref()).collect();
    let clean = refreshes.iter().all(|entry| entry.outcome == Outcome::Done) && replays(&refreshes) == 0;
    narrator
        .claim(
            refreshes.len() == ROTATIONS && issued.len() == ROTATIONS && clean,
            "one refresh each, ahead of expiry; no token presented twice",
            "from the provider's journal: tokens appear there as fingerprints only",
        )
        .await?;
    let backup = back_up(stage, grant).await?;
    crowd(stage, narrator, grant).await?;
    Ok(backup)
}

fn describe(stage: &Stage, entry: &JournalEntry) -> String {
    let fingerprint = |token: &Option<evergrant_rehearse::Fingerprint>| {
        token.as_ref().map_or_else(|| "none".to_owned(), |token| short(token.as_str()).to_owned())
    };
    format!(
        "+{}  {} → {}  generation {} → {}  HTTP {}",
        hours(stage.at(entry)),
        fingerprint(&entry.presented),
        fingerprint(&entry.issued),
        entry.generation.unwrap_or_default(),
        entry.issued_generation.unwrap_or_default(),
        entry.status,
    )
}

/// Many callers want a newer token at the same time.
async fn crowd(stage: &Stage, narrator: &mut Narrator, grant: GrantId) -> Result<(), Failure> {
    let before = stage.refreshes(STRICT).len();
    let trouble = |error| Failure::new("there is no access token", error);
    let seen = stage.keeper.token(grant).await.map_err(trouble)?.generation();
    let answers = join_all((0..CALLERS).map(|_| stage.keeper.refresh(grant, seen))).await;
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    let requests = stage.refreshes(STRICT).len() - before;
    narrator
        .claim(
            served == CALLERS && requests == 1,
            &format!("{CALLERS} callers at the same instant share one refresh"),
            &format!("{served} tokens handed out, {requests} request at the provider"),
        )
        .await
}

/// Reads what a copied store and its key would give away. The keeper itself never hands a refresh token out.
async fn back_up(stage: &Stage, grant: GrantId) -> Result<Backup, Failure> {
    let found = stage.store.grant(grant).await?;
    let (record, client) = found.ok_or_else(|| Failure::no_such_grant(grant))?;
    let credential = record.credential.ok_or_else(|| Failure::no_such_grant(grant))?;
    let url = client.endpoints.token.clone().ok_or_else(|| Failure::no_such_client(&client.name))?;
    let credentials = client.credentials();
    let endpoint = TokenEndpoint { url: &url, client: &credentials, dialect: &client.provider.dialect };
    let refresh = endpoint.refresh(&RefreshRequest::new(&credential.refresh_token));
    Ok(Backup { refresh, generation: credential.generation.0 })
}
