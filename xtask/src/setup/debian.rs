//! Programs that come from the operating system.

use std::process::Command;

use crate::{Failure, command};

/// A program, how to see that it works, and the Debian packages that bring it.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) proof: &'static [&'static str],
    pub(crate) packages: &'static [&'static str],
}

pub(crate) const NPM: Program = Program { name: "npm", proof: &["--version"], packages: &["nodejs", "npm"] };
/// The reverse proxy of an example.
pub(crate) const NGINX: Program = Program { name: "nginx", proof: &["-v"], packages: &["nginx-light"] };
/// The browser that clicks through the pages, driven by WebDriver; the two have to be of one version.
pub(crate) const CHROMIUM: Program =
    Program { name: "chromedriver", proof: &["--version"], packages: &["chromium", "chromium-driver"] };
pub(crate) const PYTHON: Program = Program {
    name: "python3",
    // Debian splits venv off; `python3 -m venv --help` answers even without the part that it needs.
    proof: &["-c", "import venv, ensurepip"],
    packages: &["python3", "python3-venv"],
};

/// Installs what is missing, and says so; does nothing when everything is there.
pub(crate) fn provide(wanted: &[Program]) -> Result<(), Failure> {
    let missing: Vec<_> =
        wanted.iter().filter(|program| !command::answers(program.name, program.proof)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|program| program.name).collect();
    let packages: Vec<_> = missing.iter().flat_map(|program| program.packages).copied().collect();
    println!("      missing: {}; installing {} (a minute)", names.join(", "), packages.join(", "));
    if !command::answers("apt-get", &["--version"]) {
        return Err(not_debian(&packages));
    }
    if let Err(failure) = command::output(apt_get(&["update"])) {
        // One broken source among many need not matter: whether the packages can be had, installing them tells.
        eprintln!("      (the package lists could not all be renewed: {})", failure.what);
    }
    command::output(apt_get(&[&["install", "--no-install-recommends", "--yes"], &packages[..]].concat()))
        .map(drop)
}

/// `apt-get`, by `sudo` for whoever is not root.
fn apt_get(arguments: &[&str]) -> Command {
    let mut id = Command::new("id");
    id.arg("-u");
    let is_root = command::output(id).is_ok_and(|user| user.trim() == "0");
    let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
    if !is_root {
        command.arg("apt-get");
    }
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet").args(arguments);
    command
}

fn not_debian(packages: &[&str]) -> Failure {
    Failure::new(
        "something is missing and this is not Debian",
        format!("Install what Debian calls {}, then run `cargo xtask setup` again.", packages.join(", ")),
    )
}
