//! A sentence and nothing else: no code, no status, no answer. What it is most like is asked of the pages, so that the
//! terminal and `/problems?q=` say the same.

use evergrant_proto::{
    diagnosis::{Cause, Certainty, Diagnosis, MAX_ALTERNATIVES, remedies},
    wire::{error_response::ErrorResponse, untrusted_text::UntrustedText},
};

use crate::{
    problems::{Hit, Query, search},
    reading::{Case, Form},
};

/// A page that comes this close to the first fits as well: then nothing decides.
const AS_WELL: f64 = 0.9;
/// One that stays this far behind leaves the first alone.
const FAR_BEHIND: f64 = 0.75;
/// Less than this is no likeness: a word or two that many pages have.
const TOO_LITTLE: f64 = 4.0;
/// Less of it than this in a sentence of a page is no likeness either: a line of a log, or somebody's story.
const HARDLY_ANY: f64 = 0.2;
/// With this much of it in one, it is that sentence.
const MOST: f64 = 0.6;

/// What the pages say of a sentence, where it is all there is. `None`: there is more, or the pages know nothing like it.
///
/// `provider`: its id, if the reporter has named it. What is certain by the rules stays: a provider's own word outweighs any likeness.
pub(super) fn reread(report: &Case, provider: Option<&str>, ruled: &Diagnosis) -> Option<Diagnosis> {
    if ruled.certainty == Certainty::Certain {
        return None;
    }
    let text = bare(report)?.to_owned();
    let hits = search(Query { text, provider: provider.map(str::to_owned), ..Query::default() });
    let best = hits.first().filter(|hit| hit.score >= TOO_LITTLE && hit.share >= HARDLY_ANY)?;
    let rivals = hits.iter().skip(1).filter(|hit| hit.score >= best.score * AS_WELL).count();
    let agreed = ruled.cause == best.problem.id && ruled.certainty >= Certainty::Likely;
    let alone = hits.get(1).is_none_or(|second| second.score < best.score * FAR_BEHIND);
    let clear = alone && best.share >= MOST;
    // Plain words outweigh a likeness that is none to speak of.
    if ruled.certainty >= Certainty::Likely && !agreed && best.share < MOST {
        return None;
    }
    let cause = if rivals == 0 || agreed { best.problem.id } else { Cause::Undetermined };
    let likely = cause != Cause::Undetermined && (agreed || clear);
    let certainty = if likely { Certainty::Likely } else { Certainty::Possible };
    Some(Diagnosis {
        cause,
        certainty,
        culprit: cause.culprit(),
        permanent: cause.is_permanent(),
        retry: !cause.is_permanent(),
        remedies: remedies(cause),
        evidence: ruled.evidence.iter().take(1).cloned().chain(likeness(best, rivals)).collect(),
        alternatives: alternatives(cause, &hits, ruled),
    })
}

/// The sentence, if there is nothing beside it.
pub(super) fn bare(case: &Case) -> Option<&str> {
    let says_no_code = |error: &&ErrorResponse| error.code.is_none() && error.vendor_codes.is_empty();
    let nothing_else = case.form == Form::Text && case.status.is_none() && case.transport.is_none();
    let error = case.error.as_ref().filter(|_| nothing_else).filter(says_no_code)?;
    error.description.as_ref().map(UntrustedText::as_str).filter(|text| !text.is_empty())
}

fn likeness(best: &Hit, rivals: usize) -> impl Iterator<Item = String> {
    let page = format!("of {}", best.problem.id);
    let like = match best.sentence {
        Some(sentence) => {
            format!("A sentence is all there is, and it is most like one on the page {page}: \"{sentence}\".")
        }
        None => format!("A sentence is all there is, and its words are most of all on the page {page}."),
    };
    let several = (rivals > 0).then(|| format!("{rivals} other pages fit as well, or nearly."));
    std::iter::once(like).chain(several)
}

/// The other pages, as the search ranks them, and last what the rules made of the words.
fn alternatives(cause: Cause, hits: &[Hit], ruled: &Diagnosis) -> Vec<Cause> {
    let ranked = hits.iter().map(|hit| hit.problem.id).chain([ruled.cause]);
    let mut kept: Vec<Cause> = Vec::new();
    for other in ranked.filter(|other| *other != cause && *other != Cause::Undetermined) {
        if !kept.contains(&other) && kept.len() < MAX_ALTERNATIVES {
            kept.push(other);
        }
    }
    kept
}
