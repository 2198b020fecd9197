//! Tells systemd how the server fares (sd_notify(3)): a datagram to the socket that it names, if it names one.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

/// It takes requests.
pub(super) fn ready() {
    tell(env::var_os("NOTIFY_SOCKET").as_deref(), "READY=1");
}

/// It was told to stop.
pub(super) fn stopping() {
    tell(env::var_os("NOTIFY_SOCKET").as_deref(), "STOPPING=1");
}

fn tell(socket: Option<&OsStr>, state: &str) {
    let Some(socket) = socket else { return };
    if let Err(error) = send(socket, state) {
        tracing::warn!(target: "evergrant", %error, "systemd cannot be told how the server fares");
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    // A name that begins with @ is no file.
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_may_be_a_file_or_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("evergrant-test-{}", std::process::id());
        let abstracted = SocketAddr::from_abstract_name(&name).unwrap();
        for (listening, socket) in [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (UnixDatagram::bind_addr(&abstracted).unwrap(), format!("@{name}").into()),
        ] {
            send(&socket, "READY=1").unwrap();
            let mut told = [0; 16];
            let length = listening.recv(&mut told).unwrap();
            assert_eq!(&told[..length], b"READY=1");
        }
    }

    #[test]
    fn without_a_socket_nobody_is_told_and_one_that_is_gone_is_no_reason_to_stop() {
        tell(None, "READY=1");
        tell(Some(OsStr::new("/nowhere/notify")), "READY=1");
    }
}
