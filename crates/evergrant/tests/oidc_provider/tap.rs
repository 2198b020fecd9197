//! A wire tap: the thief of these tests reads the refresh tokens that the keeper sends. The store would not tell.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use evergrant::{
    Carrier, GuardedCarrier,
    proto::{
        time::Moment,
        wire::http::{HttpRequest, HttpResponse, TransportFailure},
    },
};
use futures_util::future::BoxFuture;
use url::form_urlencoded;

/// Carries everything as the real carrier does, and remembers which refresh tokens were presented.
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    carrier: GuardedCarrier,
    presented: Arc<Mutex<Vec<String>>>,
}

impl Tap {
    pub(crate) fn on(carrier: GuardedCarrier) -> Self {
        Self { carrier, presented: Arc::default() }
    }

    /// Every refresh token that was presented for a refresh, in order.
    pub(crate) fn presented(&self) -> Vec<String> {
        self.presented.lock().unwrap().clone()
    }
}

impl Carrier for Tap {
    fn send(
        &self,
        request: HttpRequest,
        not_after: Moment,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let form = form_urlencoded::parse(&request.body);
        let token = form.into_owned().find(|(name, _)| name == "refresh_token");
        self.presented.lock().unwrap().extend(token.map(|(_, token)| token));
        self.carrier.send(request, not_after, deadline)
    }
}
