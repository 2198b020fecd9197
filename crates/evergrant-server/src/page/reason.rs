//! What a refusal of this server means.

use askama::Template;

use super::Styled;
use crate::problem::Reason;

#[derive(Debug, Template)]
#[template(path = "reason.html")]
pub(crate) struct ReasonPage {
    name: &'static str,
    title: &'static str,
    meaning: &'static str,
    status: u16,
}

impl ReasonPage {
    pub(crate) fn new(reason: Reason) -> Self {
        Self {
            name: reason.as_str(),
            title: reason.title(),
            meaning: reason.meaning(),
            status: reason.status().as_u16(),
        }
    }
}

impl Styled for ReasonPage {}
