//! Colours: only where somebody looks at them.

use std::{
    env,
    io::{self, IsTerminal},
};

/// Whether, and how, a stream is coloured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    coloured: bool,
}

/// What a text is, not how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
    Heading,
}

/// The style of stdout: coloured on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
pub(crate) fn of_stdout() -> Style {
    Style { coloured: io::stdout().is_terminal() && wanted() }
}

/// The style of stderr.
pub(crate) fn of_stderr() -> Style {
    Style { coloured: io::stderr().is_terminal() && wanted() }
}

fn wanted() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

impl Style {
    /// No colour anywhere.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { coloured: false }
    }

    /// Whether there is any colour.
    pub(crate) fn is_coloured(self) -> bool {
        self.coloured
    }

    /// The text in its tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.coloured => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Heading => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
