//! The document of the interface: complete, well-formed, and true of whatever this suite is answered.

use std::collections::{BTreeMap, BTreeSet};

use evergrant_server::{api_routes, open_routes};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    contract::{self, Contract},
    world::World,
};

/// Every operation: method and path, and its description.
fn operations(document: &Value) -> BTreeMap<(String, String), &Value> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(|(method, described)| ((method.to_uppercase(), path.clone()), described))
    });
    operations.collect()
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else_is() {
    let world = World::empty().await;
    let document = world.get("/openapi.json").await.ok();
    let described: BTreeSet<_> = operations(&document).into_keys().collect();
    let with_key = api_routes().into_iter().map(|route| (route.method.to_string(), route.path));
    let without = open_routes().into_iter().map(|(method, path)| (method.to_string(), path.to_owned()));
    let routes: BTreeSet<_> = with_key.chain(without).collect();
    let missing: Vec<_> = routes.difference(&described).collect();
    let gone: Vec<_> = described.difference(&routes).collect();
    assert!(missing.is_empty(), "describe in src/openapi/operations: {missing:#?}");
    assert!(gone.is_empty(), "described, and no routes: {gone:#?}");
}

#[tokio::test]
async fn what_a_key_must_be_allowed_is_what_the_table_of_routes_says() {
    let world = World::empty().await;
    let document = world.get("/openapi.json").await.ok();
    let operations = operations(&document);
    for route in api_routes() {
        let described = operations[&(route.method.to_string(), route.path.clone())];
        assert_eq!(described["security"], json!([{ "apiKey": [route.scope.as_str()] }]), "{}", route.path);
        let (_, good) = described["responses"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(good["headers"].get("RateLimit").is_some(), route.counted, "{}", route.path);
    }
    for (method, path) in open_routes() {
        assert_eq!(operations[&(method.to_string(), path.to_owned())]["security"], json!([]), "{path}");
    }
}

#[tokio::test]
async fn every_operation_has_words_a_name_of_its_own_and_every_parameter_of_its_path() {
    let world = World::empty().await;
    let document = world.get("/openapi.json").await.ok();
    let mut names = BTreeSet::new();
    for ((method, path), described) in operations(&document) {
        assert!(names.insert(described["operationId"].as_str().unwrap()), "{method} {path}");
        for words in ["summary", "description"] {
            assert!(!described[words].as_str().unwrap().is_empty(), "{method} {path} has no {words}");
        }
        let in_path = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
        let given = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let given: Vec<_> = given.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(given, in_path.collect::<Vec<_>>(), "{method} {path}");
    }
}

#[tokio::test]
async fn every_example_is_one() {
    let world = World::empty().await;
    let document = world.get("/openapi.json").await.ok();
    let contract = Contract::of(document.clone());
    let mut examples = 0;
    for ((method, path), described) in operations(&document) {
        let answers = described["responses"].as_object().unwrap().iter();
        let body = [(&"body".to_owned(), &described["requestBody"])];
        for (what, holder) in answers.chain(body) {
            for (kind, media) in holder["content"].as_object().into_iter().flatten() {
                let several = media["examples"].as_object().into_iter().flatten();
                let several = several.map(|(name, example)| match example.get("$ref") {
                    Some(_) => &document["components"]["examples"][name]["value"],
                    None => &example["value"],
                });
                for example in media.get("example").into_iter().chain(several) {
                    examples += 1;
                    let mistakes = contract.mistakes(&media["schema"], example);
                    assert!(mistakes.is_empty(), "{method} {path} {what} {kind}: {mistakes:#?}");
                }
            }
        }
    }
    for (kind, item) in document["webhooks"].as_object().unwrap() {
        let content = &item["post"]["requestBody"]["content"]["application/json"];
        let example = content.get("example").into_iter();
        let mistakes: Vec<_> =
            example.flat_map(|example| contract.mistakes(&content["schema"], example)).collect();
        assert!(mistakes.is_empty(), "{kind}: {mistakes:#?}");
    }
    let page = world.browse(Method::GET, "/docs/api").await.body;
    assert!(page.contains("What a webhook is sent") && page.contains("webhook-signature"), "{page}");
    assert!(examples > 100, "only {examples} examples were found");
}

#[tokio::test]
async fn no_example_of_a_secret_could_be_one() {
    let world = World::empty().await;
    let document = world.get("/openapi.json").await.body;
    for prefix in ["egk_", "whsec_", "eyJ", "ya29.", "rt_", "at_"] {
        for rest in document.split(prefix).skip(1) {
            let letter = |letter: &char| letter.is_ascii_alphanumeric() || "-_+/=".contains(*letter);
            let length = rest.chars().take_while(letter).count();
            assert!(length < 20, "{prefix}{rest:.40}");
        }
    }
}

/// The members that the server says it takes, by asking it with one that it does not.
async fn taken(world: &World, method: &str, path: &str) -> BTreeSet<String> {
    let request = world.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    let problem = world.send(request.json(&json!({ "no-such-member": 0 }))).await;
    let problem = problem.problem(400, "invalid_body");
    let detail = problem["detail"].as_str().unwrap();
    let (_, expected) =
        detail.split_once(", expected ").unwrap_or_else(|| panic!("{method} {path}: {detail}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_members_of_every_body_are_those_that_the_server_takes() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.ok();
    let grant = world.connect("alice").await;
    let webhook = world.post("/v1/webhooks", json!({ "url": "https://receiver.example/" })).await.ok();
    let webhook = webhook["id"].as_str().unwrap();
    for ((method, path), described) in operations(&document) {
        let schema = &described["requestBody"]["content"]["application/json"]["schema"];
        let Some(members) = schema["properties"].as_object() else { continue };
        let filled = path
            .replace("{grant}", &grant)
            .replace("/clients/{name}", "/clients/shop")
            .replace("/webhooks/{id}", &format!("/webhooks/{webhook}"));
        let described: BTreeSet<_> = members.keys().cloned().collect();
        assert_eq!(described, taken(&world, &method, &filled).await, "{method} {path}");
    }
}

#[tokio::test]
async fn the_document_names_the_address_at_which_the_server_is_reached() {
    let world = World::with(|config| config.public_url = "https://a.example/grants/".parse().unwrap()).await;
    let document = world.get("/openapi.json").await.ok();
    assert_eq!(document["servers"], json!([{ "url": "https://a.example/grants" }]));
}

#[tokio::test]
async fn people_read_the_document_as_a_page() {
    let world = World::empty().await;
    let document = world.get("/openapi.json").await.ok();
    let answer = world.browse(Method::GET, "/docs/api").await;
    let page = answer.page(200);
    for ((_, path), described) in operations(&document) {
        let id = described["operationId"].as_str().unwrap();
        assert!(page.contains(&format!("<article id=\"{id}\">")), "{path}");
        assert!(page.contains(&format!("href=\"#{id}\"")), "{path}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<article id=\"{name}\">")), "{name}");
    }
    for target in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{target}\"")), "a link leads to #{target}, which is not there");
    }
}

#[test]
fn a_lie_is_noticed() {
    let document = json!({
        "paths": { "/v1/things/{id}": { "get": { "responses": { "200": {
            "headers": { "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" } },
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } },
        } } } } },
        "components": {
            "headers": { "X-Request-Id": { "required": true } },
            "schemas": { "Thing": {
                "type": "object",
                "properties": { "id": { "type": "string" } },
                "required": ["id"],
            } },
        },
    });
    let contract = Contract::of(document);
    let id = ("x-request-id", "1");
    let json = ("content-type", "application/json");
    let lies = |status, headers: &[(&'static str, &str)], body: &str| {
        let answer = contract::answer(status, headers, body);
        contract.lies("GET", "/v1/things/7", &answer).join("\n")
    };
    let good = r#"{"id":"a"}"#;
    assert_eq!(lies(200, &[id, json], good), "");
    for (found, part) in [
        (lies(404, &[id, json], good), "404"),
        (lies(200, &[json], good), "x-request-id"),
        (lies(200, &[id, json, ("x-odd", "1")], good), "x-odd"),
        (lies(200, &[id, ("content-type", "text/plain")], "a"), "text/plain"),
        (lies(200, &[id, json], r#"{"id":"a","more":1}"#), "more"),
        (lies(200, &[id, json], "{}"), "id"),
    ] {
        assert!(found.contains(part), "{part} is not in {found:?}");
    }
}
