//! Addresses with placeholders: many tenants, and every self-hosted server, differ in host or path.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use url::Url;

/// Longest value of a placeholder, in bytes.
const MAX_VALUE_BYTES: usize = 253;

/// The placeholders that addresses may have, and what each stands for.
pub const PLACEHOLDERS: &[(&str, &str)] = &[
    ("account", "the account's identifier in its host name"),
    ("app", "the application's short name in the provider's address"),
    ("bank", "the host of the bank's issuer"),
    ("client_id", "the client identifier, again"),
    ("company", "the company's name in its host name"),
    ("domain", "the domain of the installation or tenant, as its users know it"),
    ("environment", "the identifier of the environment"),
    ("host", "host, and port if need be, of the installation"),
    ("installation", "the identifier of the installation"),
    ("instance", "the instance's name in its host name"),
    ("organization", "the host of the organization"),
    ("project", "the identifier of the project"),
    ("realm", "the realm of the installation"),
    ("region", "the region or data centre"),
    ("services_host", "the host of the tenant's services"),
    ("shard", "the part of the host name that differs by region (na1, eu1)"),
    ("shop", "the shop's name in its host name"),
    ("subdomain", "the part of the host name that is the customer's own"),
    ("tenant", "the tenant: its identifier or its name"),
    ("tld", "the last part of the host name, by region (com, eu)"),
    ("user_pool", "the identifier of the user pool"),
    ("workspace", "the host of the workspace"),
];

/// A text with placeholders in braces: `https://{host}/token`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(String);

/// Why an address cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// The operator has to say it.
    #[error("the parameter {0:?} of this provider is missing")]
    Missing(String),
    /// Only letters, digits, `-`, `.`, `_`, and `:` with a port: anything else could lead elsewhere.
    #[error("the parameter {0:?} holds a character that does not belong into an address")]
    Forbidden(String),
    /// It is no address even so.
    #[error("{0:?} is not a URL")]
    NotAnAddress(String),
}

/// The endpoints as the catalogue has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderEndpoints {
    /// RFC 6749 3.1.
    pub authorization: Option<Template>,
    /// RFC 6749 3.2.
    pub token: Option<Template>,
    /// Where refreshes go, if elsewhere (Figma, Adobe Sign).
    pub refresh: Option<Template>,
    /// RFC 7009.
    pub revocation: Option<Template>,
    /// RFC 7662.
    pub introspection: Option<Template>,
    /// RFC 8628.
    pub device_authorization: Option<Template>,
    /// OpenID Connect Core 5.3.
    pub userinfo: Option<Template>,
    /// The metadata (RFC 8414 3, OpenID Connect Discovery 4), where the issuer alone does not lead to them.
    pub metadata: Option<Template>,
}

/// The endpoints as addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoints {
    /// RFC 6749 3.1.
    pub authorization: Option<Url>,
    /// RFC 6749 3.2.
    pub token: Option<Url>,
    /// Where refreshes go, if elsewhere.
    pub refresh: Option<Url>,
    /// RFC 7009.
    pub revocation: Option<Url>,
    /// RFC 7662.
    pub introspection: Option<Url>,
    /// RFC 8628.
    pub device_authorization: Option<Url>,
    /// OpenID Connect Core 5.3.
    pub userinfo: Option<Url>,
}

impl Endpoints {
    /// Where refreshes go.
    pub fn for_refresh(&self) -> Option<&Url> {
        self.refresh.as_ref().or(self.token.as_ref())
    }

    /// These endpoints, with the gaps filled from elsewhere: the catalogue knows quirks, the metadata addresses.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            authorization: self.authorization.or(other.authorization),
            token: self.token.or(other.token),
            refresh: self.refresh.or(other.refresh),
            revocation: self.revocation.or(other.revocation),
            introspection: self.introspection.or(other.introspection),
            device_authorization: self.device_authorization.or(other.device_authorization),
            userinfo: self.userinfo.or(other.userinfo),
        }
    }
}

impl ProviderEndpoints {
    /// Every endpoint that is stated.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        self.named().into_iter().filter_map(|(_, template)| template)
    }

    /// Every endpoint under the name that it has in the catalogue.
    pub fn named(&self) -> [(&'static str, Option<&Template>); 8] {
        [
            ("authorization", self.authorization.as_ref()),
            ("token", self.token.as_ref()),
            ("refresh", self.refresh.as_ref()),
            ("revocation", self.revocation.as_ref()),
            ("introspection", self.introspection.as_ref()),
            ("device_authorization", self.device_authorization.as_ref()),
            ("userinfo", self.userinfo.as_ref()),
            ("metadata", self.metadata.as_ref()),
        ]
    }

    pub(super) fn without_missing(mut self, parameters: &BTreeMap<String, String>) -> Self {
        let endpoints = [
            &mut self.authorization,
            &mut self.token,
            &mut self.refresh,
            &mut self.revocation,
            &mut self.introspection,
            &mut self.device_authorization,
            &mut self.userinfo,
        ];
        for endpoint in endpoints {
            endpoint.take_if(|template| {
                template.placeholders().any(|placeholder| !parameters.contains_key(placeholder))
            });
        }
        self
    }

    pub(super) fn resolve(
        &self,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Endpoints, InvalidEndpoint> {
        let url = |template: &Option<Template>| {
            template.as_ref().map(|template| template.url(parameters)).transpose()
        };
        Ok(Endpoints {
            authorization: url(&self.authorization)?,
            token: url(&self.token)?,
            refresh: url(&self.refresh)?,
            revocation: url(&self.revocation)?,
            introspection: url(&self.introspection)?,
            device_authorization: url(&self.device_authorization)?,
            userinfo: url(&self.userinfo)?,
        })
    }
}

impl Template {
    /// The text with the placeholders filled in.
    pub fn text(&self, parameters: &BTreeMap<String, String>) -> Result<String, InvalidEndpoint> {
        let mut text = String::with_capacity(self.0.len() + MAX_VALUE_BYTES);
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) =
                after.split_once('}').ok_or_else(|| InvalidEndpoint::NotAnAddress(self.0.clone()))?;
            text.push_str(before);
            text.push_str(value(parameters, name)?);
            rest = tail;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// The address with the placeholders filled in.
    pub fn url(&self, parameters: &BTreeMap<String, String>) -> Result<Url, InvalidEndpoint> {
        let text = self.text(parameters)?;
        Url::parse(&text).map_err(|_| InvalidEndpoint::NotAnAddress(text))
    }

    /// The text as the catalogue has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of the placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.split('{').skip(1).filter_map(|after| after.split_once('}').map(|(name, _)| name))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn value<'a>(parameters: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, InvalidEndpoint> {
    let value = parameters.get(name).ok_or_else(|| InvalidEndpoint::Missing(name.to_owned()))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
    // "." and ".." would climb out of their place in the path.
    let climbs = value.bytes().all(|byte| byte == b'.');
    if value.len() > MAX_VALUE_BYTES || climbs || !value.bytes().all(plain) {
        return Err(InvalidEndpoint::Forbidden(name.to_owned()));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str, host: &str) -> Result<String, InvalidEndpoint> {
        let parameters = [("host".to_owned(), host.to_owned())].into();
        Template(template.to_owned()).url(&parameters).map(|url| url.to_string())
    }

    #[test]
    fn placeholders_are_filled_in() {
        assert_eq!(fill("https://{host}/token", "id.example:8443").unwrap(), "https://id.example:8443/token");
        assert_eq!(fill("https://a.example/{host}/token", "x").unwrap(), "https://a.example/x/token");
        let template = Template("https://{host}/realms/{realm}".into());
        assert_eq!(template.placeholders().collect::<Vec<_>>(), ["host", "realm"]);
    }

    #[test]
    fn every_placeholder_is_documented() {
        let documentation = include_str!("../../../../docs/catalogue.md");
        for (name, meaning) in PLACEHOLDERS {
            assert!(documentation.contains(&format!("| `{{{name}}}` | {meaning} |")), "{name}");
        }
    }

    #[test]
    fn a_value_cannot_lead_elsewhere() {
        for host in ["evil.example/", "a@evil.example", "a?b", "a#b", "..", "", "a%2fb", "a b"] {
            assert_eq!(
                fill("https://{host}/token", host),
                Err(InvalidEndpoint::Forbidden("host".into())),
                "{host}"
            );
        }
        let missing = Template("https://{realm}/".into()).url(&BTreeMap::new());
        assert_eq!(missing, Err(InvalidEndpoint::Missing("realm".into())));
        assert!(matches!(fill("https://{host", "a"), Err(InvalidEndpoint::NotAnAddress(_))));
    }
}
