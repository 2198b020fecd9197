//! Somebody who listens to events.

use reqwest::{Method, Response};
use serde_json::Value;

use crate::world::World;

pub(crate) struct Listening {
    response: Response,
    unread: String,
}

/// One frame of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: Option<u64>,
    pub(crate) event: Option<String>,
    pub(crate) data: Value,
    pub(crate) is_heartbeat: bool,
}

impl Listening {
    pub(crate) async fn to(world: &World, query: &str, last: Option<u64>) -> Self {
        Self::at(world, &world.url, world.key.expose(), query, last).await
    }

    pub(crate) async fn at(world: &World, url: &str, key: &str, query: &str, last: Option<u64>) -> Self {
        let mut request = world
            .anonymous_at(Method::GET, url, &format!("/v1/events{query}"))
            .bearer_auth(key)
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut listening = Self { response, unread: String::new() };
        let greeting = listening.frame().await.unwrap();
        assert_eq!((greeting.event, greeting.id.is_some()), (None, true));
        listening
    }

    /// The next frame; `None` at the end of the stream.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let frame: String = self.unread.drain(..end + 2).collect();
                return Some(parse(&frame));
            }
            let chunk = self.response.chunk().await.ok()??;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event, past signs of life.
    pub(crate) async fn event(&mut self) -> Frame {
        loop {
            let frame = self.frame().await.expect("the stream goes on");
            if frame.event.is_some() {
                return frame;
            }
        }
    }

    /// The kinds of the next events.
    pub(crate) async fn kinds(&mut self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        while kinds.len() < count {
            kinds.push(self.event().await.event.unwrap());
        }
        kinds
    }
}

fn parse(frame: &str) -> Frame {
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Frame {
        id: field("id").map(|id| id.parse().unwrap()),
        event: field("event").map(str::to_owned),
        data: field("data").map_or(Value::Null, |data| serde_json::from_str(data).unwrap()),
        is_heartbeat: frame.starts_with(": heartbeat"),
    }
}
