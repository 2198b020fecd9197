//! Somebody who is told of incidents, and answers as the test says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::{answer::Answer, world::World};

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) json: Value,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(crate) fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap()
    }

    /// Whether the reference library signs it like this with the secret.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let reference = standardwebhooks::Webhook::new(secret).unwrap();
        let timestamp = self.header("webhook-timestamp").parse().unwrap();
        let expected = reference.sign(self.id(), timestamp, &self.body).unwrap();
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// One answer: its status, and a header.
pub(crate) type Reply = (u16, Option<(&'static str, &'static str)>);

#[derive(Clone)]
struct Desk {
    arrivals: mpsc::UnboundedSender<Arrived>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    gate: Arc<Semaphore>,
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    arrivals: mpsc::UnboundedReceiver<Arrived>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    gate: Arc<Semaphore>,
}

impl Receiver {
    /// One that answers at once.
    pub(crate) async fn open() -> Self {
        let receiver = Self::closed().await;
        receiver.let_answer(100_000);
        receiver
    }

    /// One that answers as often as it is let.
    pub(crate) async fn closed() -> Self {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let (replies, gate) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let desk = Desk { arrivals: sender, replies: Arc::clone(&replies), gate: Arc::clone(&gate) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(desk);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, arrivals, replies, gate }
    }

    pub(crate) fn let_answer(&self, times: usize) {
        self.gate.add_permits(times);
    }

    /// What it answers next; after these 204.
    pub(crate) fn will_answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    pub(crate) async fn next(&mut self, world: &World) -> Arrived {
        let arrived = world.meanwhile(self.arrivals.recv()).await.unwrap();
        world.contract().await.check_message(&arrived.headers, &arrived.json);
        arrived
    }

    /// The types of the next messages.
    pub(crate) async fn kinds(&mut self, world: &World, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        while kinds.len() < count {
            kinds.push(self.next(world).await.kind().to_owned());
        }
        kinds
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.arrivals.try_recv().is_err()
    }

    /// Adds it as a webhook; gives its id and secret.
    pub(crate) async fn subscribe(&self, world: &World, fields: Value) -> (String, String) {
        let mut body = json!({ "url": self.url });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let added = world.post("/v1/webhooks", body).await;
        assert_eq!(added.status, 201, "{added:?}");
        let added = added.json();
        (added["id"].as_str().unwrap().to_owned(), added["secret"].as_str().unwrap().to_owned())
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    let json = serde_json::from_slice(&body).unwrap();
    // Nobody may be left to look at it.
    let _ = desk.arrivals.send(Arrived { headers, body, json });
    desk.gate.acquire().await.unwrap().forget();
    let (status, header) = desk.replies.lock().unwrap().pop_front().unwrap_or((204, None));
    let status = StatusCode::from_u16(status).unwrap();
    match header {
        Some(header) => (status, [header]).into_response(),
        None => status.into_response(),
    }
}

/// A state of a delivery, as the API tells it.
pub(crate) async fn states(world: &World, webhook: &str) -> Vec<String> {
    let deliveries: Answer = world.get(&format!("/v1/webhooks/{webhook}/deliveries")).await;
    let list = deliveries.ok()["deliveries"].as_array().unwrap().clone();
    list.iter().map(|delivery| delivery["state"].as_str().unwrap().to_owned()).collect()
}
