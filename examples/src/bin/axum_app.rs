//! A web application that shows its users what an API says of them. It holds no token and knows no OAuth.
//!
//!     EVERGRANT_URL=… EVERGRANT_API_KEY=egk_… API_URL=… LISTEN=127.0.0.1:3000 axum_app

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Router, http::StatusCode, routing::get};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

type Failure = (StatusCode, String);

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn broken(error: impl std::fmt::Display) -> Failure {
    (StatusCode::BAD_GATEWAY, error.to_string())
}

fn evergrant(path: &str) -> String {
    format!("{}/v1/{path}", setting("EVERGRANT_URL"))
}

/// What Evergrant answers: what was asked for, or a problem that says why not and what helps.
async fn ask(request: RequestBuilder) -> Result<Value, Failure> {
    let answer = request.bearer_auth(setting("EVERGRANT_API_KEY")).send().await.map_err(broken)?;
    answer.json().await.map_err(broken)
}

async fn profile(State(http): State<Client>, Path(user): Path<String>) -> Result<Response, Failure> {
    let whose = [("client", "shop"), ("external_id", &user)];
    let found = ask(http.get(evergrant("grants")).query(&whose)).await?;
    let Some(grant) = found["grants"][0]["id"].as_str() else {
        let wanted = json!({ "client": "shop", "external_id": user });
        let opened = ask(http.post(evergrant("authorizations")).json(&wanted)).await?;
        return Ok(Redirect::to(opened["url"].as_str().unwrap_or_default()).into_response());
    };
    let mut token = ask(http.get(evergrant(&format!("grants/{grant}/token")))).await?;
    for is_last in [false, true] {
        if let Some(link) = token["reauthorize_url"].as_str() {
            return Ok(Redirect::to(link).into_response());
        }
        let Some(secret) = token["access_token"].as_str() else { return Err(broken(&token["detail"])) };
        let answer = http.get(setting("API_URL")).bearer_auth(secret).send().await.map_err(broken)?;
        if is_last || answer.status() != StatusCode::UNAUTHORIZED {
            return Ok((answer.status(), answer.text().await.map_err(broken)?).into_response());
        }
        let seen = json!({ "generation": token["generation"], "status": 401 });
        token = ask(http.post(evergrant(&format!("grants/{grant}/rejections"))).json(&seen)).await?;
    }
    unreachable!("the last round returns")
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/users/{user}", get(profile)).with_state(Client::new());
    axum::serve(tokio::net::TcpListener::bind(setting("LISTEN")).await?, app).await
}
