//! `kill -9` while requests with an `Idempotency-Key` are under way: whoever repeats one gets what was done, or has it
//! done, and never twice.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    process::until,
    provider::P7,
    world::{Server, World},
};

/// Requests of each kind that are under way at once.
const TOGETHER: usize = 8;

/// A request that has a name.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    path: &'static str,
    body: Value,
}

#[derive(Debug, Clone, PartialEq)]
struct Answer {
    status: u16,
    location: String,
    body: String,
    replayed: bool,
}

impl Named {
    /// The answer; `None`: the server broke off.
    async fn ask(&self, http: &reqwest::Client, address: &str, key: &str) -> Option<Answer> {
        let request = http.post(format!("{address}{}", self.path)).bearer_auth(key);
        let request = request.header("idempotency-key", &self.name).json(&self.body);
        let answer = request.send().await.ok()?;
        let header = |name: &str| {
            answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, location) = (answer.status().as_u16(), header("location"));
        let replayed = header("idempotency-replayed") == "true";
        Some(Answer { status, location, replayed, body: answer.text().await.ok()? })
    }

    /// The answer of a server that runs.
    async fn ask_again(&self, world: &World, server: &Server) -> Answer {
        let answer = self.ask(&world.http, &server.address, &server.key).await.expect("it runs");
        assert_eq!(answer.status, 201, "{self:?}: {answer:?}");
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_by_name_when_the_server_was_killed_is_done_once() {
    let rounds = if std::env::var_os("EVERGRANT_SOAK").is_some() { 100 } else { 8 };
    let world = World::with_client(P7).await;
    let mut server = world.serve(None).await;
    let (mut made, mut unheard) = (BTreeSet::new(), 0);
    for round in 0..rounds {
        let named = requests(&world, round).await;
        // From the first answer to the last but one.
        let answers = killed_after(&world, server, &named, 1 + round * 3 % (2 * TOGETHER - 1)).await;
        server = world.serve(Some(&answers.1)).await;
        for (request, heard) in named.iter().zip(answers.0) {
            let again = request.ask_again(&world, &server).await;
            if let Some(heard) = heard {
                assert_eq!(again, Answer { replayed: true, ..heard }, "{request:?}");
            } else {
                unheard += 1;
            }
            let once_more = request.ask_again(&world, &server).await;
            assert_eq!(once_more, Answer { replayed: true, ..again.clone() }, "{request:?}");
            assert!(made.insert(again.location), "one thing is the answer to two requests: {made:?}");
        }
        assert_eq!(count(&world, "grants"), (round + 1) * TOGETHER);
        assert_eq!(count(&world, "authorizations"), (round + 1) * TOGETHER);
    }
    assert_eq!(made.len(), rounds * 2 * TOGETHER);
    assert!(unheard > 0, "nobody was interrupted");
}

async fn requests(world: &World, round: usize) -> Vec<Named> {
    let mut named = Vec::new();
    for number in 0..TOGETHER {
        let refresh_token = world.provider.consent().await;
        named.push(Named {
            name: format!("import-{round}.{number}"),
            path: "/v1/grants",
            body: json!({ "client": "crm", "refresh_token": refresh_token }),
        });
        named.push(Named {
            name: format!("link-{round}.{number}"),
            path: "/v1/authorizations",
            body: json!({ "client": "crm", "external_id": format!("{round}.{number}") }),
        });
    }
    named
}

/// Asks for all at once and kills the server when so many were answered; what was heard, and the server's key.
async fn killed_after(
    world: &World,
    server: Server,
    named: &[Named],
    heard: usize,
) -> (Vec<Option<Answer>>, String) {
    let answered = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = named
        .iter()
        .map(|request| {
            let (request, http) = (request.clone(), world.http.clone());
            let (address, key) = (server.address.clone(), server.key.clone());
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                let answer = request.ask(&http, &address, &key).await;
                answered.fetch_add(1, Ordering::Relaxed);
                answer
            })
        })
        .collect();
    until("so many are answered", async || (answered.load(Ordering::Relaxed) >= heard).then_some(())).await;
    server.process.kill().await;
    let answers = join_all(asking).await.into_iter().map(Result::unwrap).collect();
    (answers, server.key)
}

fn count(world: &World, table: &str) -> usize {
    let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let rows = world.peek().query_row(&format!("SELECT count(*) FROM {table}"), [], count).unwrap();
    usize::try_from(rows).unwrap()
}
