//! `target/interop/bin/NAME` for each party, so that no test needs to know what language it speaks or where it is.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{create_folder, on_disk};
use crate::{Failure, workspace::Workspace};

pub(crate) fn write_all(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.interop().join("bin");
    create_folder(&folder)?;
    write(&folder, "oidc-provider", &node("oidc-provider/server.mjs"))?;
    write(&folder, "openid-client", &node("openid-client/openid-client.mjs"))?;
    write(&folder, "oauth4webapi", &node("openid-client/oauth4webapi.mjs"))?;
    for name in ["authlib", "schemathesis"] {
        let party = workspace.path(&format!("interop/{name}/party.py"));
        let body = format!("exec \"$here/{name}/venv/bin/python\" -B '{}' \"$@\"", party.display());
        write(&folder, name, &body)?;
    }
    Ok(())
}

/// The pinned Node.js where there is one for this machine, else the machine's own. A script is a link: without
/// `--preserve-symlinks` Node would look for packages where the link leads.
fn node(script: &str) -> String {
    // Not `node_modules/.bin`: older versions of npm link nothing there for an optional dependency.
    format!(
        "node=node\n\
         for pinned in \"$here\"/node/node_modules/node-*/bin/node; do [ -x \"$pinned\" ] && node=$pinned; done\n\
         exec \"$node\" --preserve-symlinks --preserve-symlinks-main \"$here/{script}\" \"$@\""
    )
}

fn write(folder: &Path, name: &str, body: &str) -> Result<(), Failure> {
    let path = folder.join(name);
    let text = format!(
        "#!/bin/sh\n# Written by `cargo xtask setup`.\nhere=$(cd \"$(dirname \"$0\")/..\" && pwd)\n{body}\n"
    );
    // A test may be running the old one: an unchanged launcher is not touched.
    if fs::read_to_string(&path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    on_disk(&path, fs::write(&path, text))?;
    on_disk(&path, fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
}
