//! The independent authorization server `oidc-provider` as a child process, for as long as the value lives. The
//! protocol is in `interop/README.md`. Included by test files with `#[path]`, beside `installed.rs`:
//!
//! ```ignore
//! #[path = "../../../interop/rust/installed.rs"]
//! mod installed;
//! #[path = "../../../interop/rust/oidc_provider.rs"]
//! mod oidc_provider;
//!
//! let provider = OidcProvider::start(&json!({ "access_token_ttl": 5 }));
//! provider.admin("PUT", "/clients/basic/secret", &json!({ "client_secret": "changed" }));
//! assert_eq!(provider.admin("GET", "/journal", &Value::Null)["token_requests"], 11);
//! ```
//!
//! Everything here blocks; from async code, call it in `spawn_blocking`.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
};

use serde_json::Value;

use super::installed;

/// A running provider; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct OidcProvider {
    child: Child,
    ready: Value,
}

impl OidcProvider {
    /// Starts it and waits until it listens. `options` as in `interop/README.md`.
    pub(crate) fn start(options: &Value) -> Self {
        let mut command = installed::command("oidc-provider");
        command.arg(options.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the provider starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("stdout can be read");
        let ready = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the provider did not get ready: {line:?}"));
        Self { child, ready }
    }

    pub(crate) fn issuer(&self) -> &str {
        self.ready["issuer"].as_str().expect("the ready line names the issuer")
    }

    /// `client_id`, `client_secret` (not of `public`) and `token_endpoint_auth_method` of `basic`, `post` or `public`.
    pub(crate) fn client(&self, id: &str) -> &Value {
        let clients = self.ready["clients"].as_array().expect("the ready line names the clients");
        clients.iter().find(|client| client["client_id"] == id).expect("there is such a client")
    }

    /// One request to the admin address; `Value::Null` sends no body. Panics when it is refused.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let address = self.ready["admin"].as_str().and_then(|url| url.strip_prefix("http://"));
        let address = address.expect("the ready line names the admin address");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = TcpStream::connect(address).expect("the provider listens");
        connection.write_all(request.as_bytes()).expect("the provider reads");
        let mut response = String::new();
        connection.read_to_string(&mut response).expect("the provider answers in UTF-8");
        let (head, body) = response.split_once("\r\n\r\n").expect("the provider answers in HTTP");
        assert!(head.starts_with("HTTP/1.1 200 "), "{method} {path}: {response}");
        serde_json::from_str(body).expect("the provider answers in JSON")
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        // A closed stdin tells it to end.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
