//! Taking an address.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

/// Why an address cannot be listened on, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else listens there.
    #[error("{0} is in use: stop what listens there, or choose another address with --listen")]
    InUse(SocketAddr),
    /// Ports below 1024 are for the administrator.
    #[error("the system does not let this user listen on {0}: choose a port above 1023 with --listen")]
    Denied(SocketAddr),
    /// No interface of this machine has the address.
    #[error("this machine has no address {}: choose one of its own with --listen, such as 127.0.0.1:{}", .0.ip(), .0.port())]
    NotHere(SocketAddr),
    /// Something else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Listens on an address. Port 0 takes a free one.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse(address),
        io::ErrorKind::PermissionDenied => BindError::Denied(address),
        io::ErrorKind::AddrNotAvailable => BindError::NotHere(address),
        _ => BindError::Other { address, source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_an_error_that_names_the_remedy() {
        let taken = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = listen(taken.local_addr().unwrap()).await.unwrap_err();
        assert!(matches!(error, BindError::InUse(_)));
        assert!(error.to_string().contains("--listen"), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        // TEST-NET-1 (RFC 5737) belongs to nobody.
        let error = listen("192.0.2.1:8780".parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, BindError::NotHere(_)), "{error}");
    }
}
