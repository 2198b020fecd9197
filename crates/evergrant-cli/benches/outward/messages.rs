//! Messages a second to one receiver that answers at once.

use std::{
    future::ready,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::{runtime::Runtime, sync::watch};

use crate::{
    bare::{self, Sample},
    count, import,
    report::{instant, median, print},
    server,
};

/// Messages of one turn.
pub(crate) const MESSAGES: usize = 2000;

/// Turns of each side.
const TURNS: usize = 5;

/// Counts what arrives, and keeps one of it.
struct Receiver {
    address: String,
    arrived: watch::Receiver<usize>,
    sample: Arc<Mutex<Sample>>,
}

impl Receiver {
    async fn start() -> Self {
        let (arrivals, arrived) = watch::channel(0);
        let sample: Arc<Mutex<Sample>> = Arc::default();
        let kept = Arc::clone(&sample);
        let take = move |headers: HeaderMap, body: Bytes| {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Sample { headers, body };
            arrivals.send_modify(|count| *count += 1);
            ready(StatusCode::NO_CONTENT)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens").to_string();
        let router = Router::new().route("/hook", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, arrived, sample }
    }

    async fn has(&self, messages: usize) {
        let mut arrived = self.arrived.clone();
        arrived.wait_for(|arrived| *arrived >= messages).await.expect("the receiver runs");
    }
}

pub(crate) fn measure(runtime: &Runtime, folder: &Path, key: &str) {
    let receiver = runtime.block_on(Receiver::start());
    let ours = server(folder);
    let new = format!(r#"{{"url":"http://{}/hook"}}"#, receiver.address);
    let made = crate::post(&ours.address, key, "/v1/webhooks", &new);
    let made: serde_json::Value = serde_json::from_str(&made).expect("an answer of JSON");
    let replay = format!("/v1/webhooks/{}/replay", made["id"].as_str().expect("it has an id"));
    for number in 0..MESSAGES {
        import(&ours.address, key, number);
    }
    runtime.block_on(receiver.has(MESSAGES));
    let deliver = || {
        let (before, began) = (*receiver.arrived.borrow(), instant());
        crate::post(&ours.address, key, &replay, r#"{"since":"2020-01-01T00:00:00Z"}"#);
        runtime.block_on(receiver.has(before + MESSAGES));
        count(MESSAGES) / began.elapsed().as_secs_f64()
    };
    let sample = receiver.sample.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let turns: Vec<_> =
        (0..TURNS).map(|_| (deliver(), bare::posted(folder, &receiver.address, &sample))).collect();
    let detail = format!(
        "{:.0} messages/s, {:.0}/s by a bare hyper client with a commit each, {} bytes each over {} connections",
        median(turns.iter().map(|turn| turn.0).collect()),
        median(turns.iter().map(|turn| turn.1).collect()),
        sample.body.len(),
        bare::CONNECTIONS
    );
    let ratio = median(turns.iter().map(|(ours, bare)| ours / bare).collect());
    print("webhook.messages", ratio, 0.7.., "x/x", &detail);
}
