//! Every setting, once: its names in the file, the environment and on the command line, and what it means. The manual
//! (docs/configuration.md) lists the same, and a test compares.

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in the settings file; a part before a dot is the table.
    pub(crate) name: &'static str,
    /// Its option on the command line of `serve`, without the dashes.
    pub(crate) flag: &'static str,
    /// Its environment variable.
    pub(crate) variable: &'static str,
    pub(crate) kind: Kind,
    /// What holds if nobody says, for people.
    pub(crate) default: &'static str,
    /// What its value looks like.
    pub(crate) value: &'static str,
    pub(crate) help: &'static str,
    /// Whether other commands than `serve` heed its variable.
    pub(crate) everywhere: bool,
}

/// What TOML calls the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Switch,
    List,
}

const fn of_serve(names: [&'static str; 3], kind: Kind, shown: [&'static str; 3]) -> Setting {
    let ([name, flag, variable], [default, value, help]) = (names, shown);
    Setting { name, flag, variable, kind, default, value, help, everywhere: false }
}

const fn everywhere(names: [&'static str; 3], kind: Kind, shown: [&'static str; 3]) -> Setting {
    Setting { everywhere: true, ..of_serve(names, kind, shown) }
}

pub(crate) static LISTEN: Setting = of_serve(
    ["listen", "listen", "EVERGRANT_LISTEN"],
    Kind::Text,
    ["127.0.0.1:8780", "ADDRESS:PORT", "Where to listen; port 0 takes a free one"],
);
pub(crate) static STORE: Setting = of_serve(
    ["store", "store", "EVERGRANT_STORE"],
    Kind::Text,
    ["sqlite: in $XDG_DATA_HOME/evergrant", "sqlite:PATH", "The store"],
);
pub(crate) static KEY_FILE: Setting = everywhere(
    ["key_file", "key-file", "EVERGRANT_KEY_FILE"],
    Kind::Text,
    ["made beside the store", "FILE", "The keys that seal credentials, as EVERGRANT_KEY has them"],
);
pub(crate) static PUBLIC_URL: Setting = of_serve(
    ["public_url", "public-url", "EVERGRANT_PUBLIC_URL"],
    Kind::Text,
    ["where it listens", "URL", "The address under which browsers reach it"],
);
pub(crate) static BEHIND_PROXY: Setting = of_serve(
    ["behind_proxy", "behind-proxy", "EVERGRANT_BEHIND_PROXY"],
    Kind::Switch,
    ["false", "BOOL", "A proxy in front terminates TLS: speak plain HTTP beyond loopback"],
);
pub(crate) static CATALOGUE: Setting = everywhere(
    ["catalogue", "catalogue", "EVERGRANT_CATALOGUE"],
    Kind::Text,
    [
        "the built-in one alone",
        "DIR",
        "A folder of provider files that add to the built-in ones or replace them",
    ],
);
pub(crate) static DRAIN: Setting = of_serve(
    ["drain", "drain", "EVERGRANT_DRAIN"],
    Kind::Number,
    ["0", "SECONDS", "How long connections are still accepted after it was told to stop and /readyz says so"],
);
pub(crate) static FINISH: Setting = of_serve(
    ["finish", "finish", "EVERGRANT_FINISH"],
    Kind::Number,
    ["35", "SECONDS", "How long accepted requests may take to finish after that"],
);
pub(crate) static PATIENCE: Setting = of_serve(
    ["patience", "patience", "EVERGRANT_PATIENCE"],
    Kind::Number,
    ["30", "SECONDS", "How long a caller may take for a handshake, a head, a piece of a body, and to read"],
);
pub(crate) static BODY_RATE: Setting = of_serve(
    ["body_rate", "body-rate", "EVERGRANT_BODY_RATE"],
    Kind::Number,
    ["500", "BYTES", "So many bytes of a body earn a second more than patience for all of it; 0: no end"],
);
pub(crate) static RATE_REQUESTS: Setting = of_serve(
    ["rate_limit.requests", "rate-limit-requests", "EVERGRANT_RATE_LIMIT_REQUESTS"],
    Kind::Number,
    ["1000", "NUMBER", "So many requests of one API key at once, but for tokens; 0: as many as it likes"],
);
pub(crate) static RATE_SECONDS: Setting = of_serve(
    ["rate_limit.seconds", "rate-limit-seconds", "EVERGRANT_RATE_LIMIT_SECONDS"],
    Kind::Number,
    ["10", "SECONDS", "After this time all of them are there again"],
);
pub(crate) static TLS_CERTIFICATE: Setting = of_serve(
    ["tls.certificate", "tls-certificate", "EVERGRANT_TLS_CERTIFICATE"],
    Kind::Text,
    ["no TLS", "FILE", "The certificate chain in PEM, the server's own first"],
);
pub(crate) static TLS_KEY: Setting = of_serve(
    ["tls.key", "tls-key", "EVERGRANT_TLS_KEY"],
    Kind::Text,
    ["no TLS", "FILE", "The private key in PEM"],
);
pub(crate) static LOG_FILTER: Setting = of_serve(
    ["log.filter", "log", "EVERGRANT_LOG"],
    Kind::Text,
    ["warn", "FILTER", "What is logged: a level, or levels by target"],
);
pub(crate) static LOG_FORMAT: Setting = of_serve(
    ["log.format", "log-format", "EVERGRANT_LOG_FORMAT"],
    Kind::Text,
    ["text", "text|json", "In which form"],
);
pub(crate) static KEEP_DAYS: Setting = everywhere(
    ["events.keep_days", "events-keep-days", "EVERGRANT_EVENTS_KEEP_DAYS"],
    Kind::Number,
    ["90", "DAYS", "Younger events are kept"],
);
pub(crate) static KEEP_LAST: Setting = everywhere(
    ["events.keep_last", "events-keep-last", "EVERGRANT_EVENTS_KEEP_LAST"],
    Kind::Number,
    ["100", "NUMBER", "So many events of each grant are kept, however old"],
);
pub(crate) static ALLOW_NETWORKS: Setting = everywhere(
    ["egress.allow_networks", "egress-allow-networks", "EVERGRANT_EGRESS_ALLOW_NETWORKS"],
    Kind::List,
    ["none", "NETWORKS", "Networks that are reachable although they are not public"],
);
pub(crate) static CA_BUNDLE: Setting = everywhere(
    ["egress.ca_bundle", "egress-ca-bundle", "EVERGRANT_EGRESS_CA_BUNDLE"],
    Kind::Text,
    ["the public ones", "FILE", "Certificates that are trusted in addition to the public ones"],
);
pub(crate) static PROXY: Setting = everywhere(
    ["egress.proxy", "egress-proxy", "EVERGRANT_EGRESS_PROXY"],
    Kind::Text,
    ["none", "URL", "The proxy that every request to a provider goes through"],
);
pub(crate) static ALLOW_LOOPBACK_HTTP: Setting = of_serve(
    ["egress.allow_loopback_http", "allow-loopback-http", "EVERGRANT_ALLOW_LOOPBACK_HTTP"],
    Kind::Switch,
    ["false", "BOOL", "Allow plain http to this host, as providers in development need it"],
);

/// All of them, in the order in which they are shown.
pub(crate) static SETTINGS: [&Setting; 22] = [
    &LISTEN,
    &STORE,
    &KEY_FILE,
    &PUBLIC_URL,
    &BEHIND_PROXY,
    &CATALOGUE,
    &DRAIN,
    &FINISH,
    &PATIENCE,
    &BODY_RATE,
    &RATE_REQUESTS,
    &RATE_SECONDS,
    &TLS_CERTIFICATE,
    &TLS_KEY,
    &LOG_FILTER,
    &LOG_FORMAT,
    &KEEP_DAYS,
    &KEEP_LAST,
    &ALLOW_NETWORKS,
    &CA_BUNDLE,
    &PROXY,
    &ALLOW_LOOPBACK_HTTP,
];

/// Variables that are no settings of the server: of the keys, of which namespace a command works in, of rehearsals.
pub(crate) const OTHER_VARIABLES: [&str; 4] =
    ["EVERGRANT_KEY", "EVERGRANT_NAMESPACE", "EVERGRANT_CONFIG", "EVERGRANT_CLOCK"];

/// The candidate that a misspelt name is closest to, if it is close at all. Where the last part is the same, the table
/// was forgotten or is another one.
pub(crate) fn nearest<'a>(misspelt: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let rated = candidates.into_iter().map(|candidate| {
        let distance = distance(&misspelt.to_lowercase(), &candidate.to_lowercase());
        (if last(candidate) == last(misspelt) { 0 } else { distance }, candidate)
    });
    let (distance, name) = rated.min()?;
    (distance <= 1 + name.len() / 5).then_some(name)
}

/// Letters to insert, remove or replace (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_nearest() {
        let names = || SETTINGS.iter().map(|setting| setting.name);
        for (misspelt, meant) in [
            ("listn", Some("listen")),
            ("tls.certifcate", Some("tls.certificate")),
            ("tls.cert", None),
            ("certificate", Some("tls.certificate")),
            ("egress.alow_networks", Some("egress.allow_networks")),
            ("publicUrl", Some("public_url")),
            ("colour", None),
        ] {
            assert_eq!(nearest(misspelt, names()), meant, "{misspelt}");
        }
    }

    #[test]
    fn names_are_unique_and_alike() {
        for setting in SETTINGS {
            let same = |other: &&&Setting| {
                other.name == setting.name || other.flag == setting.flag || other.variable == setting.variable
            };
            assert_eq!(SETTINGS.iter().filter(same).count(), 1, "{}", setting.name);
            assert!(setting.variable.starts_with("EVERGRANT_"));
        }
    }

    #[test]
    fn the_manual_lists_every_setting_and_no_other() {
        let manual = include_str!("../../../../docs/configuration.md");
        let section = manual.split("\n## Settings\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let documented: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
        let row = |setting: &&Setting| {
            let Setting { name, flag, variable, default, help, .. } = setting;
            let default = if default.contains(' ') { (*default).to_owned() } else { format!("`{default}`") };
            format!("| `{name}` | `--{flag}` | `{variable}` | {default} | {help} |")
        };
        assert_eq!(documented, SETTINGS.iter().map(row).collect::<Vec<_>>());
    }
}
