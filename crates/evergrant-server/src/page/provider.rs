//! What people call a provider.

use evergrant::proto::client::ClientRecord;
use url::Url;

/// The provider's name in the catalogue without what it says in brackets, else its host.
pub(crate) fn provider_name(client: &ClientRecord) -> String {
    match (client.provider.id.as_str(), sign_in_host(client)) {
        ("generic", Some(host)) => host.to_owned(),
        _ => client.provider.name.split(" (").next().unwrap_or_default().to_owned(),
    }
}

/// Where its users sign in.
pub(crate) fn sign_in_host(client: &ClientRecord) -> Option<&str> {
    client.endpoints.authorization.as_ref().and_then(Url::host_str)
}
