//! The network between the processes and the provider: slow, and not to be trusted.

use std::collections::VecDeque;

use evergrant_proto::wire::http::{RequestSent, TransportFailure, TransportFailureKind};

use crate::Dice;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// There is no connection: nothing was sent.
    Refused,
    /// The request never arrives, and the sender waits in vain.
    RequestLost,
    /// The request arrives; its answer does not, and the sender waits in vain.
    ResponseLost,
    /// The request arrives; the connection breaks before its answer.
    Reset,
    /// The request arrives this many milliseconds later.
    RequestDelayed(u64),
    /// The answer arrives this many milliseconds later.
    ResponseDelayed(u64),
}

/// Latencies and what goes wrong.
#[derive(Debug)]
pub struct Network {
    /// One way, from and to, in milliseconds.
    pub latency: (u64, u64),
    /// From a process to the store and back, each, in milliseconds.
    pub store_latency: (u64, u64),
    /// No request gets through while set: connections are refused.
    pub down: bool,
    /// What happens to the next requests to the token endpoint that refresh.
    pub next: VecDeque<Mishap>,
    /// How many of a thousand requests meet a mishap besides.
    pub trouble: u64,
}

impl Default for Network {
    fn default() -> Self {
        Self { latency: (5, 40), store_latency: (0, 3), down: false, next: VecDeque::new(), trouble: 0 }
    }
}

impl Network {
    /// What happens to a request that is about to be sent.
    pub(crate) fn mishap(&mut self, is_refresh: bool, dice: &mut Dice) -> Option<Mishap> {
        if self.down {
            return Some(Mishap::Refused);
        }
        if is_refresh && let Some(mishap) = self.next.pop_front() {
            return Some(mishap);
        }
        if !dice.permille(self.trouble) {
            return None;
        }
        let delay = dice.between(100, 60_000);
        Some(*dice.pick(&[
            Mishap::Refused,
            Mishap::RequestLost,
            Mishap::ResponseLost,
            Mishap::Reset,
            Mishap::RequestDelayed(delay),
            Mishap::ResponseDelayed(delay),
        ]))
    }

    pub(crate) fn one_way(&self, dice: &mut Dice) -> u64 {
        dice.between(self.latency.0, self.latency.1)
    }

    pub(crate) fn to_store(&self, dice: &mut Dice) -> u64 {
        dice.between(self.store_latency.0, self.store_latency.1)
    }
}

/// A failure as the carrier of a process reports it.
pub(crate) fn failure(kind: TransportFailureKind) -> TransportFailure {
    use TransportFailureKind as Kind;
    let unsent = matches!(kind, Kind::TooLate | Kind::Connect | Kind::Dns | Kind::Tls | Kind::Forbidden);
    TransportFailure {
        kind,
        request_sent: if unsent { RequestSent::No } else { RequestSent::Maybe },
        detail: format!("{kind:?} in the simulated network"),
    }
}
