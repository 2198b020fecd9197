//! End to end, not from bodies alone: the rehearsal server plays a cause, the server meets it in the course of normal
//! work, and what it says is right, or leaves open what nobody can know and names the truth among the candidates.
//!
//! The table is `docs/causes.md`; `EVERGRANT_BLESS=1` writes it anew.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

mod connecting;
mod document;
mod grant_ended;
mod passing;
mod play;
mod registration;
mod rotation;
mod row;
mod stage;

use std::{collections::BTreeSet, time::Duration};

use evergrant::proto::diagnosis::Cause;
use evergrant_explain::problems::{self, Verification};

use crate::{
    play::Play,
    row::{Row, Said, Verdict},
    stage::Stage,
};

pub(crate) const SECRET: &str = "canary-client-secret-9f04";

/// A scene that hangs fails, and is named.
const PATIENCE: Duration = Duration::from_secs(30);

fn rows() -> Vec<Row> {
    let rows =
        [grant_ended::rows(), rotation::rows(), registration::rows(), connecting::rows(), passing::rows()];
    let rows = rows.into_iter().flatten().enumerate();
    rows.map(|(index, row)| Row { number: index + 1, ..row }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_played_is_recognized_or_left_open_with_the_truth_among_the_candidates() {
    let rows = rows();
    let stage = Stage::set_up(&rows).await;
    let mut table = Vec::new();
    for row in &rows {
        let play = Play { stage: &stage, row };
        play.register();
        let played = tokio::time::timeout(PATIENCE, (row.scene)(&play)).await;
        let said = played.unwrap_or_else(|_| panic!("{}: {}: never ends", row.cause, row.played));
        play.clear();
        table.push((row, said));
    }
    let document = document::written(&table);
    println!("{document}");
    let wrong: Vec<_> = table.iter().filter(|(row, said)| !is_honest(row, said)).map(complaint).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    document::compare(&document);
}

fn is_honest(row: &Row, said: &Said) -> bool {
    match said.judged(row.cause) {
        Verdict::Right => true,
        Verdict::Open => !row.decidable,
        Verdict::Wrong => false,
    }
}

fn complaint((row, said): &(&Row, Said)) -> String {
    format!("{}: {}: {said:#?}", row.cause, row.played)
}

/// "Rehearsed" on the page of a cause is a promise that this table keeps.
#[test]
fn the_pages_call_rehearsed_what_is_played_here_and_nothing_else() {
    let played: BTreeSet<Cause> = rows().iter().map(|row| row.cause).collect();
    assert!(played.len() >= 25, "{played:?}");
    for page in problems::all().iter().filter(|page| page.id != Cause::Undetermined) {
        let promised = page.verification == Verification::Rehearsed;
        assert_eq!(promised, played.contains(&page.id), "problems/{}.md: verification", page.id);
    }
}
