//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Completes at the first SIGINT, SIGTERM or SIGHUP. From the first call on these no longer end the process by
/// themselves, so that a request that was sent can be seen through.
pub(crate) fn interruption() -> Result<impl Future<Output = ()>, Failure> {
    let mut signals = signals()?;
    Ok(async move {
        signals.next().await;
    })
}

/// The signals that end a process, heard from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// What a signal wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// SIGHUP: the end of the terminal, or another look at what may have changed.
    Hangup,
    Stop,
}

/// Begins to listen.
pub(crate) fn signals() -> Result<Signals, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::new("cannot listen for signals", error));
    Ok(Signals {
        interrupt: listen(SignalKind::interrupt())?,
        terminate: listen(SignalKind::terminate())?,
        hangup: listen(SignalKind::hangup())?,
    })
}

impl Signals {
    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Wanted {
        tokio::select! {
            _ = self.interrupt.recv() => Wanted::Stop,
            _ = self.terminate.recv() => Wanted::Stop,
            _ = self.hangup.recv() => Wanted::Hangup,
        }
    }
}
