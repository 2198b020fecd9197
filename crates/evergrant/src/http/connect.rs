//! From a destination to an open connection: resolve, vet, connect to exactly what was vetted, TLS.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use evergrant_proto::wire::http::{TransportFailure, TransportFailureKind as Kind};
use rustls::pki_types::ServerName;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use url::Host;

use super::{
    address::AddressPolicy,
    after,
    config::EgressProxy,
    connection::{Connection, Duplex},
    destination::Destination,
    failure::unsent,
    proxy::open_tunnel,
    resolve::Resolver,
    wire::Wire,
};

/// Opens connections. Every failure here is before the first byte of a request.
pub(super) struct Connector {
    pub(super) policy: AddressPolicy,
    pub(super) allow_loopback: bool,
    pub(super) proxy: Option<EgressProxy>,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) tls: TlsConnector,
    pub(super) timeout: Duration,
}

impl Connector {
    /// A fresh connection, ready for a request; `deadline` is that of the whole exchange.
    pub(super) async fn connect(
        &self,
        destination: &Destination,
        deadline: Instant,
    ) -> Result<Connection, TransportFailure> {
        let deadline = deadline.min(after(self.timeout));
        let loopback = self.allow_loopback && destination.is_loopback();
        let wire = match &self.proxy {
            Some(proxy) if !loopback => self.tunnel(proxy, destination, deadline).await?,
            _ => self.direct(destination, loopback, deadline).await?,
        };
        let stream: Box<dyn Duplex> = if destination.secure {
            Box::new(self.encrypt(wire.clone(), destination, deadline).await?)
        } else {
            Box::new(wire.clone())
        };
        Connection::open(wire, stream, destination).await
    }

    async fn direct(
        &self,
        destination: &Destination,
        loopback: bool,
        deadline: Instant,
    ) -> Result<Wire, TransportFailure> {
        let addresses = self.addresses(&destination.host, destination.literal_addresses(), deadline).await?;
        if !loopback {
            self.vet(destination, &addresses)?;
        }
        dial(&addresses, destination.port, deadline)
            .await
            .map_err(|why| unsent(Kind::Connect, format!("{destination}: {why}")))
    }

    async fn tunnel(
        &self,
        proxy: &EgressProxy,
        destination: &Destination,
        deadline: Instant,
    ) -> Result<Wire, TransportFailure> {
        // Literals only: other names are the proxy's to resolve.
        self.vet(destination, &destination.literal_addresses().unwrap_or_default())?;
        let failed =
            |why: String| unsent(Kind::Connect, format!("{destination}: by the egress proxy: {why}"));
        let addresses = self
            .addresses(&proxy.host, literal(&proxy.host), deadline)
            .await
            .map_err(|failure| failed(failure.detail))?;
        let mut wire = dial(&addresses, proxy.port, deadline).await.map_err(failed)?;
        timeout_at(deadline, open_tunnel(&mut wire, proxy, destination))
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
            .map_err(failed)?;
        Ok(wire)
    }

    /// All addresses of a host; `known` are those that need no resolver.
    async fn addresses(
        &self,
        host: &Host<String>,
        known: Option<Vec<IpAddr>>,
        deadline: Instant,
    ) -> Result<Vec<IpAddr>, TransportFailure> {
        if let Some(addresses) = known {
            return Ok(addresses);
        }
        let name = host.to_string();
        let failed = |why: &str| unsent(Kind::Dns, format!("{name}: {why}"));
        match timeout_at(deadline, self.resolver.resolve(&name)).await {
            Err(_) => Err(failed("the name was not resolved in time")),
            Ok(Err(error)) => Err(failed(&format!("the name does not resolve: {error}"))),
            Ok(Ok(addresses)) if addresses.is_empty() => Err(failed("the name has no address")),
            Ok(Ok(addresses)) => Ok(addresses),
        }
    }

    /// Refuses the destination for one bad address among good ones, too: no honest name mixes them, and a rebinding
    /// one would only wait for its turn.
    fn vet(&self, destination: &Destination, addresses: &[IpAddr]) -> Result<(), TransportFailure> {
        for address in addresses {
            self.policy.vet(*address).map_err(|what| {
                let detail = format!(
                    "{destination}: {address} is {what}; to allow it, add its network to `allow_networks`"
                );
                unsent(Kind::Forbidden, detail)
            })?;
        }
        Ok(())
    }

    async fn encrypt(
        &self,
        wire: Wire,
        destination: &Destination,
        deadline: Instant,
    ) -> Result<tokio_rustls::client::TlsStream<Wire>, TransportFailure> {
        let failed = |why: &dyn fmt::Display| unsent(Kind::Tls, format!("{destination}: TLS: {why}"));
        let name = server_name(&destination.host).map_err(|error| failed(&error))?;
        match timeout_at(deadline, self.tls.connect(name, wire)).await {
            Err(_) => Err(failed(&"the handshake was not finished in time")),
            Ok(Err(error)) => Err(failed(&error)),
            Ok(Ok(stream)) => Ok(stream),
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connector")
            .field("policy", &self.policy)
            .field("allow_loopback", &self.allow_loopback)
            .field("proxy", &self.proxy)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Tries the addresses in turn. Each gets its share of the time that is left, so that one that swallows packets
/// does not cost the others theirs.
async fn dial(addresses: &[IpAddr], port: u16, deadline: Instant) -> Result<Wire, String> {
    let mut why = "there is no address to connect to".to_owned();
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = Instant::now() + deadline.saturating_duration_since(Instant::now()) / left;
        why = match timeout_at(share, open(SocketAddr::new(*address, port))).await {
            Ok(Ok(wire)) => return Ok(wire),
            Ok(Err(error)) => format!("no connection: {error}"),
            Err(_) => "no connection in time".to_owned(),
        };
    }
    Err(why)
}

async fn open(address: SocketAddr) -> io::Result<Wire> {
    let socket = TcpStream::connect(address).await?;
    // Requests are written whole: waiting for more to send would only delay them.
    socket.set_nodelay(true)?;
    Ok(Wire::new(socket))
}

fn literal(host: &Host<String>) -> Option<Vec<IpAddr>> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(vec![(*address).into()]),
        Host::Ipv6(address) => Some(vec![(*address).into()]),
    }
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, rustls::pki_types::InvalidDnsNameError> {
    match host {
        Host::Domain(name) => ServerName::try_from(name.clone()),
        Host::Ipv4(address) => Ok(IpAddr::from(*address).into()),
        Host::Ipv6(address) => Ok(IpAddr::from(*address).into()),
    }
}
