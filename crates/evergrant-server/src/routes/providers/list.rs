//! `GET /v1/providers`: every entry of the catalogue, by id.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
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
}

pub(crate) async fn list(State(app): State<Arc<App>>, parameters: Parameters) -> Result<Response, Problem> {
    parameters.finish()?;
    let listed = app.keeper.catalogue().iter().map(|provider| Listed {
        id: &provider.id,
        name: &provider.name,
        parameters: provider.parameters(),
    });
    Ok(Json(Providers { providers: listed.collect() }).into_response())
}
