//! What a value alone does not show: whether files can be used, and whether settings fit one another.

use std::{fs::File, net::SocketAddr};

use evergrant::{http::HttpClient, proto::time::Timestamp};
use evergrant_server::{Certificate, TlsError, TlsFiles};
use url::Url;

use super::{Config, Finding, Settings, Source};
use crate::{failure::Failure, location::StoreLocation, session::is_loopback};

/// Everything that is to be said of the settings of a server. Reads the files that they name. Blocks.
pub(crate) fn check(settings: &Settings, now: Timestamp) -> Vec<Finding> {
    let config = &settings.config;
    let mut findings = settings.findings.clone();
    let mut found = |finding: Option<Finding>| {
        findings.extend(finding.map(|finding| placed(settings, finding)));
    };
    found(in_the_clear(config));
    found(public_url(config));
    found(unusable("catalogue", config.catalogue().err()));
    found(unusable("key_file", config.keys().err()));
    found(egress(config));
    if config.store.is_none() {
        found(StoreLocation::usual().err().map(|error| Finding::refused("store", error.to_string())));
    }
    for finding in certificate(config, now) {
        found(Some(finding));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    findings
}

/// With the place where the value stands.
fn placed(settings: &Settings, finding: Finding) -> Finding {
    let source = finding.setting.as_deref().map_or(Source::Default, |name| settings.source(name));
    if finding.source.is_none() { finding.at(&source) } else { finding }
}

fn in_the_clear(config: &Config) -> Option<Finding> {
    let listen = config.listen;
    if listen.ip().is_loopback() || config.tls.is_some() || config.behind_proxy {
        return None;
    }
    let text = format!("API keys and tokens would pass in the clear on {listen}, which is not loopback");
    let remedy =
        "give tls.certificate and tls.key, or say with behind_proxy that a proxy in front terminates TLS";
    Some(Finding::refused("listen", text).remedy(remedy))
}

fn public_url(config: &Config) -> Option<Finding> {
    let remedy = "providers send users back there: give its https address";
    match &config.public_url {
        Some(url) if url.scheme() != "https" && !is_loopback(url) => {
            Some(Finding::refused("public_url", "is not https").remedy(remedy))
        }
        None if !config.listen.ip().is_loopback() => {
            let text =
                format!("is not set: links for users would lead to {}", usual_url(config.listen, config));
            Some(Finding::wrong("public_url", text).remedy(remedy))
        }
        _ => None,
    }
}

/// Where it is reached if nobody says, from this host.
pub(crate) fn usual_url(address: SocketAddr, config: &Config) -> Url {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let reachable = match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], address.port())),
        _ => address,
    };
    Url::parse(&format!("{scheme}://{reachable}")).expect("an address makes a URL")
}

fn egress(config: &Config) -> Option<Finding> {
    let made = config.egress(false).and_then(|egress| Ok(HttpClient::new(egress)?));
    unusable("egress.ca_bundle", made.err())
}

fn unusable(setting: &str, failure: Option<Failure>) -> Option<Finding> {
    failure.map(|failure| Finding::refused(setting, failure.to_string().replace('\n', " ")))
}

/// What is wrong with the pair, each with its own setting; reading stops at the first file.
fn unusable_pair(error: &TlsError, files: &TlsFiles) -> Vec<Finding> {
    let is_of_key = match error {
        TlsError::NoKey(_) => true,
        TlsError::Unreadable { path, .. } => *path == files.key && *path != files.certificate,
        _ => false,
    };
    if is_of_key {
        return vec![Finding::refused("tls.key", error.to_string())];
    }
    let mut findings = vec![Finding::refused("tls.certificate", error.to_string())];
    if let Err(why) = File::open(&files.key) {
        findings.push(Finding::refused("tls.key", format!("cannot read {}: {why}", files.key.display())));
    }
    findings
}

fn certificate(config: &Config, now: Timestamp) -> Vec<Finding> {
    let Some(files) = &config.tls else { return Vec::new() };
    let certificate = match Certificate::read(files) {
        Ok(certificate) => certificate,
        Err(error) => return unusable_pair(&error, files),
    };
    let mut findings = Vec::new();
    if !certificate.is_valid_at(now) {
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        let text = format!("is valid from {not_before} to {not_after}, and now it is {now}");
        let remedy = "renew it; a server takes it over by itself";
        findings.push(Finding::wrong("tls.certificate", text).remedy(remedy));
    }
    if let Some(mode) = certificate.key_readable_by_others() {
        let text = format!("every user of this machine can read it (mode {mode:04o})");
        let remedy = format!("chmod 640 {}", files.key.display());
        findings.push(Finding::note("tls.key", text).remedy(remedy));
    }
    findings
}
