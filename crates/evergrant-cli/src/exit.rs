//! Exit codes: what a script may rely on.

use std::process::ExitCode;

use evergrant_server::Reason;

/// Shown by `--help`; docs/cli.md says the same at length.
pub(crate) const HELP: &str = "\
Exit codes:
  0    it worked
  1    any other error
  2    the command line is wrong
  3    the grant needs re-authorization: run `evergrant connect`
  4    try again later: the provider, the network, or a refresh in progress
  5    the provider rejects the client registration: run `evergrant clients update`
  6    the provider refuses what was asked for
  7    the store, its key or its lifeboat cannot be used
  8    there is no such grant or client, or it was revoked
  9    some lines of an import were refused; the others are kept
  130  interrupted";

/// How a command ended, other than well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Other = 1,
    Usage = 2,
    NeedsReauthorization = 3,
    RetryLater = 4,
    ClientRejected = 5,
    RequestRefused = 6,
    StoreUnavailable = 7,
    NotFound = 8,
    LinesRefused = 9,
    Interrupted = 130,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The server's name of the reason, where the code alone tells it.
    pub(crate) fn reason(self) -> Option<Reason> {
        match self {
            Self::StoreUnavailable => Some(Reason::StoreUnavailable),
            _ => None,
        }
    }

    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Other => "error",
            Self::Usage => "usage",
            Self::NeedsReauthorization => "needs_reauthorization",
            Self::RetryLater => "retry_later",
            Self::ClientRejected => "client_rejected",
            Self::RequestRefused => "request_refused",
            Self::StoreUnavailable => "store_unavailable",
            Self::NotFound => "not_found",
            Self::LinesRefused => "lines_refused",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
