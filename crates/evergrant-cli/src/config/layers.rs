//! Settings from every side: the command line goes before the environment, the environment before the file, the file
//! before the default. All of them are read, so that every mistake is found at once.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    file::File,
    finding::{Finding, Source},
    flags::Flags,
    raw::Raw,
    setting::{OTHER_VARIABLES, SETTINGS, Setting, nearest},
};

/// The variables of the process, as far as they are ours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Of this process.
    pub(crate) fn of_process() -> Self {
        let ours = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self(ours.filter(|(name, _)| name.starts_with("EVERGRANT_")).collect())
    }

    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// What a setting is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    pub(crate) name: &'static str,
    /// With secrets masked; `None`: the default, which is no value.
    pub(crate) shown: Option<String>,
    pub(crate) source: Source,
}

/// All that was said, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Layers {
    /// In the order of precedence.
    said: Vec<(&'static Setting, Raw, Source)>,
    pub(super) effective: Vec<Effective>,
    pub(super) findings: Vec<Finding>,
}

impl Layers {
    /// Reads everything. Blocks.
    pub(super) fn read(flags: &Flags, environment: &Environment, path: Option<&Path>) -> Self {
        let mut layers = Self { said: Vec::new(), effective: Vec::new(), findings: Vec::new() };
        for (setting, text) in flags.given() {
            layers.take_text(setting, Raw::of_text(setting.kind, text), Source::Flag(setting.flag));
        }
        for (name, value) in &environment.0 {
            layers.take_variable(name, value);
        }
        let file = path.map(File::read).unwrap_or_default();
        layers.said.extend(file.values);
        layers.findings.extend(file.findings);
        layers
    }

    fn take_variable(&mut self, name: &str, value: &OsString) {
        let source = Source::Variable(name.to_owned());
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable == name) {
            let text = value.to_str().ok_or_else(|| "is no UTF-8".to_owned());
            self.take_text(setting, text.and_then(|text| Raw::of_text(setting.kind, text)), source);
        } else if !OTHER_VARIABLES.contains(&name) {
            let known = SETTINGS.iter().map(|setting| setting.variable).chain(OTHER_VARIABLES);
            let mut finding = Finding::note(name, "nothing reads this variable");
            finding.remedy = nearest(name, known).map(|meant| format!("did you mean {meant}?"));
            self.findings.push(finding);
        }
    }

    fn take_text(&mut self, setting: &'static Setting, raw: Result<Raw, String>, source: Source) {
        match raw {
            Ok(raw) => self.said.push((setting, raw, source)),
            Err(text) => self.complain(setting, &source, text),
        }
    }

    fn complain(&mut self, setting: &Setting, source: &Source, text: String) {
        let mut finding = Finding::refused(setting.name, text).at(source);
        finding.everywhere = setting.everywhere || matches!(source, Source::File(..));
        self.findings.push(finding);
    }

    /// What holds of a setting; `None`: the default. `mask` makes it fit to be shown.
    pub(super) fn take<T>(
        &mut self,
        setting: &'static Setting,
        mask: impl Fn(&Raw) -> String,
        parse: impl Fn(&Raw) -> Result<T, String>,
    ) -> Option<T> {
        let said: Vec<_> =
            self.said.iter().filter(|(candidate, ..)| candidate.name == setting.name).cloned().collect();
        let mut held = None;
        for (_, raw, source) in said {
            match parse(&raw) {
                Err(text) => self.complain(setting, &source, text),
                Ok(value) if held.is_none() => {
                    self.effective.push(Effective { name: setting.name, shown: Some(mask(&raw)), source });
                    held = Some(value);
                }
                Ok(_) => {}
            }
        }
        if held.is_none() {
            let shown = (!setting.default.contains(' ') && setting.default != "none")
                .then(|| setting.default.to_owned());
            self.effective.push(Effective { name: setting.name, shown, source: Source::Default });
        }
        held
    }

    pub(super) fn text<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.take(setting, Raw::shown, |raw| parse(raw.text()))
    }

    pub(super) fn path(&mut self, setting: &'static Setting) -> Option<PathBuf> {
        self.text(setting, |text| match text {
            "" => Err("is empty".to_owned()),
            path => Ok(path.into()),
        })
    }

    pub(super) fn number(&mut self, setting: &'static Setting, most: u64) -> Option<u64> {
        self.take(setting, Raw::shown, |raw| match raw {
            Raw::Number(number) if *number <= most => Ok(*number),
            _ => Err(format!("takes at most {most}")),
        })
    }

    pub(super) fn switch(&mut self, setting: &'static Setting) -> bool {
        self.take(setting, Raw::shown, |raw| Ok(*raw == Raw::Switch(true))).unwrap_or(false)
    }
}
