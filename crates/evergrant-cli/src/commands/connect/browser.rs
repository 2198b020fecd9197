//! Opening a page in the person's browser.

use std::process::Stdio;

use tokio::process::Command;
use url::Url;

/// The programs that know which browser it is.
#[cfg(target_os = "macos")]
const OPENERS: [&str; 1] = ["open"];
#[cfg(not(target_os = "macos"))]
const OPENERS: [&str; 2] = ["xdg-open", "wslview"];

/// Opens a page; false if no program could be started for it.
pub(super) async fn open(url: &Url) -> bool {
    for opener in OPENERS {
        let mut command = Command::new(opener);
        command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(mut child) = command.spawn() {
            // The opener of some desktops stays for as long as the browser does.
            let ended = tokio::time::timeout(std::time::Duration::from_secs(2), child.wait()).await;
            return !matches!(ended, Ok(Ok(status)) if !status.success());
        }
    }
    false
}
