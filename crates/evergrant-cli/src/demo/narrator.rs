//! Telling the story: short lines that fit a terminal, in the pace of somebody who reads along.

use std::{
    io::{self, Stdout, Write},
    time::Duration,
};

use crate::{
    failure::Failure,
    output::{
        style::{self, Style},
        text::clean,
    },
};

/// Longer lines are hard to read, whatever the terminal offers.
const WIDEST: usize = 84;
/// Below this nothing can be laid out.
const NARROWEST: usize = 40;

/// The left edges of the story, of what belongs to a line, and of tables.
const INDENT: usize = 4;
const DEEPER: usize = 6;

const LINE_PAUSE: Duration = Duration::from_millis(450);
const ACT_PAUSE: Duration = Duration::from_millis(1400);

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ink {
    Plain,
    Quiet,
    Strong,
    Good,
    Bad,
    Accent,
}

/// Prints the story. Holds no secrets, because nobody gives it any.
#[derive(Debug)]
pub(super) struct Narrator {
    out: Stdout,
    style: Style,
    width: usize,
    /// Whether somebody reads along.
    attended: bool,
    claims: usize,
}

impl Narrator {
    pub(super) fn new(attended: bool) -> Self {
        let out = io::stdout();
        let columns = rustix::termios::tcgetwinsize(&out).map_or(0, |size| usize::from(size.ws_col));
        let width = if columns == 0 { 80 } else { columns.saturating_sub(1).clamp(NARROWEST, WIDEST) };
        Self { out, style: style::of_stdout(), width, attended, claims: 0 }
    }

    /// The headline of the whole.
    pub(super) fn title(&self, title: &str, rest: &str) {
        self.print("");
        self.print(&format!(" {}  {}", self.paint(Ink::Strong, title), self.paint(Ink::Quiet, rest)));
        self.print("");
    }

    /// Begins a part of the story: its number, its title, and what the shared clock shows.
    pub(super) async fn act(&self, number: usize, title: &str, elapsed: Duration) {
        self.pause(ACT_PAUSE).await;
        let clock = format!("+{}", hours(elapsed));
        let gap = self.width.saturating_sub(INDENT + title.chars().count() + clock.chars().count());
        self.print("");
        self.print(&format!(
            " {}  {}{:gap$}{}",
            self.paint(Ink::Accent, &number.to_string()),
            self.paint(Ink::Strong, title),
            "",
            self.paint(Ink::Quiet, &clock),
        ));
    }

    /// Says what is going to happen.
    pub(super) async fn tell(&self, text: &str) {
        self.pause(LINE_PAUSE).await;
        self.lines(Ink::Plain, "", INDENT, text);
        self.pause(LINE_PAUSE).await;
    }

    /// Something that was seen: a line of a table, a detail.
    pub(super) async fn show(&self, ink: Ink, text: &str) {
        self.pause(LINE_PAUSE / 2).await;
        self.lines(ink, "", DEEPER, text);
    }

    /// A name and its value in two columns; the value may take several lines.
    pub(super) async fn pair(&self, name: &str, ink: Ink, value: &str) {
        self.pause(LINE_PAUSE / 2).await;
        let label = format!("{name:<10}");
        self.lines(ink, &label, DEEPER, value);
    }

    /// A line that is never broken: addresses and commands, to be clicked or copied.
    pub(super) fn verbatim(&self, name: &str, text: &str) {
        self.print(&format!(
            "{:INDENT$}{} {}",
            "",
            self.paint(Ink::Quiet, &format!("{name:<10}")),
            clean(text)
        ));
    }

    /// A line of explanation that is told at once.
    pub(super) fn heading(&self, text: &str) {
        self.lines(Ink::Plain, "", INDENT, text);
    }

    /// The same without a name, from the left edge.
    pub(super) fn copyable(&self, text: &str) {
        self.print(&format!("{:INDENT$}{}", "", self.paint(Ink::Accent, &clean(text))));
    }

    /// States that something happened. If it did not, the story ends here.
    pub(super) async fn claim(&mut self, happened: bool, claim: &str, evidence: &str) -> Result<(), Failure> {
        if !happened {
            return Err(Failure::new(
                &format!("the demonstration claims that {claim}, and it did not happen"),
                evidence,
            ));
        }
        self.claims += 1;
        self.pause(LINE_PAUSE).await;
        let mark = format!("{} ", self.paint(Ink::Good, "✓"));
        for (index, line) in wrap(claim, self.width - DEEPER).into_iter().enumerate() {
            let margin = if index == 0 { mark.as_str() } else { "  " };
            self.print(&format!("{:INDENT$}{margin}{line}", ""));
        }
        if !evidence.is_empty() {
            self.lines(Ink::Quiet, "", DEEPER, evidence);
        }
        Ok(())
    }

    /// How it ended.
    pub(super) fn verdict(&self, text: &str) {
        self.lines(Ink::Good, "", INDENT, text);
    }

    /// How many claims have held so far.
    pub(super) fn claims(&self) -> usize {
        self.claims
    }

    pub(super) fn gap(&self) {
        self.print("");
    }

    async fn pause(&self, time: Duration) {
        if self.attended {
            tokio::time::sleep(time).await;
        }
    }

    /// A paragraph behind a label, broken between words.
    fn lines(&self, ink: Ink, label: &str, indent: usize, text: &str) {
        let column = if label.is_empty() { 0 } else { label.chars().count() + 1 };
        for (index, line) in wrap(&clean(text), self.width - indent - column).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let margin = if column == 0 { String::new() } else { format!("{label:column$}") };
            self.print(&format!(
                "{:indent$}{}{}",
                "",
                self.paint(Ink::Quiet, &margin),
                self.paint(ink, &line)
            ));
        }
    }

    fn print(&self, line: &str) {
        // A reader that has gone away (`| head`) does not change what is true.
        let _ = writeln!(self.out.lock(), "{line}");
    }

    fn paint(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => return text.to_owned(),
            _ if !self.style.is_coloured() || text.trim().is_empty() => return text.to_owned(),
            Ink::Quiet => "2",
            Ink::Strong => "1",
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Accent => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Virtual time for people: hours and minutes.
pub(super) fn hours(time: Duration) -> String {
    format!("{:02}:{:02}", time.as_secs() / 3600, time.as_secs() / 60 % 60)
}

/// Breaks between words; a word that is too long stays whole, so that it can be copied.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_stay_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("see http://127.0.0.1:8780/x now", 10), ["see", "http://127.0.0.1:8780/x", "now"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn time_is_told_in_hours_and_minutes() {
        assert_eq!(hours(Duration::from_secs(2 * 3600 + 5 * 60 + 59)), "02:05");
    }
}
