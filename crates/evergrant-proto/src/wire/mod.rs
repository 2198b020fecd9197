//! Messages of the wire, built and parsed leniently but exactly: one file a message.

pub mod authorization_request;
pub mod authorization_response;
pub mod challenge;
pub mod client_authentication;
pub mod device;
mod document;
pub mod error_response;
pub mod form;
pub mod http;
pub mod http_date;
pub mod id_token;
pub mod introspection;
mod json;
pub mod lifetime;
pub mod metadata;
pub mod pkce;
pub mod redirect_uri;
pub mod revocation;
pub mod token_request;
pub mod token_response;
pub mod untrusted_text;
