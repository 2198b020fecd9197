//! What is on this host: settings, catalogue, files, keys, store.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use evergrant::{proto::provider::Catalogue, store::sqlite::Paths};

use super::finding::{Finding, Verdict};
use crate::{
    cli::StoreOptions, config::Config, exit::Exit, failure::Failure, location::StoreLocation,
    session::Session,
};

/// What can be seen without opening the store, and whether it is there to be opened: looking makes none.
pub(super) async fn before_opening(options: &StoreOptions) -> Result<(Vec<Finding>, bool), Failure> {
    let options = options.clone();
    let looking = tokio::task::spawn_blocking(move || look(&options));
    looking.await.map_err(|error| Failure::new("cannot look at the files", error))
}

fn look(options: &StoreOptions) -> (Vec<Finding>, bool) {
    let config = match Config::of(&options.settings) {
        Ok(config) => config,
        Err(failure) => return (vec![unusable("settings", &failure)], false),
    };
    let mut findings = vec![settings(options)];
    let catalogue = catalogue(&config);
    // A session reads the same catalogue: with a broken one no other command works, either.
    let mut usable = catalogue.verdict != Verdict::Fails;
    findings.push(catalogue);
    if let Err(failure) = config.egress(false) {
        findings.push(unusable("egress", &failure));
        usable = false;
    }
    match options.store.clone().or(config.store).map_or_else(StoreLocation::usual, Ok) {
        Err(error) => {
            let fix = "name the store: --store sqlite:PATH, or EVERGRANT_STORE";
            findings.push(Finding::fails("store", Exit::Usage, error.to_string(), fix));
            usable = false;
        }
        Ok(location) if !location.path().exists() => {
            let text = format!(
                "none at {} yet; the first command that needs one makes it",
                location.path().display()
            );
            findings.push(Finding::advice("store", text, "evergrant clients add --help"));
            usable = false;
        }
        Ok(location) => {
            let files = permissions(&location);
            // The store refuses to be opened then, in the same words.
            usable &= files.iter().all(|finding| finding.verdict != Verdict::Fails);
            findings.extend(files);
        }
    }
    (findings, usable)
}

fn settings(options: &StoreOptions) -> Finding {
    let settings = &options.settings;
    let mut parts = vec![match &settings.config {
        Some(path) => format!("{} is read", path.display()),
        None => "no settings file; the defaults hold".to_owned(),
    }];
    if let Some(url) = &options.clock {
        parts.push(format!("time follows the rehearsal at {url}"));
    }
    Finding::ok("settings", parts.join("; "))
}

fn catalogue(config: &Config) -> Finding {
    match config.catalogue() {
        Err(failure) => unusable("catalogue", &failure),
        Ok(catalogue) => match &config.catalogue {
            None => {
                Finding::ok("catalogue", format!("{} providers, none of your own", catalogue.ids().count()))
            }
            Some(folder) => Finding::ok("catalogue", own(&catalogue, folder)),
        },
    }
}

fn own(catalogue: &Catalogue, folder: &Path) -> String {
    let own: Vec<_> = catalogue.ids().filter(|id| catalogue.is_own(id)).collect();
    let count = catalogue.ids().count();
    match own.len() {
        0 => format!("{count} providers; {} adds none", folder.display()),
        _ => format!("{count} providers; from {}: {}", folder.display(), own.join(", ")),
    }
}

/// A failure of a command as a row.
pub(super) fn unusable(check: &'static str, failure: &Failure) -> Finding {
    let fix =
        failure.advice().unwrap_or("correct what the message names: docs/configuration.md has every setting");
    Finding::fails(check, failure.exit(), failure.to_string(), fix)
}

/// Who can read and write the store's files. Others who can read the key file can open every credential.
fn permissions(location: &StoreLocation) -> Vec<Finding> {
    let paths = Paths::beside(location.path());
    let host = paths.anchor.parent().map(Path::to_owned);
    let files = [Some(paths.keys), Some(paths.database), host];
    let findings: Vec<_> = files.into_iter().flatten().filter_map(|path| too_open(&path)).collect();
    if findings.is_empty() {
        let text = format!("the files of {} are their owner's alone", location.path().display());
        return vec![Finding::ok("permissions", text)];
    }
    findings
}

fn too_open(path: &Path) -> Option<Finding> {
    let metadata = fs::metadata(path).ok()?;
    let mode = metadata.permissions().mode() & 0o777;
    let shown = path.display();
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user && user != 0 {
        let text = format!("{shown} belongs to user {} and you are user {user}", metadata.uid());
        return Some(Finding::warning("permissions", text, format!("chown {user} {shown}")));
    }
    if mode.trailing_zeros() >= 6 {
        return None;
    }
    let safe = if metadata.is_dir() { "700" } else { "600" };
    let text = format!("{shown} is open to others (mode {mode:03o})");
    // What lies in the other files is sealed; a key that others can read opens all of it.
    let fix = format!("chmod {safe} {shown}");
    Some(if path.extension().is_some_and(|extension| extension == "keys") {
        Finding::fails("permissions", Exit::StoreUnavailable, text, fix)
    } else {
        Finding::warning("permissions", text, fix)
    })
}

/// What the opened store says of itself and of its keys.
pub(super) async fn opened(session: &Session) -> Vec<Finding> {
    let looked = async {
        let status = session.keeper.status().await?;
        // A full disk can be read.
        session.keeper.check_writable().await.map(|()| status)
    };
    let status = match looked.await {
        Ok(status) => status,
        Err(error) => return vec![unusable("store", &Failure::from(error))],
    };
    let mut findings = Vec::new();
    findings.push(if status.quarantine.is_some() {
        let text = "quarantined: it was restored from a backup or copied, so it refreshes nothing";
        let fix = "if the original is not in use any more: evergrant store adopt";
        Finding::fails("store", Exit::StoreUnavailable, text, fix)
    } else {
        let others = match status.holders {
            0 | 1 => "no other process has it open".to_owned(),
            2 => "another process has it open".to_owned(),
            holders => format!("{} other processes have it open", holders - 1),
        };
        Finding::ok("store", format!("{}; {others}", session.location.path().display()))
    });
    findings.push(if status.lifeboat_records > 0 {
        let text = format!("{} rescued credentials wait for the store", status.lifeboat_records);
        let fix = "make the store writable: free its disk, see `evergrant store status`";
        Finding::warning("lifeboat", text, fix)
    } else {
        Finding::ok("lifeboat", format!("{} places free, nothing waits", status.lifeboat_free))
    });
    let primary = status.keys.iter().find(|key| key.primary);
    findings.push(if let Some(key) = primary {
        let older = match status.keys.len() - 1 {
            0 => String::new(),
            older => format!("; {older} older open what they sealed"),
        };
        Finding::ok("keys", format!("{} seals{older}; a copy belongs elsewhere than the backups", key.id))
    } else {
        let fix = "load the key that sealed this store: its .keys file from a copy, or EVERGRANT_KEY";
        Finding::fails("keys", Exit::StoreUnavailable, "no key is loaded that seals", fix)
    });
    findings
}
