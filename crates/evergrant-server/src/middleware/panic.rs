//! A defect in one request is no reason to leave its caller without an answer.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::problem::{Problem, Reason};

/// The payload of a panic may hold anything, so it is neither sent nor logged here.
pub(crate) fn answer_panic(_: Box<dyn Any + Send>) -> Response {
    tracing::error!(target: "evergrant", "a request ended in a panic: a defect of this server");
    Problem::of(Reason::Internal).into_response()
}
