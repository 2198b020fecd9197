//! A page for a terminal.

use std::fmt::Write as _;

use pulldown_cmark::{Event, HeadingLevel, LinkType, Parser, Tag, TagEnd};

use super::{html::OPTIONS, problem::Problem};

/// Narrower, words do not fit; wider, lines are hard to follow.
const WIDTH: std::ops::RangeInclusive<usize> = 32..=96;
const ENDLESS: &str = "a string takes any text";

impl Problem {
    /// The whole page, wrapped at `width` columns (at least 32, at most 96), with ANSI styles if `colour`.
    pub fn to_terminal(&self, width: usize, colour: bool) -> String {
        let mut page = Writer::new(width.clamp(*WIDTH.start(), *WIDTH.end()), colour);
        page.line(&[span(Style::Strong, &self.title)]);
        page.line(&[span(Style::Faint, &format!("{} · at fault: {}", self.id, self.culprits_in_words()))]);
        page.gap();
        page.line(&[span(Style::Plain, &self.root_cause)]);
        page.symptoms(&self.symptoms);
        page.markdown(&self.sections());
        page.heading("See also");
        for cause in &self.related {
            page.item(
                "* ",
                &[span(Style::Code, cause.as_str()), span(Style::Plain, &format!(": {}", cause.meaning()))],
            );
        }
        page.gap();
        page.line(&[span(Style::Faint, self.verification.title())]);
        page.text
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Strong,
    Emphasis,
    Code,
    Faint,
}

type Span = (Style, String);

fn span(style: Style, text: &str) -> Span {
    (style, text.to_owned())
}

/// What has been written, and where the next line begins.
struct Writer {
    width: usize,
    colour: bool,
    text: String,
    indent: usize,
}

impl Writer {
    fn new(width: usize, colour: bool) -> Self {
        Self { width, colour, text: String::new(), indent: 0 }
    }

    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn heading(&mut self, title: &str) {
        self.gap();
        self.line(&[span(Style::Strong, title)]);
    }

    /// What people see, each cut to a line: it is there to be recognized.
    fn symptoms(&mut self, symptoms: &[String]) {
        if symptoms.is_empty() {
            return;
        }
        self.heading("Seen as");
        for symptom in symptoms {
            let room = self.width.saturating_sub(2);
            let shown = if symptom.chars().count() > room {
                symptom.chars().take(room.saturating_sub(3)).collect::<String>() + "..."
            } else {
                symptom.clone()
            };
            self.verbatim(&shown);
        }
    }

    /// As it is, however long: it is there to be copied.
    fn verbatim(&mut self, line: &str) {
        self.text.push_str(&" ".repeat(self.indent + 2));
        self.styled(Style::Code, line);
        self.text.push('\n');
    }

    fn item(&mut self, mark: &str, spans: &[Span]) {
        self.wrap(mark, spans);
    }

    fn line(&mut self, spans: &[Span]) {
        self.wrap("", spans);
    }

    /// Breaks at spaces. The first line begins with `mark`, the others as far in.
    fn wrap(&mut self, mark: &str, spans: &[Span]) {
        let indent = self.indent + mark.chars().count();
        write!(self.text, "{}{mark}", " ".repeat(self.indent)).expect(ENDLESS);
        let mut column = indent;
        for word in split(spans) {
            let length: usize = word.iter().map(|(_, text)| text.chars().count()).sum();
            if column > indent {
                if column + 1 + length > self.width {
                    write!(self.text, "\n{}", " ".repeat(indent)).expect(ENDLESS);
                    column = indent;
                } else {
                    self.text.push(' ');
                    column += 1;
                }
            }
            for (style, text) in &word {
                self.styled(*style, text);
            }
            column += length;
        }
        self.text.push('\n');
    }

    fn styled(&mut self, style: Style, text: &str) {
        let code = match style {
            _ if !self.colour => "",
            Style::Plain => "",
            Style::Strong => "1",
            Style::Emphasis => "3",
            Style::Code => "36",
            Style::Faint => "2",
        };
        if code.is_empty() {
            self.text.push_str(text);
        } else {
            write!(self.text, "\u{1b}[{code}m{text}\u{1b}[0m").expect(ENDLESS);
        }
    }

    fn markdown(&mut self, markdown: &str) {
        let mut reading = Reading::default();
        for event in Parser::new_ext(markdown, OPTIONS) {
            reading.event(event, self);
        }
    }
}

/// Words, each of the pieces that no space parts: a full stop stays with the code before it.
fn split(spans: &[Span]) -> Vec<Vec<Span>> {
    let mut words: Vec<Vec<Span>> = Vec::new();
    let mut joined = false;
    for (style, text) in spans {
        for (index, piece) in text.split(char::is_whitespace).enumerate() {
            joined &= index == 0;
            if piece.is_empty() {
                continue;
            }
            match words.last_mut() {
                Some(word) if joined => word.push((*style, piece.to_owned())),
                _ => words.push(vec![(*style, piece.to_owned())]),
            }
            joined = true;
        }
        joined &= !text.ends_with(char::is_whitespace);
    }
    words
}

/// Where in the Markdown we are.
#[derive(Default)]
struct Reading {
    spans: Vec<Span>,
    styles: Vec<Style>,
    /// Where the open link leads.
    target: Option<String>,
    /// Of each open list: the next number, if it has numbers.
    lists: Vec<Option<u64>>,
    /// The mark of an item whose first words have not come yet.
    mark: Option<String>,
    code: bool,
    /// Inside of a table's heading, which a terminal does not show.
    heading: bool,
}

impl Reading {
    fn event(&mut self, event: Event<'_>, page: &mut Writer) {
        match event {
            Event::Start(tag) => self.start(&tag, page),
            Event::End(tag) => self.end(tag, page),
            Event::Text(text) if self.code => text.lines().for_each(|line| page.verbatim(line)),
            Event::Text(_) | Event::Code(_) if self.heading => {}
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                let style = self.styles.last().copied().unwrap_or(Style::Plain);
                self.spans.push((style, text.into_string()));
            }
            Event::Code(code) if page.colour => self.spans.push((Style::Code, code.into_string())),
            Event::Code(code) => self.spans.push((Style::Code, format!("`{code}`"))),
            Event::SoftBreak | Event::HardBreak => self.spans.push(span(Style::Plain, " ")),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, page: &mut Writer) {
        match tag {
            Tag::Strong => self.styles.push(Style::Strong),
            Tag::Emphasis => self.styles.push(Style::Emphasis),
            Tag::Link { link_type, dest_url, .. } if *link_type != LinkType::Autolink => {
                self.target = Some(dest_url.to_string());
            }
            Tag::Heading { .. } | Tag::Table(_) => page.gap(),
            Tag::Paragraph if self.lists.is_empty() => page.gap(),
            Tag::List(first) => {
                self.flush(page);
                if self.lists.is_empty() {
                    page.gap();
                }
                self.lists.push(*first);
            }
            Tag::Item => self.begin_item(),
            Tag::TableHead => self.heading = true,
            Tag::TableCell if !self.spans.is_empty() => self.spans.push(span(Style::Plain, ": ")),
            Tag::CodeBlock(_) => {
                self.flush(page);
                page.gap();
                self.code = true;
            }
            _ => {}
        }
    }

    fn begin_item(&mut self) {
        self.mark = Some(match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "* ".to_owned(),
        });
    }

    fn end(&mut self, tag: TagEnd, page: &mut Writer) {
        match tag {
            TagEnd::Strong | TagEnd::Emphasis => drop(self.styles.pop()),
            TagEnd::Link => self.name_target(),
            TagEnd::Heading(HeadingLevel::H1 | HeadingLevel::H2 | HeadingLevel::H3) => {
                let title: String = self.spans.drain(..).map(|(_, text)| text).collect();
                page.line(&[span(Style::Strong, &title)]);
            }
            TagEnd::Paragraph | TagEnd::Item => self.flush(page),
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::CodeBlock => self.code = false,
            TagEnd::TableHead => {
                self.heading = false;
                self.spans.clear();
            }
            TagEnd::TableRow => page.item("* ", &std::mem::take(&mut self.spans)),
            _ => {}
        }
    }

    /// What `--cause` takes, or an address: a terminal has no links to click.
    fn name_target(&mut self) {
        if let Some(target) = self.target.take() {
            let target = target.strip_suffix(".md").unwrap_or(&target);
            self.spans.push(span(Style::Faint, &format!(" ({target})")));
        }
    }

    fn flush(&mut self, page: &mut Writer) {
        if self.spans.is_empty() {
            return;
        }
        let depth = self.lists.len();
        page.indent = depth.saturating_sub(1) * 2;
        match self.mark.take() {
            Some(mark) => page.item(&mark, &self.spans),
            None if depth > 0 => page.item("  ", &self.spans),
            None => page.line(&self.spans),
        }
        page.indent = 0;
        self.spans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(markdown: &str, width: usize, colour: bool) -> String {
        let mut page = Writer::new(width, colour);
        page.markdown(markdown);
        page.text
    }

    #[test]
    fn lines_break_at_spaces_and_items_hang() {
        let text = written("One two three four.\n\n* five six seven eight\n* nine\n", 12, false);
        assert_eq!(text, "One two\nthree four.\n\n* five six\n  seven\n  eight\n* nine\n");
    }

    #[test]
    fn what_stands_together_stays_together() {
        assert_eq!(written("Run `a b`, then **go**.", 80, false), "Run `a b`, then go.\n");
        assert_eq!(written("Use `x`.", 80, true), "Use \u{1b}[36mx\u{1b}[0m.\n");
    }

    #[test]
    fn a_row_of_a_table_is_an_item() {
        let text = written("| a | b |\n|---|---|\n| Box, `x` | 60 days |\n", 40, false);
        assert_eq!(text, "* Box, `x`: 60 days\n");
    }

    #[test]
    fn a_link_names_where_it_leads() {
        let text =
            written("See [MFA](mfa.md), [x](https://example.org) and <https://example.net>.", 90, false);
        assert_eq!(text, "See MFA (mfa), x (https://example.org) and https://example.net.\n");
    }

    #[test]
    fn code_is_not_broken() {
        let text = written("Try:\n\n```\nevergrant grants check g_1 --format json\n```\n", 20, false);
        assert_eq!(text, "Try:\n\n  evergrant grants check g_1 --format json\n");
    }

    #[test]
    fn every_page_keeps_to_its_width() {
        for problem in crate::problems::all() {
            let page = problem.to_terminal(72, false);
            assert!(!page.contains('\u{1b}'));
            for line in page.lines().filter(|line| !line.starts_with("  ")) {
                assert!(line.chars().count() <= 72, "{}: {line}", problem.id);
            }
        }
    }
}
