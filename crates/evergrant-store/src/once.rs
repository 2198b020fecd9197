//! Requests that have one effect, however often they are sent.

use std::{fmt, sync::Arc, time::Duration};

use evergrant_proto::{name::Namespace, time::Timestamp, transaction::Reply};
use zeroize::Zeroizing;

/// Makes the answer to a request from what its command brought about. May be called twice, where the fate of a
/// commit is unknown.
pub type Answering = Arc<dyn Fn(&Reply) -> Zeroizing<Vec<u8>> + Send + Sync>;

/// What tells a request from others: its author's name for it, and what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceKey {
    /// The tenant boundary: names of different namespaces have nothing to do with each other.
    pub namespace: Namespace,
    /// The name that the caller gave to the request. Kept as a keyed fingerprint.
    pub name: String,
    /// A digest of the whole request. Kept as a keyed fingerprint.
    pub request: [u8; 32],
}

/// A request that is to be executed once.
#[derive(Clone)]
pub struct Once {
    /// Which request it is.
    pub key: OnceKey,
    /// Wall clock.
    pub now: Timestamp,
    /// How long its answer is kept.
    pub lifetime: Duration,
    /// What is answered, now and to every repetition. Kept sealed, in the transaction that executes the command.
    pub answer: Answering,
}

/// What became of a request that is to be executed once.
#[derive(Clone, PartialEq, Eq)]
pub enum Executed {
    /// It was executed just now; the answer.
    Now(Zeroizing<Vec<u8>>),
    /// It had been executed before; the answer that was given then. Nothing was done.
    Before(Zeroizing<Vec<u8>>),
    /// Another request had this name. Nothing was done.
    OtherRequest,
}

impl fmt::Debug for Once {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Once").field("key", &self.key).field("now", &self.now).finish_non_exhaustive()
    }
}

impl fmt::Debug for Executed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Now(_) => "Now(***)",
            Self::Before(_) => "Before(***)",
            Self::OtherRequest => "OtherRequest",
        })
    }
}
