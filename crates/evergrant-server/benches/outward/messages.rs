//! Messages a second to one receiver that answers at once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use evergrant::{
    proto::{name::Namespace, time::Timestamp},
    store::webhook::{Replay, WebhookId},
};
use evergrant_server::{NewWebhook, Webhooks};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, runtime::Runtime, sync::watch};

use crate::{
    report::{Comparison, print, timed},
    world::World,
};

/// Messages of one run.
const MESSAGES: usize = 2000;

/// Connections of the yardstick: as many deliveries as the courier has under way to one webhook.
const CONNECTIONS: usize = 16;

/// Counts what arrives, and keeps one of it.
#[derive(Clone)]
struct Receiver {
    address: String,
    arrived: watch::Receiver<usize>,
    sample: Arc<Mutex<Bytes>>,
}

impl Receiver {
    async fn start() -> Self {
        let (count, arrived) = watch::channel(0);
        let sample: Arc<Mutex<Bytes>> = Arc::default();
        let kept = Arc::clone(&sample);
        let take = move |body: Bytes| {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = body;
            count.send_modify(|count| *count += 1);
            std::future::ready(StatusCode::NO_CONTENT)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens").to_string();
        let router = Router::new().route("/hook", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, arrived, sample }
    }

    fn count(&self) -> usize {
        *self.arrived.borrow()
    }

    async fn has(&self, count: usize) {
        let mut arrived = self.arrived.clone();
        arrived.wait_for(|arrived| *arrived >= count).await.expect("the receiver runs");
    }
}

pub(crate) fn measure(runtime: &Runtime) {
    let (world, receiver) = runtime.block_on(async { (World::start().await, Receiver::start().await) });
    let webhooks = Webhooks::of(&world.keeper, Namespace::default());
    let webhook = runtime.block_on(subscribe(&world, &webhooks, &receiver));
    let ours = || per_second(timed(|| runtime.block_on(deliver(&webhooks, webhook, &receiver))));
    let body = receiver.sample.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let yardstick = || per_second(timed(|| runtime.block_on(post_bare(&receiver, &body))));
    let comparison = Comparison::of(ours, yardstick);
    let detail = format!(
        "{:.0} messages/s signed, delivered and written down, {:.0}/s by a bare hyper client, {CONNECTIONS} connections, {} bytes each",
        comparison.ours(),
        comparison.yardstick(),
        body.len()
    );
    print("webhook_messages", comparison.ratio(), 0.1.., "msg/msg", &detail);
}

/// Adds the webhook, and makes the messages, which arrive once before anything is measured.
async fn subscribe(world: &World, webhooks: &Webhooks, receiver: &Receiver) -> WebhookId {
    let new = NewWebhook { url: format!("http://{}/hook", receiver.address), ..NewWebhook::default() };
    let (webhook, _) = webhooks.add(new).await.expect("the webhook can be added");
    stream::iter(0..MESSAGES).for_each_concurrent(64, |number| world.import(number)).await;
    receiver.has(MESSAGES).await;
    webhook.id
}

async fn deliver(webhooks: &Webhooks, webhook: WebhookId, receiver: &Receiver) {
    let before = receiver.count();
    let replayed = webhooks.replay(webhook, Replay::Since(Timestamp(0))).await.expect("they can be replayed");
    receiver.has(before + usize::try_from(replayed).expect("a few thousand")).await;
}

async fn post_bare(receiver: &Receiver, body: &Bytes) {
    let connection = async |_| {
        let stream = TcpStream::connect(&receiver.address).await.expect("the receiver listens");
        stream.set_nodelay(true).expect("a socket takes options");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
        tokio::spawn(connection);
        for _ in 0..MESSAGES / CONNECTIONS {
            let request = Request::post("/hook")
                .header("host", &receiver.address)
                .header("content-type", "application/json")
                .body(Full::new(body.clone()))
                .expect("a valid request");
            sender.ready().await.expect("the connection is kept");
            let answer = sender.send_request(request).await.expect("it answers");
            answer.into_body().collect().await.expect("it answers");
        }
    };
    stream::iter(0..CONNECTIONS).for_each_concurrent(CONNECTIONS, connection).await;
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand are exact")]
fn per_second(elapsed: Duration) -> f64 {
    MESSAGES as f64 / elapsed.as_secs_f64()
}
