//! The settings file, with the line of everything in it.

use std::{fs, io::ErrorKind, ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    finding::{Finding, Source, Weight},
    raw::Raw,
    setting::{SETTINGS, Setting, nearest},
};

/// A settings file has no reason to be longer.
const LIMIT: u64 = 1024 * 1024;

/// What was read of a file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) values: Vec<(&'static Setting, Raw, Source)>,
    pub(super) findings: Vec<Finding>,
}

impl File {
    /// Reads a file. Blocks.
    pub(super) fn read(path: &Path) -> Self {
        let read = fs::metadata(path).and_then(|metadata| match metadata.len() {
            ..=LIMIT => fs::read_to_string(path),
            _ => Err(ErrorKind::FileTooLarge.into()),
        });
        match read {
            Ok(text) => Self::parse(path, &text),
            Err(error) => {
                let mut file = Self::default();
                file.complain(None, None, format!("cannot read {}: {error}", path.display()));
                file
            }
        }
    }

    fn parse(path: &Path, text: &str) -> Self {
        let mut file = Self::default();
        let (table, errors) = DeTable::parse_recoverable(text);
        let place = |span: Range<usize>| Source::File(path.to_owned(), line(text, span.start));
        for error in &errors {
            // The parser's full text quotes the line, which may hold a proxy's password.
            let source = error.span().map(place);
            file.complain(source, None, error.message().lines().next().unwrap_or_default().to_owned());
        }
        // Behind a mistake of the syntax, what was meant by the rest is guesswork.
        if errors.is_empty() {
            file.take_table("", table.get_ref(), &place);
        }
        file
    }

    fn take_table(&mut self, prefix: &str, table: &DeTable<'_>, place: &dyn Fn(Range<usize>) -> Source) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let source = place(key.span());
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) {
                self.take(setting, value, source);
            } else if let DeValue::Table(inner) = value.get_ref()
                && SETTINGS.iter().any(|setting| setting.name.starts_with(&format!("{name}.")))
            {
                self.take_table(&format!("{name}."), inner, place);
            } else {
                self.complain_of_unknown(source, &name);
            }
        }
    }

    fn take(&mut self, setting: &'static Setting, value: &Spanned<DeValue<'_>>, source: Source) {
        match Raw::of_toml(setting.kind, value.get_ref()) {
            Ok(raw) => self.values.push((setting, raw, source)),
            Err(text) => self.complain(Some(source), Some(setting.name), text),
        }
    }

    fn complain_of_unknown(&mut self, source: Source, name: &str) {
        // The name is as long as somebody made it.
        let name: String = name.chars().take(80).collect();
        let meant = nearest(&name, SETTINGS.iter().map(|setting| setting.name));
        self.complain(Some(source), Some(&name), "there is no such setting".to_owned());
        if let (Some(meant), Some(finding)) = (meant, self.findings.last_mut()) {
            finding.remedy = Some(format!("did you mean {meant}?"));
        }
    }

    /// Nobody works with a file that is wrong: what it means is unknown.
    fn complain(&mut self, source: Option<Source>, setting: Option<&str>, text: String) {
        self.findings.push(Finding {
            weight: Weight::Refused,
            source,
            setting: setting.map(str::to_owned),
            text,
            remedy: None,
            everywhere: true,
        });
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}
