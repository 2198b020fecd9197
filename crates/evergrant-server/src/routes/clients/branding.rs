//! Branding in a body: as the library has it, but without unknown fields.

use evergrant::proto::client::{Branding, Color, DisplayName};
use serde::Deserialize;

/// Given as a whole: what it does not name is ours.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrandingBody {
    name: Option<DisplayName>,
    color: Option<Color>,
}

impl From<BrandingBody> for Branding {
    fn from(body: BrandingBody) -> Self {
        Self { name: body.name, color: body.color }
    }
}
