//! `GET /problems/{name}`: what a reason of this API, or the cause of a diagnosis, means and what helps.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use evergrant_explain::problems::{self, Measured};
use serde::Serialize;

use super::wanted::{MARKDOWN, VARY, Wanted};
use crate::{
    app::App,
    extract::TextPath,
    page::{CausePage, Page, ReasonPage},
    problem::{Problem, Reason},
};

/// A cause for programs.
#[derive(Debug, Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    problem: &'a problems::Problem,
    /// What the cause means, in one sentence.
    meaning: &'static str,
    /// Whether repeating the same request can, as a rule, never succeed.
    permanent: bool,
}

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    TextPath(name): TextPath,
    headers: HeaderMap,
) -> Response {
    if let Some(reason) = Reason::parse(&name) {
        return Page::new(StatusCode::OK, ReasonPage::new(reason)).into_response();
    }
    let Some(problem) = problems::find(&name) else {
        return Problem::of(Reason::NoSuchRoute).into_response();
    };
    // The page is there without the numbers, too.
    let rates = app.keeper.remedy_rates().await.unwrap_or_default();
    let problem = &problem.with_rates(|action| {
        let rate = rates.of(problem.id, action)?;
        Some(Measured { worked: rate.worked, tried: rate.tried })
    });
    let answer = match Wanted::of(&headers) {
        Wanted::Html => {
            Page::new(StatusCode::OK, CausePage::new(problem, app.keeper.catalogue())).into_response()
        }
        Wanted::Markdown => ([MARKDOWN], problem.to_markdown()).into_response(),
        Wanted::Json => {
            let (meaning, permanent) = (problem.id.meaning(), problem.id.is_permanent());
            Json(Explained { problem, meaning, permanent }).into_response()
        }
    };
    ([VARY], answer).into_response()
}
