//! The settings, shared by the server and the other commands. docs/configuration.md has them all, with an example.

mod check;
mod file;
mod finding;
mod flags;
mod layers;
mod raw;
mod setting;

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use evergrant::{
    http::{EgressConfig, EgressProxy},
    proto::provider::{Catalogue, InvalidCatalogue},
    store::{
        key::{KeyRing, environment},
        sqlite::Retention,
    },
};
use evergrant_server::{RateLimit, TlsFiles};
use tracing_subscriber::EnvFilter;
use url::Url;
use zeroize::Zeroizing;

pub(crate) use self::{
    check::{check, usual_url},
    finding::{Finding, Source, Weight},
    flags::Flags,
    layers::{Effective, Environment},
    setting::{CATALOGUE, PROXY, SETTINGS},
};
use self::{layers::Layers, raw::Raw};
use crate::{cli::SettingsOptions, exit::Exit, failure::Failure, location::StoreLocation};

const DAY: Duration = Duration::from_secs(86_400);

/// More days than anybody keeps events, and than a date can be off by.
const LONGEST_KEPT: u64 = 36_500;

/// A day: whoever waits longer has forgotten.
const LONGEST_WAIT: u64 = 86_400;

#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What `serve` listens on.
    pub(crate) listen: SocketAddr,
    /// The store; `None`: the usual place.
    pub(crate) store: Option<StoreLocation>,
    /// Keys that seal, instead of the ones beside the store.
    key_file: Option<PathBuf>,
    /// The address under which browsers reach the server.
    pub(crate) public_url: Option<Url>,
    /// Whether a proxy in front terminates TLS.
    pub(crate) behind_proxy: bool,
    /// A folder of provider files that add to the built-in ones or replace them.
    pub(crate) catalogue: Option<PathBuf>,
    pub(crate) drain: Option<Duration>,
    pub(crate) finish: Option<Duration>,
    pub(crate) patience: Option<Duration>,
    pub(crate) body_rate: Option<u32>,
    /// `None`: none.
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) log: Log,
    /// Which events are kept.
    pub(crate) events: Retention,
    /// What may be reached.
    pub(crate) egress: Egress,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// As `EnvFilter` takes it.
    pub(crate) filter: String,
    pub(crate) json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "warn".to_owned(), json: false }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Egress {
    /// Networks and proxy.
    reach: EgressConfig,
    ca_bundle: Option<PathBuf>,
    pub(crate) allow_loopback_http: bool,
}

/// The settings from every side, and all that is to be said of them.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// What holds of each setting, in the order of the table.
    pub(crate) effective: Vec<Effective>,
    pub(crate) findings: Vec<Finding>,
}

impl Settings {
    /// Reads what was given on the command line, in the environment and in the file. Blocks.
    pub(crate) fn read(flags: &Flags, environment: &Environment, file: Option<&Path>) -> Self {
        let mut layers = Layers::read(flags, environment, file);
        refuse_secret_arguments(flags, &mut layers);
        let config = Config::out_of(&mut layers);
        if config.key_file.is_some() && environment.has(environment::VARIABLE) {
            let text = format!("{} is set, too: which keys seal?", environment::VARIABLE);
            layers.findings.push(Finding { everywhere: true, ..Finding::refused("key_file", text) });
        }
        let mut effective = layers.effective;
        effective.sort_by_key(|row| SETTINGS.iter().position(|setting| setting.name == row.name));
        Self { config, effective, findings: layers.findings }
    }

    /// Where the value of a setting comes from.
    pub(crate) fn source(&self, name: &str) -> Source {
        let row = self.effective.iter().find(|row| row.name == name);
        row.map_or(Source::Default, |row| row.source.clone())
    }
}

impl Config {
    /// What a command works with that is no server. Blocks.
    pub(crate) fn of(options: &SettingsOptions) -> Result<Self, Failure> {
        let given = options.catalogue.as_ref().map(|path| path.display().to_string());
        let flags = given.map_or_else(Flags::default, |path| Flags::default().with(&CATALOGUE, path));
        let settings = Settings::read(&flags, &Environment::of_process(), options.config.as_deref());
        let refused: Vec<_> = settings.findings.iter().filter(|finding| finding.everywhere).collect();
        if refused.is_empty() { Ok(settings.config) } else { Err(unusable(refused)) }
    }

    fn out_of(layers: &mut Layers) -> Self {
        let usual = "127.0.0.1:8780".parse().expect("a constant");
        let address = |text: &str| {
            text.parse().map_err(|_| "takes an address and a port, such as 127.0.0.1:8780".to_owned())
        };
        Self {
            listen: layers.text(&setting::LISTEN, address).unwrap_or(usual),
            store: layers.text(&setting::STORE, |text| {
                text.parse::<StoreLocation>().map_err(|error| error.to_string())
            }),
            key_file: layers.path(&setting::KEY_FILE),
            public_url: layers.text(&setting::PUBLIC_URL, public_url),
            behind_proxy: layers.switch(&setting::BEHIND_PROXY),
            catalogue: layers.path(&CATALOGUE),
            drain: layers.number(&setting::DRAIN, LONGEST_WAIT).map(Duration::from_secs),
            finish: layers.number(&setting::FINISH, LONGEST_WAIT).map(Duration::from_secs),
            patience: layers.number(&setting::PATIENCE, LONGEST_WAIT).map(Duration::from_secs),
            body_rate: layers
                .number(&setting::BODY_RATE, u32::MAX.into())
                .and_then(|rate| rate.try_into().ok()),
            rate_limit: rate_limit(layers),
            tls: tls(layers),
            log: log(layers),
            events: events(layers),
            egress: Egress::out_of(layers),
        }
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
        let ca_bundle = self.egress.ca_bundle.as_deref().map(read_text).transpose()?;
        Ok(EgressConfig {
            allow_loopback_http,
            ca_bundle: ca_bundle.map(String::into_bytes),
            ..self.egress.reach.clone()
        })
    }

    /// The file that has the keys that seal: the operator's, or the one `beside` the store; `None`: the environment has them.
    pub(crate) fn key_place(&self, beside: PathBuf) -> Option<PathBuf> {
        match &self.key_file {
            Some(path) => Some(path.clone()),
            None => std::env::var_os(environment::VARIABLE).is_none().then_some(beside),
        }
    }

    /// The keys that seal, unless they are beside the store: from the environment or a file of the operator's. Blocks.
    pub(crate) fn keys(&self) -> Result<Option<KeyRing>, Failure> {
        let Some(path) = &self.key_file else {
            return environment::load().map_err(|error| {
                Failure::of(Exit::StoreUnavailable, format!("cannot read the keys: {error}"))
            });
        };
        let cannot = |why: &dyn std::fmt::Display| {
            let text = format!("cannot read the keys in {}: {why}", path.display());
            Failure::of(Exit::StoreUnavailable, text)
        };
        let mode = fs::metadata(path).map_err(|error| cannot(&error))?.permissions().mode();
        if mode & 0o007 != 0 {
            return Err(cannot(&"every user can read it").advise(format!("chmod 600 {}", path.display())));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| cannot(&error))?);
        let keys = environment::parse(text.as_str().as_ref());
        keys.map(Some).map_err(|_| {
            cannot(&"it takes 32 bytes in Base64 a key, separated by commas").advise(
                "for a new store make one with: openssl rand -base64 32; an old one keeps its keys, \
                 the last field of each line `key` of its key file",
            )
        })
    }
}

impl Egress {
    fn out_of(layers: &mut Layers) -> Self {
        let mut reach = EgressConfig::default();
        let networks = layers.take(&setting::ALLOW_NETWORKS, Raw::shown, |raw| {
            let Raw::List(networks) = raw else { return Ok(Vec::new()) };
            let parse = |network: &String| {
                network.parse().map_err(|_| "takes networks such as 10.20.0.0/16".to_owned())
            };
            networks.iter().map(parse).collect()
        });
        reach.allow_networks = networks.unwrap_or_default();
        reach.proxy = layers
            .take(&PROXY, masked, |raw| EgressProxy::parse(raw.text()).map_err(|error| error.to_string()));
        let ca_bundle = layers.path(&setting::CA_BUNDLE);
        Self { reach, ca_bundle, allow_loopback_http: layers.switch(&setting::ALLOW_LOOPBACK_HTTP) }
    }
}

/// Everybody on a machine can read the arguments of its programs.
fn refuse_secret_arguments(flags: &Flags, layers: &mut Layers) {
    let spoken = flags.given().any(|(setting, text)| setting.name == PROXY.name && text.contains('@'));
    if spoken {
        let finding =
            Finding::refused(PROXY.name, "every user of the machine can read a password given here")
                .at(&Source::Flag(PROXY.flag))
                .remedy(format!("put it into the settings file, or into {}", PROXY.variable));
        layers.findings.push(finding);
    }
}

fn public_url(text: &str) -> Result<Url, String> {
    let wanted = || "takes an address such as https://evergrant.example".to_owned();
    let url = Url::parse(text).map_err(|_| wanted())?;
    let whole =
        url.has_host() && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if whole && ["http", "https"].contains(&url.scheme()) { Ok(url) } else { Err(wanted()) }
}

fn rate_limit(layers: &mut Layers) -> Option<RateLimit> {
    let usual = RateLimit::default();
    let requests =
        layers.number(&setting::RATE_REQUESTS, 1_000_000).and_then(|number| u32::try_from(number).ok());
    let window = layers
        .number(&setting::RATE_SECONDS, LONGEST_WAIT)
        .map(|seconds| Duration::from_secs(seconds.max(1)));
    let requests = requests.unwrap_or(usual.requests);
    (requests > 0).then(|| RateLimit { requests, window: window.unwrap_or(usual.window) })
}

fn tls(layers: &mut Layers) -> Option<TlsFiles> {
    match (layers.path(&setting::TLS_CERTIFICATE), layers.path(&setting::TLS_KEY)) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (certificate, _) => {
            let missing = if certificate.is_some() { "tls.key" } else { "tls.certificate" };
            layers
                .findings
                .push(Finding::refused(missing, "is missing: certificate and key belong together"));
            None
        }
    }
}

fn log(layers: &mut Layers) -> Log {
    let filter = layers.text(&setting::LOG_FILTER, |text| match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err("takes a level (error, warn, info, debug), or TARGET=LEVEL, separated by commas".to_owned())
        }
    });
    let json = layers.text(&setting::LOG_FORMAT, |text| match text {
        "text" => Ok(false),
        "json" => Ok(true),
        _ => Err("takes text or json".to_owned()),
    });
    let usual = Log::default();
    Log { filter: filter.unwrap_or(usual.filter), json: json.unwrap_or(usual.json) }
}

fn events(layers: &mut Layers) -> Retention {
    let usual = Retention::default();
    let days = layers.number(&setting::KEEP_DAYS, LONGEST_KEPT).and_then(|days| u32::try_from(days).ok());
    let last = layers.number(&setting::KEEP_LAST, u32::MAX.into()).and_then(|last| u32::try_from(last).ok());
    Retention {
        keep_for: days.map_or(usual.keep_for, |days| DAY * days),
        keep_last: last.unwrap_or(usual.keep_last),
    }
}

/// What holds of a setting if nobody says, for people.
pub(crate) fn usual(name: &str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default)
}

/// A proxy's address without name and password.
fn masked(proxy: &Raw) -> String {
    match proxy.text().rsplit_once('@') {
        None => proxy.shown(),
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
            format!("{scheme}***@{host}")
        }
    }
}

/// Settings that nobody can work with, all of them.
pub(crate) fn unusable<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Failure {
    let lines: Vec<_> = findings.into_iter().map(|finding| format!("\n  {finding}")).collect();
    Failure::new("the settings cannot be used", lines.concat())
        .advise("docs/configuration.md lists every setting; `evergrant config check` reads them again")
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
mod tests;
