//! Endpoints in a body: as the library has them, but without unknown fields and with web addresses only.

use evergrant::proto::provider::Endpoints;
use serde::{Deserialize, Deserializer, de::Error};
use url::Url;

use crate::extract::Object;

#[derive(Deserialize)]
#[serde(remote = "Endpoints", deny_unknown_fields)]
struct EndpointsBody {
    #[serde(default)]
    authorization: Option<Url>,
    #[serde(default)]
    token: Option<Url>,
    #[serde(default)]
    refresh: Option<Url>,
    #[serde(default)]
    revocation: Option<Url>,
    #[serde(default)]
    introspection: Option<Url>,
    #[serde(default)]
    device_authorization: Option<Url>,
    #[serde(default)]
    userinfo: Option<Url>,
}

/// Reads endpoints. Whether an address may be spoken with is for the guard of the HTTP client to say; browsers are
/// sent to one of them, so anything but the web is refused here.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Endpoints, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Whole(#[serde(with = "EndpointsBody")] Endpoints);

    let Object(Whole(endpoints)) = Object::deserialize(deserializer)?;
    let all = [
        &endpoints.authorization,
        &endpoints.token,
        &endpoints.refresh,
        &endpoints.revocation,
        &endpoints.introspection,
        &endpoints.device_authorization,
        &endpoints.userinfo,
    ];
    if all.into_iter().flatten().any(|url| !matches!(url.scheme(), "https" | "http")) {
        return Err(D::Error::custom("an endpoint is an https address, or an http address on loopback"));
    }
    Ok(endpoints)
}
