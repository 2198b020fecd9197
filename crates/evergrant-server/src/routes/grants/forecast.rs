//! `GET /v1/grants/forecast`: which grants end when if nobody acts, the soonest first.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::{Horizon, proto::name::ClientName};
use serde::Serialize;

use crate::{
    app::App,
    extract::{Caller, Parameters},
    problem::Problem,
    view::ForecastView,
};

#[derive(Debug, Serialize)]
struct Forecasts<'a> {
    forecast: Vec<ForecastView<'a>>,
}

pub(crate) async fn forecast(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let now = app.keeper.clock().now().wall;
    let client = parameters.take_with("client", ClientName::new)?;
    let within: Option<u64> = parameters.take("within")?;
    let limit = parameters.take_limit(100, 1000)?;
    parameters.finish()?;
    let until = within.map(|seconds| now.plus(Duration::from_secs(seconds)));
    let horizon = Horizon { client, until, limit, ..Horizon::of(caller.namespace) };
    let found = app.keeper.forecast(&horizon).await?;
    let forecast = found.iter().map(|forecast| ForecastView::new(forecast, now)).collect();
    Ok(Json(Forecasts { forecast }).into_response())
}
