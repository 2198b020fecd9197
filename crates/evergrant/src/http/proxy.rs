//! The tunnel through an egress proxy (RFC 9110 9.3.6).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

use super::{config::EgressProxy, destination::Destination, wire::Wire};

/// Longest head that a proxy may answer with, in bytes.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// Asks the proxy at the other end of `wire` for a tunnel to `destination`. Afterwards the wire is the tunnel.
/// The error is a text for people; no byte of the request has been written then.
pub(super) async fn open_tunnel(
    wire: &mut Wire,
    proxy: &EgressProxy,
    destination: &Destination,
) -> Result<(), String> {
    let target = destination.authority(true);
    let mut head = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n"));
    if let Some(authorization) = &proxy.authorization {
        // Reserved first: a string that grows leaves a copy of itself behind, unwiped.
        head.reserve_exact(authorization.len() + 32);
        head.push_str("proxy-authorization: ");
        head.push_str(authorization);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let gone = |error: io::Error| format!("the proxy broke the connection: {}", error.kind());
    wire.write_all(head.as_bytes()).await.map_err(gone)?;
    let answer = read_head(wire).await.map_err(gone)?;
    match status(&answer) {
        Some(200..=299) => Ok(()),
        Some(407) => Err("the proxy wants other credentials (407)".to_owned()),
        Some(status) => Err(format!("the proxy refused the tunnel with status {status}")),
        None => Err("the proxy did not answer in HTTP".to_owned()),
    }
}

/// Reads byte by byte up to the empty line: what follows it is not the proxy's any more.
async fn read_head(wire: &mut Wire) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(wire.read_u8().await?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}
