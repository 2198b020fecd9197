//! Finding a page from what somebody has in front of them: a code, a status, a sentence, a provider's name.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use super::{
    all,
    problem::Problem,
    words::{distance, words},
};

/// Most bytes of a query that are looked at: people paste whole pages.
const MAX_BYTES: usize = 16 * 1024;
/// Most words of a query that are looked at: a whole log line, and no more work than that.
const MAX_WORDS: usize = 64;
/// Most words of a query that may be misspelt. Each is compared with every word of every page.
const MAX_MISSPELT: usize = 8;
/// What a misspelt word counts.
const MISSPELT: f64 = 0.6;
/// How much a sentence that a provider is known to say counts, against all its words one by one.
const PHRASE: f64 = 6.0;
/// A page that comes this much behind the first is no answer.
const TOO_FAR: f64 = 0.25;

/// What is sought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Any words, misspelt ones, too.
    pub text: String,
    /// Only pages with this error code.
    pub code: Option<String>,
    /// Only pages with this HTTP status.
    pub status: Option<u16>,
    /// Only pages that concern this provider, by its id.
    pub provider: Option<String>,
}

impl From<&str> for Query {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

/// A page that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The page.
    pub problem: &'static Problem,
    /// How well it fits; only to be compared with others of the same search. 0 if there were no words to fit.
    pub score: f64,
    /// The sentence of the page that is most like what was sought, if one is like it at all.
    pub sentence: Option<&'static str>,
    /// Which part of what was sought is in that sentence, by the weight of the words: 1 is all of it.
    pub share: f64,
}

/// The pages that fit, the best first. Without words: every page that passes the filters, first those that name the status
/// or the code before others, then in the order of the alphabet.
pub fn search(query: impl Into<Query>) -> Vec<Hit> {
    let query = query.into();
    let sought = INDEX.look_up(&query.text);
    let candidates = all().iter().zip(&INDEX.pages).filter(|(problem, _)| passes(problem, &query));
    let scored = candidates.map(|(problem, page)| {
        let named = query.provider.as_deref().is_some_and(|id| problem.names_provider(id));
        let Likeness { score, sentence, share } = INDEX.score(page, &sought);
        Hit { problem, score: score * if named { 1.2 } else { 1.0 }, sentence, share }
    });
    let mut hits: Vec<Hit> = scored.collect();
    if query.text.trim().is_empty() {
        hits.sort_by_key(|hit| prominence(hit.problem, &query));
        return hits;
    }
    hits.sort_by(|left, right| right.score.partial_cmp(&left.score).unwrap_or(Ordering::Equal));
    let best = hits.first().map_or(0.0, |hit| hit.score);
    hits.retain(|hit| hit.score > 0.0 && hit.score >= best * TOO_FAR);
    hits
}

fn passes(problem: &Problem, query: &Query) -> bool {
    let code = |wanted: &String| problem.error_codes.iter().any(|code| code.eq_ignore_ascii_case(wanted));
    let provider = |id: &String| problem.applies_to.everywhere || problem.names_provider(id);
    query.code.as_ref().is_none_or(code)
        && query.status.is_none_or(|status| problem.statuses.contains(&status))
        && query.provider.as_ref().is_none_or(provider)
}

/// How many others a page names before what is sought: pages begin with what is met most often.
fn prominence(problem: &Problem, query: &Query) -> usize {
    let status = query.status.and_then(|sought| problem.statuses.iter().position(|status| *status == sought));
    let code = query
        .code
        .as_ref()
        .and_then(|sought| problem.error_codes.iter().position(|code| code.eq_ignore_ascii_case(sought)));
    status.unwrap_or(0) + code.unwrap_or(0)
}

static INDEX: LazyLock<Index> = LazyLock::new(Index::build);

/// What is known of all pages.
struct Index {
    pages: Vec<Page>,
    /// How much a word tells: one that only a few pages have tells more.
    weight: BTreeMap<String, f64>,
}

/// One page, ready to be compared.
struct Page {
    /// Its words, each with the best place where it stands.
    words: BTreeMap<String, f64>,
    /// The sentences that are met with it.
    phrases: Vec<(&'static str, BTreeSet<String>)>,
}

/// A word that is sought, as the pages spell it, and how sure that is.
struct Sought {
    word: String,
    certainty: f64,
}

/// How much a page is like what is sought.
struct Likeness {
    score: f64,
    sentence: Option<&'static str>,
    share: f64,
}

/// What is sought.
struct LookedUp {
    known: Vec<Sought>,
    /// Words that no page has, however they are spelt.
    unknown: u32,
}

impl Index {
    fn build() -> Self {
        let pages: Vec<Page> = all().iter().map(Page::of).collect();
        let mut found_in: BTreeMap<&str, u32> = BTreeMap::new();
        for word in pages.iter().flat_map(|page| page.words.keys()) {
            *found_in.entry(word).or_default() += 1;
        }
        let count = f64::from(u32::try_from(pages.len()).unwrap_or(u32::MAX));
        let weight = found_in
            .into_iter()
            .map(|(word, pages)| (word.to_owned(), (1.0 + count / f64::from(pages)).ln()));
        let weight = weight.collect();
        Self { pages, weight }
    }

    fn look_up(&self, text: &str) -> LookedUp {
        let mut seen = BTreeSet::new();
        let mut misspelt = 0;
        let text = &text[..text.floor_char_boundary(MAX_BYTES)];
        let new = words(text).into_iter().filter(|word| seen.insert(word.clone())).take(MAX_WORDS);
        let mut found = LookedUp { known: Vec::new(), unknown: 0 };
        for word in new {
            if self.weight.contains_key(&word) {
                found.known.push(Sought { word, certainty: 1.0 });
                continue;
            }
            misspelt += 1;
            match (misspelt <= MAX_MISSPELT).then(|| self.nearest(&word)).flatten() {
                Some(word) => found.known.push(Sought { word, certainty: MISSPELT }),
                None => found.unknown += 1,
            }
        }
        found
    }

    /// The word that was meant. Short words and numbers are never corrected: another one is another thing.
    fn nearest(&self, misspelt: &str) -> Option<String> {
        let most = match misspelt.chars().count() {
            0..4 => return None,
            4..8 => 1,
            _ => 2,
        };
        if misspelt.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let near = self.weight.keys().filter_map(|word| Some((distance(misspelt, word, most)?, word)));
        near.min().map(|(_, word)| word.clone())
    }

    fn score(&self, page: &Page, sought: &LookedUp) -> Likeness {
        let single = sought.known.iter().map(|one| {
            page.words.get(&one.word).map_or(0.0, |place| place * one.certainty * self.weight[&one.word])
        });
        let likenesses = page.phrases.iter().map(|phrase| (self.likeness(&phrase.1, &sought.known), phrase));
        let likest = likenesses.max_by(|left, right| left.0.total_cmp(&right.0));
        let likest = likest.filter(|(likeness, _)| *likeness > 0.0);
        let phrase = likest.map_or(0.0, |(likeness, _)| likeness);
        Likeness {
            score: single.sum::<f64>() + PHRASE * phrase,
            sentence: likest.map(|(_, (text, _))| *text),
            share: likest.map_or(0.0, |(_, (_, words))| self.share(words, sought)),
        }
    }

    /// A word that no page has tells as much as one that a single page has.
    fn share(&self, sentence: &BTreeSet<String>, sought: &LookedUp) -> f64 {
        let rarest = self.weight.values().copied().fold(0.0, f64::max);
        let weigh = |one: &Sought| self.weight[&one.word];
        let all = sought.known.iter().map(weigh).sum::<f64>() + f64::from(sought.unknown) * rarest;
        let within = sought.known.iter().filter(|one| sentence.contains(&one.word));
        if all > 0.0 { within.map(|one| one.certainty * weigh(one)).sum::<f64>() / all } else { 0.0 }
    }

    /// How much of a sentence was typed, and how much of what was typed is in the sentence, by weight: the product of the
    /// two, times the weight that agrees, so that long agreement counts more than a short one.
    fn likeness(&self, phrase: &BTreeSet<String>, sought: &[Sought]) -> f64 {
        let weigh = |word: &String| self.weight.get(word).copied().unwrap_or_default();
        let typed: f64 = sought.iter().map(|one| weigh(&one.word)).sum();
        let said: f64 = phrase.iter().map(weigh).sum();
        let agreeing = sought.iter().filter(|one| phrase.contains(&one.word));
        let common: f64 = agreeing.map(|one| one.certainty * weigh(&one.word)).sum();
        if common == 0.0 { 0.0 } else { common.sqrt() * (common / said) * (common / typed).sqrt() }
    }
}

impl Page {
    fn of(problem: &'static Problem) -> Self {
        let mut page = Self { words: BTreeMap::new(), phrases: Vec::new() };
        page.add(&problem.body, 0.3);
        for advice in problem.workarounds.iter().chain(&problem.dead_ends) {
            page.add(&advice.what, 0.4);
        }
        page.add(&problem.root_cause, 0.8);
        page.add(problem.id.meaning(), 0.8);
        page.add_phrase(&problem.title, 1.5);
        page.add(problem.id.as_str(), 1.5);
        for name in problem.applies_to.providers.iter().chain(problem.applies_to.libraries.keys()) {
            page.add(name, 1.0);
        }
        for text in problem.symptoms.iter().chain(&problem.questions) {
            page.add_phrase(text, 1.2);
        }
        for code in &problem.error_codes {
            page.add(code, 1.5);
        }
        for status in &problem.statuses {
            page.add(&status.to_string(), 0.5);
        }
        page
    }

    fn add_phrase(&mut self, text: &'static str, place: f64) {
        self.add(text, place);
        self.phrases.push((text, words(text).into_iter().collect()));
    }

    fn add(&mut self, text: &str, place: f64) {
        for word in words(text) {
            let best = self.words.entry(word).or_default();
            *best = best.max(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use evergrant_proto::diagnosis::Cause;

    use super::*;

    #[test]
    fn without_words_the_filters_alone_decide() {
        assert_eq!(search("").len(), all().len());
        let slack = Query { provider: Some("slack".into()), status: Some(200), ..Query::default() };
        let hits = search(slack);
        assert!(!hits.is_empty());
        for hit in hits {
            assert!(hit.problem.statuses.contains(&200));
            assert!(hit.problem.applies_to.everywhere || hit.problem.names_provider("slack"));
        }
        let code = Query { code: Some("aadsts700082".into()), ..Query::default() };
        assert_eq!(search(code)[0].problem.id, Cause::RefreshTokenExpiredIdle);
    }

    #[test]
    fn words_of_no_page_find_nothing() {
        assert_eq!(search("qwzx xxyyzz 🦀 \u{0}"), []);
        assert_eq!(search(&*"%00' OR 1=1 --<script>".repeat(0)).len(), all().len());
    }

    #[test]
    fn a_hostile_query_is_only_words() {
        for hostile in
            ["<script>alert(1)</script>", "' OR 1=1 --", "../../etc/passwd", "%s%n", &"x_".repeat(100_000)]
        {
            let _ = search(hostile);
        }
        let long = (0..5000).map(|number| format!("wordd{number}")).collect::<Vec<_>>().join(" ");
        assert_eq!(search(&*long), []);
    }
}
