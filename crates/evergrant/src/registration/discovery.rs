//! What authorization servers say of themselves (RFC 8414, OpenID Connect Discovery).

use std::time::Duration;

use evergrant_proto::{
    provider::{Endpoints, Provider},
    wire::{
        http::{HttpRequest, HttpResponse},
        metadata::{Metadata, metadata_request, well_known_urls},
    },
};
use url::Url;

use super::{ClientError, NewClient};
use crate::Keeper;

/// Longest exchange for metadata.
const DISCOVERY: Duration = Duration::from_secs(15);

/// Where metadata are looked for.
enum Place {
    /// Under the well-known addresses of an issuer.
    Issuer(String),
    /// At an address that the catalogue names.
    Address(Url),
}

impl Keeper {
    /// Reads what an authorization server says of itself (RFC 8414, OpenID Connect Discovery).
    ///
    /// # Errors
    ///
    /// Nothing usable was found under any of the well-known addresses.
    pub async fn discover(&self, issuer: &str) -> Result<Metadata, ClientError> {
        let failed = |reason: String| ClientError::Discovery { issuer: issuer.to_owned(), reason };
        let mut reasons = Vec::new();
        for url in well_known_urls(issuer).map_err(|error| failed(error.to_string()))? {
            let path = url.path().to_owned();
            match self.fetch(metadata_request(url)).await {
                Ok(response) => match Metadata::read(&response, issuer) {
                    Ok(metadata) => return Ok(metadata),
                    Err(error) => reasons.push(format!("{path}: {error}")),
                },
                Err(reason) => reasons.push(format!("{path}: {reason}")),
            }
        }
        Err(failed(reasons.join("; ")))
    }

    /// The metadata that a new client needs: of the issuer it names, else of the one that the catalogue names, if what
    /// is stated so far leaves gaps that they may fill.
    ///
    /// # Errors
    ///
    /// They cannot be had, and the client cannot be used without them.
    pub(super) async fn metadata_of(
        &self,
        new: &NewClient,
        provider: &Provider,
        stated: &Endpoints,
    ) -> Result<Option<Metadata>, ClientError> {
        if let Some(issuer) = &new.issuer {
            return self.discover(issuer).await.map(Some);
        }
        let needed = stated.token.is_none();
        // Each installation offers what its operator switched on; what one host serves to all is in the catalogue.
        let wanted = provider.is_many() && has_gaps(stated);
        let place = match place(new, provider) {
            Ok(Some(place)) if needed || wanted => place,
            Err(error) if needed => return Err(error),
            _ => return Ok(None),
        };
        match self.look(&place).await {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if needed => Err(error),
            Err(error) => {
                tracing::info!(target: "evergrant", client = %new.name, %error, "the catalogue has to do");
                Ok(None)
            }
        }
    }

    async fn look(&self, place: &Place) -> Result<Metadata, ClientError> {
        let address = match place {
            Place::Issuer(issuer) => return self.discover(issuer).await,
            Place::Address(address) => address,
        };
        let failed = |reason: String| ClientError::Discovery { issuer: address.to_string(), reason };
        let response = self.fetch(metadata_request(address.clone())).await.map_err(failed)?;
        Metadata::read_at(&response, address).map_err(|error| failed(error.to_string()))
    }

    pub(crate) async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let not_after = self.clock().moment().plus(DISCOVERY);
        self.shared.carrier.send(request, not_after, DISCOVERY).await.map_err(|failure| failure.detail)
    }
}

/// Where the catalogue says that the metadata are.
fn place(new: &NewClient, provider: &Provider) -> Result<Option<Place>, ClientError> {
    let unusable =
        |error: evergrant_proto::provider::InvalidEndpoint| ClientError::Endpoint(error.to_string());
    if let Some(template) = &provider.endpoints.metadata {
        return template.url(&new.parameters).map(|url| Some(Place::Address(url))).map_err(unusable);
    }
    Ok(provider.issuer(&new.parameters).map_err(unusable)?.map(Place::Issuer))
}

fn has_gaps(stated: &Endpoints) -> bool {
    [&stated.authorization, &stated.revocation, &stated.introspection, &stated.device_authorization]
        .into_iter()
        .any(Option::is_none)
}
