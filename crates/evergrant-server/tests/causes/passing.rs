//! What passes by itself, and what was asked for.

use evergrant::proto::diagnosis::Cause;
use evergrant_rehearse::{Action, Fault};
use serde_json::json;

use crate::row::{Row, Said};

const PORTAL: &str = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>Sign in to use this \
                      network</h1></body></html>";

pub(crate) fn rows() -> Vec<Row> {
    [outages(), networks(), requests()].into_iter().flatten().collect()
}

fn outages() -> Vec<Row> {
    vec![
        Row::new(Cause::ProviderOutage, "the provider answers 503", |play| {
            Box::pin(async move { play.answered(Action::status(503)).await })
        })
        .decidable(),
        Row::new(Cause::ProviderOutage, "the provider answers 500", |play| {
            Box::pin(async move { play.answered(Action::respond(500, "Internal Server Error")).await })
        })
        .decidable(),
        Row::new(Cause::ProviderOutage, "a captive portal answers: 200 with a page in HTML", |play| {
            Box::pin(async move { play.answered(html(200)).await })
        }),
        Row::new(Cause::RateLimited, "the provider answers 429", |play| {
            Box::pin(async move { play.answered(Action::status(429)).await })
        })
        .decidable(),
    ]
}

fn networks() -> Vec<Row> {
    vec![
        Row::new(Cause::IpOrNetworkPolicyBlocked, "a firewall answers: 403 with a page in HTML", |play| {
            Box::pin(async move { play.answered(html(403)).await })
        }),
        Row::new(Cause::NetworkOrTls, "nobody listens at the token endpoint", |play| {
            Box::pin(async move {
                let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
                let token = format!("http://{closed}/token");
                play.add_client(json!({ "endpoints": { "token": token } })).await;
                let callback = play.sign_in(&play.link(json!({})).await.url).await;
                play.fails_to_connect(&callback).await
            })
        })
        .decidable(),
        Row::new(Cause::NetworkOrTls, "the connection ends without an answer", |play| {
            Box::pin(async move {
                let grant = play.connected().await;
                play.breaks(Fault::before(Action::Drop).always());
                play.refused(&grant).await
            })
        })
        .decidable(),
    ]
}

fn requests() -> Vec<Row> {
    vec![
        Row::new(Cause::ScopeProblem, "a token is asked for with a scope that was not granted", |play| {
            Box::pin(async move {
                let grant = play.connected().await;
                let problem = play.problem(&grant, "?scope=everything").await;
                Said::read(&problem["diagnosis"])
            })
        })
        .decidable(),
    ]
}

fn html(status: u16) -> Action {
    let Action::Respond { status, mut headers, body } = Action::respond(status, PORTAL) else {
        unreachable!()
    };
    headers.insert("content-type".into(), "text/html; charset=utf-8".into());
    Action::Respond { status, headers, body }
}
