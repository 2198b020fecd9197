//! schemathesis, an independent tester, against the real program: every operation of the document, with an API key and
//! with none, and whatever is answered has to be as the document says.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../../../../interop/rust/client.rs"]
mod client;
#[path = "../../../../interop/rust/installed.rs"]
mod installed;

use evergrant_rehearse::Running;
use reqwest::{Client, Method};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{CLIENT_ID, CLIENT_SECRET, Live, World};

/// Cases of each operation and phase; more for a soak.
fn examples() -> u64 {
    let asked = std::env::var("EVERGRANT_SCHEMATHESIS_EXAMPLES").ok();
    asked.map_or(8, |examples| examples.parse().expect("EVERGRANT_SCHEMATHESIS_EXAMPLES is a number"))
}

/// A server with an API key that may do everything.
struct Server {
    http: Client,
    url: String,
    key: String,
}

impl Server {
    async fn start(world: &World) -> (Live, Self) {
        let mut command = world.program(&["serve", "--listen", "127.0.0.1:0", "--rate-limit-requests", "0"]);
        // Nobody reads what it says meanwhile: a line for each request would fill the pipe.
        command.env("EVERGRANT_LOG", "off");
        let mut program = Live::of(command);
        let key = program.first_line().await;
        let line = program.first_line().await;
        let address = line.strip_prefix("listening on ").unwrap().split(',').next().unwrap().to_owned();
        let key = key.strip_prefix("API key, shown this once: ").unwrap().to_owned();
        (program, Self { http: Client::new(), url: format!("http://{address}"), key })
    }

    /// Makes something, and gives the member of the answer that names it.
    async fn make(&self, path: &str, member: &str, body: Value) -> String {
        let request = self.http.request(Method::POST, format!("{}{path}", self.url)).bearer_auth(&self.key);
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{path}");
        answer.json::<Value>().await.unwrap()[member].as_str().unwrap().to_owned()
    }

    async fn make_several(
        &self,
        path: &str,
        member: &str,
        bodies: impl IntoIterator<Item = Value>,
    ) -> Vec<String> {
        let mut made = Vec::new();
        for body in bodies {
            made.push(self.make(path, member, body).await);
        }
        made
    }
}

/// So many, told apart by their number.
fn several(number: usize, body: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..number).map(body).collect()
}

fn client(name: &str, provider: &Running) -> Value {
    json!({ "name": name, "issuer": provider.issuer(), "client_id": CLIENT_ID, "secret": CLIENT_SECRET })
}

/// What exists, by the parameter that names it; for what an operation ends there is more of it.
async fn furnish(server: &Server, world: &World) -> Value {
    let nobody = "0".repeat(32);
    server.make("/v1/clients", "name", client("crm", &world.rehearsal)).await;
    let spare = several(6, |number| client(&format!("spare-{number}"), &world.rehearsal));
    let spare = server.make_several("/v1/clients", "name", spare).await;
    let import = |_| json!({ "client": "crm", "refresh_token": world.issue(), "external_id": "user-7" });
    let kept = server.make_several("/v1/grants", "id", several(4, import)).await;
    let ended = server.make_several("/v1/grants", "id", several(8, import)).await;
    let receiver = json!({ "url": format!("{}/nowhere", world.rehearsal.issuer()) });
    let webhooks = server.make_several("/v1/webhooks", "id", several(4, |_| receiver.clone())).await;
    let removed = server.make_several("/v1/webhooks", "id", several(4, |_| receiver.clone())).await;
    let key = |number| json!({ "name": format!("key {number}"), "scope": "manage" });
    let keys = server.make_several("/v1/api-keys", "id", several(6, key)).await;
    let namespace = |number| json!({ "name": format!("tenant-{number}") });
    let namespaces = server.make_several("/v1/namespaces", "name", several(6, namespace)).await;
    server.make("/v1/namespaces", "name", json!({ "name": "acme" })).await;
    let open = |_| json!({ "client": "crm" });
    let authorizations = server.make_several("/v1/authorizations", "id", several(3, open)).await;
    let and = |mut some: Vec<String>, other: String| {
        some.push(other);
        some
    };
    json!({
        "parameters": {
            "grant": and(kept, format!("g_{nobody}")),
            "DELETE /v1/grants/{grant} grant": ended[..4],
            "/v1/grants/{grant}/revoke grant": ended[4..],
            "/v1/clients/{name} name": ["crm", "spare-0", "nobody"],
            "PATCH /v1/clients/{name} name": spare[1..3],
            "DELETE /v1/clients/{name} name": and(spare[3..].to_vec(), "crm".into()),
            "/v1/authorizations/{id} id": and(authorizations, format!("a_{nobody}")),
            "/v1/providers/{id} id": ["google", "keycloak", "nobody"],
            "/v1/webhooks/{id} id": and(webhooks.clone(), format!("wh_{nobody}")),
            "DELETE /v1/webhooks/{id} id": removed,
            "/v1/webhooks/{id}/rotate-secret id": webhooks,
            "/v1/webhooks/{id}/test id": webhooks,
            "/v1/webhooks/{id}/replay id": webhooks,
            "/v1/webhooks/{id}/deliveries id": webhooks,
            "/v1/api-keys/{id} id": and(keys, format!("k_{nobody}")),
            "DELETE /v1/namespaces/{name} name": and(namespaces, "nobody".into()),
            "/problems/{name} name": ["user_revoked", "undetermined", "unauthenticated", "nothing"],
            "Evergrant-Namespace": ["default", "acme"],
        },
        "body": { "client": ["crm", "nobody"] },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_the_server_as_its_document_says() {
    let world = World::new().await;
    let (program, server) = Server::start(&world).await;
    let values = furnish(&server, &world).await;
    let task = json!({
        "server": server.url,
        "key": server.key,
        "seed": 1,
        "examples": examples(),
        "examples_without_key": 2,
        "values": values,
    });
    let report = tokio::task::spawn_blocking(move || client::play("schemathesis", &task)).await.unwrap();
    let operations = report["operations"].as_u64().unwrap();
    assert!(operations > 40, "{report}");
    assert!(report["with_key"].as_u64().unwrap() > operations * examples(), "{report}");
    program.signal(Signal::TERM);
    program.finish().await.good();
}
