//! What is said about settings: where a value comes from, and what is wrong with it.

use std::{fmt, path::PathBuf};

/// Where a value was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// An option of the command line.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// The settings file, and the line, which counts from 1.
    File(PathBuf, usize),
    /// Nobody said.
    Default,
}

impl Source {
    /// The kind alone.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Variable(_) => "environment",
            Self::File(..) => "file",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(formatter, "--{flag}"),
            Self::Variable(variable) => formatter.write_str(variable),
            Self::File(path, line) => write!(formatter, "{}:{line}", path.display()),
            Self::Default => formatter.write_str("default"),
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// It works, and somebody should know.
    Note,
    /// It is wrong; a server starts all the same, since its grants have to be refreshed.
    Wrong,
    /// No server starts with it.
    Refused,
}

impl Weight {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Wrong => "wrong",
            Self::Refused => "refused",
        }
    }
}

/// Something about the settings that somebody has to know. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    /// Where; `None`: in no single place.
    pub(crate) source: Option<Source>,
    /// The setting; `None`: of none in particular.
    pub(crate) setting: Option<String>,
    pub(crate) text: String,
    /// What to do about it.
    pub(crate) remedy: Option<String>,
    /// Whether other commands than `serve` stop at it.
    pub(crate) everywhere: bool,
}

impl Finding {
    pub(crate) fn refused(setting: &str, text: impl Into<String>) -> Self {
        Self {
            weight: Weight::Refused,
            source: None,
            setting: Some(setting.to_owned()),
            text: text.into(),
            remedy: None,
            everywhere: false,
        }
    }

    pub(crate) fn wrong(setting: &str, text: impl Into<String>) -> Self {
        Self { weight: Weight::Wrong, ..Self::refused(setting, text) }
    }

    pub(crate) fn note(setting: &str, text: impl Into<String>) -> Self {
        Self { weight: Weight::Note, ..Self::refused(setting, text) }
    }

    pub(crate) fn at(mut self, source: &Source) -> Self {
        self.source = Some(source.clone());
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Finding {
    /// On one line: place, setting, what, what to do.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = self.source.as_ref().filter(|source| **source != Source::Default) {
            write!(formatter, "{source}: ")?;
        }
        if let Some(setting) = &self.setting {
            write!(formatter, "{setting}: ")?;
        }
        formatter.write_str(&self.text)?;
        match &self.remedy {
            Some(remedy) => write!(formatter, "; {remedy}"),
            None => Ok(()),
        }
    }
}
