//! `GET /v1/providers[?text=]`: every entry of the catalogue, by id; with `text`, those that mention it.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::proto::provider::{Confidence, Verification};
use serde::Serialize;

use crate::{app::App, extract::Parameters, problem::Problem};

#[derive(Debug, Serialize)]
struct Providers<'a> {
    providers: Vec<Listed<'a>>,
}

#[derive(Debug, Serialize)]
struct Listed<'a> {
    id: &'a str,
    name: &'a str,
    /// What has to be said when a client is added.
    parameters: BTreeSet<&'a str>,
    verification: Verification,
    /// Between 0 and 1; below 0.5 there are addresses and nothing else.
    confidence: Option<Confidence>,
    /// Whether it is the operator's entry, and not the one that ships.
    own: bool,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let text: Option<String> = parameters.take("text")?;
    parameters.finish()?;
    let catalogue = app.keeper.catalogue();
    let found = catalogue.iter().filter(|provider| text.as_ref().is_none_or(|text| provider.mentions(text)));
    let listed = found.map(|provider| Listed {
        id: &provider.id,
        name: &provider.name,
        parameters: provider.parameters(),
        verification: provider.knowledge.verification,
        confidence: provider.knowledge.confidence,
        own: catalogue.is_own(&provider.id),
    });
    Ok(Json(Providers { providers: listed.collect() }).into_response())
}
