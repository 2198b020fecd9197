//! Requests to this host, and to no other: what a rehearsal's clock allows.

use std::time::Duration;

use evergrant::{
    Carrier, GuardedCarrier,
    proto::{
        time::Moment,
        wire::http::{HttpRequest, HttpResponse, RequestSent, TransportFailure, TransportFailureKind},
    },
};
use futures_util::future::BoxFuture;

use super::is_loopback;

/// A carrier that reaches this host only.
#[derive(Debug)]
pub(super) struct OnLoopback(GuardedCarrier);

impl OnLoopback {
    pub(super) fn new(carrier: GuardedCarrier) -> Self {
        Self(carrier)
    }
}

impl Carrier for OnLoopback {
    fn send(
        &self,
        request: HttpRequest,
        not_after: Moment,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        if is_loopback(&request.url) {
            return self.0.send(request, not_after, deadline);
        }
        let refused = TransportFailure {
            kind: TransportFailureKind::Forbidden,
            request_sent: RequestSent::No,
            detail: "with EVERGRANT_CLOCK only this host is reached".to_owned(),
        };
        Box::pin(std::future::ready(Err(refused)))
    }
}
