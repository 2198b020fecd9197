//! A value as it was written, before anybody knows what it means.

use toml::de::DeValue;

use super::setting::Kind;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    Text(String),
    Number(u64),
    Switch(bool),
    List(Vec<String>),
}

impl Raw {
    /// From the environment or the command line, where everything is text.
    pub(super) fn of_text(kind: Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Text => Ok(Self::Text(text.to_owned())),
            Kind::Number => text.trim().parse().map(Self::Number).map_err(|_| wanted(kind)),
            Kind::Switch => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(Self::Switch(true)),
                "false" | "no" | "off" | "0" | "" => Ok(Self::Switch(false)),
                _ => Err(wanted(kind)),
            },
            Kind::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(Self::List(items.map(str::to_owned).collect()))
            }
        }
    }

    /// From the settings file.
    pub(super) fn of_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let raw = match (kind, value) {
            (Kind::Text, DeValue::String(text)) => Some(Self::Text(text.to_string())),
            (Kind::Number, DeValue::Integer(number)) => {
                u64::from_str_radix(number.as_str(), number.radix()).ok().map(Self::Number)
            }
            (Kind::Switch, DeValue::Boolean(switch)) => Some(Self::Switch(*switch)),
            (Kind::List, DeValue::Array(items)) => {
                let items = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
                items.collect::<Option<_>>().map(Self::List)
            }
            _ => None,
        };
        raw.ok_or_else(|| format!("{}, not {}", wanted(kind), type_of(value)))
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// As it is shown.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Switch(switch) => switch.to_string(),
            Self::List(items) => items.join(", "),
        }
    }
}

fn wanted(kind: Kind) -> String {
    let what = match kind {
        Kind::Text => "a text in quotation marks",
        Kind::Number => "a whole number that is not negative",
        Kind::Switch => "true or false",
        Kind::List => "a list of texts in square brackets",
    };
    format!("takes {what}")
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "this number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
