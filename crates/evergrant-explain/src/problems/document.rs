//! The Markdown of a page: its sections, with the advice of its facts in them.

use std::fmt::Write as _;

use super::problem::{Advice, Problem};

/// A string takes any text.
const ENDLESS: &str = "a string takes any text";

impl Problem {
    /// The sections as Markdown. The lists of what helps and what never does come from the facts, so that they are
    /// written once; what the sections say besides follows them.
    pub fn sections(&self) -> String {
        let mut markdown = String::with_capacity(self.body.len() * 2);
        for line in self.body.lines() {
            writeln!(markdown, "{line}").expect(ENDLESS);
            match line {
                "## What helps" => list(&mut markdown, &self.workarounds),
                "## What never helps" => list(&mut markdown, &self.dead_ends),
                _ => {}
            }
        }
        markdown
    }

    /// The whole page as Markdown.
    pub fn to_markdown(&self) -> String {
        let mut markdown = format!("# {}\n\n{}\n\n", self.title, self.root_cause);
        writeln!(markdown, "`{}`: {}\n", self.id, self.id.meaning()).expect(ENDLESS);
        for symptom in &self.symptoms {
            writeln!(markdown, "    {symptom}").expect(ENDLESS);
        }
        write!(markdown, "\n{}", self.sections()).expect(ENDLESS);
        if !self.related.is_empty() {
            let links: Vec<_> = self.related.iter().map(|cause| format!("[{cause}]({cause}.md)")).collect();
            write!(markdown, "\nRelated: {}\n", links.join(", ")).expect(ENDLESS);
        }
        markdown
    }

    /// Who can be at fault, as the part of a sentence.
    pub fn culprits_in_words(&self) -> String {
        let titles: Vec<_> = self.culprits.iter().map(|party| party.title()).collect();
        match titles.split_last() {
            Some((last, before @ [_, _, ..])) => format!("{} or {last}", before.join(", ")),
            _ => titles.join(" or "),
        }
    }
}

fn list(markdown: &mut String, advice: &[Advice]) {
    if advice.is_empty() {
        return;
    }
    markdown.push('\n');
    for Advice { what, why, measured, .. } in advice {
        write!(markdown, "* **{what}** {why}").expect(ENDLESS);
        if let Some(measured) = measured {
            write!(markdown, " *Worked here {} of {} times.*", measured.worked, measured.tried)
                .expect(ENDLESS);
        }
        markdown.push('\n');
    }
}
