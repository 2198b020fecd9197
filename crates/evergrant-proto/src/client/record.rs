//! All that is known of one client.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{branding::Branding, breaker::Breaker, learned::Learned, probation::Probation};
use crate::{
    name::{ClientName, Namespace},
    provider::{Endpoints, Provider},
    scope::ScopeSet,
    secret::ClientSecret,
    time::Timestamp,
    wire::{
        client_authentication::{
            AuthenticationMethod, ClientAuthentication, ClientCredentials, ClientIdentifier,
        },
        redirect_uri::RedirectUri,
    },
};

/// One client registration. `secret` is kept sealed by the store and skipped by serde.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// Our name of it.
    pub name: ClientName,
    /// The tenant boundary it belongs to.
    pub namespace: Namespace,
    /// Incremented by every change of its configuration; what a breaker learned holds for one version only.
    pub version: u64,
    /// What is known of the provider, as of when the client was added or last updated.
    pub provider: Provider,
    /// Values for the placeholders of its addresses.
    pub parameters: BTreeMap<String, String>,
    /// Its issuer identifier (RFC 8414 2), where it has one.
    pub issuer: Option<String>,
    /// `authorization_response_iss_parameter_supported` of its metadata (RFC 9207 3).
    pub issuer_announced: bool,
    /// Its addresses.
    pub endpoints: Endpoints,
    /// The provider's identifier of the registration.
    pub identifier: ClientIdentifier,
    /// How it authenticates at the token endpoint.
    pub authentication: AuthenticationMethod,
    /// Redirect URIs registered at the provider, exact; the first is the default.
    pub redirect_uris: Vec<RedirectUri>,
    /// What is asked for when an authorization does not say.
    pub scopes: ScopeSet,
    /// Whereto users may be returned after an authorization, exact.
    pub return_urls: Vec<String>,
    /// What is known of the registration being rejected.
    pub breaker: Breaker,
    /// What its provider's answers have shown.
    #[serde(default, skip_serializing_if = "Learned::is_nothing")]
    pub learned: Learned,
    /// What the probes of its grants have brought since the store was adopted.
    #[serde(default, skip_serializing_if = "Probation::is_unbegun")]
    pub probation: Probation,
    /// Refresh tokens that nobody needs are used before their provider ends them for not being used.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub keep_alive: bool,
    /// How pages name and colour the app.
    #[serde(default, skip_serializing_if = "Branding::is_plain")]
    pub branding: Branding,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its configuration changed last.
    pub updated_at: Timestamp,
    /// Removed by us: hidden from every list; its grants are revoked first.
    pub removed_at: Option<Timestamp>,
    /// The secret of a confidential client.
    #[serde(skip)]
    pub secret: Option<ClientSecret>,
}

impl ClientRecord {
    /// What to put on a request; one method only (RFC 6749 2.3). A confidential method without a secret sends none,
    /// which the provider will refuse with a clear error.
    pub fn credentials(&self) -> ClientCredentials {
        let authentication = match (self.authentication, &self.secret) {
            (AuthenticationMethod::ClientSecretBasic, Some(secret)) => {
                ClientAuthentication::SecretBasic(secret.clone())
            }
            (AuthenticationMethod::ClientSecretPost, Some(secret)) => {
                ClientAuthentication::SecretPost(secret.clone())
            }
            _ => ClientAuthentication::None,
        };
        ClientCredentials { identifier: self.identifier.clone(), authentication }
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_yes(keep_alive: &bool) -> bool {
    *keep_alive
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::Color, provider::Provider};

    /// As the first versions wrote a client.
    fn first() -> serde_json::Value {
        serde_json::json!({
            "name": "crm", "namespace": "default", "version": 3, "provider": Provider::generic(), "parameters": {},
            "issuer": null, "issuer_announced": false, "endpoints": Endpoints::default(), "identifier": "id", "authentication": "none",
            "redirect_uris": [], "scopes": "", "return_urls": [], "breaker": Breaker::default(), "created_at": 0,
            "updated_at": 0, "removed_at": null,
        })
    }

    #[test]
    fn a_client_from_before_learning_probation_and_branding_is_read_and_written_as_it_was() {
        let client: ClientRecord = serde_json::from_value(first()).unwrap();
        assert!(client.keep_alive && client.branding.is_plain());
        assert_eq!(serde_json::to_value(&client).unwrap(), first());
    }

    #[test]
    fn what_was_chosen_for_its_pages_is_stored() {
        let mut client: ClientRecord = serde_json::from_value(first()).unwrap();
        client.branding.color = Some(Color { channels: [255, 212, 0] });
        let text = serde_json::to_string(&client).unwrap();
        assert_eq!(serde_json::from_str::<ClientRecord>(&text).unwrap(), client);
    }
}
