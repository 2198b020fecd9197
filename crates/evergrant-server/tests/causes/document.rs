//! The table as a page: `docs/causes.md`.

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf};

use evergrant::proto::diagnosis::Certainty;

use crate::row::{Row, Said, Verdict};

const HEAD: &str = "# Causes, played

Bodies alone cannot tell most causes apart: most servers send one text for ten of them. So each row here was played from
end to end. The rehearsal server (`evergrant rehearse`) makes the cause happen, the server meets it in the course of its
work, over HTTP and on a virtual clock, and the last columns are what its API said of it, with its own records in hand.

A row without the provider's words is played with the texts of the standards, which are the same for every cause. What
those leave open, nobody can know from where the client stands: then the answer is `undetermined`, or names a cause as
merely possible, and the truth is among the candidates.

This page is printed by a test and compared with it at every run (`cargo test -p evergrant-server --test causes`; with
`EVERGRANT_BLESS=1` it is written anew).

";

type Table<'a> = [(&'a Row, Said)];

pub(crate) fn written(table: &Table<'_>) -> String {
    let causes: BTreeSet<_> = table.iter().map(|(row, _)| row.cause).collect();
    let verdict = |wanted| table.iter().filter(|(row, said)| said.judged(row.cause) == wanted).count();
    let mut page = HEAD.to_owned();
    let (right, open) = (verdict(Verdict::Right), verdict(Verdict::Open));
    writeln!(page, "{} causes in {} rows: {right} right, {open} open.", causes.len(), table.len()).unwrap();
    page.push_str("\n| what happened | how it is played | what the provider says | what is said | |\n");
    page.push_str("|---|---|---|---|---|\n");
    for (row, said) in table {
        writeln!(page, "{}", line(row, said)).unwrap();
    }
    page
}

fn line(row: &Row, said: &Said) -> String {
    let cause = row.cause;
    let words = row.words.map_or_else(String::new, |words| format!("{}: {}", words.error, words.description));
    let verdict = match said.judged(cause) {
        Verdict::Right => "right",
        Verdict::Open => "open",
        Verdict::Wrong => "wrong",
    };
    format!(
        "| [`{cause}`](../problems/{cause}.md) | {} | {words} | {} | {verdict} |",
        row.played,
        answer(row, said)
    )
}

fn answer(row: &Row, said: &Said) -> String {
    let certainty = match said.certainty {
        Certainty::Certain => "certain",
        Certainty::Likely => "likely",
        Certainty::Possible => "possible",
    };
    let candidates: Vec<_> = said.alternatives.iter().map(|cause| format!("`{cause}`")).collect();
    let candidates = match said.judged(row.cause) {
        Verdict::Right => String::new(),
        _ => format!("; candidates: {}", candidates.join(", ")),
    };
    format!("`{}`, {certainty}{candidates}", said.cause)
}

/// Compares the page with the one that is there, or writes it.
pub(crate) fn compare(page: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/causes.md");
    if std::env::var_os("EVERGRANT_BLESS").is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(present, page, "docs/causes.md is not what was played: EVERGRANT_BLESS=1 writes it anew");
}
