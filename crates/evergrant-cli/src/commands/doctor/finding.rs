//! What a check found, and what helps.

use evergrant::proto::{diagnosis::Cause, name::ClientName};
use serde_json::{Value, json};

use crate::{exit::Exit, output::style::Tone};

/// How a check ended, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Advice,
    /// Nobody could tell.
    Unclear,
    /// It works, and will not for ever.
    Warning,
    /// It does not work.
    Fails,
}

impl Verdict {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Advice => "advice",
            Self::Unclear => "unclear",
            Self::Warning => "warning",
            Self::Fails => "fails",
        }
    }

    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Ok => Tone::Good,
            Self::Advice | Self::Unclear => Tone::Plain,
            Self::Warning => Tone::Warning,
            Self::Fails => Tone::Bad,
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// What was found, in a sentence without its full stop.
    pub(super) text: String,
    /// What to do about it: a command, where there is one. Only what is as it should be has none.
    pub(super) fix: Option<String>,
    /// The cause that it leads to, or comes from.
    pub(super) page: Option<Cause>,
    /// The exit code of the command, if it fails.
    pub(super) exit: Exit,
}

impl Finding {
    /// The one finding that needs no fix.
    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, text: text.into(), fix: None, page: None, exit: Exit::Other }
    }

    fn with_fix(
        check: &'static str,
        verdict: Verdict,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { verdict, fix: Some(fix.into()), ..Self::ok(check, text) }
    }

    pub(super) fn advice(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::with_fix(check, Verdict::Advice, text, fix)
    }

    pub(super) fn unclear(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::with_fix(check, Verdict::Unclear, text, fix)
    }

    pub(super) fn warning(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::with_fix(check, Verdict::Warning, text, fix)
    }

    pub(super) fn fails(
        check: &'static str,
        exit: Exit,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { exit, ..Self::with_fix(check, Verdict::Fails, text, fix) }
    }

    #[must_use]
    pub(super) fn page(self, page: Cause) -> Self {
        Self { page: Some(page), ..self }
    }

    fn view(&self, client: Option<&ClientName>) -> Value {
        json!({
            "client": client,
            "check": self.check,
            "result": self.verdict.name(),
            "finding": self.text,
            "fix": self.fix,
            "page": self.page.map(|cause| format!("/problems/{cause}")),
        })
    }
}

/// The findings about one thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) client: Option<ClientName>,
    pub(super) findings: Vec<Finding>,
}

/// Everything for programs: the worst result, and one object a finding.
pub(super) fn view(sections: &[Section]) -> Value {
    let findings: Vec<_> = sections
        .iter()
        .flat_map(|section| section.findings.iter().map(|finding| finding.view(section.client.as_ref())))
        .collect();
    json!({ "result": worst(sections).name(), "findings": findings })
}

pub(super) fn worst(sections: &[Section]) -> Verdict {
    all(sections).map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
}

pub(super) fn all(sections: &[Section]) -> impl Iterator<Item = &Finding> {
    sections.iter().flat_map(|section| &section.findings)
}
