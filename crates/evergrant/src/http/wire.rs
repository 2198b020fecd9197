//! A TCP connection that counts what leaves it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// One end of a TCP connection, shared between whoever speaks over it and whoever asks what was written.
///
/// It sits below TLS on purpose. What TLS has taken from the layer above may still wait in its buffers; only what
/// the kernel has taken can reach the provider, and that is what this type counts.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    socket: TcpStream,
    written: AtomicU64,
}

impl Wire {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { shared: Arc::new(Shared { socket, written: AtomicU64::new(0) }) }
    }

    /// Bytes that the kernel has accepted so far.
    pub(super) fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Acquire)
    }

    /// Whether an idle connection is as it should be: open, and the peer silent.
    ///
    /// Asked of the kernel itself: the reactor may not have been told yet of a FIN that has already arrived. Bytes
    /// that wait count as unrest, too: nothing that a peer says unasked is worth a connection.
    pub(super) fn is_quiet(&self) -> bool {
        let peeked = recv(&self.shared.socket, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(peeked, Err(Errno::AGAIN))
    }

    fn count(&self, written: usize) -> usize {
        self.shared.written.fetch_add(written as u64, Ordering::AcqRel);
        written
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.shared.socket.poll_read_ready(context))?;
            match self.shared.socket.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.shared.socket.poll_write_ready(context))?;
            match self.shared.socket.try_write_vectored(slices) {
                Ok(written) => return Poll::Ready(Ok(self.count(written))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing: the connection is dropped right afterwards, and that closes the socket.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
