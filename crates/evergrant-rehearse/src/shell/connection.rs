//! Connections: HTTP/1.1 in and out, and the ways in which an answer can fail to arrive.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Request as HttpRequest, Response as HttpResponse, StatusCode,
    body::{Body, Bytes, Frame, Incoming},
    header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{date::http_date, stage::Stage};
use crate::provider::{Delivery, FaultId, Method, Request, Response, Timestamp};

/// More than any OAuth request needs; an administrator's fault may carry a page as its body.
const MOST_BODY_BYTES: usize = 1024 * 1024;

/// A long poll ends after so long with whatever there is; the asker asks again.
const LONGEST_POLL: Duration = Duration::from_secs(30);

/// The pause after a failed accept, when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until it is told to stop; then every connection ends.
pub(super) async fn accept(listener: TcpListener, stage: Arc<Stage>, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer.ip(), stage.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, stage: Arc<Stage>) {
    // Small answers shall not wait for acknowledgements; that it cannot be set costs only time.
    stream.set_nodelay(true).unwrap_or_default();
    let service = service_fn(move |request| {
        // In a task of its own: a client that hangs up does not stop what it has started, as at any server.
        let answering = tokio::spawn(answer(request, peer, stage.clone()));
        async move { answering.await.map_err(|_| Lost).flatten() }
    });
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // A connection that ends in an error is the client's affair, or the fault that was asked for.
    connection.await.unwrap_or_default();
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost, as a fault wanted it")]
struct Lost;

type AnswerBody = Either<Full<Bytes>, CutBody>;

async fn answer(
    request: HttpRequest<Incoming>,
    peer: IpAddr,
    stage: Arc<Stage>,
) -> Result<HttpResponse<AnswerBody>, Lost> {
    let request = match receive(request).await {
        Ok(request) => request.coming_from(peer),
        Err(refusal) => return Ok(whole(refusal)),
    };
    let mut answer = match attend(&request, &stage).await {
        Some(response) => whole(response),
        None => deliver(stage.perform(request).await)?,
    };
    // A fault may have set another date.
    if let Some(date) = http_date(stage.clock.now()).and_then(|date| HeaderValue::try_from(date).ok()) {
        answer.headers_mut().entry(DATE).or_insert(date);
    }
    Ok(answer)
}

async fn receive(request: HttpRequest<Incoming>) -> Result<Request, Response> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MOST_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
        Err(_) => return Err(Response::json(400, &json!({ "error": "invalid_request" }))),
    };
    let method = match head.method {
        hyper::Method::GET | hyper::Method::HEAD => Method::Get,
        hyper::Method::POST => Method::Post,
        hyper::Method::PATCH => Method::Patch,
        hyper::Method::DELETE => Method::Delete,
        _ => Method::Other,
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Request {
        method,
        path: head.uri.path().into(),
        query: head.uri.query().unwrap_or_default().into(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
        peer: None,
    })
}

fn too_large() -> Response {
    let description = format!("the body is larger than {MOST_BODY_BYTES} bytes");
    Response::json(413, &json!({ "error": "invalid_request", "error_description": description }))
}

/// The routes that wait or tell the time, which the provider does not do.
async fn attend(request: &Request, stage: &Stage) -> Option<Response> {
    if !request.path.starts_with("/admin/") {
        return None;
    }
    let held = held_query(request);
    if request.path != "/admin/clock" && held.is_none() {
        return None;
    }
    if let Err(refusal) = stage.with_provider(|provider, _| provider.guard_administration(request)) {
        return Some(refusal);
    }
    let Some((fault, requests)) = held else { return Some(attend_clock(request, stage).await) };
    // Whether it was reached in time is in the answer, which the provider gives.
    tokio::time::timeout(LONGEST_POLL, stage.wait_held(fault, requests)).await.unwrap_or_default();
    None
}

/// `GET /admin/faults/{id}?wait_held=N`.
fn held_query(request: &Request) -> Option<(FaultId, usize)> {
    let id = request.path.strip_prefix("/admin/faults/")?.parse().ok()?;
    let mut pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, requests) = pairs.find(|(name, _)| *name == "wait_held")?;
    (request.method == Method::Get).then_some((FaultId(id), requests.parse().ok()?))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Movement {
    AdvanceS(u64),
    AdvanceMs(u64),
    SetMs(i64),
}

/// `/admin/clock`; with `?moved=N` it answers when the clock has been moved since that reading.
async fn attend_clock(request: &Request, stage: &Stage) -> Response {
    match request.method {
        Method::Get => {
            let known = request.query.strip_prefix("moved=").and_then(|known| known.parse::<u64>().ok());
            if let Some(known) = known {
                let mut moved = stage.clock.watch();
                let jump = moved.wait_for(|moved| *moved != known);
                drop(tokio::time::timeout(LONGEST_POLL, jump).await);
            }
        }
        Method::Post => match serde_json::from_slice(&request.body) {
            Ok(Movement::AdvanceS(seconds)) => stage.clock.advance(Duration::from_secs(seconds)),
            Ok(Movement::AdvanceMs(millis)) => stage.clock.advance(Duration::from_millis(millis)),
            Ok(Movement::SetMs(time)) => stage.clock.set(Timestamp(time)),
            Err(_) => {
                let sentence = "the body must be {\"advance_s\":N}, {\"advance_ms\":N} or {\"set_ms\":N}";
                return Response::json(400, &json!({ "error": sentence }));
            }
        },
        _ => return Response::json(405, &json!({ "error": "the clock takes GET and POST" })),
    }
    Response::json(200, &stage.clock.read())
}

fn deliver(delivery: Delivery) -> Result<HttpResponse<AnswerBody>, Lost> {
    match delivery {
        Delivery::Whole(response) => Ok(whole(response)),
        Delivery::Truncated(response, bytes) => Ok(truncated(response, bytes)),
        Delivery::Dropped => Err(Lost),
    }
}

fn whole(response: Response) -> HttpResponse<AnswerBody> {
    let body = Either::Left(Full::new(Bytes::from(response.body)));
    with_head(response.status, &response.headers, body)
}

fn truncated(response: Response, bytes: usize) -> HttpResponse<AnswerBody> {
    let announced = response.body.len();
    let mut sent = response.body;
    sent.truncate(bytes);
    let body = Either::Right(CutBody { sent: Some(Bytes::from(sent)), flushed: false });
    let mut answer = with_head(response.status, &response.headers, body);
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(announced));
    answer
}

fn with_head(status: u16, headers: &[(String, String)], body: AnswerBody) -> HttpResponse<AnswerBody> {
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let head: &mut HeaderMap = answer.headers_mut();
    for (name, value) in headers {
        // The provider builds headers from checked texts; one that cannot be sent is better absent than a panic.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            head.append(name, value);
        }
    }
    answer
}

/// A body that ends the connection before it has kept what its `content-length` promised.
struct CutBody {
    sent: Option<Bytes>,
    flushed: bool,
}

impl Body for CutBody {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        if let Some(sent) = self.sent.take().filter(|sent| !sent.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(sent))));
        }
        if !self.flushed {
            // One turn for hyper to write what it has; an error would discard it.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Lost)))
    }
}

impl From<Infallible> for Lost {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
