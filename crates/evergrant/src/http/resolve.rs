//! Names to addresses.

use std::{fmt, io, net::IpAddr};

use futures_util::future::BoxFuture;

/// Finds the addresses of a name, in the order in which to try them.
pub(super) trait Resolver: fmt::Debug + Send + Sync {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system: `/etc/hosts`, search domains and all.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(
            async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) },
        )
    }
}
