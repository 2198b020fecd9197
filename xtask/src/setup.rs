//! Installs the independent parties of the interoperability tests: Node.js, Python, nginx and Chromium from Debian's
//! packages where they are missing, and the pinned packages of `interop/*` into `target/interop`, never into the source tree.
//!
//! What is there already is left alone, so a second run needs no network.

pub(crate) mod debian;
mod launcher;
mod party;

use std::{fs, path::Path};

use crate::{
    Failure,
    progress::{self, Step},
    workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    progress::run(steps(workspace))
}

pub(crate) fn steps(workspace: &Workspace) -> Vec<Step<'_>> {
    vec![
        Step::new(
            "npm, Python with venv, nginx and Chromium, from Debian's packages where missing",
            move || debian::provide(&party::wanted_programs(workspace)),
        ),
        Step::new("Node.js in the version that the packages support", move || {
            party::install_npm(workspace, "node")
        }),
        Step::new("oidc-provider, an independent authorization server", move || {
            party::install_npm(workspace, "oidc-provider")
        }),
        Step::new("openid-client and oauth4webapi, independent clients", move || {
            party::install_npm(workspace, "openid-client")
        }),
        Step::new("authlib, an independent client", move || {
            party::install_python(workspace, "authlib", "import authlib, requests")
        }),
        Step::new("schemathesis and openapi-spec-validator, testers of HTTP interfaces", move || {
            party::install_python(workspace, "schemathesis", "import openapi_spec_validator, schemathesis")
        }),
        Step::new("one command for each party", move || launcher::write_all(workspace)),
    ]
}

/// A file operation whose error names the file.
fn on_disk<T>(path: &Path, outcome: std::io::Result<T>) -> Result<T, Failure> {
    outcome.map_err(|error| {
        Failure::new(
            format!("{}: {error}", path.display()),
            "Is the disk full, or does the folder belong to somebody else?",
        )
    })
}

fn create_folder(path: &Path) -> Result<(), Failure> {
    on_disk(path, fs::create_dir_all(path))
}
