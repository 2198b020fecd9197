//! Opening a page in the person's browser.

use std::{env, process::Stdio};

use tokio::process::Command;
use url::Url;

/// The programs that know which browser it is.
#[cfg(target_os = "macos")]
const OPENERS: [&str; 1] = ["open"];
#[cfg(not(target_os = "macos"))]
const OPENERS: [&str; 2] = ["xdg-open", "wslview"];

/// Opens a page; false if there is nowhere to show it, or no program that could.
pub(super) async fn open(url: &Url) -> bool {
    if !has_screen() {
        return false;
    }
    for opener in OPENERS {
        let mut command = Command::new(opener);
        command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for (name, _) in env::vars_os() {
            // The keys that seal may be among them.
            if name.as_encoded_bytes().starts_with(b"EVERGRANT_") {
                command.env_remove(name);
            }
        }
        if let Ok(mut child) = command.spawn() {
            // The opener of some desktops stays for as long as the browser does.
            let ended = tokio::time::timeout(std::time::Duration::from_secs(2), child.wait()).await;
            return !matches!(ended, Ok(Ok(status)) if !status.success());
        }
    }
    false
}

/// Without a screen, as over SSH, an opener would start a browser for terminals, which nobody could use.
fn has_screen() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"].into_iter().any(set)
}
