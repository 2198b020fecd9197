//! An explanation for people, as lines of a width.

use std::fmt::Write as _;

use evergrant_proto::diagnosis::{Actor, Cause, Certainty};

use super::{Explanation, Step};
use crate::problems;

/// Where the text of a field begins.
const INDENT: usize = 15;

impl Explanation {
    /// The explanation as text: cause, evidence, what helps and what never does, candidates and how to tell them apart.
    pub fn to_terminal(&self, width: usize, colour: bool) -> String {
        let mut page = Page { text: String::new(), width: width.clamp(40, 120), colour };
        page.heading(self);
        page.fields("because", &self.evidence);
        page.field("can it pass", permanence(self.permanent));
        for step in &self.steps {
            page.field(who(step), &step.what);
        }
        page.fields("never helps", &self.never_helps);
        page.candidates(self);
        page.text
    }
}

struct Page {
    text: String,
    width: usize,
    colour: bool,
}

impl Page {
    fn heading(&mut self, explanation: &Explanation) {
        let cause = explanation.cause;
        let title = problems::find(cause.as_str()).map_or(cause.meaning(), |page| page.title.as_str());
        let certainty = match explanation.certainty {
            _ if cause == Cause::Undetermined => "see the candidates",
            Certainty::Certain => "certain",
            Certainty::Likely => "likely",
            Certainty::Possible => "possible",
        };
        let title = if self.colour { format!("\u{1b}[1m{title}\u{1b}[0m") } else { title.to_owned() };
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, "{title}\n{cause} ({certainty})");
        if let Some(provider) = &explanation.provider {
            let _ = writeln!(self.text, "at {}", provider.name);
        }
        self.text.push('\n');
    }

    fn candidates(&mut self, explanation: &Explanation) {
        let undetermined = explanation.cause == Cause::Undetermined;
        let others = explanation.checks.iter().filter(|check| check.cause != explanation.cause);
        let mut others = others.peekable();
        if others.peek().is_none() {
            return;
        }
        let heading =
            if undetermined { "\nWhat it can be, and how to tell:" } else { "\nIf that is not it:" };
        let _ = writeln!(self.text, "{heading}");
        for check in others {
            self.item(check.cause.as_str(), check.check);
        }
    }

    /// A name, and texts beside it.
    fn fields(&mut self, name: &str, texts: &[String]) {
        for (index, text) in texts.iter().enumerate() {
            self.field(if index == 0 { name } else { "" }, text);
        }
    }

    /// A name, and a text beside it.
    fn field(&mut self, name: &str, text: &str) {
        let start = format!("  {name:<width$}", width = INDENT - 2);
        self.wrapped(&start, text);
    }

    fn item(&mut self, name: &str, text: &str) {
        let _ = writeln!(self.text, "  {name}");
        self.wrapped("    ", text);
    }

    fn wrapped(&mut self, start: &str, text: &str) {
        let mut line = start.to_owned();
        let margin = " ".repeat(start.chars().count());
        let mut empty = true;
        for word in text.split_whitespace() {
            if !empty && line.chars().count() + 1 + word.chars().count() > self.width {
                let _ = writeln!(self.text, "{}", line.trim_end());
                line.clone_from(&margin);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        let _ = writeln!(self.text, "{}", line.trim_end());
    }
}

fn permanence(permanent: Option<bool>) -> &'static str {
    match permanent {
        Some(true) => "No: the same request will never succeed.",
        Some(false) => "Yes: waiting, or a fresh access token, can be enough.",
        None => "That depends on which of the candidates it is.",
    }
}

fn who(step: &Step) -> &'static str {
    match step.actor {
        Actor::Evergrant => "by itself",
        Actor::User => "the user",
        Actor::Operator => "you",
        Actor::Administrator => "their admin",
        Actor::Provider => "provider",
    }
}
