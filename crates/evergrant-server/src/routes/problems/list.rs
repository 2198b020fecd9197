//! `GET /problems`: every problem, or those that fit a search.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use evergrant::proto::diagnosis::Cause;
use evergrant_explain::problems::{self, Hit, Query};
use serde::Serialize;

use super::wanted::{VARY, Wanted};
use crate::{
    app::App,
    extract::Parameters,
    page::{Page, ProblemsPage},
    problem::{Problem, Reason},
};

/// Most letters of a code or of a provider's id: more than any has.
const LONGEST_NAME: usize = 100;

#[derive(Debug, Serialize)]
struct Problems {
    problems: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    id: Cause,
    title: &'static str,
    root_cause: &'static str,
    page: String,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let query = asked(parameters)?;
    let hits = problems::search(query.clone());
    let answer = match Wanted::of(&headers) {
        Wanted::Json => Json(Problems { problems: hits.iter().map(listed).collect() }).into_response(),
        Wanted::Html | Wanted::Markdown => {
            Page::new(StatusCode::OK, ProblemsPage::new(&query, &hits, app.keeper.catalogue()))
                .into_response()
        }
    };
    Ok(([VARY], answer).into_response())
}

/// A form sends what was left empty, too.
fn asked(mut parameters: Parameters) -> Result<Query, Problem> {
    let text = parameters.take_with("q", |text| Ok::<_, Infallible>(text.to_owned()))?;
    let code = parameters.take_with("code", name)?;
    let provider = parameters.take_with("provider", name)?;
    let status = parameters.take_with("status", name)?.flatten();
    let status = status.map(|text| http_status(&text).ok_or_else(no_status)).transpose()?;
    parameters.finish()?;
    Ok(Query { text: text.unwrap_or_default(), code: code.flatten(), status, provider: provider.flatten() })
}

fn name(text: &str) -> Result<Option<String>, &'static str> {
    let text = text.trim();
    if text.chars().count() > LONGEST_NAME {
        return Err("it is longer than any name");
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn http_status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| text.len() == 3 && (100..600).contains(status))
}

fn no_status() -> Problem {
    Problem::new(Reason::InvalidQuery, "The parameter status is not the number of an HTTP status.")
}

fn listed(hit: &Hit) -> Listed {
    let problem = hit.problem;
    Listed {
        id: problem.id,
        title: &problem.title,
        root_cause: &problem.root_cause,
        page: format!("/problems/{}", problem.id),
    }
}
