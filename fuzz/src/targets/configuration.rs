//! What operators write.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, LazyLock},
};

use evergrant::http::EgressProxy;
use evergrant_cli::hostile;
use evergrant_proto::{provider::Catalogue, wire::metadata::well_known_urls};
use evergrant_rehearse::{Provider, Settings};
use evergrant_server::{ApiKey, Webhooks};
use evergrant_store::webhook::WebhookSecret;

use super::{files::file, rehearsal::signing_key};
use crate::secrecy::{CANARY, assert_silent};

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);

/// A file of the catalogue, and the addresses that it makes.
pub(super) fn catalogue(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut catalogue = Catalogue::clone(&BUILT_IN);
    if catalogue.overlay("fuzz", text).is_err() {
        return;
    }
    let provider = catalogue.provider("fuzz").expect("what was laid over is there");
    for value in ["a", "id.example:8443", ".."] {
        let given = provider.parameters().into_iter().map(|name| (name.to_owned(), value.to_owned()));
        let given: BTreeMap<_, _> = given.collect();
        let _ = (provider.issuer(&given), provider.resolve(&given));
    }
    let _ = provider.resolve(&BTreeMap::new());
}

/// The settings of the rehearsal server: what is accepted, a provider can be made of.
pub(super) fn rehearsal_settings(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(settings) = Settings::from_toml(text) {
        let made = Provider::new(settings, "http://127.0.0.1:8790", Arc::clone(signing_key()));
        assert!(made.is_ok(), "accepted when read, refused when used");
    }
}

/// A settings file. A proxy's password is told nobody.
pub(super) fn settings_file(bytes: &[u8]) {
    let said = hostile::settings_file(&file(bytes));
    let text = String::from_utf8_lossy(bytes);
    let mut told = text.lines().filter(|line| line.contains(CANARY));
    let proxy =
        |line: &str| line.starts_with("egress.proxy = 'http://user:") && line.ends_with("@proxy:3128'");
    // Within a text of several lines it is another setting's.
    let nested = text.contains("'''") || text.contains("\"\"\"");
    if told.next().is_some_and(proxy) && told.next().is_none() && !nested {
        assert_silent(&[CANARY], &said);
    }
}

/// What is read of a report is read again, and a file that is no report is left alone.
pub(super) fn import_report(bytes: &[u8]) {
    let path = file(bytes);
    let read = hostile::import_report(&path);
    if read.is_err() {
        assert_eq!(fs::read(&path).expect("the file is there"), bytes, "{read:?}");
    }
    assert_eq!(hostile::import_report(&path), read);
}

/// Texts of the command line and the settings file that hold secrets, or lead somewhere.
pub(super) fn operator_texts(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let proxy = EgressProxy::parse(text);
    let _ = hostile::store_location(text);
    let key = ApiKey::parse(text);
    if let Ok(key) = &key {
        assert_silent(&[key.expose()], &format!("{key:?}"));
    }
    if let Err(error) = &key {
        assert_silent(&[CANARY], &format!("{error}"));
    }
    if let Ok(secret) = WebhookSecret::parse(text) {
        assert_silent(&[text, &secret.expose()], &format!("{secret:?}"));
    }
    let _ = Webhooks::parse_time(text);
    let password = text.split_once("//").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(user, _)| user);
    if password.is_some_and(|password| password.contains(CANARY)) {
        assert_silent(&[CANARY], &format!("{proxy:?}"));
    }
    for url in well_known_urls(text).into_iter().flatten() {
        assert!(url.path().contains("/.well-known/"), "{url}");
    }
}
