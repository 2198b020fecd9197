//! What carries requests to providers.

use std::{fmt, sync::Arc, time::Duration};

use evergrant_proto::{
    time::Moment,
    wire::http::{HttpRequest, HttpResponse, TransportFailure},
};
use futures_util::future::BoxFuture;

use crate::{clock::Clock, http::HttpClient};

/// Carries one request to a provider and its answer back: once, without following redirects and without repeating.
///
/// [`GuardedCarrier`] is the one for production. Another one is useful where the provider runs in the same process.
pub trait Carrier: fmt::Debug + Send + Sync {
    /// Sends `request` unless `not_after` has passed before its first byte; gives up after `deadline`.
    fn send(
        &self,
        request: HttpRequest,
        not_after: Moment,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>>;
}

/// The guarded HTTP client with the clock that `not_after` is compared with.
#[derive(Debug, Clone)]
pub struct GuardedCarrier {
    client: HttpClient,
    clock: Arc<dyn Clock>,
}

impl GuardedCarrier {
    /// A carrier over this client.
    pub fn new(client: HttpClient, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }
}

impl Carrier for GuardedCarrier {
    fn send(
        &self,
        request: HttpRequest,
        not_after: Moment,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let (client, clock) = (self.client.clone(), Arc::clone(&self.clock));
        Box::pin(async move { client.send(request, not_after, deadline, &*clock).await })
    }
}
