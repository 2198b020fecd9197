//! The findings for people: a table whose last column is folded, with the fix under each finding.

use std::fmt::Write as _;

use super::{Section, Verdict, all, finding::Finding};
use crate::output::{
    self,
    style::{self, Style, Tone},
    text::clean_line,
};

/// Columns of the result and of the check's name, with their gaps.
const RESULT: usize = 9;
const CHECK: usize = 16;
const INDENT: usize = 2 + RESULT + CHECK;

/// Narrower, a folded column cannot be read.
const NARROWEST: usize = 24;

pub(super) fn render(sections: &[Section]) -> String {
    let page = Page { style: style::of_stdout(), width: output::width() };
    let mut text = String::new();
    for section in sections {
        page.section(&mut text, section);
    }
    text.push_str(&page.sum(sections));
    text
}

struct Page {
    style: Style,
    width: usize,
}

impl Page {
    fn section(&self, text: &mut String, section: &Section) {
        writeln!(text, "{}", self.style.paint(Tone::Heading, &clean_line(&section.title)))
            .unwrap_or_default();
        for finding in &section.findings {
            self.finding(text, finding);
        }
        text.push('\n');
    }

    fn finding(&self, text: &mut String, finding: &Finding) {
        let result = format!("{:<RESULT$}", finding.verdict.name());
        let result = self.style.paint(finding.verdict.tone(), &result);
        let lead = format!("  {result}{:<CHECK$}", finding.check);
        self.folded(text, &lead, &finding.text, Tone::Plain);
        let blank = " ".repeat(INDENT);
        if let Some(fix) = &finding.fix {
            self.folded(text, &blank, &format!("fix: {fix}"), Tone::Heading);
        }
        if let Some(cause) = finding.page.filter(|_| finding.verdict > Verdict::Ok) {
            self.folded(text, &blank, &format!("why: evergrant explain --cause {cause}"), Tone::Plain);
        }
    }

    /// Words in as many lines as they need, the later ones under the first. A long word is not cut: it is a path or an
    /// address, to be copied.
    fn folded(&self, text: &mut String, lead: &str, words: &str, tone: Tone) {
        let room = self.width.saturating_sub(INDENT).max(NARROWEST);
        let (mut lines, mut line) = (Vec::new(), String::new());
        for word in clean_line(words).split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        for (index, line) in lines.iter().enumerate() {
            let blank = " ".repeat(INDENT);
            let lead = if index == 0 { lead } else { &blank };
            writeln!(text, "{lead}{}", self.style.paint(tone, line)).unwrap_or_default();
        }
    }

    fn sum(&self, sections: &[Section]) -> String {
        let count = |verdict| all(sections).filter(|finding| finding.verdict == verdict).count();
        let (fails, warnings) = (count(Verdict::Fails), count(Verdict::Warning));
        let plural =
            |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let (tone, fails) = match fails {
            0 if warnings == 0 => (Tone::Good, "Nothing fails".to_owned()),
            0 => (Tone::Warning, "Nothing fails".to_owned()),
            _ => (Tone::Bad, plural(fails, "check fails", "checks fail")),
        };
        let more = [
            (warnings, "warning", "warnings"),
            (count(Verdict::Unclear), "unclear", "unclear"),
            (count(Verdict::Advice), "piece of advice", "pieces of advice"),
        ];
        let more = more.into_iter().filter(|(count, ..)| *count > 0);
        let more: Vec<_> = more.map(|(count, one, many)| plural(count, one, many)).collect();
        let sum = if more.is_empty() { fails } else { format!("{fails}; {}", more.join(", ")) };
        self.style.paint(tone, &format!("{sum}."))
    }
}
