//! The pinned packages of one interoperability party.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    create_folder,
    debian::{CHROMIUM, NGINX, NPM, PYTHON, Program},
    on_disk,
};
use crate::{Failure, command, workspace::Workspace};

/// Written last: its presence says that the installation ran to its end, its content with which lock file.
const INSTALLED: &str = "installed.lock";
const NPM_LOCK: &str = "package-lock.json";
const PYTHON_LOCK: &str = "requirements.txt";

/// Where a party is kept: sources in the repository, packages outside of it.
struct Party {
    sources: PathBuf,
    installed: PathBuf,
    lock: &'static str,
}

impl Party {
    fn new(workspace: &Workspace, name: &str, lock: &'static str) -> Self {
        let sources = workspace.path("interop").join(name);
        Self { sources, installed: workspace.interop().join(name), lock }
    }

    fn is_current(&self) -> bool {
        let wanted = fs::read(self.sources.join(self.lock));
        let installed = fs::read(self.installed.join(INSTALLED));
        matches!((wanted, installed), (Ok(wanted), Ok(installed)) if wanted == installed)
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let target = self.installed.join(to);
        on_disk(&target, fs::copy(self.sources.join(from), &target)).map(drop)
    }
}

/// The programs that the installations still to be done will call.
pub(crate) fn wanted_programs(workspace: &Workspace) -> Vec<Program> {
    let npm = ["node", "oidc-provider", "openid-client"];
    let npm_is_needed = npm.iter().any(|name| !Party::new(workspace, name, NPM_LOCK).is_current());
    let mut wanted = Vec::new();
    if npm_is_needed {
        wanted.push(NPM);
    }
    // A virtual environment needs the Python that it was made with for as long as it is used.
    wanted.extend([PYTHON, NGINX, CHROMIUM]);
    wanted
}

/// Installs exactly what the lock file says, and links the party's scripts beside its packages.
pub(crate) fn install_npm(workspace: &Workspace, name: &str) -> Result<(), Failure> {
    let party = Party::new(workspace, name, NPM_LOCK);
    create_folder(&party.installed)?;
    if !party.is_current() {
        party.copy("package.json", "package.json")?;
        party.copy(NPM_LOCK, NPM_LOCK)?;
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
        npm.current_dir(&party.installed);
        command::run(npm)?;
        party.copy(NPM_LOCK, INSTALLED)?;
    }
    link_scripts(&party)
}

/// Links, not copies: an edit of a script holds at once, and Node finds the packages beside the link.
fn link_scripts(party: &Party) -> Result<(), Failure> {
    for entry in on_disk(&party.sources, fs::read_dir(&party.sources))?.flatten() {
        let script = entry.path();
        if script.extension().is_some_and(|extension| extension == "mjs") {
            let link = party.installed.join(entry.file_name());
            on_disk(&link, replace_link(&script, &link))?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn replace_link(script: &Path, link: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|target| target == script) {
        return Ok(());
    }
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(script, link)
}

/// Makes a virtual environment and installs exactly what the lock file says, hashes checked. `proof` runs where it is
/// there.
pub(crate) fn install_python(workspace: &Workspace, name: &str, proof: &str) -> Result<(), Failure> {
    let party = Party::new(workspace, name, PYTHON_LOCK);
    let environment = party.installed.join("venv");
    let python = environment.join("bin/python");
    if party.is_current() && command::answers(&python, &["-c", proof]) {
        return Ok(());
    }
    create_folder(&party.installed)?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&environment);
    command::run(venv)?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--requirement",
    ]);
    pip.arg(party.sources.join(PYTHON_LOCK));
    command::run(pip)?;
    party.copy(PYTHON_LOCK, INSTALLED)
}
