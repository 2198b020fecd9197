//! `GET /v1/events`: everything that happens in a namespace. As it happens by Server-Sent Events, or page by page.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use evergrant::{
    proto::{grant::EventKind, name::ClientName},
    store::EventFilter,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    app::App,
    extract::{Caller, Parameters},
    problem::{Problem, Reason},
    sse::{self, Filter},
    view::EventView,
};

/// Events that are looked at for one page: a filter that lets little through ends it early.
const LOOKED_AT: usize = 5000;

/// Events read at once for a page.
const PORTION: usize = 500;

#[derive(Debug, Serialize)]
struct Page<'a> {
    events: Vec<EventView<'a>>,
    /// What to ask with next, as `after`: also later, when more has happened.
    next: u64,
    /// Whether there is more already.
    more: bool,
    /// What is missing between `after` and the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<Value>,
}

pub(crate) async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let after = parameters.take("after")?;
    let filter = Filter {
        namespace: caller.namespace,
        grant: parameters.take("grant")?,
        client: parameters.take_with("client", ClientName::new)?,
        kinds: parameters.take_all("type").iter().map(|name| kind(name)).collect::<Result<_, _>>()?,
    };
    let seen = last_event_id(&headers)?;
    if wants_stream(&headers) {
        parameters.finish()?;
        let after = seen.or(after);
        let listener = sse::listen(&app, caller.key, filter, after).await?;
        return Ok(stream(Body::from_stream(listener.into_stream())));
    }
    let limit = parameters.take_limit(100, 1000)?;
    parameters.finish()?;
    page(&app, &filter, after.unwrap_or(0), limit).await
}

/// Whether the caller asks for a stream (RFC 9110 12.5.1, without weights: nobody prefers one of the two by degrees).
fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// The number that a client which comes back has seen last.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let unusable = || {
        Problem::new(
            Reason::InvalidHeader,
            "The header Last-Event-ID is not the id of an event of this stream.",
        )
    };
    number.map(Some).ok_or_else(unusable)
}

fn kind(name: &str) -> Result<EventKind, Problem> {
    serde_json::from_value(Value::String(name.to_owned())).map_err(|_| {
        Problem::new(Reason::InvalidQuery, "The parameter type is no kind of event, such as refreshed.")
    })
}

fn stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy that collects answers would keep events to itself.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn page(app: &App, filter: &Filter, after: u64, limit: usize) -> Result<Response, Problem> {
    let (mut next, gap) = sse::begin(after, app.keeper.event_log().await?);
    let (mut found, mut looked_at, mut more) = (Vec::new(), 0, true);
    while more && found.len() < limit && looked_at < LOOKED_AT {
        let wanted = EventFilter {
            namespace: Some(filter.namespace.clone()),
            grant: filter.grant,
            after: next,
            limit: PORTION,
        };
        let portion = app.keeper.events(wanted).await?;
        more = portion.len() == PORTION;
        looked_at += portion.len();
        for event in portion {
            if found.len() == limit {
                more = true;
                break;
            }
            next = event.number;
            if filter.wants(&event) {
                found.push(event);
            }
        }
    }
    let rates = app.keeper.known_remedy_rates();
    let events = found.iter().map(|event| EventView::new(event, &rates)).collect();
    Ok(Json(Page { events, next, more, gap: gap.map(sse::Gap::json) }).into_response())
}
