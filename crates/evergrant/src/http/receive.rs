//! Reading an answer, whole or not at all.

use bytes::Bytes;
use evergrant_proto::wire::http::HttpResponse;
use http_body_util::{BodyExt, Full};
use hyper::{
    StatusCode,
    body::{Body, Incoming},
    client::conn::http1::SendRequest,
    header::HeaderMap,
};
use zeroize::Zeroizing;

use super::prepare::WireRequest;

/// Capacity for a body of unannounced length, in bytes: a token response fits.
const FIRST_CAPACITY: usize = 8 * 1024;

/// Why no answer was read.
#[derive(Debug)]
pub(super) enum Incomplete {
    /// The terms lapsed before the first byte.
    TooLate,
    /// The body is longer than the cap.
    TooLarge,
    /// Status 101, which nobody asked for: the connection speaks something else from now on.
    Switching,
    /// The connection closed before it took the request: hyper handed it back or never got it.
    NotTaken(hyper::Error),
    /// The connection or the HTTP on it broke.
    Broken(hyper::Error),
}

/// Sends `request` and collects its answer, as far as the connection is driven meanwhile.
pub(super) async fn receive(
    sender: &mut SendRequest<Full<Bytes>>,
    request: WireRequest,
    max_body_bytes: usize,
) -> Result<HttpResponse, Incomplete> {
    sender.ready().await.map_err(Incomplete::NotTaken)?;
    let answer =
        sender.try_send_request(request).await.map_err(|mut failed| match failed.take_message() {
            Some(_) => Incomplete::NotTaken(failed.into_error()),
            None => Incomplete::Broken(failed.into_error()),
        })?;
    let (head, body) = answer.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Incomplete::Switching);
    }
    let body = collect(body, max_body_bytes).await?;
    Ok(HttpResponse { status: head.status.as_u16(), headers: texts(&head.headers), body })
}

async fn collect(mut body: Incoming, max_body_bytes: usize) -> Result<Zeroizing<Vec<u8>>, Incomplete> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > max_body_bytes {
        return Err(Incomplete::TooLarge);
    }
    let first = if announced == 0 { FIRST_CAPACITY.min(max_body_bytes) } else { announced };
    let mut collected = Zeroizing::new(Vec::with_capacity(first));
    while let Some(frame) = body.frame().await {
        // Trailers are dropped: no flow reads them.
        let Ok(data) = frame.map_err(Incomplete::Broken)?.into_data() else { continue };
        if data.len() > max_body_bytes - collected.len() {
            return Err(Incomplete::TooLarge);
        }
        append(&mut collected, &data);
    }
    Ok(collected)
}

/// Appends without leaving an unwiped copy behind: a vector that grows by itself moves and forgets.
fn append(collected: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    let needed = collected.len() + data.len();
    if needed > collected.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
        larger.extend_from_slice(collected);
        *collected = larger;
    }
    collected.extend_from_slice(data);
}

/// Bytes beyond UTF-8 are replaced: no header that a flow reads may have them.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appending_keeps_every_byte_across_growth() {
        let mut collected = Zeroizing::new(Vec::with_capacity(2));
        for chunk in [b"ab".as_slice(), b"", b"cde", b"fghijklmnop"] {
            append(&mut collected, chunk);
        }
        assert_eq!(collected.as_slice(), b"abcdefghijklmnop");
    }
}
