//! The settings file, shared by the server and the other commands.
//!
//! ```toml
//! listen = "127.0.0.1:8780"
//! store = "sqlite:/var/lib/evergrant/evergrant.sqlite"
//! public_url = "https://evergrant.example"
//! catalogue = "/etc/evergrant/catalogue"       # own providers, one TOML file each
//!
//! [events]
//! keep_days = 90                               # younger events are kept,
//! keep_last = 100                              # and so many of each grant, however old
//!
//! [egress]
//! allow_networks = ["10.20.0.0/16"]            # self-hosted providers
//! ca_bundle = "/etc/evergrant/ca.pem"
//! proxy = "http://proxy.example:3128"
//! allow_loopback_http = false                  # only `serve` needs it: see docs/cli.md
//! ```

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use evergrant::{
    http::{EgressConfig, EgressProxy},
    proto::provider::{Catalogue, InvalidCatalogue},
    store::sqlite::Retention,
};
use serde::Deserialize;
use url::Url;

use crate::{cli::SettingsOptions, failure::Failure, location::StoreLocation};

const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// What `serve` listens on.
    pub(crate) listen: Option<SocketAddr>,
    /// The store.
    pub(crate) store: Option<StoreLocation>,
    /// The address under which browsers reach the server.
    pub(crate) public_url: Option<Url>,
    /// A folder of provider files that add to the built-in ones or replace them.
    pub(crate) catalogue: Option<PathBuf>,
    /// Which events are kept.
    pub(crate) events: Events,
    /// What may be reached.
    pub(crate) egress: Egress,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Events {
    keep_days: Option<u32>,
    keep_last: Option<u32>,
}

impl Events {
    /// What is said, over the defaults.
    pub(crate) fn retention(self) -> Retention {
        let usual = Retention::default();
        Retention {
            keep_for: self.keep_days.map_or(usual.keep_for, |days| DAY * days),
            keep_last: self.keep_last.unwrap_or(usual.keep_last),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Egress {
    allow_networks: Vec<String>,
    ca_bundle: Option<PathBuf>,
    proxy: Option<String>,
    pub(crate) allow_loopback_http: bool,
}

impl Config {
    /// What the options say, over what the file says. Blocks.
    pub(crate) fn of(options: &SettingsOptions) -> Result<Self, Failure> {
        let config = Self::read(options.config.as_deref())?;
        Ok(Self { catalogue: options.catalogue.clone().or(config.catalogue), ..config })
    }

    /// Reads a file; without one everything has its default. Blocks.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = read_text(path)?;
        toml::from_str(&text).map_err(|error| {
            // The parser's full text quotes the line, which may hold a proxy's password.
            let place = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let reason = format!("line {place}: {}", error.message());
            Failure::new(&format!("the settings file {} cannot be used", path.display()), reason)
                .advise("docs/cli.md lists every setting")
        })
    }

    /// The providers that ship, and the operator's own. Blocks.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, Failure> {
        let mut catalogue = Catalogue::builtin();
        let Some(folder) = &self.catalogue else { return Ok(catalogue) };
        let cannot = |error| Failure::new(&format!("cannot read the catalogue {}", folder.display()), error);
        for entry in fs::read_dir(folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let id = path.file_stem().unwrap_or_default().to_string_lossy();
            catalogue.overlay(&id, &read_text(&path)?).map_err(|error| unusable_entry(&path, error))?;
        }
        Ok(catalogue)
    }

    /// What requests may reach. Blocks.
    pub(crate) fn egress(&self, allow_loopback_http: bool) -> Result<EgressConfig, Failure> {
        let unusable = |what: &str| Failure::new("the settings of [egress] cannot be used", what);
        let mut allow_networks = Vec::new();
        for network in &self.egress.allow_networks {
            let parsed = network.parse().map_err(|_| unusable("allow_networks takes \"10.20.0.0/16\""))?;
            allow_networks.push(parsed);
        }
        let proxy = self.egress.proxy.as_deref().map(EgressProxy::parse).transpose();
        let ca_bundle = self.egress.ca_bundle.as_deref().map(read_text).transpose()?;
        Ok(EgressConfig {
            allow_loopback_http,
            allow_networks,
            ca_bundle: ca_bundle.map(String::into_bytes),
            proxy: proxy.map_err(|error| unusable(&error.to_string()))?,
            ..EgressConfig::default()
        })
    }
}

/// A file of the catalogue that cannot be used, told as a compiler would: file, line, field.
pub(crate) fn unusable_entry(path: &Path, error: InvalidCatalogue) -> Failure {
    let located = InvalidCatalogue { file: path.display().to_string(), ..error };
    Failure::new("a provider of the catalogue cannot be used", format!("\n{located}"))
        .advise("docs/catalogue.md has every field; `evergrant providers check FILE` reads a file again")
}

pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::new(&format!("cannot read {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Config::read(Some(file.path()))
    }

    #[test]
    fn the_log_of_events_is_kept_as_long_as_is_said_and_for_ninety_days_where_nothing_is() {
        let kept = |text: &str| config(text).unwrap().events.retention();
        assert_eq!(kept(""), Retention { keep_for: 90 * DAY, keep_last: 100 });
        assert_eq!(kept("[events]\nkeep_days = 7\n"), Retention { keep_for: 7 * DAY, keep_last: 100 });
        assert_eq!(kept("[events]\nkeep_last = 0\n"), Retention { keep_for: 90 * DAY, keep_last: 0 });
    }

    #[test]
    fn a_mistyped_setting_is_an_error_that_names_its_line_and_quotes_no_value() {
        let text = "[egress]\nproxy = \"http://me:canary@proxy:3128\"\nalow_networks = [\"10.0.0.0/8\"]\n";
        let error = config(text).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("alow_networks"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }

    #[test]
    fn an_own_provider_is_added_and_a_mistake_in_it_is_told_with_file_line_and_field() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("README.md"), "no provider").unwrap();
        fs::write(folder.path().join("acme.toml"), "id = 'acme'\nname = 'Acme'\n").unwrap();
        let options = SettingsOptions { config: None, catalogue: Some(folder.path().to_owned()) };
        let catalogue = Config::of(&options).unwrap().catalogue().unwrap();
        assert_eq!(catalogue.provider("acme").unwrap().name, "Acme");
        assert!(catalogue.is_own("acme") && !catalogue.is_own("google"));

        fs::write(folder.path().join("acme.toml"), "id = 'acme'\nnaem = 'Acme'\n").unwrap();
        let error = Config::of(&options).unwrap().catalogue().unwrap_err().to_string();
        assert!(error.contains("acme.toml:2: naem: unknown field"), "{error}");
    }

    #[test]
    fn networks_and_proxy_are_parsed() {
        let read = config("[egress]\nallow_networks = [\"10.0.0.0/8\"]\nproxy = \"http://p:1\"\n").unwrap();
        let egress = read.egress(false).unwrap();
        assert_eq!(egress.allow_networks.len(), 1);
        assert!(egress.proxy.is_some());
        assert!(config("[egress]\nallow_networks = [\"ten\"]\n").unwrap().egress(false).is_err());
    }
}
