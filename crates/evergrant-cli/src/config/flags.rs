//! The settings as options of the command line, made from the table. They are kept as they were typed: what is wrong
//! with one is told together with everything else.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, error::Error};

use super::setting::{Kind, SETTINGS, Setting};

/// Options that were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags(Vec<(&'static Setting, String)>);

impl Flags {
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static Setting, &str)> {
        self.0.iter().map(|(setting, text)| (*setting, text.as_str()))
    }

    /// As if one setting had been given.
    pub(crate) fn with(mut self, setting: &'static Setting, text: impl Into<String>) -> Self {
        self.0.push((setting, text.into()));
        self
    }

    fn read(matches: &ArgMatches) -> Self {
        let given = SETTINGS.iter().filter_map(|setting| {
            let values: Vec<_> = matches.get_many::<String>(setting.name)?.map(String::as_str).collect();
            Some((*setting, values.join(",")))
        });
        Self(given.collect())
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self::read(matches))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::read(matches);
        Ok(())
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| command.arg(argument(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let help = format!("{} [env: {}] [default: {}]", setting.help, setting.variable, setting.default);
    let argument = Arg::new(setting.name).long(setting.flag).value_name(setting.value).help(help);
    match setting.kind {
        Kind::List => argument.action(ArgAction::Append),
        // `--behind-proxy` alone says yes.
        Kind::Switch => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Kind::Text | Kind::Number => argument,
    }
}
